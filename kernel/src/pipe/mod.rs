//! Pipes: a bounded byte stream with two ends, over a fusion ring.
//!
//! Layers: [`buffer`] holds the bytes, [`Fifo`] counts the ends and lets them wait, `end` is what descriptors operate on.
//! A pipe of pipe(2) and a FIFO of mkfifo(3) are both a [`Fifo`]: the first is born with both ends open.
//!
//! Lock order: a writer's turn (`PIPE_TURN`, sleeping, held over user faults so that a write of up to `PIPE_BUF` bytes
//! stays in one piece), then the state (`PIPE`, spinning, copies never fault under it).

mod buffer;
mod end;

pub(crate) use buffer::{Buffer, Framing, Stop};
pub use end::{capacity, set_capacity};

use crate::credentials::Credentials;
use crate::vfs::anonymous::{AnonymousKind, place};
use crate::vfs::file::{File, FileOps, OpenRequest};
use abi::flags::OpenFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use end::{Direction, End};
use kernel_core::addr::PAGE_SIZE;
use kernel_sync::{Mutex, Rank, SpinLock, Wait, WaitQueue};

/// Writes of up to this many bytes are not mixed with others' (`PIPE_BUF`).
pub const PIPE_BUF: usize = PAGE_SIZE;
/// Bytes that a new pipe holds.
pub const DEFAULT_CAPACITY: usize = 16 * PAGE_SIZE;
/// Bytes that `F_SETPIPE_SZ` grants without `CAP_SYS_RESOURCE` (Linux `pipe-max-size`).
pub const MAX_CAPACITY: usize = 1 << 20;

/// A pipe.
pub struct Fifo {
    state: SpinLock<State>,
    /// One writer at a time, for as long as its bytes must stay together.
    turn: Mutex<()>,
    /// Woken when bytes come, or the last writer goes.
    readable: Arc<WaitQueue>,
    /// Woken when room comes, or the last reader goes.
    writable: Arc<WaitQueue>,
    /// Woken when an end is opened.
    opened: WaitQueue,
}

#[derive(Default)]
struct State {
    /// Made with the first end, gone with the last.
    buffer: Option<Buffer>,
    readers: usize,
    writers: usize,
    /// Read ends ever opened, and write ends.
    reader_opens: u64,
    writer_opens: u64,
}

/// Read ends and write ends ever opened.
#[derive(Clone, Copy)]
struct Opens {
    readers: u64,
    writers: u64,
}

impl Fifo {
    /// A pipe with no end open.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            state: SpinLock::new(Rank::PIPE, State::default()),
            turn: Mutex::new(Rank::PIPE_TURN, ()),
            readable: Arc::new(WaitQueue::new()),
            writable: Arc::new(WaitQueue::new()),
            opened: WaitQueue::new(),
        })
    }

    /// Opens an end as open(2) of a FIFO does: waits for the other end, unless `O_NONBLOCK`.
    ///
    /// # Errors
    /// `ENXIO` for a non-blocking writer without reader, `ENOMEM`, `RESTARTSYS` when a signal came first.
    pub fn open(self: &Arc<Self>, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        let direction = Direction::of(request.flags);
        let nonblocking = request.flags.contains(OpenFlags::NONBLOCK);
        if direction == Direction::Write && nonblocking && self.state.lock().readers == 0 {
            return Err(Errno::ENXIO);
        }
        let (end, opens) = self.attach(direction)?;
        if !nonblocking {
            self.wait_for_peer(direction, opens)?;
        }
        Ok(end)
    }

    /// Counts a new end; gives it, and how many ends had been opened then.
    fn attach(self: &Arc<Self>, direction: Direction) -> Result<(Arc<End>, Opens)> {
        let fresh = Buffer::new(DEFAULT_CAPACITY)?;
        let mut state = self.state.lock();
        if state.buffer.is_none() {
            state.buffer = Some(fresh);
        }
        if direction.reads() {
            state.readers += 1;
            state.reader_opens += 1;
        }
        if direction.writes() {
            state.writers += 1;
            state.writer_opens += 1;
        }
        let writers_seen = if state.writers == 0 { state.writer_opens } else { 0 };
        let opens = Opens { readers: state.reader_opens, writers: state.writer_opens };
        drop(state);
        self.opened.wake_all();
        Ok((Arc::new(End::new(self.clone(), direction, writers_seen)), opens))
    }

    /// Waits until the other end is open, or was since `before`.
    fn wait_for_peer(&self, direction: Direction, before: Opens) -> Result<()> {
        let came = || {
            let state = self.state.lock();
            let came = match direction {
                Direction::Read => state.writers > 0 || state.writer_opens != before.writers,
                Direction::Write => state.readers > 0 || state.reader_opens != before.readers,
                Direction::Both => true,
            };
            came.then_some(())
        };
        Ok(self.opened.wait_until(Wait::INTERRUPTIBLE, came)?)
    }

    /// Counts an end off; the last takes the bytes with it.
    fn detach(&self, direction: Direction) {
        let mut state = self.state.lock();
        state.readers -= usize::from(direction.reads());
        state.writers -= usize::from(direction.writes());
        let gone = (state.readers == 0 && state.writers == 0).then(|| state.buffer.take());
        drop(state);
        drop(gone);
        self.readable.wake_all();
        self.writable.wake_all();
    }
}

/// pipe2(2): the read end and the write end; `flags` may hold `O_NONBLOCK` and `O_DIRECT`.
///
/// # Errors
/// `ENOMEM`.
pub fn pipe(owner: &Credentials, flags: OpenFlags) -> Result<(Arc<File>, Arc<File>)> {
    let fifo = Fifo::new();
    let (read, _) = fifo.attach(Direction::Read)?;
    let (write, _) = fifo.attach(Direction::Write)?;
    let place = place(AnonymousKind::Pipe(fifo), owner);
    let reader = File::at(read, place.clone(), flags);
    let writer = File::at(write, place, flags | OpenFlags::WRONLY);
    Ok((reader, writer))
}
