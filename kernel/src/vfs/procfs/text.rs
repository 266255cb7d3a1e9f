//! Open files of procfs: a text made when it is read from the start, kept while it is read on.

use super::descriptors;
use super::process::Subject;
use crate::io::{self, Sink, Source};
use crate::vfs::file::{File, FileOps};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use kernel_sync::{Mutex, Rank};

/// A text under construction; what is written is bytes, so names of any encoding pass.
/// One that finds no memory is cut, and reading it fails.
#[derive(Default)]
pub struct Text {
    bytes: Vec<u8>,
    cut: bool,
}

impl Text {
    /// Appends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        if self.cut || self.bytes.try_reserve(bytes.len()).is_err() {
            self.cut = true;
            return;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends bytes with blanks, newlines and backslashes as octal escapes, as `/proc/mounts` has them.
    pub fn escaped(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b' ' | b'\t' | b'\n' | b'\\' => {
                    self.bytes(b"\\");
                    self.bytes(&[byte >> 6, byte >> 3 & 7, byte & 7].map(|digit| b'0' + digit));
                }
                _ => self.bytes(&[byte]),
            }
        }
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

/// Writes formatted text into a [`Text`], which takes everything.
macro_rules! put {
    ($text:expr, $($format:tt)*) => {{
        use core::fmt::Write as _;
        // A Text never refuses.
        let _ = write!($text, $($format)*);
    }};
}

pub(super) use put;

/// Where the text comes from.
#[derive(Clone, Copy)]
pub enum Producer {
    /// The system.
    System(fn(&mut Text) -> Result<()>),
    /// A process or thread.
    Process(Subject, fn(Subject, &mut Text) -> Result<()>),
    /// A descriptor of a process.
    Descriptor(Subject, i32),
}

/// Takes what is written to a setting.
pub type Setter = fn(&[u8]) -> Result<()>;

/// An open file.
pub struct TextFile {
    producer: Producer,
    setter: Option<Setter>,
    /// What was produced last.
    text: Mutex<Arc<Vec<u8>>>,
}

/// Most bytes that a setting takes.
const SETTING_MAX: usize = 4096;

impl TextFile {
    pub fn new(producer: Producer, setter: Option<Setter>) -> Self {
        Self { producer, setter, text: Mutex::new(Rank::INODE, Arc::new(Vec::new())) }
    }

    fn produce(&self) -> Result<Arc<Vec<u8>>> {
        let mut text = Text::default();
        match self.producer {
            Producer::System(produce) => produce(&mut text)?,
            Producer::Process(subject, produce) => produce(subject, &mut text)?,
            Producer::Descriptor(subject, fd) => descriptors::details(subject, fd, &mut text)?,
        }
        if text.cut { Err(Errno::ENOMEM) } else { Ok(Arc::new(text.bytes)) }
    }

    fn snapshot(&self, offset: u64) -> Result<Arc<Vec<u8>>> {
        if offset > 0 {
            let kept = Arc::clone(&self.text.lock());
            if !kept.is_empty() {
                return Ok(kept);
            }
        }
        let fresh = self.produce()?;
        let old = core::mem::replace(&mut *self.text.lock(), Arc::clone(&fresh));
        drop(old);
        Ok(fresh)
    }
}

impl FileOps for TextFile {
    fn read(&self, _file: &File, sink: &mut dyn Sink, offset: &mut u64) -> Result<usize> {
        let text = self.snapshot(*offset)?;
        let start = usize::try_from(*offset).map_or(text.len(), |offset| offset.min(text.len()));
        let count = io::put_all(sink, &text[start..])?;
        *offset += count as u64;
        Ok(count)
    }

    fn write(&self, _file: &File, source: &mut dyn Source, offset: &mut u64) -> Result<usize> {
        let set = self.setter.ok_or(Errno::EIO)?;
        if source.remaining() > SETTING_MAX {
            return Err(Errno::EINVAL);
        }
        let mut value = vec![0; source.remaining()];
        let count = io::get_all(source, &mut value)?;
        value.truncate(count);
        while value.last().is_some_and(|byte| matches!(byte, b'\n' | b' ' | 0)) {
            value.pop();
        }
        set(&value)?;
        *offset += count as u64;
        Ok(count)
    }
}
