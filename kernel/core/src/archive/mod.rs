//! Archives that an initial file system comes in: `newc` cpio and ustar, read as streams; gzip framing.
//!
//! A reader pulls bytes from an [`Input`] and gives one [`Entry`] after the other; content is read piece by piece, so an
//! archive of any size needs a buffer of one page. Nothing here trusts the archive: every failure is an [`ArchiveError`].

pub mod cpio;
pub mod gzip;
pub mod tar;

use alloc::vec::Vec;
use core::fmt;

/// Where an archive's bytes come from.
pub trait Input {
    /// Fills the start of `buffer`; `0` only at the end.
    ///
    /// # Errors
    /// `Corrupt` when a decompressor gives up.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError>;
}

/// Why an archive ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveError {
    /// The data end within an entry.
    Truncated,
    /// A header field is no number, or a length is absurd.
    Corrupt(&'static str),
    /// The data start with no known magic number.
    Unknown,
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the data end within an entry"),
            Self::Corrupt(what) => write!(f, "corrupt: {what}"),
            Self::Unknown => f.write_str("neither newc cpio nor ustar"),
        }
    }
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file; its content follows.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link to this path.
    Symlink(Vec<u8>),
    /// Another name of an entry that came before (ustar).
    HardLink(Vec<u8>),
    /// A character device.
    CharDevice(u32, u32),
    /// A block device.
    BlockDevice(u32, u32),
    /// A named pipe.
    Fifo,
    /// A socket's name.
    Socket,
}

/// What identifies a file with several names (cpio).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId {
    /// Device of the file in the archive's own numbering.
    pub device: (u32, u32),
    /// Its inode number there.
    pub number: u32,
}

/// One entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path, without a leading slash or `./`.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Mode bits below the type.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last write, in seconds since 1970.
    pub modified: i64,
    /// Bytes of content that follow.
    pub size: u64,
    /// Set when the file has several names.
    pub link: Option<LinkId>,
}

/// An input over bytes in memory, with the position reached.
#[derive(Clone, Debug)]
pub struct SliceInput<'a> {
    rest: &'a [u8],
}

impl<'a> SliceInput<'a> {
    /// Reads `data` from its start.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    /// What has not been read.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl Input for SliceInput<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let len = buffer.len().min(self.rest.len());
        let (head, tail) = self.rest.split_at(len);
        buffer[..len].copy_from_slice(head);
        self.rest = tail;
        Ok(len)
    }
}

/// Longest name or link body that an archive may hold.
const TEXT_MAX: u64 = 4096;

/// Fills all of `buffer`.
fn read_exact(input: &mut dyn Input, buffer: &mut [u8]) -> Result<(), ArchiveError> {
    let mut done = 0;
    while done < buffer.len() {
        match input.read(&mut buffer[done..])? {
            0 => return Err(ArchiveError::Truncated),
            count => done += count,
        }
    }
    Ok(())
}

/// Reads and drops `len` bytes.
fn skip(input: &mut dyn Input, mut len: u64) -> Result<(), ArchiveError> {
    let mut sink = [0; 512];
    while len > 0 {
        let step = usize::try_from(len).unwrap_or(sink.len()).min(sink.len());
        read_exact(input, &mut sink[..step])?;
        len -= step as u64;
    }
    Ok(())
}

/// The path without a leading slash, `./` or slashes at the end.
fn relative(mut name: &[u8]) -> Vec<u8> {
    loop {
        name = match name {
            [b'/', rest @ ..] | [b'.', b'/', rest @ ..] => rest,
            [rest @ .., b'/'] => rest,
            b"." => b"",
            _ => return name.to_vec(),
        };
    }
}

/// The content of the current entry, and the padding behind it.
#[derive(Clone, Copy, Debug, Default)]
struct Content {
    left: u64,
    padding: u64,
}

impl Content {
    fn read(&mut self, input: &mut dyn Input, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let len = usize::try_from(self.left).unwrap_or(buffer.len()).min(buffer.len());
        if len == 0 {
            return Ok(0);
        }
        match input.read(&mut buffer[..len])? {
            0 => Err(ArchiveError::Truncated),
            count => {
                self.left -= count as u64;
                Ok(count)
            }
        }
    }

    fn finish(&mut self, input: &mut dyn Input) -> Result<(), ArchiveError> {
        let rest = core::mem::take(self);
        skip(input, rest.left.saturating_add(rest.padding))
    }
}
