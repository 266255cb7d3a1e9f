//! `exo run` as its users see it: streams, exit codes, stdin, users, files from the host.

use super::Tally;
use crate::project::Project;
use anyhow::{Context, Result};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// One C program for every row: what it does is its first argument.
const PROBE: &str = include_str!("probe.c");
const MIB: usize = 1 << 20;

/// What a call of the tool must give.
struct Row {
    name: &'static str,
    arguments: &'static [&'static str],
    stdin: fn() -> Vec<u8>,
    stdout: fn() -> Vec<u8>,
    stderr: &'static str,
    code: i32,
}

const fn nothing() -> Vec<u8> {
    Vec::new()
}

fn megabyte() -> Vec<u8> {
    (0..MIB).map(|at| u8::try_from(at * 7 % 251).unwrap_or(0)).collect()
}

const ROWS: &[Row] = &[
    Row {
        name: "stdout and stderr stay apart",
        arguments: &["probe.c", "streams"],
        stdin: nothing,
        stdout: || b"out\n".to_vec(),
        stderr: "err\n",
        code: 0,
    },
    Row {
        name: "the exit status is handed through",
        arguments: &["probe.c", "exit", "7"],
        stdin: nothing,
        stdout: nothing,
        stderr: "",
        code: 7,
    },
    Row {
        name: "a NULL dereference gives 139",
        arguments: &["probe.c", "null"],
        stdin: nothing,
        stdout: nothing,
        stderr: "",
        code: 139,
    },
    Row {
        name: "abort gives 134",
        arguments: &["probe.c", "abort"],
        stdin: nothing,
        stdout: nothing,
        stderr: "",
        code: 134,
    },
    Row {
        name: "1 MiB of stdin comes back",
        arguments: &["--timeout", "60", "probe.c", "echo"],
        stdin: megabyte,
        stdout: megabyte,
        stderr: "",
        code: 0,
    },
    Row {
        name: "the same from the ISO",
        arguments: &["--iso", "probe.c", "echo"],
        stdin: || b"abc\n".to_vec(),
        stdout: || b"abc\n".to_vec(),
        stderr: "",
        code: 0,
    },
    Row {
        name: "--uid, --env and --with arrive",
        arguments: &["--uid", "1000", "--env", "A=b c", "--with", "note", "probe.c", "world"],
        stdin: nothing,
        stdout: || b"1000 1000 b c noted\n".to_vec(),
        stderr: "",
        code: 0,
    },
    Row {
        name: "a time-out gives 124",
        arguments: &["--timeout", "6", "probe.c", "sleep"],
        stdin: nothing,
        stdout: nothing,
        stderr: "exo: the program did not end within 6 s\n",
        code: 124,
    },
];

/// Calls the tool once for each row.
pub fn run(project: &Project, tally: &mut Tally) -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("probe.c"), PROBE)?;
    fs::write(folder.path().join("note"), "noted")?;
    for row in ROWS {
        match call(project, folder.path(), row)? {
            None => tally.pass(1),
            Some(difference) => tally.fail(format!("[exo run] {}: {difference}", row.name)),
        }
    }
    Ok(())
}

/// None when everything is as the row says.
fn call(project: &Project, folder: &Path, row: &Row) -> Result<Option<String>> {
    let mut arguments = vec!["run"];
    if !row.arguments.contains(&"--timeout") {
        arguments.extend(["--timeout", "120"]);
    }
    arguments.extend(row.arguments);
    let mut child = Command::new(std::env::current_exe()?)
        .args(arguments)
        .env("EXO_ROOT", project.root())
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start the tool itself")?;
    let mut stdin = child.stdin.take().context("no pipe")?;
    let input = (row.stdin)();
    // A program that does not read its stdin ends before everything is written.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output()?;
    let _ = writer.join();
    let stderr = String::from_utf8_lossy(&output.stderr);
    Ok(if output.status.code() != Some(row.code) {
        Some(format!("ended with {} instead of {}; stderr: {}", output.status, row.code, stderr.trim()))
    } else if output.stdout != (row.stdout)() {
        Some(format!("{} bytes on stdout are not the expected {}", output.stdout.len(), (row.stdout)().len()))
    } else if stderr != row.stderr {
        Some(format!("stderr is {stderr:?}, not {:?}", row.stderr))
    } else {
        None
    })
}
