//! [`Gather`]: pages and tables that left an address space, freed once no CPU can reach them any more.

use super::memory::DirectTables;
use super::tlb::{self, Flush};
use crate::frame::meta::meta;
use crate::frame::{PageRef, free_frame};
use arrayvec::ArrayVec;
use kernel_core::addr::{Frame, VirtRange};
use kernel_core::pagetable::{ENTRIES, Sink, Slot, TableMemory};

const PAGES: usize = 128;
const TABLES: usize = 64;

/// Collects what changes of one tree leave behind. Dropping it flushes the translations on every CPU that
/// uses the tree, waits for them, and only then drops the references.
#[must_use = "the flush happens when the gather is dropped"]
pub struct Gather {
    root: Frame,
    flush: Flush,
    pages: ArrayVec<Frame, PAGES>,
    tables: ArrayVec<Frame, TABLES>,
    uppers: ArrayVec<Frame, TABLES>,
}

impl Gather {
    pub(super) fn new(root: Frame) -> Self {
        Self { root, flush: Flush::None, pages: ArrayVec::new(), tables: ArrayVec::new(), uppers: ArrayVec::new() }
    }

    /// Flushes and frees now.
    pub fn settle(&mut self) {
        tlb::shootdown(self.root, core::mem::replace(&mut self.flush, Flush::None));
        for page in self.pages.drain(..) {
            drop(PageRef::adopt(page));
        }
        for table in self.tables.drain(..) {
            release_leaf(table);
        }
        for table in self.uppers.drain(..) {
            free_frame(table);
        }
    }
}

impl Sink for Gather {
    fn page(&mut self, page: Frame) {
        if self.pages.is_full() {
            self.settle();
        }
        self.pages.push(page);
    }

    fn table(&mut self, table: Frame) {
        if self.tables.is_full() {
            self.settle();
        }
        self.tables.push(table);
    }

    fn upper_table(&mut self, table: Frame) {
        if self.uppers.is_full() {
            self.settle();
        }
        self.uppers.push(table);
    }

    fn flush(&mut self, range: VirtRange) {
        self.flush.add(range);
    }

    fn flush_all(&mut self) {
        self.flush = Flush::All;
    }
}

impl Drop for Gather {
    fn drop(&mut self) {
        self.settle();
    }
}

/// One holder of a last-level table less; the last one drops the pages in it.
fn release_leaf(table: Frame) {
    if !meta(table).drop_one() {
        return;
    }
    for index in 0..ENTRIES {
        let entry = DirectTables.load(Slot { table, index });
        if entry.is_mapped() {
            drop(PageRef::adopt(entry.frame()));
        }
    }
    free_frame(table);
}
