//! The C programs of `testsuite/`: compiled once, run on the host; the tests that ports bring along.

use super::Tally;
use crate::fingerprint::{Fingerprint, is_current};
use crate::port::{self, Recipe};
use crate::process;
use crate::project::Project;
use crate::toolchain;
use crate::vm::suite::{End, Outcome};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Folders of `testsuite/` that hold no cases.
const NOT_CASES: &[&str] = &["lib", "demo"];
const HOST_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(2);

/// A test program or script.
#[derive(Debug, Clone)]
pub struct Case {
    /// `SUBJECT/NAME`: its path below the guest's folder of tests.
    pub name: String,
    /// The file on the host.
    pub file: PathBuf,
}

/// Compiles every program of `testsuite/` that has changed. One that does not compile is a failure, the others go on.
pub fn build_all(project: &Project, tally: &mut Tally) -> Result<Vec<Case>> {
    let library = project.path("testsuite/lib");
    let common = Fingerprint::new("case 1").text(&toolchain::fingerprint(project)?).contents(&library)?;
    let work: Mutex<Vec<(String, PathBuf)>> = Mutex::new(sources(project)?);
    let built: Mutex<Vec<(Case, Result<bool>)>> = Mutex::default();
    toolchain::sysroot(project)?;
    thread::scope(|scope| {
        for _ in 0..workers() {
            scope.spawn(|| {
                while let Some((name, source)) = take(&work) {
                    let case = Case { file: project.build("tests").join(&name), name };
                    let result = build_one(project, &common, &source, &library, &case.file);
                    put(&built, (case, result));
                }
            });
        }
    });
    let mut cases = Vec::new();
    for (case, result) in built.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        if result? {
            cases.push(case);
        } else {
            tally.fail(format!("testsuite/{}.c does not compile; gcc's messages are above", case.name));
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

/// Runs every case on the host, each in an empty folder of its own.
pub fn run_on_host(cases: &[Case]) -> Result<BTreeMap<String, Outcome>> {
    let work = Mutex::new(cases.to_vec());
    let outcomes: Mutex<Vec<(String, Result<Outcome>)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..workers() {
            scope.spawn(|| {
                while let Some(case) = take(&work) {
                    let outcome = run_one(&case.file).with_context(|| format!("cannot run {}", case.name));
                    put(&outcomes, (case.name, outcome));
                }
            });
        }
    });
    outcomes
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .into_iter()
        .map(|(name, outcome)| Ok((name, outcome?)))
        .collect()
}

/// The test scripts of the ports in the base image. They run in the VM only.
pub fn port_tests(project: &Project) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for name in port::names(project) {
        let recipe = Recipe::read(project, &name)?;
        if let Some(script) = recipe.test.filter(|_| recipe.default) {
            cases.push(Case { file: port::folder(project, &name).join(script), name: format!("port/{name}") });
        }
    }
    Ok(cases)
}

fn sources(project: &Project) -> Result<Vec<(String, PathBuf)>> {
    let mut sources = Vec::new();
    for subject in fs::read_dir(project.path("testsuite")).context("there is no testsuite/")? {
        let subject = subject?;
        let subject_name = subject.file_name().to_string_lossy().into_owned();
        if !subject.path().is_dir() || NOT_CASES.contains(&subject_name.as_str()) {
            continue;
        }
        for entry in fs::read_dir(subject.path())? {
            let path = entry?.path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if path.extension().is_some_and(|extension| extension == "c") && !stem.starts_with('_') {
                sources.push((format!("{subject_name}/{stem}"), path));
            }
        }
    }
    sources.sort();
    Ok(sources)
}

fn build_one(project: &Project, common: &Fingerprint, source: &Path, library: &Path, out: &Path) -> Result<bool> {
    let stamp = out.with_extension("stamp");
    let fingerprint = common.clone().contents(source)?.finish();
    if out.is_file() && is_current(&stamp, &fingerprint) {
        return Ok(true);
    }
    let include = format!("-I{}", library.display());
    let Some(folder) = out.parent() else { return Ok(false) };
    fs::create_dir_all(folder)?;
    let status = Command::new(project.cc())
        .args(["-static", "-O1", "-g1", "-pthread", "-Wall", "-Wextra", &include])
        .arg("-o")
        .arg(out)
        .arg(source)
        .arg("-lm")
        .status()?;
    if status.success() {
        fs::write(stamp, fingerprint)?;
    }
    Ok(status.success())
}

fn run_one(program: &Path) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    // An ordinary user's programs must be able to enter it after they have dropped root.
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let (mut reader, writer) = std::io::pipe()?;
    let mut command = Command::new(program);
    command.current_dir(folder.path()).stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    // init in the VM gives the same environment.
    command
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root")
        .process_group(0);
    let mut child = command.spawn()?;
    drop(command);
    let collector = thread::spawn(move || {
        let mut output = Vec::new();
        // What was read before an error is still of use.
        let _ = reader.read_to_end(&mut output);
        output
    });
    let deadline = Instant::now() + HOST_LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if Instant::now() > deadline {
            break None;
        }
        thread::sleep(POLL);
    };
    let group = rustix::process::Pid::from_child(&child);
    // Children that it left behind would keep the pipe open; mostly there are none.
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    let end = match status {
        None => {
            child.wait()?;
            End::Timeout
        }
        Some(status) => status.signal().map_or_else(|| End::Exit(status.code().unwrap_or(-1)), End::Signal),
    };
    let output = collector.join().map_err(|_| anyhow::anyhow!("the output could not be read"))?;
    Ok(Outcome { output, end })
}

fn workers() -> usize {
    process::jobs().parse().unwrap_or(1)
}

fn take<T>(work: &Mutex<Vec<T>>) -> Option<T> {
    work.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop()
}

fn put<T>(results: &Mutex<Vec<T>>, result: T) {
    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(result);
}
