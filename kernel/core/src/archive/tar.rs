//! ustar (POSIX.1-2024 pax, "ustar Interchange Format"), with the GNU extension for long names.

use super::{ArchiveError, Content, Entry, EntryKind, Input, TEXT_MAX, read_exact, relative};
use alloc::vec;
use alloc::vec::Vec;

/// Bytes in a header, and the unit of padding.
pub const BLOCK: usize = 512;
/// Where a header has its magic number.
pub const MAGIC_AT: usize = 257;
/// The magic number; POSIX has a NUL behind it, GNU a space.
pub const MAGIC: &[u8; 5] = b"ustar";

/// A tar archive under way, from its first header on.
#[derive(Debug, Default)]
pub struct Reader {
    content: Content,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl Reader {
    /// At the first header.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next entry; `None` after the block of zeros that ends the archive.
    ///
    /// # Errors
    /// `Truncated`, `Corrupt`.
    pub fn next(&mut self, input: &mut dyn Input) -> Result<Option<Entry>, ArchiveError> {
        loop {
            self.content.finish(input)?;
            let mut header = [0; BLOCK];
            read_exact(input, &mut header)?;
            if header.iter().all(|&byte| byte == 0) {
                return Ok(None);
            }
            check(&header)?;
            let size = octal(&header[124..136])?;
            self.content = Content { left: size, padding: size.wrapping_neg() & (BLOCK as u64 - 1) };
            match header[156] {
                b'L' => self.long_name = Some(self.text(input)?),
                b'K' => self.long_link = Some(self.text(input)?),
                // Extended headers of pax hold nothing that is needed here.
                b'x' | b'g' => {}
                kind => return self.entry(&header, kind).map(Some),
            }
        }
    }

    /// Reads content of the current entry; `0` at its end.
    ///
    /// # Errors
    /// `Truncated`, `Corrupt`.
    pub fn read(&mut self, input: &mut dyn Input, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        self.content.read(input, buffer)
    }

    fn entry(&mut self, header: &[u8; BLOCK], kind: u8) -> Result<Entry, ArchiveError> {
        let name = self.long_name.take().unwrap_or_else(|| prefixed_name(header));
        let link = self.long_link.take().unwrap_or_else(|| text(&header[157..257]).to_vec());
        let device = || Ok((number(&header[329..337])?, number(&header[337..345])?));
        let kind = match kind {
            0 | b'0' | b'7' => EntryKind::Regular,
            b'1' => EntryKind::HardLink(relative(&link)),
            b'2' => EntryKind::Symlink(link),
            b'3' => device().map(|(major, minor)| EntryKind::CharDevice(major, minor))?,
            b'4' => device().map(|(major, minor)| EntryKind::BlockDevice(major, minor))?,
            b'5' => EntryKind::Directory,
            b'6' => EntryKind::Fifo,
            _ => return Err(ArchiveError::Corrupt("type of an entry")),
        };
        Ok(Entry {
            name: relative(&name),
            kind,
            mode: number(&header[100..108])? & 0o7777,
            uid: number(&header[108..116])?,
            gid: number(&header[116..124])?,
            modified: i64::try_from(octal(&header[136..148])?).unwrap_or(i64::MAX),
            size: self.content.left,
            link: None,
        })
    }

    fn text(&mut self, input: &mut dyn Input) -> Result<Vec<u8>, ArchiveError> {
        if self.content.left > TEXT_MAX {
            return Err(ArchiveError::Corrupt("length of a name"));
        }
        let mut name = vec![0; self.content.left as usize];
        read_exact(input, &mut name)?;
        self.content.left = 0;
        Ok(text(&name).to_vec())
    }
}

/// Up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    &field[..end]
}

fn prefixed_name(header: &[u8; BLOCK]) -> Vec<u8> {
    let name = text(&header[..100]);
    // GNU archives keep other things where POSIX has the prefix.
    let posix = header[MAGIC_AT + 5] == 0;
    match text(&header[345..500]) {
        prefix if posix && !prefix.is_empty() => [prefix, b"/", name].concat(),
        _ => name.to_vec(),
    }
}

fn number(field: &[u8]) -> Result<u32, ArchiveError> {
    u32::try_from(octal(field)?).map_err(|_| ArchiveError::Corrupt("number in a header"))
}

fn octal(field: &[u8]) -> Result<u64, ArchiveError> {
    let mut value: u64 = 0;
    let digits = field.iter().skip_while(|&&byte| byte == b' ').take_while(|&&byte| byte != 0 && byte != b' ');
    for &digit in digits {
        let digit = char::from(digit).to_digit(8).ok_or(ArchiveError::Corrupt("number in a header"))?;
        value = value.checked_mul(8).ok_or(ArchiveError::Corrupt("number in a header"))? | u64::from(digit);
    }
    Ok(value)
}

fn check(header: &[u8; BLOCK]) -> Result<(), ArchiveError> {
    if &header[MAGIC_AT..MAGIC_AT + 5] != MAGIC {
        return Err(ArchiveError::Corrupt("magic number of a header"));
    }
    let sum = |range: &[u8]| range.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    let spaces = 8 * u64::from(b' ');
    if octal(&header[148..156])? != sum(&header[..148]) + spaces + sum(&header[156..]) {
        return Err(ArchiveError::Corrupt("checksum of a header"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::SliceInput;
    use super::*;
    use proptest::prelude::*;
    use std::format;

    fn append(archive: &mut Vec<u8>, name: &str, kind: u8, link: &str, content: &[u8]) {
        let mut header = [0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, name.as_bytes());
        put(100, b"0000755\0");
        put(108, b"0000001\0");
        put(116, b"0000002\0");
        put(124, format!("{:011o}\0", content.len()).as_bytes());
        put(136, b"00000000143\0");
        put(148, b"        ");
        put(156, &[kind]);
        put(157, link.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }

    fn sample() -> Vec<u8> {
        let mut archive = Vec::new();
        append(&mut archive, "./bin/", b'5', "", b"");
        append(&mut archive, "bin/sh", b'0', "", b"#!");
        append(&mut archive, "bin/ash", b'1', "./bin/sh", b"");
        append(&mut archive, "long", b'L', "", &[b'n'; 200]);
        append(&mut archive, "short", b'2', "sh", b"");
        archive.resize(archive.len() + 2 * BLOCK, 0);
        archive
    }

    #[test]
    fn entries_come_in_order_with_long_names_joined() {
        let archive = sample();
        let mut input = SliceInput::new(&archive);
        let mut reader = Reader::new();
        let mut entries = Vec::new();
        while let Some(entry) = reader.next(&mut input).unwrap() {
            entries.push(entry);
        }
        let names: Vec<&[u8]> = entries.iter().map(|entry| entry.name.as_slice()).collect();
        assert_eq!(names, [&b"bin"[..], b"bin/sh", b"bin/ash", &[b'n'; 200]]);
        assert_eq!(entries[2].kind, EntryKind::HardLink(b"bin/sh".to_vec()));
        assert_eq!(entries[3].kind, EntryKind::Symlink(b"sh".to_vec()));
        assert_eq!((entries[1].size, entries[1].mode, entries[1].modified), (2, 0o755, 99));
    }

    #[test]
    fn wrong_checksum_is_reported() {
        let mut archive = sample();
        archive[0] ^= 1;
        let error = Reader::new().next(&mut SliceInput::new(&archive));
        assert_eq!(error, Err(ArchiveError::Corrupt("checksum of a header")));
    }

    proptest! {
        #[test]
        fn noise_never_panics(data in proptest::collection::vec(any::<u8>(), 0..1500), keep in any::<bool>()) {
            let mut archive = if keep { sample() } else { Vec::new() };
            archive.splice(..archive.len() / 2, data);
            let mut input = SliceInput::new(&archive);
            let mut reader = Reader::new();
            while let Ok(Some(_)) = reader.next(&mut input) {}
        }
    }
}
