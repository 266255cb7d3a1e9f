//! Shell mode: the guest's serial console on the caller's terminal; `Ctrl-A X` leaves.

use super::process::{Event, LogEcho, Sockets, Vm, watch_signals};
use super::verdict;
use crate::failure::{self, Failure};
use crate::terminal::TerminalGuard;
use anyhow::Result;
use rustix::stdio::stdin;
use rustix::termios::isatty;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The terminal's end-of-file character.
const EOT: u8 = 4;
const SIGNAL_BASE: i32 = 128;

/// Runs the VM that `command` starts until it powers off or is left; gives the exit code.
pub fn run(mut command: Command, scratch: &Path, log: &Path, echo: LogEcho, limit: Option<Duration>) -> Result<u8> {
    let deadline = limit.map(|limit| Instant::now() + limit);
    let (sender, events) = channel();
    let sockets = Sockets::listen(scratch, &[])?;
    let mut terminal = TerminalGuard::new()?;
    watch_signals(&sender)?;
    let typist = if isatty(stdin()) { None } else { Some(Typist::attach(&mut command)?) };
    let (mut vm, _) = Vm::start(command, &sockets, log, echo, &sender)?;
    if let Some(terminal) = &mut terminal {
        terminal.watch(vm.pid());
    }
    if let Some(typist) = typist {
        typist.start();
    }
    loop {
        let event = match deadline {
            Some(deadline) => events.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match event {
            Ok(Event::Ended(status)) if verdict::Ending::of(status) == verdict::Ending::Orderly => return Ok(0),
            Ok(Event::Ended(status)) => {
                drop(terminal);
                let (text, code) = verdict::explain(status, &vm.finished_log());
                return Err(Failure::new(code, text));
            }
            Ok(Event::Signalled(signal)) => return Ok(u8::try_from(SIGNAL_BASE + signal).unwrap_or(u8::MAX)),
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => {
                return Err(Failure::new(failure::TIMED_OUT, format!("the VM did not power off within {} s", limit.unwrap_or_default().as_secs())));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::vm("the run's threads have ended")),
        }
    }
}

/// Types a stdin that is no terminal into the console, and the end-of-file character at its end.
struct Typist {
    console: std::io::PipeWriter,
}

impl Typist {
    fn attach(command: &mut Command) -> Result<Self> {
        let (reader, console) = std::io::pipe()?;
        command.stdin(Stdio::from(reader));
        Ok(Self { console })
    }

    fn start(mut self) {
        thread::spawn(move || {
            let mut buffer = [0; 1024];
            let mut last = b'\n';
            while let Ok(n) = std::io::stdin().read(&mut buffer) {
                let Some(&end) = buffer[..n].last() else { break };
                last = end;
                if self.console.write_all(&buffer[..n]).is_err() {
                    return;
                }
            }
            // In the middle of a line the first one only hands the line over.
            let ends: &[u8] = if last == b'\n' { &[EOT] } else { &[EOT, EOT] };
            // QEMU may have ended.
            let _ = self.console.write_all(ends);
            // The pipe stays open: at its end QEMU would close the console.
            thread::park();
        });
    }
}
