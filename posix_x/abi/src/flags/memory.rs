//! Flags of memory mappings: mmap(2), mprotect(2), mremap(2), msync(2).

use bitflags::bitflags;
use linux_raw_sys::general as raw;

bitflags! {
    /// Protection of pages.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Prot: u32 {
        /// May be read.
        const READ = raw::PROT_READ;
        /// May be written.
        const WRITE = raw::PROT_WRITE;
        /// May be executed.
        const EXEC = raw::PROT_EXEC;
        /// Accepted and meaningless.
        const SEM = raw::PROT_SEM;
        /// mprotect: down to the start of a growing mapping.
        const GROWSDOWN = raw::PROT_GROWSDOWN;
        /// mprotect: up to the end of an upward-growing mapping (there is none).
        const GROWSUP = raw::PROT_GROWSUP;
    }

    /// Flags of mmap(2) beside the type in the low four bits ([`MapType`]).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct MapFlags: u32 {
        /// At this address, replacing what is there.
        const FIXED = raw::MAP_FIXED;
        /// At this address, or fail.
        const FIXED_NOREPLACE = raw::MAP_FIXED_NOREPLACE;
        /// No file behind it.
        const ANONYMOUS = raw::MAP_ANONYMOUS;
        /// In the low 2 GiB.
        const LOW_32BIT = raw::MAP_32BIT;
        /// A stack that grows downwards.
        const GROWSDOWN = raw::MAP_GROWSDOWN;
        /// Ignored since long.
        const DENYWRITE = raw::MAP_DENYWRITE;
        /// Ignored since long.
        const EXECUTABLE = raw::MAP_EXECUTABLE;
        /// Lock the pages in memory.
        const LOCKED = raw::MAP_LOCKED;
        /// Do not reserve swap.
        const NORESERVE = raw::MAP_NORESERVE;
        /// Bring the pages in now.
        const POPULATE = raw::MAP_POPULATE;
        /// With POPULATE: no I/O.
        const NONBLOCK = raw::MAP_NONBLOCK;
        /// Suitable for a stack.
        const STACK = raw::MAP_STACK;
        /// Huge pages.
        const HUGETLB = raw::MAP_HUGETLB;
        /// Synchronous page faults.
        const SYNC = raw::MAP_SYNC;
    }

    /// Flags of mremap(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct MremapFlags: u32 {
        /// May be moved.
        const MAYMOVE = raw::MREMAP_MAYMOVE;
        /// To this address.
        const FIXED = raw::MREMAP_FIXED;
        /// Leave the old range mapped and empty.
        const DONTUNMAP = raw::MREMAP_DONTUNMAP;
    }

    /// Flags of msync(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct MsyncFlags: u32 {
        /// Start writing.
        const ASYNC = raw::MS_ASYNC;
        /// Invalidate other mappings.
        const INVALIDATE = raw::MS_INVALIDATE;
        /// Write and wait.
        const SYNC = raw::MS_SYNC;
    }
}

/// Who sees the writes to a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MapType {
    /// Everyone who maps the object.
    Shared,
    /// Shared, and unknown flags are an error.
    SharedValidate,
    /// This process only: copy-on-write.
    Private,
}

impl MapType {
    /// Parses the low four bits of the flags of mmap(2).
    #[must_use]
    pub const fn from_raw(flags: u32) -> Option<Self> {
        Some(match flags & raw::MAP_TYPE {
            raw::MAP_SHARED => Self::Shared,
            raw::MAP_SHARED_VALIDATE => Self::SharedValidate,
            raw::MAP_PRIVATE => Self::Private,
            _ => return None,
        })
    }
}
