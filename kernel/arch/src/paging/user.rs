//! [`UserTable`]: the page tables of one user address space.

use super::gather::Gather;
use super::kernel::kernel_root;
use super::memory::DirectTables;
use super::tlb;
use crate::frame::meta::{Kind, meta};
use crate::frame::{OutOfMemory, PageRef, Purpose, alloc_zeroed_frame, free_frame};
use core::sync::atomic::Ordering;
use kernel_core::addr::{Frame, VirtAddr, VirtRange};
use kernel_core::pagetable::{ENTRIES, Entry, OutOfTables, PteFlags, Sink, Slot, TableMemory, Tables};
use kernel_sync::{Rank, SpinLock, SpinLockGuard};

/// One user address space's tree. It is loaded by [`UserTable::activate`], changed through [`UserTable::lock`].
pub struct UserTable {
    root: Frame,
    tables: SpinLock<Tables<DirectTables>>,
}

/// A mapped page as a fault handler sees it.
#[derive(Debug)]
pub struct Mapping {
    /// The page, pinned.
    pub page: PageRef,
    /// Its bits; `WRITE` only when the whole path permits writes.
    pub flags: PteFlags,
}

/// A page that an operation took out of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Removed {
    /// Anonymous memory of its own.
    Anonymous,
    /// A page of a mapped object.
    Object,
    /// The common page of zeros.
    Zero,
}

impl From<OutOfTables> for OutOfMemory {
    fn from(_: OutOfTables) -> Self {
        Self
    }
}

impl UserTable {
    /// An empty user half over the kernel's upper half.
    pub fn new() -> Result<Self, OutOfMemory> {
        let root = alloc_zeroed_frame(Kind::Table, Purpose::User)?;
        for index in ENTRIES / 2..ENTRIES {
            let entry = DirectTables.load(Slot { table: kernel_root().frame(), index });
            DirectTables.store(Slot { table: root, index }, entry);
        }
        meta(root).a.store(0, Ordering::Relaxed);
        Ok(Self { root, tables: SpinLock::new(Rank::PAGE_TABLE, Tables::new(root, DirectTables)) })
    }

    /// Makes this CPU use the tree; nothing happens when it does already.
    #[inline]
    pub fn activate(&self) {
        tlb::load(self.root);
    }

    /// Collects what changes of this tree leave behind. Make it before the lock is taken, so that it is dropped after.
    pub fn gather(&self) -> Gather {
        Gather::new(self.root)
    }

    /// Access to the entries.
    pub fn lock(&self) -> TableGuard<'_> {
        TableGuard { tables: self.tables.lock() }
    }
}

impl Drop for UserTable {
    fn drop(&mut self) {
        tlb::evict(self.root);
        let mut gather = Gather::new(self.root);
        self.tables.get_mut().clear_user(&mut gather);
        drop(gather);
        free_frame(self.root);
    }
}

/// The entries of one tree, locked.
pub struct TableGuard<'a> {
    tables: SpinLockGuard<'a, Tables<DirectTables>>,
}

impl TableGuard<'_> {
    /// The bits of a page's entry; empty where nothing is mapped. `WRITE` only when the whole path permits writes.
    #[must_use]
    pub fn flags(&self, va: VirtAddr) -> PteFlags {
        let entry = self.tables.lookup(va);
        if entry.is_mapped() { entry.flags() } else { PteFlags::empty() }
    }

    /// The mapped page, pinned, with its bits.
    #[must_use]
    pub fn query(&self, va: VirtAddr) -> Option<Mapping> {
        let entry = self.tables.lookup(va);
        entry.is_mapped().then(|| Mapping { page: PageRef::retain(entry.frame()), flags: entry.flags() })
    }

    /// Maps a page; what was mapped there goes to the gather. Answers what that was.
    pub fn map(
        &mut self,
        va: VirtAddr,
        page: PageRef,
        flags: PteFlags,
        gather: &mut Gather,
    ) -> Result<Option<Removed>, OutOfMemory> {
        let before = self.tables.replace(va, Entry::new(page.frame(), flags), gather)?;
        // The entry holds the count now.
        let _frame = page.into_frame();
        if !before.is_mapped() {
            return Ok(None);
        }
        gather.flush(page_at(va));
        gather.page(before.frame());
        Ok(Some(kind_of(before)))
    }

    /// Gives write permission for a private page back if nothing else refers to it; `false` asks for a copy.
    pub fn reclaim(&mut self, va: VirtAddr, gather: &mut Gather) -> Result<bool, OutOfMemory> {
        self.tables.reserve(page_at(va), gather)?;
        let entry = self.tables.lookup(va);
        if !entry.is_mapped() || entry.is_writable() {
            tlb::flush_page(va);
            return Ok(entry.is_mapped());
        }
        // Acquire pairs with the Release in Meta::drop_one(): what other holders wrote before they left is visible.
        let sole = meta(entry.frame()).count.load(Ordering::Acquire) == 1;
        if !sole || entry.is_object() {
            return Ok(false);
        }
        self.tables.replace(va, entry.with(PteFlags::WRITE | PteFlags::DIRTY | PteFlags::ACCESSED), gather)?;
        tlb::flush_page(va);
        Ok(true)
    }

    /// Sets bits of a mapped page's entry (to permit more; other CPUs may fault once more before they see it).
    pub fn permit(&mut self, va: VirtAddr, flags: PteFlags, gather: &mut Gather) -> Result<(), OutOfMemory> {
        self.tables.reserve(page_at(va), gather)?;
        let entry = self.tables.lookup(va);
        if entry.is_mapped() {
            self.tables.replace(va, entry.with(flags), gather)?;
        }
        tlb::flush_page(va);
        Ok(())
    }

    /// Takes every page of a range out; `removed` hears of each.
    pub fn unmap(
        &mut self,
        range: VirtRange,
        gather: &mut Gather,
        mut removed: impl FnMut(Removed),
    ) -> Result<(), OutOfMemory> {
        self.tables.unmap(range, gather, |entry| removed(kind_of(entry)))?;
        Ok(())
    }

    /// Frees the tables of a hull in which nothing is mapped any more.
    pub fn free_tables(&mut self, hull: VirtRange, gather: &mut Gather) {
        self.tables.free_tables(hull, gather);
    }

    /// Rewrites the bits of every mapped page of a range.
    pub fn protect(
        &mut self,
        range: VirtRange,
        gather: &mut Gather,
        change: impl Fn(PteFlags) -> PteFlags,
    ) -> Result<(), OutOfMemory> {
        self.tables.update(range, gather, |_, entry| Entry::new(entry.frame(), change(entry.flags())))?;
        Ok(())
    }

    /// Calls `visit` for each mapped page of a range.
    pub fn for_each(&self, range: VirtRange, mut visit: impl FnMut(VirtAddr, PteFlags)) {
        self.tables.for_each(range, |va, entry| visit(va, entry.flags()));
    }

    /// Moves the pages of `from` to the same offsets from `to`, which is unmapped and of equal length.
    pub fn move_range(&mut self, from: VirtRange, to: VirtAddr, gather: &mut Gather) -> Result<(), OutOfMemory> {
        let target = VirtRange::new(to, to + from.len());
        self.tables.reserve(target, gather)?;
        self.tables.update(from, gather, |_, entry| entry)?;
        let mut at = from.start;
        while at < from.end {
            if self.tables.lookup(at).is_mapped() {
                let entry = self.tables.replace(at, Entry::EMPTY, gather)?;
                self.tables.replace(to + (at - from.start), entry, gather)?;
            }
            at = at + kernel_core::addr::PAGE_SIZE_U64;
        }
        gather.flush(from);
        Ok(())
    }

    /// Gives a new tree everything that this one maps; the last-level tables are shared until one side changes them.
    pub fn share_into(&mut self, child: &mut UserTable, gather: &mut Gather) -> Result<(), OutOfMemory> {
        self.tables.share_into(child.tables.get_mut(), gather)?;
        Ok(())
    }
}

fn page_at(va: VirtAddr) -> VirtRange {
    VirtRange::new(va.page(), va.page() + kernel_core::addr::PAGE_SIZE_U64)
}

fn kind_of(entry: Entry) -> Removed {
    if entry.is_object() {
        Removed::Object
    } else if entry.frame() == PageRef::zero().frame() {
        Removed::Zero
    } else {
        Removed::Anonymous
    }
}
