//! Program mode: the host's stdin, stdout and stderr become the program's, its exit status becomes the tool's.

use super::machine::CHANNEL_SOCKETS;
use super::process::{Event, LogEcho, Sockets, Vm, watch_signals};
use super::verdict;
use crate::failure::{self, Failure};
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long the guest may take to power off once it has its answer.
const POWER_OFF_WAIT: Duration = Duration::from_secs(5);
/// Shell convention: 128 + signal number.
const SIGNAL_BASE: i32 = 128;
const SIGPIPE: i32 = 13;
const CHUNK: usize = 1 << 16;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Exit(i32),
    Signal(i32),
}

impl Status {
    /// `exit N` and `signal N`.
    fn parse(line: &str) -> Option<Self> {
        let (word, number) = line.split_once(' ')?;
        let number = number.trim().parse().ok()?;
        match word {
            "exit" => Some(Self::Exit(number)),
            "signal" => Some(Self::Signal(number)),
            _ => None,
        }
    }

    fn code(self) -> u8 {
        let code = match self {
            Self::Exit(code) => code,
            Self::Signal(signal) => SIGNAL_BASE + signal,
        };
        u8::try_from(code & 0xff).unwrap_or(u8::MAX)
    }
}

/// Runs the VM that `command` starts to its program's end; gives the exit code.
pub fn run(command: Command, scratch: &Path, log: &Path, echo: LogEcho, limit: Option<Duration>) -> Result<u8> {
    let deadline = limit.map(|limit| Instant::now() + limit);
    let (sender, events) = channel();
    let sockets = Sockets::listen(scratch, &CHANNEL_SOCKETS)?;
    watch_signals(&sender)?;
    let (mut vm, streams) = Vm::start(command, &sockets, log, echo, &sender)?;
    let [data, errors, control] =
        <[UnixStream; 3]>::try_from(streams).map_err(|_| Failure::vm("QEMU left a channel out"))?;
    let mut input = Some((data.try_clone()?, control.try_clone()?));
    let output = pump_output(data, std::io::stdout(), &sender);
    let error_output = pump_output(errors, std::io::stderr(), &sender);
    read_control(control.try_clone()?, &sender);

    let code = wait_for_status(&mut vm, &events, deadline, limit, &mut input)?;
    if let Some(code) = code.announced() {
        finish(&vm, control, &events);
        // QEMU has gone, so both reach their end; nothing that the program wrote is lost.
        for pump in [output, error_output] {
            pump.join().map_err(|_| Failure::vm("a stream could not be copied"))?;
        }
        return Ok(code);
    }
    vm.kill();
    Ok(code.value())
}

/// The exit code, and whether the program itself announced it.
#[derive(Debug, Clone, Copy)]
enum Code {
    Announced(u8),
    Other(u8),
}

impl Code {
    fn announced(self) -> Option<u8> {
        match self {
            Self::Announced(code) => Some(code),
            Self::Other(_) => None,
        }
    }

    fn value(self) -> u8 {
        match self {
            Self::Announced(code) | Self::Other(code) => code,
        }
    }
}

/// The data and the control channel, until the guest is ready for input: on Linux a terminal that is not yet raw would
/// swallow it.
type Input = Option<(UnixStream, UnixStream)>;

fn wait_for_status(
    vm: &mut Vm,
    events: &Receiver<Event>,
    deadline: Option<Instant>,
    limit: Option<Duration>,
    input: &mut Input,
) -> Result<Code> {
    loop {
        let event = match deadline {
            Some(deadline) => events.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match event {
            Ok(Event::Control(line)) => {
                if line == "ready" {
                    if let Some((data, control)) = input.take() {
                        pump_input(data, control);
                    }
                } else if let Some(text) = line.strip_prefix("error ") {
                    eprintln!("exo: {text}");
                } else if let Some(status) = Status::parse(&line) {
                    return Ok(Code::Announced(status.code()));
                }
            }
            Ok(Event::Output(_)) => {}
            Ok(Event::OutputClosed) => return Ok(Code::Other(Status::Signal(SIGPIPE).code())),
            Ok(Event::Signalled(signal)) => return Ok(Code::Other(Status::Signal(signal).code())),
            Ok(Event::Ended(status)) => {
                if let Some(code) = late_status(events) {
                    return Ok(Code::Announced(code));
                }
                let (text, code) = verdict::explain(status, &vm.finished_log());
                return Err(Failure::with_code(code, text));
            }
            Err(RecvTimeoutError::Timeout) => {
                vm.kill();
                return Err(Failure::with_code(
                    failure::TIMED_OUT,
                    format!("the program did not end within {} s", limit.unwrap_or_default().as_secs()),
                ));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::vm("the run's threads have ended")),
        }
    }
}

/// A status line that arrived together with QEMU's end.
fn late_status(events: &Receiver<Event>) -> Option<u8> {
    let deadline = Instant::now() + Duration::from_millis(100);
    while let Ok(event) = events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        if let Event::Control(line) = event
            && let Some(status) = Status::parse(&line)
        {
            return Some(status.code());
        }
    }
    None
}

/// Answers the status line, and gives the guest time to power off.
fn finish(vm: &Vm, mut control: UnixStream, events: &Receiver<Event>) {
    // The guest powers off without the answer too, only later.
    let _ = control.write_all(b"bye\n");
    let deadline = Instant::now() + POWER_OFF_WAIT;
    while let Ok(event) = events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        if matches!(event, Event::Ended(_)) {
            return;
        }
    }
    vm.kill();
}

fn pump_input(mut data: UnixStream, mut control: UnixStream) {
    thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut buffer = vec![0; CHUNK];
        let mut total = 0_u64;
        loop {
            match stdin.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    if data.write_all(&buffer[..n]).is_err() {
                        return;
                    }
                    total += n as u64;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                // A closed or unreadable stdin is an empty one.
                Err(_) => break,
            }
        }
        // The VM may have ended meanwhile.
        let _ = writeln!(control, "stdin-end {total}");
    });
}

fn pump_output(
    mut from: UnixStream,
    mut to: impl Write + Send + 'static,
    events: &Sender<Event>,
) -> thread::JoinHandle<()> {
    let events = events.clone();
    thread::spawn(move || {
        let mut buffer = vec![0; CHUNK];
        while let Ok(n) = from.read(&mut buffer) {
            if n == 0 {
                return;
            }
            if to.write_all(&buffer[..n]).and_then(|()| to.flush()).is_err() {
                // The run may be over already.
                let _ = events.send(Event::OutputClosed);
                return;
            }
        }
    })
}

fn read_control(control: UnixStream, events: &Sender<Event>) {
    let events = events.clone();
    thread::spawn(move || {
        for line in BufReader::new(control).lines() {
            let Ok(line) = line else { return };
            if events.send(Event::Control(line)).is_err() {
                return;
            }
        }
    });
}

/// A folder for a run's sockets. It lies with the temporary files: the path of a socket has at most 107 bytes.
pub fn scratch_folder() -> Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix("exo-").tempdir().context("cannot create a temporary folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_becomes_128_and_its_number() {
        assert_eq!(Status::parse("signal 11").map(Status::code), Some(139));
        assert_eq!(Status::parse("exit 3").map(Status::code), Some(3));
    }

    #[test]
    fn other_control_lines_are_no_status() {
        assert_eq!(Status::parse("ready"), None);
        assert_eq!(Status::parse("exit x"), None);
        assert_eq!(Status::parse("error exit 1"), None);
    }
}
