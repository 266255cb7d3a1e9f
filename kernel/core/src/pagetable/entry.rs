//! One page-table entry: hardware bits, our three software bits, and the frame.

use crate::addr::{Frame, PhysAddr};
use core::fmt;

bitflags::bitflags! {
    /// The bits of an entry beside the address.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct PteFlags: u64 {
        /// The CPU may use the entry.
        const PRESENT = 1;
        /// Writes are allowed.
        const WRITE = 1 << 1;
        /// User mode may use it.
        const USER = 1 << 2;
        /// Write-through.
        const WRITE_THROUGH = 1 << 3;
        /// Not cached: device memory.
        const NO_CACHE = 1 << 4;
        /// Set by the CPU at the first use.
        const ACCESSED = 1 << 5;
        /// Set by the CPU at the first write.
        const DIRTY = 1 << 6;
        /// Upper levels: maps a large page.
        const LARGE = 1 << 7;
        /// Survives an address-space switch.
        const GLOBAL = 1 << 8;
        /// Software: the page belongs to a shared mapping; fork and copy leave its write bit alone.
        const SHARED = 1 << 9;
        /// Software: the page belongs to a mapped object, not to anonymous memory.
        const OBJECT = 1 << 10;
        /// Software: holds a page though not present (`PROT_NONE`).
        const HELD = 1 << 11;
        /// No instruction fetch.
        const NO_EXEC = 1 << 63;
    }
}

const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// An entry as the hardware sees it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct Entry(u64);

impl Entry {
    /// The entry that maps nothing.
    pub const EMPTY: Self = Self(0);

    /// An entry for a frame.
    #[must_use]
    pub const fn new(frame: Frame, flags: PteFlags) -> Self {
        Self(frame.start().as_u64() & ADDRESS | flags.bits())
    }

    /// An entry from its 64 bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The frame that the entry names.
    #[must_use]
    pub const fn frame(self) -> Frame {
        PhysAddr::new(self.0 & ADDRESS).frame()
    }

    /// The bits beside the address.
    #[must_use]
    pub const fn flags(self) -> PteFlags {
        PteFlags::from_bits_truncate(self.0)
    }

    /// Whether the entry owns a page, present or held.
    #[must_use]
    pub const fn is_mapped(self) -> bool {
        self.0 & (PteFlags::PRESENT.bits() | PteFlags::HELD.bits()) != 0
    }

    /// Whether the CPU may use the entry.
    #[must_use]
    pub const fn is_present(self) -> bool {
        self.0 & PteFlags::PRESENT.bits() != 0
    }

    /// Whether the CPU may write through the entry.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.0 & PteFlags::WRITE.bits() != 0
    }

    /// Whether the page belongs to a shared mapping.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        self.0 & PteFlags::SHARED.bits() != 0
    }

    /// Whether the page belongs to a mapped object.
    #[must_use]
    pub const fn is_object(self) -> bool {
        self.0 & PteFlags::OBJECT.bits() != 0
    }

    /// The entry with these bits set.
    #[must_use]
    pub const fn with(self, flags: PteFlags) -> Self {
        Self(self.0 | flags.bits())
    }

    /// The entry with these bits clear.
    #[must_use]
    pub const fn without(self, flags: PteFlags) -> Self {
        Self(self.0 & !flags.bits())
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}+{:?}", self.frame(), self.flags())
    }
}
