//! Two forked trees over fake memory, against a plain map of pages.

use super::*;
use crate::addr::{PAGE_SIZE_U64, VirtAddr};
use core::cell::{Cell, RefCell};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::vec::Vec;

#[derive(Default)]
struct Memory {
    tables: RefCell<BTreeMap<Frame, Vec<Cell<u64>>>>,
    counts: RefCell<BTreeMap<Frame, u32>>,
    next: Cell<u64>,
}

type Shared = Rc<Memory>;

impl Memory {
    fn count(&self, frame: Frame, change: i32) -> u32 {
        let mut counts = self.counts.borrow_mut();
        let count = counts.entry(frame).or_default();
        *count = count.checked_add_signed(change).expect("count below zero");
        *count
    }

    fn new_page(&self) -> Frame {
        self.next.set(self.next.get() + 1);
        let frame = Frame::new(self.next.get());
        self.count(frame, 1);
        frame
    }
}

impl TableMemory for Shared {
    fn load(&self, slot: Slot) -> Entry {
        Entry::from_bits(self.tables.borrow()[&slot.table][slot.index].get())
    }
    fn store(&self, slot: Slot, entry: Entry) {
        self.tables.borrow()[&slot.table][slot.index].set(entry.bits());
    }
    fn swap(&self, slot: Slot, entry: Entry) -> Entry {
        let before = self.load(slot);
        self.store(slot, entry);
        before
    }
    fn clear(&self, slot: Slot, flags: PteFlags) {
        self.store(slot, self.load(slot).without(flags));
    }
    fn alloc_table(&self) -> Option<Frame> {
        let frame = self.new_page();
        self.tables.borrow_mut().insert(frame, (0..ENTRIES).map(|_| Cell::new(0)).collect());
        Some(frame)
    }
    fn table_count(&self, table: Frame) -> u32 {
        self.count(table, 0)
    }
    fn retain_table(&self, table: Frame) {
        self.count(table, 1);
    }
    fn retain_page(&self, page: Frame) {
        self.count(page, 1);
    }
}

struct Drops(Shared);

impl Sink for Drops {
    fn page(&mut self, page: Frame) {
        self.0.count(page, -1);
    }
    fn table(&mut self, table: Frame) {
        if self.0.count(table, -1) > 0 {
            return;
        }
        let entries = self.0.tables.borrow_mut().remove(&table).expect("a table");
        for entry in entries.iter().map(|bits| Entry::from_bits(bits.get())).filter(|e| e.is_mapped()) {
            self.0.count(entry.frame(), -1);
        }
    }
    fn upper_table(&mut self, table: Frame) {
        assert_eq!(self.0.count(table, -1), 0);
        self.0.tables.borrow_mut().remove(&table);
    }
    fn flush(&mut self, _range: VirtRange) {}
    fn flush_all(&mut self) {}
}

const PAGE_FLAGS: PteFlags = PteFlags::PRESENT.union(PteFlags::USER).union(PteFlags::WRITE);

/// A tree and what it should map: page number → (frame, shared mapping).
struct Space {
    tree: Tables<Shared>,
    model: BTreeMap<u64, (Frame, bool)>,
}

fn space(memory: &Shared) -> Space {
    let root = memory.alloc_table().unwrap();
    Space { tree: Tables::new(root, memory.clone()), model: BTreeMap::new() }
}

/// Page numbers spread over several last-level tables and two upper ones.
fn page_at(raw: u16) -> u64 {
    let raw = u64::from(raw);
    raw % 96 * 17 + (raw / 96 % 2) * (1 << 18)
}

fn address(page: u64) -> VirtAddr {
    VirtAddr::new(page * PAGE_SIZE_U64)
}

#[derive(Clone, Debug)]
enum Op {
    Map(usize, u16, bool),
    Write(usize, u16),
    Unmap(usize, u16, u16),
    Fork,
    Protect(usize, u16, u16),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0usize..2, any::<u16>(), any::<bool>()).prop_map(|(s, p, shared)| Op::Map(s, p, shared)),
        4 => (0usize..2, any::<u16>()).prop_map(|(s, p)| Op::Write(s, p)),
        2 => (0usize..2, any::<u16>(), 1u16..1200).prop_map(|(s, p, n)| Op::Unmap(s, p, n)),
        1 => Just(Op::Fork),
        1 => (0usize..2, any::<u16>(), 1u16..1200).prop_map(|(s, p, n)| Op::Protect(s, p, n)),
    ]
}

fn drop_space(memory: &Shared, space: &mut Space) {
    space.tree.clear_user(&mut Drops(memory.clone()));
    Drops(memory.clone()).upper_table(space.tree.root());
}

/// A write fault: copies a private page that another reference can see, else takes the write bit.
fn write(memory: &Shared, space: &mut Space, page: u64) {
    let mut sink = Drops(memory.clone());
    let entry = space.tree.lookup(address(page));
    if !entry.is_mapped() || entry.is_writable() {
        return;
    }
    space.tree.reserve(VirtRange::new(address(page), address(page + 1)), &mut sink).unwrap();
    let sole = memory.count(entry.frame(), 0) == 1;
    if entry.is_shared() || sole {
        space.tree.replace(address(page), entry.with(PteFlags::WRITE), &mut sink).unwrap();
        return;
    }
    let copy = memory.new_page();
    space.tree.replace(address(page), Entry::new(copy, PAGE_FLAGS), &mut sink).unwrap();
    sink.page(entry.frame());
    space.model.insert(page, (copy, false));
}

fn check(memory: &Shared, spaces: &[Space; 2]) {
    for (me, other) in [(&spaces[0], &spaces[1]), (&spaces[1], &spaces[0])] {
        let mut seen = BTreeMap::new();
        let all = VirtRange::new(VirtAddr::new(0), VirtAddr::new(crate::addr::USER_END));
        me.tree.for_each(all, |va, entry| {
            seen.insert(va.page_number(), (entry.frame(), entry.is_shared()));
        });
        assert_eq!(seen, me.model);
        for (page, (frame, shared)) in &me.model {
            let writable = me.tree.lookup(address(*page)).is_writable();
            let aliased = other.model.values().any(|(f, _)| f == frame);
            assert!(*shared || !writable || !aliased, "page {page:#x} is private, writable and visible elsewhere");
            assert!(memory.count(*frame, 0) > 0);
        }
    }
}

proptest! {
    #[test]
    fn forked_trees_behave_like_copies_and_leak_nothing(ops in prop::collection::vec(op(), 1..60)) {
        let memory = Shared::default();
        let mut spaces = [space(&memory), space(&memory)];
        for op in ops {
            let mut sink = Drops(memory.clone());
            match op {
                Op::Map(s, raw, shared) => {
                    let (space, page) = (&mut spaces[s], page_at(raw));
                    let frame = memory.new_page();
                    let flags = if shared { PAGE_FLAGS | PteFlags::SHARED } else { PAGE_FLAGS };
                    let before = space.tree.replace(address(page), Entry::new(frame, flags), &mut sink).unwrap();
                    if before.is_mapped() {
                        sink.page(before.frame());
                    }
                    space.model.insert(page, (frame, shared));
                }
                Op::Write(s, raw) => write(&memory, &mut spaces[s], page_at(raw)),
                Op::Unmap(s, raw, len) => {
                    let (space, page) = (&mut spaces[s], page_at(raw));
                    let end = page + u64::from(len);
                    let range = VirtRange::new(address(page), address(end));
                    let mut removed = 0;
                    space.tree.unmap(range, &mut sink, |_| removed += 1).unwrap();
                    let gone: Vec<u64> = space.model.range(page..end).map(|(p, _)| *p).collect();
                    prop_assert_eq!(removed, gone.len());
                    for page in gone {
                        space.model.remove(&page);
                    }
                    let below = space.model.range(..page).next_back().map_or(0, |(p, _)| p + 1);
                    let above = space.model.range(end..).next().map_or(1 << 35, |(p, _)| *p);
                    space.tree.free_tables(VirtRange::new(address(below), address(above)), &mut sink);
                }
                Op::Fork => {
                    let [parent, child] = &mut spaces;
                    drop_space(&memory, child);
                    *child = space(&memory);
                    parent.tree.share_into(&mut child.tree, &mut sink).unwrap();
                    child.model = parent.model.clone();
                }
                Op::Protect(s, raw, len) => {
                    let page = page_at(raw);
                    let range = VirtRange::new(address(page), address(page + u64::from(len)));
                    let held = |_, e: Entry| e.without(PteFlags::WRITE | PteFlags::PRESENT).with(PteFlags::HELD);
                    spaces[s].tree.update(range, &mut sink, held).unwrap();
                }
            }
            check(&memory, &spaces);
        }
        for space in &mut spaces {
            drop_space(&memory, space);
        }
        let leaked: Vec<_> = memory.counts.borrow().iter().filter(|(_, c)| **c > 0).map(|(f, c)| (*f, *c)).collect();
        // Pages whose only reference is the model's were freed when the trees went.
        prop_assert!(leaked.is_empty(), "still counted: {:?}", leaked);
        prop_assert!(memory.tables.borrow().is_empty());
    }
}

#[test]
fn fork_then_child_exit_gives_the_parent_its_write_bits_back_without_copying() {
    let memory = Shared::default();
    let mut parent = space(&memory);
    let mut sink = Drops(memory.clone());
    let page = memory.new_page();
    parent.tree.replace(address(5), Entry::new(page, PAGE_FLAGS), &mut sink).unwrap();
    let mut child = space(&memory);
    parent.tree.share_into(&mut child.tree, &mut sink).unwrap();
    assert!(!parent.tree.lookup(address(5)).is_writable());
    drop_space(&memory, &mut child);
    parent.tree.reserve(VirtRange::new(address(5), address(6)), &mut sink).unwrap();
    assert!(parent.tree.lookup(address(5)).is_writable());
    assert_eq!(parent.tree.lookup(address(5)).frame(), page);
}
