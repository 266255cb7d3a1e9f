//! Shell mode: the guest's serial console on the caller's terminal; `Ctrl-A X` leaves.

use super::process::{Event, LogEcho, Sockets, Vm, watch_signals};
use super::verdict;
use crate::failure::{self, Failure};
use crate::terminal::TerminalGuard;
use anyhow::Result;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The terminal's end-of-file character.
const EOT: u8 = 4;
const EOT_INTERVAL: Duration = Duration::from_millis(500);
const SIGNAL_BASE: i32 = 128;

/// Runs the VM that `command` starts until it powers off or is left; gives the exit code.
pub fn run(mut command: Command, scratch: &Path, log: &Path, echo: LogEcho, limit: Option<Duration>) -> Result<u8> {
    let deadline = limit.map(|limit| Instant::now() + limit);
    let (sender, events) = channel();
    let sockets = Sockets::listen(scratch, &[])?;
    let mut terminal = TerminalGuard::new()?;
    watch_signals(&sender)?;
    let typist = if terminal.is_some() { None } else { Some(Typist::attach(&mut command)?) };
    let (mut vm, _) = Vm::start(command, &sockets, log, echo, &sender)?;
    if let Some(terminal) = &mut terminal {
        terminal.watch(vm.pid());
    }
    let screen = typist.map(Typist::start);
    let code = wait(&mut vm, &events, deadline, limit);
    vm.kill();
    if let Some(screen) = screen {
        screen.join().map_err(|_| Failure::vm("the console could not be copied"))?;
    }
    drop(terminal);
    code
}

fn wait(vm: &mut Vm, events: &Receiver<Event>, deadline: Option<Instant>, limit: Option<Duration>) -> Result<u8> {
    loop {
        let event = match deadline {
            Some(deadline) => events.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match event {
            Ok(Event::Ended(status)) if verdict::Ending::of(status) == verdict::Ending::Orderly => return Ok(0),
            Ok(Event::Ended(status)) => {
                let (text, code) = verdict::explain(status, &vm.finished_log());
                return Err(Failure::with_code(code, text));
            }
            Ok(Event::Signalled(signal)) => return Ok(u8::try_from(SIGNAL_BASE + signal).unwrap_or(u8::MAX)),
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => {
                return Err(Failure::with_code(
                    failure::TIMED_OUT,
                    format!("the VM did not power off within {} s", limit.unwrap_or_default().as_secs()),
                ));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::vm("the run's threads have ended")),
        }
    }
}

/// Types a stdin that is no terminal into the console, and the end-of-file character at its end. It begins with the
/// guest's first output: what is typed before anybody listens to the port may be lost, as on real hardware.
struct Typist {
    keyboard: std::io::PipeWriter,
    screen: std::io::PipeReader,
}

impl Typist {
    fn attach(command: &mut Command) -> Result<Self> {
        let (reader, keyboard) = std::io::pipe()?;
        let (screen, writer) = std::io::pipe()?;
        command.stdin(Stdio::from(reader)).stdout(Stdio::from(writer));
        Ok(Self { keyboard, screen })
    }

    /// The thread that copies the screen ends when QEMU has.
    fn start(self) -> JoinHandle<()> {
        let Self { keyboard, mut screen } = self;
        thread::spawn(move || {
            let mut keyboard = Some(keyboard);
            let mut buffer = [0; 4096];
            while let Ok(n) = screen.read(&mut buffer) {
                if n == 0 {
                    return;
                }
                if let Some(keyboard) = keyboard.take() {
                    thread::spawn(move || type_all(keyboard));
                }
                let mut out = std::io::stdout();
                if out.write_all(&buffer[..n]).and_then(|()| out.flush()).is_err() {
                    return;
                }
            }
        })
    }
}

fn type_all(mut keyboard: std::io::PipeWriter) {
    let mut buffer = [0; 1024];
    while let Ok(n) = std::io::stdin().read(&mut buffer) {
        if n == 0 || keyboard.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    // An end of file lasts, a character is taken by one reader: it is typed for each in turn, until the shell ends by
    // it.
    while keyboard.write_all(&[EOT]).is_ok() {
        thread::sleep(EOT_INTERVAL);
    }
}
