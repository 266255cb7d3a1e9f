//! The kernel's own page tables: direct map with large pages, image with W^X, and the vmap area page by page.

use super::memory::DirectTables;
use super::{DIRECT_MAP_LEN, VMAP, direct};
use crate::boot::{BootInfo, MemoryKind, MemoryRange};
use crate::cpu;
use crate::layout::{DIRECT_MAP, KERNEL_BASE as IMAGE_BASE};
use core::ops::Range;
use kernel_core::addr::{Frame, PAGE_SIZE_U64, PhysAddr, VirtAddr, VirtRange};
use kernel_core::pagetable::{Entry, OutOfTables, PteFlags, Sink, Slot, TableMemory, Tables};
use kernel_sync::{Once, Rank, SpinLock};

const TABLE: PteFlags = PteFlags::PRESENT.union(PteFlags::WRITE);
const DATA: PteFlags = PteFlags::PRESENT.union(PteFlags::WRITE).union(PteFlags::GLOBAL).union(PteFlags::NO_EXEC);
const CONSTANT: PteFlags = PteFlags::PRESENT.union(PteFlags::GLOBAL).union(PteFlags::NO_EXEC);
const CODE: PteFlags = PteFlags::PRESENT.union(PteFlags::GLOBAL);
const MIB2: u64 = 2 << 20;
const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

static KERNEL: Once<SpinLock<Tables<DirectTables>>> = Once::new();
static ROOT: Once<PhysAddr> = Once::new();

/// The top-level table of the kernel's own tree, for CPUs that start.
#[must_use]
pub fn kernel_root() -> PhysAddr {
    *ROOT.get().expect("page tables are set up")
}

/// Builds the kernel's tables and switches this CPU to them. The boot tables, which map the first 4 GiB, are in use.
pub(crate) fn init(info: &BootInfo) {
    let root = new_table();
    map_image(root);
    map_direct(root, 0..MIB);
    for (index, range) in info.memory.iter().enumerate() {
        if range.kind.is_ram() || is_firmware_table(info.memory, index) {
            map_direct(root, range.start.as_u64().max(MIB)..range.end.as_u64().min(DIRECT_MAP_LEN));
        }
    }
    child(Slot { table: root, index: top_index(VMAP) });
    ROOT.call_once(|| root.start());
    KERNEL.call_once(|| SpinLock::new(Rank::PAGE_TABLE, Tables::new(root, DirectTables)));
    // SAFETY: the new tables map this code, this stack (in the image) and all RAM as the old ones did.
    unsafe {
        core::arch::asm!("mov cr3, {}", in(reg) root.start().as_u64(), options(nostack, preserves_flags));
    }
}

/// Maps one page of the vmap area.
pub(crate) fn map_kernel(va: VirtAddr, frame: Frame, flags: PteFlags) -> Result<(), OutOfTables> {
    let mut tables = tables().lock();
    let before = tables.replace(va, Entry::new(frame, flags | PteFlags::PRESENT | PteFlags::NO_EXEC), &mut Nothing)?;
    debug_assert!(!before.is_mapped());
    Ok(())
}

/// Unmaps one page of the vmap area; the caller flushes before it uses the frame or the address again.
pub(crate) fn unmap_kernel(va: VirtAddr) -> Option<Frame> {
    let mut tables = tables().lock();
    // The table exists where something is mapped, so nothing is allocated.
    let before = tables.lookup(va);
    if !before.is_mapped() {
        return None;
    }
    tables.replace(va, Entry::EMPTY, &mut Nothing).ok().map(Entry::frame)
}

/// What the vmap area maps at an address.
pub(super) fn physical(va: VirtAddr) -> Option<PhysAddr> {
    if va.as_u64() < VMAP {
        return None;
    }
    let entry = tables().lock().lookup(va);
    entry.is_present().then(|| entry.frame().start() + va.page_offset() as u64)
}

/// Kernel tables are never shared, so a change of one entry leaves nothing behind.
struct Nothing;

impl Sink for Nothing {
    fn page(&mut self, _page: Frame) {}
    fn table(&mut self, _table: Frame) {}
    fn upper_table(&mut self, _table: Frame) {}
    fn flush(&mut self, _range: VirtRange) {}
    fn flush_all(&mut self) {}
}

fn tables() -> &'static SpinLock<Tables<DirectTables>> {
    KERNEL.get().expect("page tables are set up")
}

/// Firmware tables are RAM that the map calls reserved: marked as ACPI, or a reserved range right behind usable RAM.
fn is_firmware_table(map: &[MemoryRange], index: usize) -> bool {
    let range = &map[index];
    let behind_ram = index > 0 && map[index - 1].kind.is_ram() && map[index - 1].end == range.start;
    match range.kind {
        MemoryKind::AcpiNvs => true,
        MemoryKind::Reserved => behind_ram && range.len() <= 16 * MIB,
        MemoryKind::Usable | MemoryKind::AcpiReclaimable | MemoryKind::Initrd | MemoryKind::Kernel => false,
    }
}

const fn top_index(va: u64) -> usize {
    level_index(va, 3)
}

const fn level_index(va: u64, level: u32) -> usize {
    (va >> (12 + 9 * level)) as usize % 512
}

fn new_table() -> Frame {
    DirectTables.alloc_table().expect("no memory for the kernel's page tables")
}

fn child(slot: Slot) -> Frame {
    let entry = DirectTables.load(slot);
    if entry.is_present() {
        debug_assert!(!entry.flags().contains(PteFlags::LARGE));
        return entry.frame();
    }
    let table = new_table();
    DirectTables.store(slot, Entry::new(table, TABLE));
    table
}

/// Maps one page of the size of `level` (0: 4 KiB, 1: 2 MiB, 2: 1 GiB).
fn map_page(root: Frame, va: VirtAddr, at: u64, flags: PteFlags, level: u32) {
    let mut table = root;
    for upper in (level + 1..4).rev() {
        table = child(Slot { table, index: level_index(va.as_u64(), upper) });
    }
    let size = if level == 0 { PteFlags::empty() } else { PteFlags::LARGE };
    let slot = Slot { table, index: level_index(va.as_u64(), level) };
    DirectTables.store(slot, Entry::new(PhysAddr::new(at).frame(), flags | size));
}

/// Maps RAM in the direct map with the largest pages that fit; text and constants of the kernel read-only.
fn map_direct(root: Frame, range: Range<u64>) {
    let constant = constant_image();
    let mut at = range.start & !(PAGE_SIZE_U64 - 1);
    while at < range.end {
        let fits = |size: u64| {
            let clear = at + size <= constant.start || constant.end <= at;
            at.is_multiple_of(size) && at + size <= range.end && clear
        };
        let level = match () {
            () if cpu::features().gigabyte_pages && fits(GIB) => 2,
            () if fits(MIB2) => 1,
            () => 0,
        };
        let flags = if constant.contains(&at) { CONSTANT } else { DATA };
        map_page(root, direct(PhysAddr::new(at)), at, flags, level);
        at += PAGE_SIZE_U64 << (9 * level);
    }
}

/// The image at its link address: code read and execute, constants read only, data read and write.
fn map_image(root: Frame) {
    let [text, rodata, data] = sections();
    for (section, flags) in [(text, CODE), (rodata, CONSTANT), (data, DATA)] {
        let mut va = section.start;
        while va < section.end {
            map_page(root, VirtAddr::new(va), va - IMAGE_BASE, flags, 0);
            va += PAGE_SIZE_U64;
        }
    }
}

/// The part of the image that nobody writes, as physical addresses.
fn constant_image() -> Range<u64> {
    let [text, rodata, _] = sections();
    text.start.wrapping_sub(IMAGE_BASE)..rodata.end.wrapping_sub(IMAGE_BASE)
}

/// Link addresses of text, constants and data.
#[cfg(target_os = "none")]
fn sections() -> [Range<u64>; 3] {
    unsafe extern "C" {
        static __text_start: u8;
        static __text_end: u8;
        static __rodata_start: u8;
        static __rodata_end: u8;
        static __data_start: u8;
        static __kernel_end: u8;
    }
    let at = |symbol: *const u8| symbol.addr() as u64;
    [
        at(&raw const __text_start)..at(&raw const __text_end),
        at(&raw const __rodata_start)..at(&raw const __rodata_end),
        at(&raw const __data_start)..at(&raw const __kernel_end),
    ]
}

/// A host process has no kernel image.
#[cfg(not(target_os = "none"))]
fn sections() -> [Range<u64>; 3] {
    [0..0, 0..0, 0..0]
}

const _: () = assert!(DIRECT_MAP + DIRECT_MAP_LEN <= VMAP);
