//! Tables in RAM, reached through the direct map; their frames' metadata counts the holders.

use super::direct_ptr;
use crate::frame::meta::{Kind, meta};
use crate::frame::{Purpose, alloc_zeroed_frame};
use core::sync::atomic::{AtomicU64, Ordering};
use kernel_core::addr::Frame;
use kernel_core::pagetable::{ENTRIES, Entry, PteFlags, Slot, TableMemory};

/// The memory of every page table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DirectTables;

/// The entry at a slot. The CPU's walker reads and writes it too, so it is atomic.
#[inline]
fn entry(slot: Slot) -> &'static AtomicU64 {
    assert!(slot.index < ENTRIES);
    // SAFETY: tables come from `alloc_table` or the boot code, lie in the direct map, and stay allocated as long as
    // an entry or a root names them; an aligned word that all parties access atomically.
    unsafe { &*direct_ptr::<AtomicU64>(slot.table.start()).add(slot.index) }
}

impl TableMemory for DirectTables {
    #[inline]
    fn load(&self, slot: Slot) -> Entry {
        // Acquire pairs with the Release in store(): who sees a new table sees it zeroed.
        Entry::from_bits(entry(slot).load(Ordering::Acquire))
    }

    #[inline]
    fn store(&self, slot: Slot, new: Entry) {
        // Release pairs with the Acquire in load() and with the walkers of other CPUs.
        entry(slot).store(new.bits(), Ordering::Release);
    }

    #[inline]
    fn swap(&self, slot: Slot, new: Entry) -> Entry {
        // AcqRel: as load() and store() at once.
        Entry::from_bits(entry(slot).swap(new.bits(), Ordering::AcqRel))
    }

    fn clear(&self, slot: Slot, flags: PteFlags) {
        // Release, as store().
        entry(slot).fetch_and(!flags.bits(), Ordering::Release);
    }

    fn alloc_table(&self) -> Option<Frame> {
        alloc_zeroed_frame(Kind::Table, Purpose::User).ok()
    }

    fn table_count(&self, table: Frame) -> u32 {
        // Acquire pairs with the Release in Meta::drop_one(): a sole holder sees the others' last changes.
        meta(table).count.load(Ordering::Acquire)
    }

    fn retain_table(&self, table: Frame) {
        meta(table).retain();
    }

    fn retain_page(&self, page: Frame) {
        meta(page).retain();
    }
}
