//! The host's own tests: `cargo test` of every crate that needs no hardware, and the same of the lock-free parts under
//! loom.

use super::Tally;
use crate::project::Project;
use anyhow::{Context, Result};
use std::fs;
use std::process::{Command, Stdio};

const CRATES: &[&str] = &["posix-x-abi", "posix-x-elf", "kernel-core", "kernel-sync", "kernel-arch", "exo"];
const LOOM_CRATE: &str = "kernel-sync";
/// Lines of the compiler's output that are shown when a test does not build.
const TAIL_LINES: usize = 30;

/// Unit and property tests.
pub fn unit_tests(project: &Project, tally: &mut Tally) -> Result<()> {
    let mut cargo = cargo_test(project, "test");
    for name in CRATES {
        cargo.args(["-p", name]);
    }
    run(project, "unit-tests", &mut cargo, tally)
}

/// Model checks: every interleaving within loom's bounds.
pub fn loom_tests(project: &Project, tally: &mut Tally) -> Result<()> {
    let mut cargo = cargo_test(project, "loom");
    cargo.args(["-p", LOOM_CRATE, "--release"]).env("RUSTFLAGS", "--cfg loom");
    // Optimised, but not linked as one: a test build is made more often than it is run.
    cargo.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    run(project, "loom", &mut cargo, tally)
}

fn cargo_test(project: &Project, target: &str) -> Command {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["test", "--no-fail-fast", "--target-dir"])
        .arg(project.cargo_target(target))
        .current_dir(project.root());
    cargo.env_remove("CARGO_TARGET_DIR").env("EXO_ROOT", project.root());
    cargo
}

fn run(project: &Project, name: &str, cargo: &mut Command, tally: &mut Tally) -> Result<()> {
    let output = cargo.stdin(Stdio::null()).output().context("cannot start cargo")?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let log = project.log(name)?;
    fs::write(&log, format!("{err}\n{out}"))?;
    let mut failed = 0;
    for line in out.lines() {
        match parse_line(line) {
            Some((_, true)) => tally.pass(1),
            Some((test, false)) => {
                failed += 1;
                tally.fail(format!("{test}; see {}", log.display()));
            }
            None => {}
        }
    }
    if !output.status.success() && failed == 0 {
        let lines: Vec<&str> = err.lines().collect();
        println!("{}", lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"));
        tally.fail(format!("{name}: the tests do not build or were cut short; see {}", log.display()));
    }
    Ok(())
}

/// `test NAME ... ok`: the test, and whether it passed. Ignored tests are none.
pub(super) fn parse_line(line: &str) -> Option<(&str, bool)> {
    let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    match result.trim() {
        "ok" => Some((name, true)),
        result if result.starts_with("FAILED") => Some((name, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_line_by_line() {
        assert_eq!(parse_line("test a::b ... ok"), Some(("a::b", true)));
        assert_eq!(parse_line("test a::b - should panic ... FAILED"), Some(("a::b - should panic", false)));
        assert_eq!(parse_line("test a::b ... ignored"), None);
        assert_eq!(parse_line("test result: ok. 3 passed; 0 failed"), None);
    }
}
