//! Reading at an offset: the only thing that a load plan needs from a file.

use abi::Result;

use crate::error::ElfError;

/// Something that reads at an offset.
pub trait ReadAt {
    /// Reads into `buf` from `offset`; short only at the end.
    ///
    /// # Errors
    /// Whatever the file reports.
    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize>;
}

impl ReadAt for &[u8] {
    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let rest = &self[start..];
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Fills `buf` from `offset`, or fails with `short` when the file ends before.
pub(crate) fn read_exact(
    reader: &mut impl ReadAt,
    offset: u64,
    buf: &mut [u8],
    short: ElfError,
) -> core::result::Result<(), ElfError> {
    match reader.read_at(offset, buf) {
        Ok(count) if count == buf.len() => Ok(()),
        Ok(_) => Err(short),
        Err(errno) => Err(ElfError::Io(errno)),
    }
}
