//! From the boot memory map to the allocator: the metadata table, the direct map, then every free frame.

use super::meta::{META, Meta, install};
use super::{BUDDY, PageRef, RESERVE, TOTAL};
use crate::boot::{BootInfo, MemoryKind};
use crate::paging;
use arrayvec::ArrayVec;
use core::mem::size_of;
use core::ops::Range;
use core::sync::atomic::Ordering;
use kernel_core::addr::{PAGE_SHIFT, PAGE_SIZE_U64, PhysAddr};

/// Ranges of free RAM after everything taken is cut out.
const MAX_RANGES: usize = 64;
type Ranges = ArrayVec<Range<u64>, MAX_RANGES>;

/// Frames below 1 MiB stay out: the firmware and the start code of other CPUs live there.
const FIRST_FRAME: u64 = 0x100;
/// The boot page tables map this much, so what is touched before ours must lie below.
const EARLY_LIMIT: u64 = 4 << (30 - PAGE_SHIFT);
/// Links and counts hold frame numbers in 32 bits; the direct map has 4 TiB.
const LAST_FRAME: u64 = 1 << 30;

/// Sets up the frame allocator and the kernel's own page tables, and switches to them. Called once, early, by the
/// first CPU.
pub fn init(info: &BootInfo) {
    let mut free = usable(info);
    install_table(&mut free);
    let mut total = give(&free, 0..EARLY_LIMIT);
    paging::init(info);
    total += give(&free, EARLY_LIMIT..LAST_FRAME);
    TOTAL.store(total, Ordering::Relaxed);
    RESERVE.store((total / 48).clamp(256, 4096), Ordering::Relaxed);
    drop(PageRef::zero());
}

/// Frames of the usable ranges, above the first megabyte. The map is disjoint and page-aligned, with the image and the
/// initrd carved out.
fn usable(info: &BootInfo) -> Ranges {
    let mut ranges = Ranges::new();
    for range in info.memory.iter().filter(|range| range.kind == MemoryKind::Usable) {
        let start = (range.start.as_u64() >> PAGE_SHIFT).max(FIRST_FRAME);
        let end = (range.end.as_u64() >> PAGE_SHIFT).min(LAST_FRAME);
        if start < end && ranges.try_push(start..end).is_err() {
            break;
        }
    }
    ranges
}

/// Takes `taken` out of the ranges.
fn cut(ranges: &mut Ranges, taken: Range<u64>) {
    let mut index = 0;
    while index < ranges.len() {
        let range = ranges[index].clone();
        if range.start >= taken.end || taken.start >= range.end {
            index += 1;
            continue;
        }
        ranges.swap_remove(index);
        for rest in [range.start..taken.start.min(range.end), taken.end.max(range.start)..range.end] {
            if rest.start < rest.end && !ranges.is_full() {
                ranges.push(rest);
            }
        }
    }
}

/// Lays the metadata table into the first range below 4 GiB that has room, and cuts that out.
fn install_table(free: &mut Ranges) {
    let entries = free.iter().map(|range| range.end).max().unwrap_or(0) as usize;
    let len = (entries * size_of::<Meta>()).div_ceil(PAGE_SIZE_U64 as usize) as u64;
    let place = free
        .iter()
        .filter(|range| range.start + len <= range.end.min(EARLY_LIMIT))
        .min_by_key(|range| range.start)
        .map(|range| range.start)
        .expect("no memory for the frame table");
    cut(free, place..place + len);
    let table = paging::direct_ptr::<Meta>(PhysAddr::new(place << PAGE_SHIFT));
    // SAFETY: usable RAM that nothing else was given, mapped by the boot tables now and by ours later; all-zero
    // bytes are valid `Meta`s, and the slice is only ever shared.
    let table = unsafe {
        table.write_bytes(0, entries);
        core::slice::from_raw_parts(table, entries)
    };
    install(table);
}

/// Gives the free frames within `window` to the buddy, the highest first, so that low ones are handed out first. How
/// many there were.
fn give(free: &Ranges, window: Range<u64>) -> usize {
    let mut given = 0;
    let mut buddy = BUDDY.lock();
    let mut sorted: Ranges = free.clone();
    sorted.sort_unstable_by_key(|range| core::cmp::Reverse(range.start));
    for range in sorted {
        let start = range.start.max(window.start);
        let end = range.end.min(window.end);
        if start < end {
            buddy.insert(&META, start as u32..end as u32);
            given += (end - start) as usize;
        }
    }
    given
}
