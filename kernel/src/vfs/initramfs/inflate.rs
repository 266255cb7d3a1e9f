//! A gzip member as an input, and an input whose next bytes can be looked at.

use super::Format;
use alloc::boxed::Box;
use alloc::vec::Vec;
use kernel_core::archive::gzip::{self, Check};
use kernel_core::archive::{ArchiveError, Input, tar};
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

/// One gzip member being decompressed.
pub struct Inflate<'a> {
    rest: &'a [u8],
    state: Box<InflateState>,
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
            state: InflateState::new_boxed(DataFormat::Raw),
            check: Check::new(),
            stage: Stage::Data,
        })
    }

    /// What follows the part that was read; behind the member once it has ended.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl Input for Inflate<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        while self.stage == Stage::Data && !buffer.is_empty() {
            let result = inflate(&mut self.state, self.rest, buffer, MZFlush::None);
            self.rest = &self.rest[result.bytes_consumed..];
            self.check.update(&buffer[..result.bytes_written]);
            if result.status == Ok(MZStatus::StreamEnd) {
                self.check.verify(self.rest)?;
                self.rest = &self.rest[gzip::TRAILER..];
                self.stage = Stage::Ended;
            }
            if result.bytes_written > 0 {
                return Ok(result.bytes_written);
            }
            if self.stage == Stage::Data && result.bytes_consumed == 0 {
                let cut = self.rest.is_empty();
                return Err(if cut { ArchiveError::Truncated } else { ArchiveError::Corrupt("gzip data") });
            }
        }
        Ok(0)
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
