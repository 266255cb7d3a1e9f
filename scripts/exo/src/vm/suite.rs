//! Suite mode: many small programs in one VM, each with its output and its end.

use super::machine::CHANNEL_SOCKETS;
use super::process::{Event, LogEcho, Sockets, Vm};
use super::verdict;
use crate::failure::Failure;
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It exited with this code.
    Exit(i32),
    /// This signal killed it.
    Signal(i32),
    /// It ran too long.
    Timeout,
    /// The VM went away under it, for this reason.
    Lost(String),
}

/// What a case wrote, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// stdout and stderr, in the order of writing.
    pub output: Vec<u8>,
    /// How it ended.
    pub end: End,
}

/// What a run of the suite gave. Cases that were not begun are missing.
#[derive(Debug, Default)]
pub struct Results {
    /// By case.
    pub outcomes: BTreeMap<String, Outcome>,
    /// Why the VM ended before the last case did.
    pub broke: Option<String>,
    open: Option<(String, Vec<u8>)>,
}

impl Results {
    /// Takes in one line of the control channel. True when the suite is done.
    fn line(&mut self, line: &str) -> Result<bool> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let end = match word {
            "done" => return Ok(true),
            "begin" => {
                self.open = Some((rest.to_owned(), Vec::new()));
                return Ok(false);
            }
            "exit" => End::Exit(rest.parse()?),
            "signal" => End::Signal(rest.parse()?),
            "timeout" => End::Timeout,
            "error" => bail!("the guest's init says: {rest}"),
            _ => return Ok(false),
        };
        self.close(end);
        Ok(false)
    }

    fn output(&mut self, bytes: &[u8]) {
        if let Some((_, output)) = &mut self.open {
            output.extend(bytes);
        }
    }

    fn close(&mut self, end: End) {
        if let Some((case, output)) = self.open.take() {
            self.outcomes.insert(case, Outcome { output, end });
        }
    }
}

/// Runs the VM that `command` starts until the suite is done or `limit` is over.
pub fn run(command: Command, scratch: &Path, log: &Path, limit: Duration) -> Result<Results> {
    let deadline = Instant::now() + limit;
    let (sender, events) = channel();
    let sockets = Sockets::listen(scratch, &CHANNEL_SOCKETS)?;
    let (mut vm, streams) = Vm::start(command, &sockets, log, LogEcho::Off, &sender)?;
    let [data, errors, control] =
        <[UnixStream; 3]>::try_from(streams).map_err(|_| Failure::vm("QEMU left a channel out"))?;
    for stream in [data, errors] {
        thread::spawn(move || std::io::copy(&mut &stream, &mut std::io::sink()));
    }
    read_frames(control, sender);
    let mut results = Results::default();
    let reason = loop {
        match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Event::Control(line)) => match results.line(&line) {
                Ok(true) => break None,
                Ok(false) => {}
                Err(error) => break Some(error.to_string()),
            },
            Ok(Event::Output(bytes)) => results.output(&bytes),
            Ok(Event::Ended(status)) => break Some(verdict::explain(status, &vm.finished_log()).0),
            Ok(Event::OutputClosed | Event::Signalled(_)) => {}
            Err(_) => break Some(format!("the VM did not finish within {} s", limit.as_secs())),
        }
    };
    if let Some(reason) = &reason {
        results.close(End::Lost(reason.clone()));
    }
    results.broke = reason;
    Ok(results)
}

/// Turns the control channel into events: lines, and after `output LEN` that many raw bytes.
fn read_frames(control: UnixStream, events: Sender<Event>) {
    thread::spawn(move || {
        let mut input = BufReader::new(control);
        while let Some(event) = next_frame(&mut input) {
            if events.send(event).is_err() {
                return;
            }
        }
    });
}

fn next_frame(input: &mut impl BufRead) -> Option<Event> {
    let mut line = Vec::new();
    if input.read_until(b'\n', &mut line).ok()? == 0 {
        return None;
    }
    let line = String::from_utf8_lossy(&line).trim_end().to_owned();
    let Some(len) = line.strip_prefix("output ").and_then(|len| len.parse::<u64>().ok()) else {
        return Some(Event::Control(line));
    };
    let mut bytes = Vec::new();
    input.take(len).read_to_end(&mut bytes).ok()?;
    Some(Event::Output(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(stream: &[u8]) -> Results {
        let mut input = stream;
        let mut results = Results::default();
        while let Some(event) = next_frame(&mut input) {
            match event {
                Event::Control(line) => {
                    results.line(&line).unwrap();
                }
                Event::Output(bytes) => results.output(&bytes),
                _ => {}
            }
        }
        results
    }

    #[test]
    fn output_is_counted_not_searched_for_newlines() {
        let results = replay(b"begin a/b\noutput 7\nok x\nexoutput 2\nit\nexit 0\ndone\n");
        assert_eq!(results.outcomes["a/b"], Outcome { output: b"ok x\nexit".to_vec(), end: End::Exit(0) });
    }

    #[test]
    fn signals_and_timeouts_are_told_apart() {
        let results = replay(b"begin a\nsignal 11\nbegin b\ntimeout\n");
        assert_eq!(results.outcomes["a"].end, End::Signal(11));
        assert_eq!(results.outcomes["b"].end, End::Timeout);
    }
}
