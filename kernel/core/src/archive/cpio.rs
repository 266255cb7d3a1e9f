//! `newc` cpio (Linux Documentation/driver-api/early-userspace/buffer-format): a header of hexadecimal fields, a name,
//! content; name and content padded to four bytes.

use super::{ArchiveError, Content, Entry, EntryKind, Input, LinkId, TEXT_MAX, read_exact, relative, skip};
use alloc::vec;

/// What a header starts with.
pub const MAGIC: &[u8; 6] = b"070701";
/// As [`MAGIC`], with a checksum that nothing checks.
pub const MAGIC_CRC: &[u8; 6] = b"070702";

const HEADER: usize = 110;
const TRAILER: &[u8] = b"TRAILER!!!";

/// A cpio archive under way, from its first header on.
#[derive(Debug, Default)]
pub struct Reader {
    content: Content,
}

impl Reader {
    /// At the first header.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next entry; `None` after the trailer.
    ///
    /// # Errors
    /// `Truncated`, `Corrupt`.
    pub fn next(&mut self, input: &mut dyn Input) -> Result<Option<Entry>, ArchiveError> {
        self.content.finish(input)?;
        let mut header = [0; HEADER];
        read_exact(input, &mut header)?;
        let fields = Fields::parse(&header)?;
        if fields.name_size == 0 || u64::from(fields.name_size) > TEXT_MAX {
            return Err(ArchiveError::Corrupt("length of a name"));
        }
        let mut name = vec![0; fields.name_size as usize];
        read_exact(input, &mut name)?;
        skip(input, padding(HEADER as u64 + u64::from(fields.name_size)))?;
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        name.truncate(end);
        self.content = Content { left: fields.size.into(), padding: padding(fields.size.into()) };
        if name == TRAILER {
            self.content.finish(input)?;
            return Ok(None);
        }
        let kind = self.kind(&fields, input)?;
        let several = fields.links > 1 && kind == EntryKind::Regular;
        Ok(Some(Entry {
            name: relative(&name),
            kind,
            mode: fields.mode & 0o7777,
            uid: fields.uid,
            gid: fields.gid,
            modified: fields.modified.into(),
            size: self.content.left,
            link: several.then_some(LinkId { device: fields.device, number: fields.number }),
        }))
    }

    /// Reads content of the current entry; `0` at its end.
    ///
    /// # Errors
    /// `Truncated`, `Corrupt`.
    pub fn read(&mut self, input: &mut dyn Input, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        self.content.read(input, buffer)
    }

    fn kind(&mut self, fields: &Fields, input: &mut dyn Input) -> Result<EntryKind, ArchiveError> {
        let (major, minor) = fields.rdev;
        Ok(match fields.mode & 0o170_000 {
            0o100_000 => EntryKind::Regular,
            0o040_000 => EntryKind::Directory,
            0o020_000 => EntryKind::CharDevice(major, minor),
            0o060_000 => EntryKind::BlockDevice(major, minor),
            0o010_000 => EntryKind::Fifo,
            0o140_000 => EntryKind::Socket,
            0o120_000 => {
                if self.content.left == 0 || self.content.left >= TEXT_MAX {
                    return Err(ArchiveError::Corrupt("length of a symbolic link"));
                }
                let mut target = vec![0; fields.size as usize];
                read_exact(input, &mut target)?;
                self.content.left = 0;
                EntryKind::Symlink(target)
            }
            _ => return Err(ArchiveError::Corrupt("type of an entry")),
        })
    }
}

struct Fields {
    number: u32,
    mode: u32,
    uid: u32,
    gid: u32,
    links: u32,
    modified: u32,
    size: u32,
    device: (u32, u32),
    rdev: (u32, u32),
    name_size: u32,
}

impl Fields {
    fn parse(header: &[u8; HEADER]) -> Result<Self, ArchiveError> {
        if !header.starts_with(MAGIC) && !header.starts_with(MAGIC_CRC) {
            return Err(ArchiveError::Corrupt("magic number of a header"));
        }
        let field = |index: usize| hexadecimal(&header[6 + 8 * index..14 + 8 * index]);
        Ok(Self {
            number: field(0)?,
            mode: field(1)?,
            uid: field(2)?,
            gid: field(3)?,
            links: field(4)?,
            modified: field(5)?,
            size: field(6)?,
            device: (field(7)?, field(8)?),
            rdev: (field(9)?, field(10)?),
            name_size: field(11)?,
        })
    }
}

fn hexadecimal(digits: &[u8]) -> Result<u32, ArchiveError> {
    let mut value = 0;
    for &digit in digits {
        let digit = char::from(digit).to_digit(16).ok_or(ArchiveError::Corrupt("number in a header"))?;
        value = value << 4 | digit;
    }
    Ok(value)
}

/// Bytes from `len` to the next multiple of four.
fn padding(len: u64) -> u64 {
    len.wrapping_neg() & 3
}

#[cfg(test)]
mod tests {
    use super::super::SliceInput;
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use std::format;

    fn append(archive: &mut Vec<u8>, name: &str, mode: u32, links: u32, content: &[u8]) {
        let header = format!(
            "070701{:08x}{mode:08x}{:08x}{:08x}{links:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}",
            7, 1, 2, 99, content.len(), 8, 1, 5, 3, name.len() + 1, 0
        );
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(name.as_bytes());
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }

    fn sample() -> Vec<u8> {
        let mut archive = Vec::new();
        append(&mut archive, "./etc", 0o040_755, 2, b"");
        append(&mut archive, "/etc/motd", 0o100_644, 1, b"hello");
        append(&mut archive, "link", 0o120_777, 1, b"etc/motd");
        append(&mut archive, "null", 0o020_666, 1, b"");
        append(&mut archive, "TRAILER!!!", 0, 1, b"");
        archive
    }

    #[test]
    fn entries_come_in_order_with_their_content() {
        let archive = sample();
        let mut input = SliceInput::new(&archive);
        let mut reader = Reader::new();
        let first = reader.next(&mut input).unwrap().unwrap();
        assert_eq!((first.name.as_slice(), first.kind), (&b"etc"[..], EntryKind::Directory));
        let second = reader.next(&mut input).unwrap().unwrap();
        assert_eq!((second.name.as_slice(), second.size, second.uid, second.gid), (&b"etc/motd"[..], 5, 1, 2));
        let mut buffer = [0; 16];
        assert_eq!(reader.read(&mut input, &mut buffer), Ok(5));
        assert_eq!(&buffer[..5], b"hello");
        assert_eq!(reader.read(&mut input, &mut buffer), Ok(0));
        assert_eq!(reader.next(&mut input).unwrap().unwrap().kind, EntryKind::Symlink(b"etc/motd".to_vec()));
        assert_eq!(reader.next(&mut input).unwrap().unwrap().kind, EntryKind::CharDevice(5, 3));
        assert_eq!(reader.next(&mut input), Ok(None));
        assert!(input.rest().is_empty());
    }

    #[test]
    fn content_that_is_not_read_is_skipped() {
        let archive = sample();
        let mut input = SliceInput::new(&archive);
        let mut reader = Reader::new();
        let mut count = 0;
        while reader.next(&mut input).unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, 4);
    }

    #[test]
    fn every_truncation_is_reported() {
        let archive = sample();
        for len in 0..archive.len() {
            let mut input = SliceInput::new(&archive[..len]);
            let mut reader = Reader::new();
            let error = loop {
                match reader.next(&mut input) {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("the trailer was cut off"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error, ArchiveError::Truncated, "cut at {len}");
        }
    }

    proptest! {
        #[test]
        fn damaged_archives_never_panic(changes in proptest::collection::vec((0usize..700, any::<u8>()), 1..8)) {
            let mut archive = sample();
            for (at, byte) in changes {
                let len = archive.len();
                archive[at % len] = byte;
            }
            let mut input = SliceInput::new(&archive);
            let mut reader = Reader::new();
            while let Ok(Some(_)) = reader.next(&mut input) {}
        }

        #[test]
        fn noise_never_panics(data in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut archive = MAGIC.to_vec();
            archive.extend_from_slice(&data);
            let mut input = SliceInput::new(&archive);
            let mut reader = Reader::new();
            while let Ok(Some(_)) = reader.next(&mut input) {}
        }
    }
}
