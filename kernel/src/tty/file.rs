//! An open terminal: read, write, poll (termios(3), POSIX.1-2024 chapter 11).

use super::{OUTPUT_RESERVE, Tty};
use crate::io::{Sink, Source, get_all};
use crate::poll::PollTable;
use crate::task;
use crate::time::{Duration, Instant, now};
use crate::vfs::file::{File, FileOps, OpenRequest, Positioning};
use abi::flags::{OpenFlags, PollEvents};
use abi::signal::Signal;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kernel_core::termios::{Control, LocalModes};
use kernel_sync::{Wait, WaitError};

/// Bytes of output that are processed at a time.
const CHUNK: usize = 256;
/// The unit of VTIME.
const TENTH_OF_A_SECOND: Duration = Duration::from_millis(100);

/// An open terminal.
pub(super) struct TtyFile {
    pub(super) tty: Arc<Tty>,
    /// Hang-ups before it was opened.
    pub(super) generation: u64,
}

/// Opens a terminal; without `O_NOCTTY` a session leader without one gets it as its controlling terminal.
///
/// # Errors
/// `EBUSY` when it is in exclusive use (`TIOCEXCL`).
pub fn open(tty: &Arc<Tty>, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
    let state = tty.state.lock();
    if state.exclusive && !request.credentials.may(crate::credentials::Capability::SysAdmin) {
        return Err(Errno::EBUSY);
    }
    let generation = state.generation;
    drop(state);
    if !request.flags.contains(OpenFlags::NOCTTY) && request.flags.readable() {
        tty.acquire_if_free();
    }
    Ok(Arc::new(TtyFile { tty: tty.clone(), generation }))
}

/// When a read without canonical mode is done.
struct Patience {
    /// Bytes that it wants at least.
    min: usize,
    time: Option<Duration>,
    started: Instant,
}

impl Patience {
    /// How long to wait for the next byte after `done`; `None`: not at all.
    fn wait(&self, done: usize) -> Option<Wait> {
        match self.time {
            None if self.min == 0 => None,
            Some(time) if self.min == 0 => Some(Wait::INTERRUPTIBLE.until(Some(self.started + time))),
            Some(time) if done > 0 => Some(Wait::INTERRUPTIBLE.until(Some(now() + time))),
            Some(_) | None => Some(Wait::INTERRUPTIBLE),
        }
    }
}

/// What one look at the input gave.
enum Taken {
    /// So many bytes; the read is over.
    Done(usize),
    /// So many bytes; more would be welcome.
    More(usize),
    /// The sink's next page is absent.
    Absent(usize),
}

impl TtyFile {
    fn patience(&self) -> Patience {
        let state = self.tty.state.lock();
        let termios = state.discipline.termios();
        let (min, time) = if state.discipline.is_canonical() {
            (1, 0)
        } else {
            (termios.character(Control::Min), termios.character(Control::Time))
        };
        let time = (time > 0).then(|| TENTH_OF_A_SECOND * u32::from(time));
        Patience { min: usize::from(min), time, started: now() }
    }

    fn take(&self, sink: &mut dyn Sink) -> Result<Taken> {
        let mut state = self.tty.state.lock();
        if state.generation != self.generation {
            return Ok(Taken::Done(0));
        }
        let discipline = &mut state.discipline;
        if !discipline.has_input(1) {
            return Ok(Taken::More(0));
        }
        let canonical = discipline.is_canonical();
        let bytes = discipline.peek();
        let wanted = bytes.len().min(sink.remaining());
        let count = if wanted == 0 { 0 } else { sink.put(&bytes[..wanted])? };
        if count == 0 && wanted > 0 {
            return Ok(Taken::Absent(0));
        }
        discipline.consume(count);
        drop(state);
        self.tty.unthrottle();
        Ok(match count {
            _ if count < wanted => Taken::Absent(count),
            _ if canonical || sink.remaining() == 0 => Taken::Done(count),
            _ => Taken::More(count),
        })
    }

    fn has_input_or_hung_up(&self) -> Option<()> {
        let state = self.tty.state.lock();
        (state.discipline.has_input(1) || state.generation != self.generation).then_some(())
    }

    /// Waits until a chunk of output can be processed and taken whole.
    fn wait_for_room(&self, nonblocking: bool) -> Result<()> {
        let ready = || {
            let state = self.tty.state.lock();
            if state.generation != self.generation {
                return Some(Err(Errno::EIO));
            }
            let stopped = state.discipline.is_stopped();
            drop(state);
            (!stopped && self.tty.port.room() >= OUTPUT_RESERVE).then_some(Ok(()))
        };
        if nonblocking {
            return ready().unwrap_or(Err(Errno::EAGAIN));
        }
        self.tty.writable.wait_until(Wait::INTERRUPTIBLE, ready)?
    }

    /// Waits until everything written was sent (tcdrain(3)).
    pub(super) fn drain(&self) -> Result<()> {
        let sent = || {
            let over = self.tty.port.unsent() == 0 || self.tty.is_hung_up(self.generation);
            over.then_some(())
        };
        Ok(self.tty.writable.wait_until(Wait::INTERRUPTIBLE, sent)?)
    }
}

impl FileOps for TtyFile {
    fn positioning(&self) -> Positioning {
        Positioning::Stream
    }

    fn read(&self, file: &File, sink: &mut dyn Sink, _offset: &mut u64) -> Result<usize> {
        let task = task::current();
        if self.tty.is_hung_up(self.generation) {
            return Ok(0);
        }
        self.tty.check_foreground(&task, Signal::SIGTTIN)?;
        let patience = self.patience();
        let mut done = 0;
        while sink.remaining() > 0 {
            match self.take(sink)? {
                Taken::Done(count) => return Ok(done + count),
                Taken::More(count) => done += count,
                Taken::Absent(count) => {
                    done += count;
                    match sink.fault_in() {
                        Ok(()) => continue,
                        Err(error) => return if done > 0 { Ok(done) } else { Err(error) },
                    }
                }
            }
            if done > 0 && done >= patience.min {
                break;
            }
            let Some(wait) = patience.wait(done) else { break };
            if file.is_nonblocking() {
                return if done > 0 { Ok(done) } else { Err(Errno::EAGAIN) };
            }
            match self.tty.readable.wait_until(wait, || self.has_input_or_hung_up()) {
                Ok(()) => self.tty.check_foreground(&task, Signal::SIGTTIN)?,
                Err(WaitError::TimedOut) => break,
                Err(WaitError::Interrupted) if done > 0 => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(done)
    }

    fn write(&self, file: &File, source: &mut dyn Source, _offset: &mut u64) -> Result<usize> {
        if self.tty.is_hung_up(self.generation) {
            return Err(Errno::EIO);
        }
        if self.tty.state.lock().discipline.termios().local.contains(LocalModes::TOSTOP) {
            self.tty.check_foreground(&task::current(), Signal::SIGTTOU)?;
        }
        let mut done = 0;
        let mut out = Vec::with_capacity(2 * CHUNK);
        while source.remaining() > 0 {
            let mut chunk = [0; CHUNK];
            let moved = self.wait_for_room(file.is_nonblocking()).and_then(|()| {
                let _turn = self.tty.turn.lock();
                let count = get_all(source, &mut chunk)?;
                self.tty.state.lock().discipline.process_output(&chunk[..count], &mut out);
                self.tty.port.write(&out);
                out.clear();
                Ok(count)
            });
            match moved {
                Ok(count) => done += count,
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.add(&self.tty.readable);
        table.add(&self.tty.writable);
        let state = self.tty.state.lock();
        if state.generation != self.generation {
            return PollEvents::all();
        }
        let termios = state.discipline.termios();
        let min = if termios.character(Control::Time) == 0 { termios.character(Control::Min) } else { 1 };
        let (readable, stopped) = (state.discipline.has_input(usize::from(min)), state.discipline.is_stopped());
        drop(state);
        let mut events = PollEvents::empty();
        if readable {
            events |= PollEvents::IN | PollEvents::RDNORM;
        }
        if !stopped && self.tty.port.room() >= OUTPUT_RESERVE {
            events |= PollEvents::OUT | PollEvents::WRNORM;
        }
        events
    }

    fn ioctl(&self, _file: &File, command: u32, argument: u64) -> Result<usize> {
        if self.tty.is_hung_up(self.generation) {
            return Err(Errno::EIO);
        }
        self.control(command, argument)
    }
}
