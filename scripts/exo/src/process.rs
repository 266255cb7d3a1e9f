//! Child processes whose output goes to a log file, and to the step's progress line while they run.

use crate::ui::Step;
use anyhow::{Context, Result, anyhow, bail};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Lines of a failed command's output that are shown again.
const TAIL_LINES: usize = 30;

/// Runs `command` to its end, its output appended to `log`; fails with the last lines of it.
pub fn run_logged(step: &Step, log: &Path, command: &mut Command) -> Result<()> {
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))?;
    let shown = render(command);
    writeln!(file, "+ {shown}")?;
    let (reader, writer) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("cannot start {}", program(command)))?;
    // The command still holds the pipe's write ends: give them up, else the pipe has no end.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let mut tail = VecDeque::new();
    let mut lines = BufReader::new(reader);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        file.write_all(&line)?;
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        step.note(&text);
        if tail.len() == TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(text);
    }
    let status = child.wait()?;
    if status.success() {
        return Ok(());
    }
    for line in &tail {
        eprintln!("{line}");
    }
    Err(anyhow!("`{}` failed ({status}); the whole log is in {}", program(command), log.display()))
}

/// Runs `command` and gives what it wrote to stdout.
pub fn capture(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {}", program(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({}): {}", render(command), output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Whether a program of this name is on the path.
pub fn on_path(name: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else { return false };
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Number of jobs for make and its like.
pub fn jobs() -> String {
    std::thread::available_parallelism().map_or(1, usize::from).to_string()
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn render(command: &Command) -> String {
    let mut text = program(command);
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}
