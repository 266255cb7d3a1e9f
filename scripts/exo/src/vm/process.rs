//! A QEMU process: started, its sockets accepted, waited for by a thread, killed when it is given up.

use crate::failure::Failure;
use crate::vm::machine::LOG_SOCKET;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// QEMU connects before it runs the guest; this is for a machine under heavy load.
const CONNECT_WAIT: Duration = Duration::from_secs(30);
const CONNECT_POLL: Duration = Duration::from_millis(2);

/// What a run's threads report.
#[derive(Debug)]
pub enum Event {
    /// A line of the control channel, without its newline.
    Control(String),
    /// Output of a test case.
    Output(Vec<u8>),
    /// Nobody reads the tool's stdout any more.
    OutputClosed,
    /// QEMU has ended.
    Ended(ExitStatus),
    /// The tool itself got a signal that asks it to end.
    Signalled(i32),
}

/// Where the kernel's log goes besides its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogEcho {
    /// Nowhere.
    Off,
    /// To stderr.
    Stderr,
}

/// A running QEMU. Dropped, it is killed.
pub struct Vm {
    pid: Pid,
    ended: Arc<Mutex<Life>>,
    log: Option<JoinHandle<()>>,
    /// The file that the kernel's log is written to.
    pub log_path: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Running,
    Reaped,
}

/// Listeners for sockets that QEMU is to connect to.
pub struct Sockets {
    listeners: Vec<UnixListener>,
}

impl Sockets {
    /// Listens for the log and for `channels` in `scratch`.
    pub fn listen(scratch: &Path, channels: &[&str]) -> Result<Self> {
        let listeners = [LOG_SOCKET]
            .iter()
            .chain(channels)
            .map(|name| {
                let listener = UnixListener::bind(scratch.join(name))
                    .with_context(|| format!("cannot listen in {}", scratch.display()))?;
                listener.set_nonblocking(true)?;
                Ok(listener)
            })
            .collect::<Result<_>>()?;
        Ok(Self { listeners })
    }
}

impl Vm {
    /// Starts QEMU, and gives the accepted channels in the order of [`Sockets::listen`]. Its end is told to `events`.
    pub fn start(
        mut command: Command,
        sockets: &Sockets,
        log_path: &Path,
        echo: LogEcho,
        events: &Sender<Event>,
    ) -> Result<(Self, Vec<UnixStream>)> {
        let mut child = command
            .spawn()
            .map_err(|error| Failure::vm(format!("cannot start {}: {error}", command.get_program().display())))?;
        let mut streams = match accept_all(&sockets.listeners, &mut child) {
            Ok(streams) => streams.into_iter(),
            Err(error) => {
                // Already gone, or of no use.
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        let log_stream = streams.next().context("the log socket was not accepted")?;
        let file = File::create(log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
        let log = thread::spawn(move || copy_log(log_stream, file, echo));
        let pid = Pid::from_child(&child);
        let ended = Arc::new(Mutex::new(Life::Running));
        let (state, events) = (Arc::clone(&ended), events.clone());
        thread::spawn(move || {
            let status = wait_without_reaping_race(&mut child, &state);
            // The receiver has gone when the run was given up.
            let _ = events.send(Event::Ended(status));
        });
        Ok((Self { pid, ended, log: Some(log), log_path: log_path.to_owned() }, streams.collect()))
    }

    /// QEMU's process id.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Ends QEMU at once.
    pub fn kill(&self) {
        let life = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if *life == Life::Running {
            // It may have ended by itself in this instant.
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }

    /// The kernel's log, complete once QEMU has ended.
    pub fn finished_log(&mut self) -> String {
        if let Some(log) = self.log.take() {
            // A panic in the copying thread has been printed already.
            let _ = log.join();
        }
        let bytes = std::fs::read(&self.log_path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a [`Event::Signalled`] for each signal that asks the tool to end.
pub fn watch_signals(events: &Sender<Event>) -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot watch signals")?;
    let events = events.clone();
    thread::spawn(move || {
        for signal in signals.forever() {
            if events.send(Event::Signalled(signal)).is_err() {
                // No run is going on: do what the signal asks for.
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        }
    });
    Ok(())
}

/// Waits for the child; the process id is marked as reaped under the lock that [`Vm::kill`] takes, so that no other
/// process is hit.
fn wait_without_reaping_race(child: &mut Child, state: &Mutex<Life>) -> ExitStatus {
    loop {
        {
            let mut life = state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Ok(Some(status)) = child.try_wait() {
                *life = Life::Reaped;
                return status;
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn accept_all(listeners: &[UnixListener], child: &mut Child) -> Result<Vec<UnixStream>> {
    let deadline = Instant::now() + CONNECT_WAIT;
    let mut streams = Vec::new();
    for listener in listeners {
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    streams.push(stream);
                    break;
                }
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => {
                    return Err(error).context("QEMU's socket cannot be accepted");
                }
                Err(_) => {}
            }
            if let Some(status) = child.try_wait()? {
                return Err(Failure::vm(format!("QEMU did not start ({status}); its message is above")));
            }
            if Instant::now() > deadline {
                return Err(Failure::vm("QEMU did not connect its channels"));
            }
            thread::sleep(CONNECT_POLL);
        }
    }
    Ok(streams)
}

fn copy_log(mut from: UnixStream, mut file: File, echo: LogEcho) {
    let mut buffer = [0; 4096];
    while let Ok(n) = from.read(&mut buffer) {
        if n == 0 {
            return;
        }
        // A full disk must not stop the run: the log is an aid.
        let _ = file.write_all(&buffer[..n]);
        if echo == LogEcho::Stderr {
            let _ = std::io::stderr().write_all(&buffer[..n]);
        }
    }
}
