//! Addresses: physical, virtual and frame numbers as types of their own, and half-open ranges of them.

use core::fmt;
use core::ops::{Add, Sub};

/// Log2 of the page size.
pub const PAGE_SHIFT: u32 = 12;
/// Bytes in a page (and in a frame).
pub const PAGE_SIZE: usize = 1 << PAGE_SHIFT;
/// The same as an address-sized integer.
pub const PAGE_SIZE_U64: u64 = PAGE_SIZE as u64;
/// First address above user space: the last page below the hole stays unmapped (`SYSRET` with a
/// non-canonical return address faults in the kernel on Intel CPUs).
pub const USER_END: u64 = 0x7fff_ffff_f000;
/// Physical addresses have at most 52 bits.
const PHYS_MASK: u64 = (1 << 52) - 1;

/// A physical address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct PhysAddr(u64);

/// A virtual address, canonical or not: a user may claim any.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct VirtAddr(u64);

/// The number of a 4 KiB physical frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Frame(u64);

macro_rules! address {
    ($name:ident) => {
        impl $name {
            /// The address as an integer.
            #[must_use]
            pub const fn as_u64(self) -> u64 {
                self.0
            }

            /// The address as a `usize` (the kernel is 64-bit).
            #[must_use]
            pub const fn as_usize(self) -> usize {
                self.0 as usize
            }

            /// Rounds down to a multiple of `align`, a power of two.
            #[must_use]
            pub const fn align_down(self, align: u64) -> Self {
                Self(self.0 & !(align - 1))
            }

            /// Rounds up to a multiple of `align`, a power of two; saturates at the last multiple.
            #[must_use]
            pub const fn align_up(self, align: u64) -> Self {
                Self(self.0.saturating_add(align - 1) & !(align - 1))
            }

            /// Whether the address is a multiple of `align`, a power of two.
            #[must_use]
            pub const fn is_aligned(self, align: u64) -> bool {
                self.0 & (align - 1) == 0
            }

            /// The start of the page that holds the address.
            #[must_use]
            pub const fn page(self) -> Self {
                self.align_down(PAGE_SIZE_U64)
            }

            /// Bytes from the start of the page.
            #[must_use]
            pub const fn page_offset(self) -> usize {
                (self.0 & (PAGE_SIZE_U64 - 1)) as usize
            }

            /// Sum with an offset in bytes; `None` on overflow.
            #[must_use]
            pub const fn checked_add(self, bytes: u64) -> Option<Self> {
                match self.0.checked_add(bytes) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }

            /// Sum with an offset in bytes; stops at the last address.
            #[must_use]
            pub const fn saturating_add(self, bytes: u64) -> Self {
                Self(self.0.saturating_add(bytes))
            }

            /// Difference to an offset in bytes; stops at zero.
            #[must_use]
            pub const fn saturating_sub(self, bytes: u64) -> Self {
                Self(self.0.saturating_sub(bytes))
            }

            /// Whether this is address zero.
            #[must_use]
            pub const fn is_null(self) -> bool {
                self.0 == 0
            }
        }

        /// Wraps on overflow; use `checked_add` for values that a user chose.
        impl Add<u64> for $name {
            type Output = Self;
            fn add(self, bytes: u64) -> Self {
                Self(self.0.wrapping_add(bytes))
            }
        }

        /// Wraps on overflow.
        impl Sub<u64> for $name {
            type Output = Self;
            fn sub(self, bytes: u64) -> Self {
                Self(self.0.wrapping_sub(bytes))
            }
        }

        /// Distance in bytes; saturates at zero.
        impl Sub for $name {
            type Output = u64;
            fn sub(self, other: Self) -> u64 {
                self.0.saturating_sub(other.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.0)
            }
        }

        impl fmt::LowerHex for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::LowerHex::fmt(&self.0, f)
            }
        }
    };
}

address!(PhysAddr);
address!(VirtAddr);

impl PhysAddr {
    /// An address; bits above the 52 that hardware has are dropped.
    #[must_use]
    pub const fn new(address: u64) -> Self {
        Self(address & PHYS_MASK)
    }

    /// The frame that holds this address.
    #[must_use]
    pub const fn frame(self) -> Frame {
        Frame(self.0 >> PAGE_SHIFT)
    }
}

impl VirtAddr {
    /// An address; any 64-bit value is one.
    #[must_use]
    pub const fn new(address: u64) -> Self {
        Self(address)
    }

    /// Whether the address lies in user space.
    #[must_use]
    pub const fn is_user(self) -> bool {
        self.0 < USER_END
    }

    /// The page number.
    #[must_use]
    pub const fn page_number(self) -> u64 {
        self.0 >> PAGE_SHIFT
    }
}

impl Frame {
    /// A frame by its number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number & (PHYS_MASK >> PAGE_SHIFT))
    }

    /// The frame's number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The physical address of the frame's first byte.
    #[must_use]
    pub const fn start(self) -> PhysAddr {
        PhysAddr(self.0 << PAGE_SHIFT)
    }

    /// The frame `count` further on.
    #[must_use]
    pub const fn offset(self, count: u64) -> Self {
        Self::new(self.0 + count)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:#x})", self.0)
    }
}

/// A half-open range of virtual addresses.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VirtRange {
    /// First address.
    pub start: VirtAddr,
    /// First address above the range.
    pub end: VirtAddr,
}

impl VirtRange {
    /// The range from `start` up to `end`; empty when `end` does not lie above `start`.
    #[must_use]
    pub const fn new(start: VirtAddr, end: VirtAddr) -> Self {
        if end.0 < start.0 { Self { start, end: start } } else { Self { start, end } }
    }

    /// `len` bytes from `start`; `None` when the end overflows.
    #[must_use]
    pub const fn from_len(start: VirtAddr, len: u64) -> Option<Self> {
        match start.checked_add(len) {
            Some(end) => Some(Self { start, end }),
            None => None,
        }
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.end.0 - self.start.0
    }

    /// Whole pages in the range.
    #[must_use]
    pub const fn pages(&self) -> u64 {
        self.len() >> PAGE_SHIFT
    }

    /// Whether the range holds no address.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.end.0 == self.start.0
    }

    /// Whether `address` lies in the range.
    #[must_use]
    pub const fn contains(&self, address: VirtAddr) -> bool {
        self.start.0 <= address.0 && address.0 < self.end.0
    }

    /// Whether all of `other` lies in the range.
    #[must_use]
    pub const fn contains_range(&self, other: &Self) -> bool {
        self.start.0 <= other.start.0 && other.end.0 <= self.end.0
    }

    /// Whether the ranges share an address.
    #[must_use]
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.start.0 < other.end.0 && other.start.0 < self.end.0
    }

    /// The shared part; `None` when there is none.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let start = self.start.max(other.start);
        let end = self.end.min(other.end);
        (start < end).then_some(Self { start, end })
    }

    /// Whether both bounds are page-aligned and in user space.
    #[must_use]
    pub const fn is_user_pages(&self) -> bool {
        self.start.is_aligned(PAGE_SIZE_U64) && self.end.is_aligned(PAGE_SIZE_U64) && self.end.0 <= USER_END
    }
}

impl fmt::Debug for VirtRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}..{:#x}", self.start.0, self.end.0)
    }
}

/// Rounds a length in bytes up to whole pages; `None` on overflow.
#[must_use]
pub const fn page_align_up(len: u64) -> Option<u64> {
    match len.checked_add(PAGE_SIZE_U64 - 1) {
        Some(sum) => Some(sum & !(PAGE_SIZE_U64 - 1)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alignment_rounds_and_saturates() {
        assert_eq!(VirtAddr::new(0x1fff).align_down(0x1000), VirtAddr::new(0x1000));
        assert_eq!(VirtAddr::new(0x1001).align_up(0x1000), VirtAddr::new(0x2000));
        assert_eq!(VirtAddr::new(u64::MAX).align_up(0x1000).as_u64(), 0xffff_ffff_ffff_f000);
        assert_eq!(page_align_up(u64::MAX), None);
    }

    #[test]
    fn ranges_intersect_by_half_open_rules() {
        let a = VirtRange::new(VirtAddr::new(0x1000), VirtAddr::new(0x3000));
        let b = VirtRange::new(VirtAddr::new(0x3000), VirtAddr::new(0x4000));
        assert!(!a.overlaps(&b));
        assert_eq!(a.intersection(&b), None);
        assert!(a.contains(VirtAddr::new(0x2fff)));
        assert_eq!(a.pages(), 2);
    }
}
