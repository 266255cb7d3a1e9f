//! Why a file cannot be loaded, and the errno that exec answers.

use core::fmt;

use abi::Errno;

/// Why a file is not a loadable ELF image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ElfError {
    /// No ELF magic.
    NotElf,
    /// Not a 64-bit little-endian x86-64 image.
    WrongMachine,
    /// Neither an executable nor a position-independent one.
    NotExecutable,
    /// The header or the program headers are malformed.
    BadHeader,
    /// The interpreter's path is malformed.
    BadInterpreter,
    /// A segment is malformed or lies outside user space.
    BadSegment,
    /// The file could not be read.
    Io(Errno),
}

impl From<ElfError> for Errno {
    fn from(error: ElfError) -> Self {
        match error {
            ElfError::NotElf
            | ElfError::WrongMachine
            | ElfError::NotExecutable
            | ElfError::BadHeader
            | ElfError::BadInterpreter => Self::ENOEXEC,
            ElfError::BadSegment => Self::EINVAL,
            ElfError::Io(errno) => errno,
        }
    }
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf => f.write_str("not an ELF file"),
            Self::WrongMachine => f.write_str("not a 64-bit x86-64 image"),
            Self::NotExecutable => f.write_str("not an executable image"),
            Self::BadHeader => f.write_str("malformed ELF header"),
            Self::BadInterpreter => f.write_str("malformed interpreter path"),
            Self::BadSegment => f.write_str("malformed or unmappable segment"),
            Self::Io(errno) => write!(f, "cannot read the file: {errno}"),
        }
    }
}

impl core::error::Error for ElfError {}
