//! Sinks and sources in user memory: one range, or the ranges of an iovec.

use super::{Sink, Source};
use crate::mm::{self, Access};
use abi::{Errno, Result};
use alloc::vec::{self, Vec};
use kernel_arch::frame::PageRef;
use kernel_arch::user;
use kernel_core::addr::{USER_END, VirtAddr};

/// A range of user addresses, below the end of user space; whether memory is there is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserRange {
    start: u64,
    len: usize,
}

impl UserRange {
    /// `len` bytes from `start`.
    ///
    /// # Errors
    /// `EFAULT` when the range leaves user space.
    pub fn new(start: u64, len: usize) -> Result<Self> {
        let end = u64::try_from(len).ok().and_then(|len| start.checked_add(len));
        match end {
            Some(end) if end <= USER_END => Ok(Self { start, len }),
            _ => Err(Errno::EFAULT),
        }
    }
}

/// A position within user ranges.
struct Cursor {
    at: UserRange,
    rest: vec::IntoIter<UserRange>,
    remaining: usize,
}

impl Cursor {
    fn one(range: UserRange) -> Self {
        Self { at: range, rest: Vec::new().into_iter(), remaining: range.len }
    }

    fn many(ranges: Vec<UserRange>) -> Self {
        let remaining = ranges.iter().map(|range| range.len).sum();
        Self { at: UserRange { start: 0, len: 0 }, rest: ranges.into_iter(), remaining }
    }

    /// Steps over empty ranges; what is left of the current one, at most `len` bytes.
    fn window(&mut self, len: usize) -> (VirtAddr, usize) {
        while self.at.len == 0 {
            match self.rest.next() {
                Some(next) => self.at = next,
                None => break,
            }
        }
        (VirtAddr::new(self.at.start), self.at.len.min(len))
    }

    fn advance(&mut self, len: usize) {
        // Within one range, so the sum stays below USER_END.
        self.at.start += len as u64;
        self.at.len -= len;
        self.remaining -= len;
    }

    /// Moves up to `len` bytes by `copy(address, offset so far, len)`; stops at the first page that is not present.
    fn transfer(&mut self, len: usize, mut copy: impl FnMut(VirtAddr, usize, usize) -> usize) -> usize {
        let mut done = 0;
        while done < len {
            let (address, window) = self.window(len - done);
            if window == 0 {
                break;
            }
            let copied = copy(address, done, window);
            self.advance(copied);
            done += copied;
            if copied < window {
                break;
            }
        }
        done
    }

    fn fault_in(&mut self, access: Access) -> Result<()> {
        let (address, window) = self.window(1);
        if window == 0 {
            return Ok(());
        }
        mm::user_fault(address, access).map_err(|_| Errno::EFAULT)
    }
}

/// A sink in the memory of the running process.
pub struct UserSink(Cursor);

impl UserSink {
    /// Fills one range.
    #[must_use]
    pub fn new(range: UserRange) -> Self {
        Self(Cursor::one(range))
    }

    /// Fills the ranges in order.
    #[must_use]
    pub fn scattered(ranges: Vec<UserRange>) -> Self {
        Self(Cursor::many(ranges))
    }
}

impl Sink for UserSink {
    fn remaining(&self) -> usize {
        self.0.remaining
    }

    fn put(&mut self, data: &[u8]) -> Result<usize> {
        let len = data.len();
        Ok(self.0.transfer(len, |address, at, window| user::copy_out_partial(address, &data[at..at + window])))
    }

    fn put_page(&mut self, page: &PageRef, offset: usize, len: usize) -> Result<usize> {
        Ok(self.0.transfer(len, |address, at, window| user::copy_out_page_partial(address, page, offset + at, window)))
    }

    fn fault_in(&mut self) -> Result<()> {
        self.0.fault_in(Access::Write)
    }
}

/// A source in the memory of the running process.
pub struct UserSource(Cursor);

impl UserSource {
    /// Gives one range.
    #[must_use]
    pub fn new(range: UserRange) -> Self {
        Self(Cursor::one(range))
    }

    /// Gives the ranges in order.
    #[must_use]
    pub fn gathered(ranges: Vec<UserRange>) -> Self {
        Self(Cursor::many(ranges))
    }
}

impl Source for UserSource {
    fn remaining(&self) -> usize {
        self.0.remaining
    }

    fn get(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let len = buffer.len();
        Ok(self.0.transfer(len, |address, at, window| user::copy_in_partial(&mut buffer[at..at + window], address)))
    }

    fn get_page(&mut self, page: &PageRef, offset: usize, len: usize) -> Result<usize> {
        Ok(self.0.transfer(len, |address, at, window| user::copy_in_page_partial(page, offset + at, address, window)))
    }

    fn fault_in(&mut self) -> Result<()> {
        self.0.fault_in(Access::Read)
    }
}
