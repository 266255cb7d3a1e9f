//! Boots without the project's init: in-kernel tests, and an initramfs that knows nothing of Exo-OS.

use super::host::parse_line;
use crate::image::cpio::Archive;
use crate::kernel::Kernel;
use crate::process::on_path;
use crate::project::Project;
use crate::vm::machine::{CHANNEL_SOCKETS, Console, Machine};
use crate::vm::process::{Event, LogEcho, Sockets, Vm};
use crate::vm::program::scratch_folder;
use crate::vm::verdict::{self, Ending};
use anyhow::{Context, Result, bail};
use std::fs;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const KERNEL_TEST_LIMIT: Duration = Duration::from_secs(300);
const FOREIGN_SECONDS: &str = "120";
const FOREIGN_INIT: &str = include_str!("foreign_init.c");
const FOREIGN_GREETING: &str = "hello from a foreign initramfs";

/// Boots the kernel with its tests compiled in; each result line of the log is a check.
pub fn kernel_tests(project: &Project, kernel: &Kernel, machine: &Machine) -> Result<(usize, Vec<String>)> {
    let scratch = scratch_folder()?;
    let words = machine.with_appended("console=ttyS1 log=ttyS1 exo.test");
    let command = machine.command(project, &kernel.elf, None, &words, Console::Channels, scratch.path())?;
    let (sender, events) = channel();
    let sockets = Sockets::listen(scratch.path(), &CHANNEL_SOCKETS)?;
    let (mut vm, _channels) = Vm::start(command, &sockets, &scratch.path().join("kernel.log"), LogEcho::Off, &sender)?;
    let deadline = Instant::now() + KERNEL_TEST_LIMIT;
    let status = loop {
        match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Event::Ended(status)) => break Some(status),
            Ok(_) => {}
            Err(_) => break None,
        }
    };
    vm.kill();
    let log = vm.finished_log();
    let (passed, mut failures) = count(&log);
    match status {
        None => failures.push(format!("the tests did not end within {} s", KERNEL_TEST_LIMIT.as_secs())),
        Some(status) if Ending::of(status) == Ending::Orderly && passed > 0 => {}
        Some(status) if Ending::of(status) == Ending::TestsFailed && !failures.is_empty() => {}
        Some(status) => failures.push(verdict::explain(status, &log).0),
    }
    Ok((passed, failures))
}

/// Counts the result lines of a kernel log, which are those of `cargo test`.
fn count(log: &str) -> (usize, Vec<String>) {
    let mut passed = 0;
    let mut failures = Vec::new();
    for (test, result) in log.lines().filter_map(|line| parse_line(line.trim_end())) {
        if result {
            passed += 1;
        } else {
            failures.push(test.to_owned());
        }
    }
    (passed, failures)
}

/// Boots an initramfs made with another toolchain on the command line with which Linux boots it.
pub fn foreign(project: &Project, kernel: &Kernel) -> Result<(usize, Vec<String>)> {
    let scratch = scratch_folder()?;
    let (source, init, initrd) =
        (scratch.path().join("init.c"), scratch.path().join("init"), scratch.path().join("initrd"));
    fs::write(&source, FOREIGN_INIT)?;
    let compiler = if on_path("musl-gcc") { "musl-gcc" } else { "gcc" };
    if !Command::new(compiler)
        .args(["-static", "-O2", "-o"])
        .arg(&init)
        .arg(&source)
        .status()
        .with_context(|| format!("cannot start {compiler}"))?
        .success()
    {
        bail!("{compiler} does not compile the foreign init");
    }
    let mut archive = Archive::new();
    archive.file("/init", 0o755, &fs::read(&init)?)?;
    fs::write(&initrd, archive.finish()?)?;
    let output = Command::new("timeout")
        .args([FOREIGN_SECONDS, "qemu-system-x86_64", "-accel", "tcg", "-kernel"])
        .arg(&kernel.elf)
        .arg("-initrd")
        .arg(&initrd)
        .args(["-append", "console=ttyS0 init=/init", "-nographic", "-no-reboot"])
        .current_dir(project.root())
        .stdin(Stdio::null())
        .output()
        .context("cannot start QEMU")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut failures = Vec::new();
    if !text.contains(FOREIGN_GREETING) {
        failures.push(format!(
            "the init of {compiler} printed nothing; the console ends with: {}",
            text.lines().last().unwrap_or_default()
        ));
    }
    if !output.status.success() {
        failures.push(format!("reboot(2) did not end QEMU ({})", output.status));
    }
    Ok((2 - failures.len(), failures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_found_between_the_logs_lines() {
        let (passed, failures) = count(
            "[    0.1] clock: ok\r\ntest pages_come_back ... ok\r\ntest stacks_grow ... FAILED\r\n1 passed, 1 failed\r\n",
        );
        assert_eq!(passed, 1);
        assert_eq!(failures, ["stacks_grow"]);
    }
}
