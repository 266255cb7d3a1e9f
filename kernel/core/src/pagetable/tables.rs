//! One tree of page tables and every change of it.

use super::{ENTRIES, Entry, LEAF_SPAN, OutOfTables, PteFlags, Sink, Slot, TableMemory};
use crate::addr::{Frame, PAGE_SHIFT, PAGE_SIZE_U64, VirtAddr, VirtRange};

/// Upper entries of user space; the kernel's differ by `USER`.
const UPPER_USER: PteFlags = PteFlags::PRESENT.union(PteFlags::WRITE).union(PteFlags::USER);
const UPPER_KERNEL: PteFlags = PteFlags::PRESENT.union(PteFlags::WRITE);
/// Top-level entries of user space.
const USER_TOP: usize = ENTRIES / 2;

/// A tree of page tables.
#[derive(Debug)]
pub struct Tables<M> {
    root: Frame,
    memory: M,
}

/// Index of `va` in the table of a level (0 is the last level).
const fn index(va: VirtAddr, level: u32) -> usize {
    (va.as_u64() >> (PAGE_SHIFT + 9 * level)) as usize % ENTRIES
}

const fn leaf_base(va: VirtAddr) -> VirtAddr {
    va.align_down(LEAF_SPAN)
}

impl<M: TableMemory> Tables<M> {
    /// The tree whose top-level table is `root`.
    pub const fn new(root: Frame, memory: M) -> Self {
        Self { root, memory }
    }

    /// The top-level table.
    pub const fn root(&self) -> Frame {
        self.root
    }

    /// The entry for a page with the write permission that holds on the whole path; `EMPTY` where nothing is mapped.
    #[inline]
    pub fn lookup(&self, va: VirtAddr) -> Entry {
        let Some(slot) = self.middle_slot(va) else { return Entry::EMPTY };
        let middle = self.memory.load(slot);
        if !middle.is_present() {
            return Entry::EMPTY;
        }
        let entry = self.memory.load(Slot { table: middle.frame(), index: index(va, 0) });
        if middle.is_writable() { entry } else { entry.without(PteFlags::WRITE) }
    }

    /// Stores an entry and answers with the one before; makes the tables on the way and unshares the last.
    /// The caller flushes if the entry before was present.
    pub fn replace(&mut self, va: VirtAddr, entry: Entry, sink: &mut impl Sink) -> Result<Entry, OutOfTables> {
        let table = self.make_leaf(va, sink)?;
        Ok(self.memory.swap(Slot { table, index: index(va, 0) }, entry))
    }

    /// Makes sure that storing entries in `range` will need no memory.
    pub fn reserve(&mut self, range: VirtRange, sink: &mut impl Sink) -> Result<(), OutOfTables> {
        let mut va = leaf_base(range.start);
        while va < range.end {
            self.make_leaf(va, sink)?;
            va = va + LEAF_SPAN;
        }
        Ok(())
    }

    /// Calls `visit` for each mapped page of `range`, in order.
    pub fn for_each(&self, range: VirtRange, mut visit: impl FnMut(VirtAddr, Entry)) {
        self.for_each_leaf(range, |part, slot| {
            let table = self.memory.load(slot).frame();
            let mut va = part.start;
            while va < part.end {
                let entry = self.memory.load(Slot { table, index: index(va, 0) });
                if entry.is_mapped() {
                    visit(va, entry);
                }
                va = va + PAGE_SIZE_U64;
            }
        });
    }

    /// Takes every page of `range` out of the tree; `removed` sees each. A last-level table that the range
    /// covers leaves whole, so that a shared one is never copied for that.
    pub fn unmap(
        &mut self,
        range: VirtRange,
        sink: &mut impl Sink,
        mut removed: impl FnMut(Entry),
    ) -> Result<(), OutOfTables> {
        // Copies of shared tables first: after them nothing fails, so nothing is left half done.
        for edge in [range.start, range.end] {
            self.own_edge(edge, sink)?;
        }
        self.try_each_leaf(range, |tree, part, slot| {
            let leaf = tree.memory.load(slot).frame();
            if part.len() == LEAF_SPAN {
                tree.count_mapped(leaf, part, &mut removed);
                tree.memory.store(slot, Entry::EMPTY);
                sink.flush(part);
                sink.table(leaf);
                return Ok(());
            }
            if tree.count_mapped(leaf, part, &mut |_| ()) == 0 {
                return Ok(());
            }
            let leaf = tree.unshare(slot, part.start, sink)?;
            let mut va = part.start;
            while va < part.end {
                let place = Slot { table: leaf, index: index(va, 0) };
                if tree.memory.load(place).is_mapped() {
                    let entry = tree.memory.swap(place, Entry::EMPTY);
                    removed(entry);
                    sink.flush(VirtRange::new(va, va + PAGE_SIZE_U64));
                    sink.page(entry.frame());
                }
                va = va + PAGE_SIZE_U64;
            }
            Ok(())
        })
    }

    /// Rewrites the mapped entries of `range` by `change`, which keeps the frame. Dirty and accessed bits that
    /// the CPU sets meanwhile may be lost when `change` clears them, never otherwise.
    pub fn update(
        &mut self,
        range: VirtRange,
        sink: &mut impl Sink,
        change: impl Fn(VirtAddr, Entry) -> Entry,
    ) -> Result<(), OutOfTables> {
        self.try_each_leaf(range, |tree, part, slot| {
            let leaf = tree.memory.load(slot).frame();
            if tree.count_mapped(leaf, part, &mut |_| ()) == 0 {
                return Ok(());
            }
            let leaf = tree.unshare(slot, part.start, sink)?;
            let mut va = part.start;
            while va < part.end {
                let place = Slot { table: leaf, index: index(va, 0) };
                let before = tree.memory.load(place);
                let after = if before.is_mapped() { change(va, before) } else { before };
                if after != before {
                    // The CPU may have set bits since the load: what it saw dirty stays dirty.
                    let seen = tree.memory.swap(place, after);
                    let late = seen.flags() - before.flags();
                    if !late.is_empty() {
                        tree.memory.store(place, after.with(late));
                    }
                    sink.flush(VirtRange::new(va, va + PAGE_SIZE_U64));
                }
                va = va + PAGE_SIZE_U64;
            }
            Ok(())
        })
    }

    /// Gives `child` every last-level table of user space. Both trees lose the write permission on them.
    pub fn share_into(&mut self, child: &mut Self, sink: &mut impl Sink) -> Result<(), OutOfTables> {
        sink.flush_all();
        let user = VirtRange::new(VirtAddr::new(0), VirtAddr::new(crate::addr::USER_END));
        self.try_each_leaf(user, |tree, part, slot| {
            let to = child.make_middle(part.start)?;
            tree.memory.clear(slot, PteFlags::WRITE);
            let entry = tree.memory.load(slot).without(PteFlags::WRITE);
            tree.memory.retain_table(entry.frame());
            child.memory.store(to, entry);
            Ok(())
        })
    }

    /// Removes the tables that lie wholly within `hull`, in which nothing is mapped any more.
    pub fn free_tables(&mut self, hull: VirtRange, sink: &mut impl Sink) {
        let root = self.root;
        self.free_level(root, 3, VirtAddr::new(0), hull, sink);
    }

    /// Takes the whole user half out of the tree; only the top-level table is left.
    pub fn clear_user(&mut self, sink: &mut impl Sink) {
        for top in 0..USER_TOP {
            let entry = self.memory.swap(Slot { table: self.root, index: top }, Entry::EMPTY);
            if entry.is_present() {
                self.drop_upper(entry.frame(), 2, sink);
            }
        }
        sink.flush_all();
    }

    fn drop_upper(&self, table: Frame, level: u32, sink: &mut impl Sink) {
        for index in 0..ENTRIES {
            let entry = self.memory.load(Slot { table, index });
            if !entry.is_present() {
                continue;
            }
            if level == 1 {
                sink.table(entry.frame());
            } else {
                self.drop_upper(entry.frame(), level - 1, sink);
            }
        }
        sink.upper_table(table);
    }

    /// Frees children of `table` (of level `level`, mapping from `base`) inside the hull.
    fn free_level(&mut self, table: Frame, level: u32, base: VirtAddr, hull: VirtRange, sink: &mut impl Sink) {
        let span = PAGE_SIZE_U64 << (9 * level);
        let first = (hull.start - base) / span;
        let last = hull.end.saturating_sub(1).saturating_sub(base.as_u64()).as_u64() / span;
        let limit = if level == 3 { USER_TOP } else { ENTRIES };
        for place in first as usize..limit.min(last as usize + 1) {
            let slot = Slot { table, index: place };
            let entry = self.memory.load(slot);
            if !entry.is_present() {
                continue;
            }
            let start = base + span * place as u64;
            let covered = hull.contains_range(&VirtRange::new(start, start + span));
            if level > 1 {
                self.free_level(entry.frame(), level - 1, start, hull, sink);
            }
            if !covered {
                continue;
            }
            self.memory.store(slot, Entry::EMPTY);
            sink.flush(VirtRange::new(start, start + span));
            if level == 1 {
                sink.table(entry.frame());
            } else {
                sink.upper_table(entry.frame());
            }
        }
    }

    /// Unshares the last-level table that an address cuts in two, if there is one.
    fn own_edge(&mut self, edge: VirtAddr, sink: &mut impl Sink) -> Result<(), OutOfTables> {
        if edge.is_aligned(LEAF_SPAN) {
            return Ok(());
        }
        match self.middle_slot(edge) {
            Some(slot) if self.memory.load(slot).is_present() => self.unshare(slot, edge, sink).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Calls `removed` for each mapped entry of a part of one last-level table; how many there were.
    fn count_mapped(&self, leaf: Frame, part: VirtRange, removed: &mut impl FnMut(Entry)) -> usize {
        let mut count = 0;
        let first = index(part.start, 0);
        for index in first..first + part.pages() as usize {
            let entry = self.memory.load(Slot { table: leaf, index });
            if entry.is_mapped() {
                removed(entry);
                count += 1;
            }
        }
        count
    }

    /// The place of the entry that names the last-level table; `None` where an upper table is missing.
    #[inline]
    fn middle_slot(&self, va: VirtAddr) -> Option<Slot> {
        let mut table = self.root;
        for level in [3, 2] {
            let entry = self.memory.load(Slot { table, index: index(va, level) });
            if !entry.is_present() {
                return None;
            }
            table = entry.frame();
        }
        Some(Slot { table, index: index(va, 1) })
    }

    fn make_middle(&mut self, va: VirtAddr) -> Result<Slot, OutOfTables> {
        let mut table = self.root;
        for level in [3, 2] {
            table = self.child(Slot { table, index: index(va, level) }, va)?;
        }
        Ok(Slot { table, index: index(va, 1) })
    }

    fn make_leaf(&mut self, va: VirtAddr, sink: &mut impl Sink) -> Result<Frame, OutOfTables> {
        let slot = self.make_middle(va)?;
        let entry = self.memory.load(slot);
        if entry.is_present() && entry.is_writable() {
            return Ok(entry.frame());
        }
        if entry.is_present() {
            return self.unshare(slot, va, sink);
        }
        self.child(slot, va)
    }

    /// The table that an upper entry names; makes one where it names none.
    fn child(&mut self, slot: Slot, va: VirtAddr) -> Result<Frame, OutOfTables> {
        let entry = self.memory.load(slot);
        if entry.is_present() {
            return Ok(entry.frame());
        }
        let table = self.memory.alloc_table().ok_or(OutOfTables)?;
        let flags = if va.is_user() { UPPER_USER } else { UPPER_KERNEL };
        self.memory.store(slot, Entry::new(table, flags));
        Ok(table)
    }

    /// Makes the last-level table at `slot` this tree's own (see the module's comment) and answers with it.
    fn unshare(&mut self, slot: Slot, va: VirtAddr, sink: &mut impl Sink) -> Result<Frame, OutOfTables> {
        let middle = self.memory.load(slot);
        let old = middle.frame();
        if middle.is_writable() {
            return Ok(old);
        }
        if self.memory.table_count(old) == 1 {
            self.memory.store(slot, middle.with(PteFlags::WRITE));
            return Ok(old);
        }
        let new = self.memory.alloc_table().ok_or(OutOfTables)?;
        for index in 0..ENTRIES {
            let from = Slot { table: old, index };
            let mut entry = self.memory.load(from);
            if !entry.is_mapped() {
                continue;
            }
            self.memory.retain_page(entry.frame());
            if entry.is_writable() && !entry.is_shared() {
                self.memory.clear(from, PteFlags::WRITE);
                entry = entry.without(PteFlags::WRITE);
            }
            self.memory.store(Slot { table: new, index }, entry);
        }
        self.memory.store(slot, Entry::new(new, UPPER_USER));
        let start = leaf_base(va);
        sink.flush(VirtRange::new(start, start + LEAF_SPAN));
        sink.table(old);
        Ok(new)
    }

    /// Calls `visit` with each part of `range` that one existing last-level table maps, and the entry that names it.
    fn for_each_leaf(&self, range: VirtRange, mut visit: impl FnMut(VirtRange, Slot)) {
        let mut va = range.start;
        while va < range.end {
            let Some((slot, start)) = self.next_leaf(va, range.end) else { return };
            let end = (leaf_base(start) + LEAF_SPAN).min(range.end);
            visit(VirtRange::new(start, end), slot);
            va = end;
        }
    }

    /// As [`Tables::for_each_leaf`], for changes that may fail.
    fn try_each_leaf(
        &mut self,
        range: VirtRange,
        mut visit: impl FnMut(&mut Self, VirtRange, Slot) -> Result<(), OutOfTables>,
    ) -> Result<(), OutOfTables> {
        let mut va = range.start;
        while va < range.end {
            let Some((slot, start)) = self.next_leaf(va, range.end) else { break };
            let end = (leaf_base(start) + LEAF_SPAN).min(range.end);
            visit(self, VirtRange::new(start, end), slot)?;
            va = end;
        }
        Ok(())
    }

    /// The first existing last-level table at or after `va`: the entry that names it and the first address in it
    /// that is not below `va`. Skips holes a table at a time.
    fn next_leaf(&self, va: VirtAddr, end: VirtAddr) -> Option<(Slot, VirtAddr)> {
        let mut va = va;
        'next: while va < end {
            let mut table = self.root;
            for level in [3, 2, 1] {
                let slot = Slot { table, index: index(va, level) };
                let entry = self.memory.load(slot);
                if !entry.is_present() {
                    let span = PAGE_SIZE_U64 << (9 * level);
                    va = va.align_down(span).checked_add(span)?;
                    continue 'next;
                }
                if level == 1 {
                    return Some((slot, va));
                }
                table = entry.frame();
            }
        }
        None
    }
}
