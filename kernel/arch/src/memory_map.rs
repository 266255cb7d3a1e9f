//! The memory map: what firmware reports, made disjoint, page-aligned and sorted, with the kernel image, the initrd
//! and the first megabyte carved out.

use core::ops::Range;

use arrayvec::ArrayVec;
use kernel_core::addr::{PAGE_SIZE_U64, PhysAddr};

/// The most entries that are taken from the boot loader.
pub const MAX_REPORTED: usize = 64;
/// The most ranges of the finished map.
pub const MAX_RANGES: usize = 128;
/// The first megabyte belongs to firmware and to the start of further CPUs.
const LOW_MEMORY_END: u64 = 1 << 20;

/// What a range of physical memory holds. Where ranges overlap, the later kind in this order wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemoryKind {
    /// RAM for the frame allocator.
    Usable,
    /// ACPI tables; RAM once they are read.
    AcpiReclaimable,
    /// ACPI sleep state.
    AcpiNvs,
    /// Anything else that is not to be touched.
    Reserved,
    /// RAM that holds the initrd.
    Initrd,
    /// RAM that holds the kernel image.
    Kernel,
}

impl MemoryKind {
    /// Whether the range is RAM, and so part of the direct map.
    #[must_use]
    pub const fn is_ram(self) -> bool {
        matches!(self, Self::Usable | Self::Initrd | Self::Kernel | Self::AcpiReclaimable)
    }

    /// From the type numbers of the BIOS (E820), which PVH and Multiboot2 share.
    #[must_use]
    pub const fn from_e820(kind: u32) -> Self {
        match kind {
            1 => Self::Usable,
            3 => Self::AcpiReclaimable,
            4 => Self::AcpiNvs,
            _ => Self::Reserved,
        }
    }
}

/// A page-aligned range of physical memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRange {
    /// First address.
    pub start: PhysAddr,
    /// First address above the range.
    pub end: PhysAddr,
    /// What it holds.
    pub kind: MemoryKind,
}

impl MemoryRange {
    /// A range with bounds rounded to pages: inwards for usable RAM, outwards for the rest. `None` when nothing is left.
    #[must_use]
    pub fn new(start: u64, end: u64, kind: MemoryKind) -> Option<Self> {
        let (start, end) = match kind {
            MemoryKind::Usable => (start.checked_add(PAGE_SIZE_U64 - 1)? & !(PAGE_SIZE_U64 - 1), end & !(PAGE_SIZE_U64 - 1)),
            _ => (start & !(PAGE_SIZE_U64 - 1), end.saturating_add(PAGE_SIZE_U64 - 1) & !(PAGE_SIZE_U64 - 1)),
        };
        (start < end).then(|| Self { start: PhysAddr::new(start), end: PhysAddr::new(end), kind })
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Whether the range holds no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }
}

/// Builds the map from the reported ranges. Ranges beyond [`MAX_RANGES`] are dropped.
#[must_use]
pub fn build(
    reported: &[MemoryRange],
    kernel: Range<PhysAddr>,
    initrd: Option<Range<PhysAddr>>,
) -> ArrayVec<MemoryRange, MAX_RANGES> {
    let mut all: ArrayVec<MemoryRange, { MAX_REPORTED + 3 }> = reported.iter().copied().take(MAX_REPORTED).collect();
    let carved = [
        MemoryRange::new(0, LOW_MEMORY_END, MemoryKind::Reserved),
        MemoryRange::new(kernel.start.as_u64(), kernel.end.as_u64(), MemoryKind::Kernel),
        initrd.and_then(|range| MemoryRange::new(range.start.as_u64(), range.end.as_u64(), MemoryKind::Initrd)),
    ];
    all.extend(carved.into_iter().flatten());

    let mut bounds: ArrayVec<PhysAddr, { 2 * (MAX_REPORTED + 3) }> =
        all.iter().flat_map(|range| [range.start, range.end]).collect();
    bounds.sort_unstable();

    let mut map: ArrayVec<MemoryRange, MAX_RANGES> = ArrayVec::new();
    for pair in bounds.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        if start == end {
            continue;
        }
        let Some(kind) = all.iter().filter(|range| range.start <= start && end <= range.end).map(|range| range.kind).max()
        else {
            continue;
        };
        match map.last_mut() {
            Some(last) if last.end == start && last.kind == kind => last.end = end,
            _ => {
                let _ = map.try_push(MemoryRange { start, end, kind });
            }
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, end: u64, kind: MemoryKind) -> MemoryRange {
        MemoryRange::new(start, end, kind).expect("a non-empty range")
    }

    #[test]
    fn kernel_and_initrd_are_carved_out_of_ram() {
        let reported = [range(0, 0x9f000, MemoryKind::Usable), range(0x10_0000, 0x200_0000, MemoryKind::Usable)];
        let map = build(
            &reported,
            PhysAddr::new(0x20_0000)..PhysAddr::new(0x40_0000),
            Some(PhysAddr::new(0x100_0800)..PhysAddr::new(0x100_1800)),
        );
        let expected = [
            range(0, 0x10_0000, MemoryKind::Reserved),
            range(0x10_0000, 0x20_0000, MemoryKind::Usable),
            range(0x20_0000, 0x40_0000, MemoryKind::Kernel),
            range(0x40_0000, 0x100_0000, MemoryKind::Usable),
            range(0x100_0000, 0x100_2000, MemoryKind::Initrd),
            range(0x100_2000, 0x200_0000, MemoryKind::Usable),
        ];
        assert_eq!(map.as_slice(), expected);
    }

    #[test]
    fn reserved_wins_over_usable_and_usable_shrinks_to_pages() {
        let reported = [range(0x10_0001, 0x30_0fff, MemoryKind::Usable), range(0x20_0000, 0x20_0001, MemoryKind::Reserved)];
        let map = build(&reported, PhysAddr::new(0x40_0000)..PhysAddr::new(0x40_1000), None);
        assert_eq!(map[1], range(0x10_1000, 0x20_0000, MemoryKind::Usable));
        assert_eq!(map[2], range(0x20_0000, 0x20_1000, MemoryKind::Reserved));
        assert_eq!(map[3].end, PhysAddr::new(0x30_0000));
    }

    #[test]
    fn adjacent_ranges_of_one_kind_merge() {
        let reported = [range(0x10_0000, 0x20_0000, MemoryKind::Usable), range(0x20_0000, 0x30_0000, MemoryKind::Usable)];
        let map = build(&reported, PhysAddr::new(0x80_0000)..PhysAddr::new(0x80_1000), None);
        assert_eq!(map[1], range(0x10_0000, 0x30_0000, MemoryKind::Usable));
    }
}
