//! A gzip member as an input, and an input whose next bytes can be looked at.

use super::Format;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use kernel_core::archive::gzip::{self, Check};
use kernel_core::archive::{ArchiveError, Input, tar};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, TINFL_LZ_DICT_SIZE, decompress};

/// One gzip member being decompressed, through a window on the heap: the stack of a kernel thread is small.
pub struct Inflate<'a> {
    rest: &'a [u8],
    state: Box<DecompressorOxide>,
    window: Vec<u8>,
    /// What of the window was decompressed and not read.
    ready: Range<usize>,
    check: Check,
    stage: Stage,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Data,
    Ended,
}

impl<'a> Inflate<'a> {
    /// Decompresses the member that `data` starts with.
    pub fn new(data: &'a [u8]) -> Result<Self, ArchiveError> {
        let header = gzip::header_len(data)?;
        Ok(Self {
            rest: &data[header..],
            state: Box::default(),
            window: vec![0; TINFL_LZ_DICT_SIZE],
            ready: 0..0,
            check: Check::new(),
            stage: Stage::Data,
        })
    }

    /// What follows the part that was read; behind the member once it has ended.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Decompresses up to the end of the window.
    fn advance(&mut self) -> Result<(), ArchiveError> {
        let at = self.ready.end % self.window.len();
        let (status, consumed, written) = decompress(&mut self.state, self.rest, &mut self.window, at, 0);
        self.rest = &self.rest[consumed..];
        self.ready = at..at + written;
        self.check.update(&self.window[self.ready.clone()]);
        match status {
            TINFLStatus::Done => {
                self.check.verify(self.rest)?;
                self.rest = &self.rest[gzip::TRAILER..];
                self.stage = Stage::Ended;
                Ok(())
            }
            TINFLStatus::HasMoreOutput => Ok(()),
            TINFLStatus::FailedCannotMakeProgress | TINFLStatus::NeedsMoreInput => Err(ArchiveError::Truncated),
            _ => Err(ArchiveError::Corrupt("gzip data")),
        }
    }
}

impl Input for Inflate<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        while self.ready.is_empty() && self.stage == Stage::Data {
            self.advance()?;
        }
        let len = self.ready.len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.window[self.ready.start..self.ready.start + len]);
        self.ready.start += len;
        Ok(len)
    }
}

/// An input with its next bytes at hand.
pub struct Peek<I> {
    inner: I,
    head: Vec<u8>,
    at: usize,
}

impl<I: Input> Peek<I> {
    pub fn new(inner: I) -> Self {
        Self { inner, head: Vec::new(), at: 0 }
    }

    pub fn into_inner(self) -> I {
        self.inner
    }

    /// Skips zeros and tells the format of the archive that follows; `None` at the end.
    pub fn detect(&mut self) -> Result<Option<Format>, ArchiveError> {
        loop {
            self.fill()?;
            let head = &self.head[self.at..];
            if head.is_empty() {
                return Ok(None);
            }
            let zeros = head.iter().take_while(|&&byte| byte == 0).count();
            if zeros == 0 {
                return Format::detect(head).map(Some);
            }
            self.at += zeros;
        }
    }

    /// Has a header's worth of bytes at hand, or all that are left.
    fn fill(&mut self) -> Result<(), ArchiveError> {
        self.head.drain(..self.at);
        self.at = 0;
        let mut len = self.head.len();
        self.head.resize(tar::BLOCK.max(len), 0);
        while len < self.head.len() {
            match self.inner.read(&mut self.head[len..])? {
                0 => break,
                count => len += count,
            }
        }
        self.head.truncate(len);
        Ok(())
    }
}

impl<I: Input> Input for Peek<I> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let head = &self.head[self.at..];
        if head.is_empty() {
            return self.inner.read(buffer);
        }
        let len = head.len().min(buffer.len());
        buffer[..len].copy_from_slice(&head[..len]);
        self.at += len;
        Ok(len)
    }
}
