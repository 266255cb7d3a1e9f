//! gzip framing (RFC 1952): the header before the compressed data, the check value and length behind it.

use super::ArchiveError;

/// What a member starts with: magic number and "deflate".
pub const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// Bytes behind the compressed data.
pub const TRAILER: usize = 8;

const FIXED: usize = 10;
const HAS_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// The length of the header that `data` starts with.
///
/// # Errors
/// `Truncated`, `Corrupt`.
pub fn header_len(data: &[u8]) -> Result<usize, ArchiveError> {
    let fixed = data.get(..FIXED).ok_or(ArchiveError::Truncated)?;
    let flags = fixed[3];
    if fixed[..3] != MAGIC || flags & RESERVED != 0 {
        return Err(ArchiveError::Corrupt("gzip header"));
    }
    let mut at = FIXED;
    if flags & HAS_EXTRA != 0 {
        let len = data.get(at..at + 2).ok_or(ArchiveError::Truncated)?;
        at += 2 + usize::from(u16::from_le_bytes([len[0], len[1]]));
    }
    for text in [HAS_NAME, HAS_COMMENT] {
        if flags & text != 0 {
            let rest = data.get(at..).ok_or(ArchiveError::Truncated)?;
            at += 1 + rest.iter().position(|&byte| byte == 0).ok_or(ArchiveError::Truncated)?;
        }
    }
    if flags & HAS_CRC != 0 {
        at += 2;
    }
    if at > data.len() { Err(ArchiveError::Truncated) } else { Ok(at) }
}

/// Check value and length of what was decompressed, summed up as it comes.
#[derive(Clone, Debug)]
pub struct Check {
    crc: u32,
    len: u32,
}

impl Check {
    /// Of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { crc: !0, len: 0 }
    }

    /// Adds data.
    pub fn update(&mut self, data: &[u8]) {
        for &byte in data {
            self.crc = TABLE[usize::from((self.crc as u8) ^ byte)] ^ (self.crc >> 8);
        }
        // The length counts modulo 2^32, as the format has it.
        self.len = self.len.wrapping_add(data.len() as u32);
    }

    /// Compares with what stands behind the compressed data.
    ///
    /// # Errors
    /// `Truncated`, `Corrupt`.
    pub fn verify(&self, trailer: &[u8]) -> Result<(), ArchiveError> {
        let word = |at: usize| trailer.get(at..at + 4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
        let (Some(crc), Some(len)) = (word(0), word(4)) else { return Err(ArchiveError::Truncated) };
        if crc != !self.crc || len != self.len {
            return Err(ArchiveError::Corrupt("gzip check value"));
        }
        Ok(())
    }
}

impl Default for Check {
    fn default() -> Self {
        Self::new()
    }
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 != 0 { (value >> 1) ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn check_value_of_the_standard_text() {
        let mut check = Check::new();
        check.update(b"12345");
        check.update(b"6789");
        let trailer = [0x26, 0x39, 0xf4, 0xcb, 9, 0, 0, 0];
        assert_eq!(check.verify(&trailer), Ok(()));
        assert_eq!(check.verify(&trailer[..7]), Err(ArchiveError::Truncated));
    }

    #[test]
    fn header_with_a_name_is_measured() {
        let data = [0x1f, 0x8b, 8, HAS_NAME, 0, 0, 0, 0, 0, 3, b'a', 0, 0xff];
        assert_eq!(header_len(&data), Ok(12));
        assert_eq!(header_len(&data[..11]), Err(ArchiveError::Truncated));
    }

    proptest! {
        #[test]
        fn noise_never_panics(flags in any::<u8>(), data in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut member = [0x1f, 0x8b, 8, flags].to_vec();
            member.extend_from_slice(&data);
            if let Ok(len) = header_len(&member) {
                prop_assert!(len <= member.len());
            }
        }
    }
}
