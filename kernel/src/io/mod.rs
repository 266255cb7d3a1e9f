//! Where bytes of a read go and bytes of a write come from: user memory or kernel memory, behind two traits.
//!
//! The copies themselves never fault a page in, so that they may run under any lock. The protocol of a
//! transfer: `put`/`get` answer `0` while bytes remain → drop your locks, call `fault_in`, try again.

mod slice;
mod user;

pub use slice::{SliceSink, SliceSource};
pub use user::{UserRange, UserSink, UserSource};

use abi::Result;
use kernel_arch::frame::PageRef;

/// The most bytes that one read or write moves (Linux `MAX_RW_COUNT`).
pub const TRANSFER_MAX: usize = 0x7fff_f000;

/// The destination of a read.
pub trait Sink {
    /// How many more bytes fit.
    fn remaining(&self) -> usize;

    /// Copies the start of `data` and advances; how many bytes went. `0` with space left: the page is not present.
    ///
    /// # Errors
    /// Never for user memory; reserved for sinks that fail for good.
    fn put(&mut self, data: &[u8]) -> Result<usize>;

    /// As [`Sink::put`], from `len` bytes at `offset` within `page`.
    ///
    /// # Errors
    /// As [`Sink::put`].
    fn put_page(&mut self, page: &PageRef, offset: usize, len: usize) -> Result<usize>;

    /// Makes the next page present; called without locks.
    ///
    /// # Errors
    /// `EFAULT` when there is no such memory.
    fn fault_in(&mut self) -> Result<()>;
}

/// The origin of a write.
pub trait Source {
    /// How many more bytes there are.
    fn remaining(&self) -> usize;

    /// Copies to the start of `buffer` and advances; how many bytes came. `0` with bytes left: the page is not present.
    ///
    /// # Errors
    /// Never for user memory; reserved for sources that fail for good.
    fn get(&mut self, buffer: &mut [u8]) -> Result<usize>;

    /// As [`Source::get`], into `len` bytes at `offset` within `page`.
    ///
    /// # Errors
    /// As [`Source::get`].
    fn get_page(&mut self, page: &PageRef, offset: usize, len: usize) -> Result<usize>;

    /// Makes the next page present; called without locks.
    ///
    /// # Errors
    /// `EFAULT` when there is no such memory.
    fn fault_in(&mut self) -> Result<()>;
}

/// Puts as much of `data` as fits, faulting pages in; the caller holds no lock. How many bytes went.
///
/// # Errors
/// `EFAULT` when not one byte could be copied.
pub fn put_all(sink: &mut dyn Sink, data: &[u8]) -> Result<usize> {
    let mut done = 0;
    while done < data.len() && sink.remaining() > 0 {
        match sink.put(&data[done..])? {
            0 => match sink.fault_in() {
                Ok(()) => {}
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            },
            count => done += count,
        }
    }
    Ok(done)
}

/// Fills `buffer` as far as the source reaches, faulting pages in; the caller holds no lock. How many bytes came.
///
/// # Errors
/// `EFAULT` when not one byte could be copied.
pub fn get_all(source: &mut dyn Source, buffer: &mut [u8]) -> Result<usize> {
    let mut done = 0;
    while done < buffer.len() && source.remaining() > 0 {
        match source.get(&mut buffer[done..])? {
            0 => match source.fault_in() {
                Ok(()) => {}
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            },
            count => done += count,
        }
    }
    Ok(done)
}

/// A source cut short after a number of bytes.
pub struct Limited<'a> {
    inner: &'a mut dyn Source,
    left: usize,
}

impl<'a> Limited<'a> {
    /// At most `len` bytes of `inner`.
    pub fn new(inner: &'a mut dyn Source, len: usize) -> Self {
        Self { inner, left: len }
    }
}

impl Source for Limited<'_> {
    fn remaining(&self) -> usize {
        self.left.min(self.inner.remaining())
    }

    fn get(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let len = buffer.len().min(self.left);
        let count = self.inner.get(&mut buffer[..len])?;
        self.left -= count;
        Ok(count)
    }

    fn get_page(&mut self, page: &PageRef, offset: usize, len: usize) -> Result<usize> {
        let count = self.inner.get_page(page, offset, len.min(self.left))?;
        self.left -= count;
        Ok(count)
    }

    fn fault_in(&mut self) -> Result<()> {
        self.inner.fault_in()
    }
}
