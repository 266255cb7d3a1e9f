//! The terminal's modes: put back whatever happens to the tool, even SIGKILL, by a helper process that outlives it.
//!
//! QEMU puts the terminal into raw mode and restores it when it ends in order. The helper remembers the modes before
//! QEMU starts and waits on a pipe from the tool: when the pipe ends without the word `done`, it kills QEMU and puts
//! them back.

use anyhow::{Context, Result};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};
use rustix::stdio::stdin;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

/// The hidden subcommand that the helper is.
pub const HELPER: &str = "terminal-guard";
/// What the tool tells the helper at an orderly end.
const DONE: &str = "done";

/// Remembers the modes; dropped, it puts them back.
pub struct TerminalGuard {
    modes: Termios,
    helper: Option<(Child, ChildStdin)>,
}

impl TerminalGuard {
    /// None when stdin is no terminal.
    pub fn new() -> Result<Option<Self>> {
        if !isatty(stdin()) {
            return Ok(None);
        }
        let modes = tcgetattr(stdin()).context("cannot read the terminal's modes")?;
        let helper = start_helper().ok();
        Ok(Some(Self { modes, helper }))
    }

    /// Names the process that must not outlive the tool.
    pub fn watch(&mut self, pid: Pid) {
        if let Some((_, pipe)) = &mut self.helper {
            // Without the helper only the case of a killed tool is lost.
            let _ = writeln!(pipe, "{}", pid.as_raw_nonzero());
        }
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        if let Some((mut child, mut pipe)) = self.helper.take() {
            let _ = writeln!(pipe, "{DONE}");
            drop(pipe);
            let _ = child.wait();
        }
        // The terminal may have been hung up.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.modes);
    }
}

/// Rows and columns of the terminal; 24 by 80 where there is none.
pub fn size() -> (u16, u16) {
    match tcgetwinsize(stdin()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row, size.ws_col),
        _ => (24, 80),
    }
}

/// What the helper process does. The terminal is its file descriptor 2.
pub fn helper_main() -> Result<()> {
    let terminal = rustix::stdio::stderr();
    let modes = tcgetattr(terminal).context("no terminal")?;
    println!("ready");
    std::io::stdout().flush()?;
    let mut watched = None;
    for line in BufReader::new(std::io::stdin()).lines() {
        match line.unwrap_or_default().as_str() {
            DONE => return Ok(()),
            pid => watched = pid.parse().ok().and_then(Pid::from_raw),
        }
    }
    if let Some(pid) = watched {
        // It may be gone already.
        let _ = kill_process(pid, Signal::KILL);
        std::thread::sleep(Duration::from_millis(50));
    }
    // QEMU has made it non-blocking for everybody who has it open.
    let flags = fcntl_getfl(terminal)?;
    fcntl_setfl(terminal, flags - OFlags::NONBLOCK)?;
    tcsetattr(terminal, OptionalActions::Now, &modes).context("cannot restore the terminal")
}

/// A shell ignores the signals first: ignoring them is inherited, so that neither `^C` nor a background write stops
/// the helper.
fn start_helper() -> Result<(Child, ChildStdin)> {
    let terminal = rustix::io::dup(stdin())?;
    let mut child = Command::new("sh")
        .args(["-c", "trap '' INT TERM HUP QUIT TTOU TSTP; exec \"$0\" \"$1\""])
        .arg(std::env::current_exe()?)
        .arg(HELPER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(terminal)
        .spawn()?;
    let pipe = child.stdin.take().context("no pipe to the helper")?;
    let mut answer = [0; 6];
    child.stdout.take().context("no pipe from the helper")?.read_exact(&mut answer)?;
    Ok((child, pipe))
}
