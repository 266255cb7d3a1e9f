//! eventfd(2): a 64-bit counter as a file.

use crate::io::{Sink, Source, get_all, put_all};
use crate::poll::PollTable;
use crate::vfs::anonymous::AnonymousKind;
use crate::vfs::file::{File, FileOps, Positioning};
use abi::flags::{OpenFlags, PollEvents};
use abi::{Errno, Result};
use alloc::sync::Arc;
use kernel_sync::{Rank, SpinLock, Wait, WaitQueue};

/// What a read takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Take {
    /// The whole count.
    All,
    /// One (`EFD_SEMAPHORE`).
    One,
}

struct EventFd {
    count: SpinLock<u64>,
    take: Take,
    readable: Arc<WaitQueue>,
    writable: Arc<WaitQueue>,
}

/// Bytes of a transfer.
const WIDTH: usize = size_of::<u64>();
/// The largest count.
const MAX: u64 = u64::MAX - 1;

/// A counter that starts at `count`.
#[must_use]
pub fn open(count: u32, take: Take, flags: OpenFlags) -> Arc<File> {
    let counter = EventFd {
        count: SpinLock::new(Rank::PIPE, u64::from(count)),
        take,
        readable: Arc::default(),
        writable: Arc::default(),
    };
    File::anonymous(Arc::new(counter), AnonymousKind::Other("eventfd"), flags | OpenFlags::RDWR)
}

impl EventFd {
    fn take(&self) -> Option<u64> {
        let mut count = self.count.lock();
        let taken = match self.take {
            Take::All => *count,
            Take::One => (*count).min(1),
        };
        *count -= taken;
        (taken > 0).then_some(taken)
    }

    fn add(&self, value: u64) -> Option<()> {
        let mut count = self.count.lock();
        *count = count.checked_add(value).filter(|sum| *sum <= MAX)?;
        Some(())
    }
}

impl FileOps for EventFd {
    fn positioning(&self) -> Positioning {
        Positioning::Stream
    }

    fn read(&self, file: &File, sink: &mut dyn Sink, _offset: &mut u64) -> Result<usize> {
        if sink.remaining() < WIDTH {
            return Err(Errno::EINVAL);
        }
        let taken = if file.is_nonblocking() {
            self.take().ok_or(Errno::EAGAIN)?
        } else {
            self.readable.wait_until(Wait::INTERRUPTIBLE, || self.take())?
        };
        self.writable.wake_all();
        put_all(sink, &taken.to_ne_bytes())
    }

    fn write(&self, file: &File, source: &mut dyn Source, _offset: &mut u64) -> Result<usize> {
        if source.remaining() < WIDTH {
            return Err(Errno::EINVAL);
        }
        let mut bytes = [0; WIDTH];
        if get_all(source, &mut bytes)? < WIDTH {
            return Err(Errno::EFAULT);
        }
        let value = u64::from_ne_bytes(bytes);
        if value > MAX {
            return Err(Errno::EINVAL);
        }
        if file.is_nonblocking() {
            self.add(value).ok_or(Errno::EAGAIN)?;
        } else {
            self.writable.wait_until(Wait::INTERRUPTIBLE, || self.add(value))?;
        }
        self.readable.wake_all();
        Ok(WIDTH)
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.add_for(&self.readable, PollEvents::IN);
        table.add_for(&self.writable, PollEvents::OUT);
        let count = *self.count.lock();
        let mut events = PollEvents::empty();
        events.set(PollEvents::IN, count > 0);
        events.set(PollEvents::OUT, count < MAX);
        events
    }
}
