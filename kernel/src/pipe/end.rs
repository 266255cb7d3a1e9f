//! One end of a pipe: what read(2), write(2), poll(2) and the capacity calls of fcntl(2) do with it.

use super::buffer::{Framing, Stop};
use super::{DEFAULT_CAPACITY, Fifo, MAX_CAPACITY, PIPE_BUF};
use crate::io::{Sink, Source};
use crate::poll::PollTable;
use crate::vfs::file::{File, FileOps, Positioning};
use abi::flags::{OpenFlags, PollEvents};
use abi::signal::Signal;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use kernel_core::addr::PAGE_SIZE;
use kernel_sync::Wait;
use linux_raw_sys::ioctl::FIONREAD;

/// What an end is open for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Direction {
    Read,
    Write,
    /// A FIFO opened with `O_RDWR`.
    Both,
}

impl Direction {
    pub(super) fn of(flags: OpenFlags) -> Self {
        match (flags.readable(), flags.writable()) {
            (true, true) => Self::Both,
            (false, true) => Self::Write,
            (true | false, false) => Self::Read,
        }
    }

    pub(super) fn reads(self) -> bool {
        self != Self::Write
    }

    pub(super) fn writes(self) -> bool {
        self != Self::Read
    }
}

/// An open end.
pub(super) struct End {
    fifo: Arc<Fifo>,
    direction: Direction,
    /// Write ends that had come and gone when this was opened without one: they are no hang-up to it.
    writers_seen: u64,
}

impl End {
    pub(super) fn new(fifo: Arc<Fifo>, direction: Direction, writers_seen: u64) -> Self {
        Self { fifo, direction, writers_seen }
    }

    /// Waits until there are bytes to read; false at the end of the stream.
    fn wait_readable(&self, file: &File) -> Result<bool> {
        let ready = || {
            let state = self.fifo.state.lock();
            let has_bytes = state.buffer.as_ref().is_some_and(|buffer| !buffer.is_empty());
            (has_bytes || state.writers == 0).then_some(has_bytes)
        };
        if file.is_nonblocking() {
            return ready().ok_or(Errno::EAGAIN);
        }
        Ok(self.fifo.readable.wait_until(Wait::INTERRUPTIBLE, ready)?)
    }

    /// Waits until `needed` bytes fit.
    fn wait_writable(&self, file: &File, needed: usize, framing: Framing) -> Result<()> {
        let ready = || {
            let state = self.fifo.state.lock();
            let fits = state.buffer.as_ref().is_some_and(|buffer| buffer.room(framing) >= needed.min(buffer.capacity()));
            (fits || state.readers == 0).then_some(())
        };
        if file.is_nonblocking() {
            return ready().ok_or(Errno::EAGAIN);
        }
        Ok(self.fifo.writable.wait_until(Wait::INTERRUPTIBLE, ready)?)
    }

    /// Writes what fits now, in one piece if it has up to `PIPE_BUF` bytes. `None`: wait for room first.
    fn write_round(&self, source: &mut dyn Source, whole: usize, framing: Framing) -> Result<Option<usize>> {
        let _turn = self.fifo.turn.lock();
        let mut done = 0;
        loop {
            let mut state = self.fifo.state.lock();
            if state.readers == 0 {
                return if done > 0 { Ok(Some(done)) } else { Err(Errno::EPIPE) };
            }
            let buffer = state.buffer.as_mut().ok_or(Errno::EPIPE)?;
            let needed = match (done, whole) {
                (0, 1..=PIPE_BUF) => whole.min(buffer.capacity()),
                _ => 1,
            };
            if buffer.room(framing) < needed {
                return Ok((done > 0).then_some(done));
            }
            let offered = source.remaining();
            let added = buffer.fill(source, offered, framing);
            let absent = added == Ok(0) || (source.remaining() > 0 && buffer.room(framing) > 0);
            drop(state);
            // Even if bytes were there: an edge-triggered epoll reports every arrival.
            if matches!(added, Ok(1..)) {
                self.fifo.readable.wake_all();
            }
            match added {
                Ok(count) => done += count,
                Err(_) if done > 0 => return Ok(Some(done)),
                Err(error) => return Err(error),
            }
            if !absent {
                return Ok(Some(done));
            }
            match source.fault_in() {
                Ok(()) => {}
                Err(_) if done > 0 => return Ok(Some(done)),
                Err(error) => return Err(error),
            }
        }
    }
}

impl FileOps for End {
    fn positioning(&self) -> Positioning {
        Positioning::Stream
    }

    fn read(&self, file: &File, sink: &mut dyn Sink, _offset: &mut u64) -> Result<usize> {
        let mut done = 0;
        while sink.remaining() > 0 {
            if done == 0 && !self.wait_readable(file)? {
                return Ok(0);
            }
            let mut state = self.fifo.state.lock();
            let Some(buffer) = state.buffer.as_mut() else { return Ok(done) };
            let (count, stop) = buffer.drain(sink, usize::MAX)?;
            drop(state);
            done += count;
            if count > 0 {
                self.fifo.writable.wake_all();
            }
            match stop {
                Stop::Done => break,
                Stop::Empty if done > 0 => break,
                Stop::Empty => {}
                Stop::Absent => match sink.fault_in() {
                    Ok(()) => {}
                    Err(_) if done > 0 => break,
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(done)
    }

    fn write(&self, file: &File, source: &mut dyn Source, _offset: &mut u64) -> Result<usize> {
        let framing =
            if file.flags().contains(OpenFlags::DIRECT) { Framing::Packets } else { Framing::Stream };
        let whole = source.remaining();
        let needed = if whole <= PIPE_BUF { whole } else { 1 };
        let mut done = 0;
        while source.remaining() > 0 {
            let outcome = match self.write_round(source, whole, framing) {
                Ok(Some(count)) => {
                    done += count;
                    continue;
                }
                Ok(None) => self.wait_writable(file, needed, framing),
                Err(error) => Err(error),
            };
            let Err(error) = outcome else { continue };
            if error == Errno::EPIPE {
                crate::signal::send_to_current(Signal::SIGPIPE);
            }
            return if done > 0 { Ok(done) } else { Err(error) };
        }
        Ok(done)
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        let mut events = PollEvents::empty();
        if self.direction.reads() {
            table.add_for(&self.fifo.readable, PollEvents::IN | PollEvents::RDNORM | PollEvents::HUP);
        }
        if self.direction.writes() {
            table.add_for(&self.fifo.writable, PollEvents::OUT | PollEvents::WRNORM | PollEvents::ERR);
        }
        let state = self.fifo.state.lock();
        let Some(buffer) = state.buffer.as_ref() else { return events };
        if self.direction.reads() {
            if !buffer.is_empty() {
                events |= PollEvents::IN | PollEvents::RDNORM;
            }
            if state.writers == 0 && state.writer_opens != self.writers_seen {
                events |= PollEvents::HUP;
            }
        }
        if self.direction.writes() {
            if buffer.room(Framing::Stream) >= PIPE_BUF {
                events |= PollEvents::OUT | PollEvents::WRNORM;
            }
            if state.readers == 0 {
                events |= PollEvents::ERR;
            }
        }
        events
    }

    fn ioctl(&self, _file: &File, command: u32, argument: u64) -> Result<usize> {
        match command {
            FIONREAD => {
                let bytes = self.fifo.state.lock().buffer.as_ref().map_or(0, super::Buffer::len);
                crate::ioctl::put_count(argument, bytes)
            }
            _ => Err(Errno::ENOTTY),
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.fifo.detach(self.direction);
    }
}

/// `F_GETPIPE_SZ`: the capacity in bytes.
///
/// # Errors
/// `EBADF` when `file` is no pipe.
pub fn capacity(file: &File) -> Result<usize> {
    let end = end_of(file)?;
    let state = end.fifo.state.lock();
    Ok(state.buffer.as_ref().map_or(DEFAULT_CAPACITY, super::Buffer::capacity))
}

/// `F_SETPIPE_SZ`: makes the capacity at least `bytes`; returns what it became.
///
/// # Errors
/// `EBADF` when `file` is no pipe, `EINVAL`, `EPERM` above the limit without the right, `EBUSY` when more is in it.
pub fn set_capacity(file: &File, bytes: usize, owner: &crate::credentials::Credentials) -> Result<usize> {
    let end = end_of(file)?;
    let wanted = bytes.max(PAGE_SIZE).checked_next_power_of_two().ok_or(Errno::EINVAL)?;
    if wanted > 1 << 31 {
        return Err(Errno::EINVAL);
    }
    let mut state = end.fifo.state.lock();
    let buffer = state.buffer.as_mut().ok_or(Errno::EBADF)?;
    let grows_too_far = wanted > buffer.capacity() && wanted > MAX_CAPACITY;
    if grows_too_far && !owner.may(crate::credentials::Capability::SysResource) {
        return Err(Errno::EPERM);
    }
    buffer.resize(wanted)?;
    drop(state);
    end.fifo.writable.wake_all();
    Ok(wanted)
}

fn end_of(file: &File) -> Result<&End> {
    let ops: &dyn FileOps = &**file.ops();
    (ops as &dyn Any).downcast_ref().ok_or(Errno::EBADF)
}
