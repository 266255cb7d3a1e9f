//! Sinks and sources in kernel memory: every byte is present, so nothing ever faults.

use super::{Sink, Source};
use abi::Result;
use kernel_arch::frame::PageRef;

/// A sink over a byte slice.
pub struct SliceSink<'a> {
    rest: &'a mut [u8],
}

impl<'a> SliceSink<'a> {
    /// Fills `target` from its start.
    pub fn new(target: &'a mut [u8]) -> Self {
        Self { rest: target }
    }

    fn advance(&mut self, len: usize) -> &'a mut [u8] {
        let (head, tail) = core::mem::take(&mut self.rest).split_at_mut(len);
        self.rest = tail;
        head
    }
}

impl Sink for SliceSink<'_> {
    fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn put(&mut self, data: &[u8]) -> Result<usize> {
        let len = data.len().min(self.rest.len());
        self.advance(len).copy_from_slice(&data[..len]);
        Ok(len)
    }

    fn put_page(&mut self, page: &PageRef, offset: usize, len: usize) -> Result<usize> {
        let len = len.min(self.rest.len());
        page.read(offset, self.advance(len));
        Ok(len)
    }

    fn fault_in(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A source over a byte slice.
pub struct SliceSource<'a> {
    rest: &'a [u8],
}

impl<'a> SliceSource<'a> {
    /// Gives `data` from its start.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    fn advance(&mut self, len: usize) -> &'a [u8] {
        let (head, tail) = self.rest.split_at(len);
        self.rest = tail;
        head
    }
}

impl Source for SliceSource<'_> {
    fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn get(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let len = buffer.len().min(self.rest.len());
        buffer[..len].copy_from_slice(self.advance(len));
        Ok(len)
    }

    fn get_page(&mut self, page: &PageRef, offset: usize, len: usize) -> Result<usize> {
        let len = len.min(self.rest.len());
        page.write(offset, self.advance(len));
        Ok(len)
    }

    fn fault_in(&mut self) -> Result<()> {
        Ok(())
    }
}
