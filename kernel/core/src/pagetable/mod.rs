//! Page tables of x86-64, four levels: entries, the walk, and last-level tables that address spaces share after fork.
//!
//! Layers: [`Entry`] is one 64-bit entry; [`TableMemory`] is where tables lie and who counts them; [`Tables`] is one
//! tree and does every change.
//!
//! Life of a last-level table: made for one tree (count 1); [`Tables::share_into`] gives a second tree the same table,
//! counts it and takes write permission from both upper entries; before either tree changes an entry it *unshares*:
//! if it is the last holder it only takes the write permission back, else it copies the table, counting every page
//! once more and write-protecting private pages in both copies. A tree that drops a table it shares loses its count only.
//!
//! Locking: a tree is changed under its owner's lock. Two trees that share a table need no common lock: while the count
//! is above one nobody changes it but to clear write bits, and only a holder can raise the count.
//!
//! Nothing is freed here. Pages, tables and ranges to flush go to a [`Sink`], which frees after the flush.

mod entry;
mod tables;
#[cfg(test)]
mod tests;

use crate::addr::{Frame, VirtRange};
pub use entry::{Entry, PteFlags};
pub use tables::Tables;

/// Entries in a table.
pub const ENTRIES: usize = 512;
/// Bytes that a last-level table maps.
pub const LEAF_SPAN: u64 = 2 << 20;

/// One entry's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    /// The frame that holds the table.
    pub table: Frame,
    /// Index of the entry, below [`ENTRIES`].
    pub index: usize,
}

/// There was no memory for a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfTables;

/// The memory in which tables lie. Accesses to entries are atomic: the CPU sets accessed and dirty bits on its own.
pub trait TableMemory {
    /// Reads an entry.
    fn load(&self, slot: Slot) -> Entry;
    /// Overwrites an entry.
    fn store(&self, slot: Slot, entry: Entry);
    /// Overwrites an entry and answers with the one before, as one step.
    fn swap(&self, slot: Slot, entry: Entry) -> Entry;
    /// Clears bits of an entry as one step.
    fn clear(&self, slot: Slot, flags: PteFlags);
    /// A zeroed table with count 1.
    fn alloc_table(&self) -> Option<Frame>;
    /// Holders of a table. Orders what the other holders did before they let go before what the caller does next.
    fn table_count(&self, table: Frame) -> u32;
    /// Adds a holder.
    fn retain_table(&self, table: Frame);
    /// Adds a reference to a mapped page.
    fn retain_page(&self, page: Frame);
}

/// What a change leaves behind: references to drop once no CPU can use the old translation any more.
pub trait Sink {
    /// A reference to a page was taken out of the tree.
    fn page(&mut self, page: Frame);
    /// A holder of a last-level table let go; the last one frees the pages in it as well.
    fn table(&mut self, table: Frame);
    /// A table of an upper level, empty, left the tree.
    fn upper_table(&mut self, table: Frame);
    /// Translations of this range may be cached wrongly.
    fn flush(&mut self, range: VirtRange);
    /// All translations of the tree may be cached wrongly.
    fn flush_all(&mut self);
}
