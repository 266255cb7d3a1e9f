//! What waits in a stream socket: bytes in a ring, and the runs of bytes that one sender's data belong to.

use super::{Identity, Rights};
use crate::io::{Sink, Source};
use crate::pipe::{Buffer, Framing, Stop};
use abi::Result;
use alloc::collections::VecDeque;
use kernel_core::addr::PAGE_SIZE;

/// Room for the largest send buffer that a socket may have.
const CAPACITY: usize = 104 * PAGE_SIZE;
/// What a run counts beyond its bytes: runs do not grow without bound.
const RUN_COST: usize = 512;

/// Bytes with the same data beside them.
pub(super) struct Run {
    len: usize,
    sender: Option<Identity>,
    rights: Rights,
}

/// Bytes that wait to be received.
pub(super) struct Inbox {
    bytes: Buffer,
    runs: VecDeque<Run>,
}

/// What one step of receiving gave.
pub(super) struct Taken {
    /// Bytes.
    pub count: usize,
    /// Why it stopped.
    pub stop: Stop,
    /// Descriptors that came with them.
    pub rights: Rights,
}

impl Inbox {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { bytes: Buffer::new(CAPACITY)?, runs: VecDeque::new() })
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The end: hands out what came along with the bytes, to be dropped without locks.
    pub(super) fn end(&mut self) -> VecDeque<Run> {
        core::mem::take(&mut self.runs)
    }

    /// What counts against the sender's buffer.
    pub(super) fn cost(&self) -> usize {
        self.bytes.len() + self.runs.len().saturating_sub(1) * RUN_COST
    }

    /// Adds up to `limit` bytes; the first ones take `rights` along. How many came.
    pub(super) fn fill(
        &mut self,
        source: &mut dyn Source,
        limit: usize,
        sender: Option<Identity>,
        rights: &mut Rights,
    ) -> Result<usize> {
        let count = self.bytes.fill(source, limit, Framing::Stream)?;
        if count == 0 {
            return Ok(0);
        }
        match self.runs.back_mut() {
            Some(last) if last.sender == sender && last.rights.is_empty() && rights.is_empty() => last.len += count,
            _ => self.runs.push_back(Run { len: count, sender, rights: core::mem::take(rights) }),
        }
        Ok(count)
    }

    /// Who sent the first bytes; none when there are none.
    pub(super) fn sender(&self) -> Option<Option<Identity>> {
        self.runs.front().map(|run| run.sender)
    }

    /// Takes bytes of the first run.
    pub(super) fn take(&mut self, sink: &mut dyn Sink) -> Result<Taken> {
        let Some(run) = self.runs.front_mut() else {
            return Ok(Taken { count: 0, stop: Stop::Empty, rights: Rights::default() });
        };
        let (count, stop) = self.bytes.drain(sink, run.len)?;
        run.len -= count;
        let rights = if count > 0 || stop != Stop::Absent { core::mem::take(&mut run.rights) } else { Rights::default() };
        if run.len == 0 {
            self.runs.pop_front();
        }
        Ok(Taken { count, stop, rights })
    }

    /// Copies what [`Inbox::take`] would take from `skip` bytes into the first run on.
    pub(super) fn peek(&mut self, sink: &mut dyn Sink, skip: usize) -> Result<Taken> {
        let Some(run) = self.runs.front() else {
            return Ok(Taken { count: 0, stop: Stop::Empty, rights: Rights::default() });
        };
        let (count, stop) = self.bytes.peek(sink, skip, run.len - skip)?;
        Ok(Taken { count, stop, rights: run.rights.copy() })
    }
}
