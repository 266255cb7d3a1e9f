//! Flags: the bit sets that calls take, by the area that owns them.
//!
//! `from_bits(raw).ok_or(Errno::EINVAL)` where Linux refuses unknown bits, `from_bits_truncate` where it drops them.

mod file;
mod memory;
mod process;

pub use file::{
    Access, AtFlags, CloseRangeFlags, EpollFlags, EventFdFlags, FallocateFlags, FdFlags, FileKind, Mode, OpenFlags, PollEvents,
    RenameFlags, RwFlags, StatxMask, Whence,
};
pub use memory::{MapFlags, MapType, MremapFlags, MsyncFlags, Prot};
pub use process::{AltStackFlags, CloneFlags, MaskHow, RandomFlags, SaFlags, WaitOptions};
