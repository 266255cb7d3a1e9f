//! The initial file system: archives in memory, unpacked into the root.
//!
//! `newc` cpio or ustar, plain or gzip, any number of them one behind the other with zeros between. What is wrong with
//! an archive is logged and ends it; what was unpacked before stays.

mod inflate;
mod unpack;

use super::mount::Path;
use inflate::{Inflate, Peek};
use kernel_core::archive::{ArchiveError, Input, SliceInput, cpio, gzip, tar};
use unpack::Unpacker;

/// Unpacks every archive in `data` below `root`.
pub fn unpack(data: &[u8], root: &Path) {
    let mut unpacker = Unpacker::new(root);
    let mut rest = data;
    loop {
        let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
        rest = &rest[zeros..];
        if rest.is_empty() {
            break;
        }
        let at = data.len() - rest.len();
        match member(&mut unpacker, rest) {
            Ok(after) => rest = after,
            Err(error) => {
                log::error!(target: "initramfs", "archive at byte {at} of {}: {error}", data.len());
                break;
            }
        }
    }
    unpacker.finish();
}

/// Unpacks the archive or compressed member that `data` starts with; what follows it.
fn member<'a>(unpacker: &mut Unpacker, data: &'a [u8]) -> Result<&'a [u8], ArchiveError> {
    if data.starts_with(&gzip::MAGIC) {
        let mut stream = Peek::new(Inflate::new(data)?);
        while let Some(format) = stream.detect()? {
            unpacker.archive(format, &mut stream)?;
        }
        return Ok(stream.into_inner().rest());
    }
    let format = Format::detect(data)?;
    let mut input = SliceInput::new(data);
    unpacker.archive(format, &mut input)?;
    Ok(input.rest())
}

/// The formats of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Cpio,
    Tar,
}

impl Format {
    /// The format of an archive that starts with `head`.
    fn detect(head: &[u8]) -> Result<Self, ArchiveError> {
        if head.starts_with(cpio::MAGIC) || head.starts_with(cpio::MAGIC_CRC) {
            return Ok(Self::Cpio);
        }
        if head.get(tar::MAGIC_AT..tar::MAGIC_AT + tar::MAGIC.len()) == Some(tar::MAGIC) {
            return Ok(Self::Tar);
        }
        let compressed: [(&[u8], &'static str); 5] = [
            (b"\xfd7zXZ", "xz compression is not supported"),
            (b"BZh", "bzip2 compression is not supported"),
            (b"\x28\xb5\x2f\xfd", "zstd compression is not supported"),
            (b"\x02\x21\x4c\x18", "lz4 compression is not supported"),
            (b"\x89LZO", "lzo compression is not supported"),
        ];
        let known = compressed.iter().find(|(magic, _)| head.starts_with(magic));
        Err(match known {
            Some((_, what)) => ArchiveError::Corrupt(what),
            None if head.len() < cpio::MAGIC.len() => ArchiveError::Truncated,
            None => ArchiveError::Unknown,
        })
    }
}

/// The reader of either format.
enum Reader {
    Cpio(cpio::Reader),
    Tar(tar::Reader),
}

impl Reader {
    fn new(format: Format) -> Self {
        match format {
            Format::Cpio => Self::Cpio(cpio::Reader::new()),
            Format::Tar => Self::Tar(tar::Reader::new()),
        }
    }

    fn next(&mut self, input: &mut dyn Input) -> Result<Option<kernel_core::archive::Entry>, ArchiveError> {
        match self {
            Self::Cpio(reader) => reader.next(input),
            Self::Tar(reader) => reader.next(input),
        }
    }

    fn read(&mut self, input: &mut dyn Input, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        match self {
            Self::Cpio(reader) => reader.read(input, buffer),
            Self::Tar(reader) => reader.read(input, buffer),
        }
    }
}
