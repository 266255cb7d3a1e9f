//! In-kernel tests of frames, heap, page tables and stacks. No hooks are installed: a user copy that faults fails.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use kernel_core::addr::{PAGE_SIZE, PAGE_SIZE_U64, USER_END, VirtAddr, VirtRange};

use super::{PteFlags, UserTable, physical};
use crate::frame::{self, PageRef};
use crate::user::{self, UserFault};
use crate::vmap::KernelStack;
use crate::{heap, ktests, vmap};

/// The tests.
pub const TESTS: &[crate::ktest::Test] = ktests![
    frames_come_back_exactly,
    heap_objects_keep_their_bytes_and_come_back,
    user_memory_is_gone_after_unmapping,
    a_forked_table_shares_pages_until_one_side_writes,
    a_parent_writes_in_place_after_its_child_is_gone,
    moved_pages_keep_their_contents,
    stacks_have_a_guard_page_and_are_reused,
    memory_runs_out_without_a_panic,
];

const USER_PAGE: PteFlags = PteFlags::PRESENT.union(PteFlags::USER).union(PteFlags::NO_EXEC);
const WRITABLE: PteFlags = USER_PAGE.union(PteFlags::WRITE);
const BASE: u64 = 0x4000_0000;

fn page(number: u64) -> VirtAddr {
    VirtAddr::new(BASE + number * PAGE_SIZE_U64)
}

fn pages(start: u64, end: u64) -> VirtRange {
    VirtRange::new(page(start), page(end))
}

/// Frames that can be had once nothing is parked or cached.
fn settled_free() -> usize {
    vmap::trim_stacks();
    heap::trim();
    frame::stats().free
}

fn map(table: &UserTable, count: u64) {
    let mut gather = table.gather();
    let mut entries = table.lock();
    for number in 0..count {
        let fresh = PageRef::alloc_zeroed().unwrap();
        fresh.write(0, &number.to_le_bytes());
        assert_eq!(entries.map(page(number), fresh, WRITABLE, &mut gather), Ok(None));
    }
}

fn load(number: u64) -> Result<u64, UserFault> {
    user::read::<u64>(page(number))
}

fn frames_come_back_exactly() {
    let before = settled_free();
    {
        let held: Vec<PageRef> = (0..1000).map(|_| PageRef::alloc().unwrap()).collect();
        let twice = held.clone();
        assert!(held.iter().zip(&twice).all(|(a, b)| a == b && a.count() == 2));
    }
    assert_eq!(settled_free(), before);
}

fn heap_objects_keep_their_bytes_and_come_back() {
    let before = settled_free();
    {
        let mut objects: Vec<Box<[u8]>> = Vec::new();
        let mut map = BTreeMap::new();
        for round in 0..3000_usize {
            objects.push(alloc::vec![round as u8; 1 + round * 31 % 5000].into_boxed_slice());
            map.insert(round * 7919 % 10007, round);
            if round % 3 == 0 {
                objects.swap_remove(round % objects.len());
            }
        }
        assert!(objects.iter().all(|object| object.iter().all(|byte| *byte == object[0])));
        assert_eq!(map.len(), 3000);
    }
    assert_eq!(settled_free(), before);
}

fn user_memory_is_gone_after_unmapping() {
    let before = settled_free();
    {
        let table = UserTable::new().unwrap();
        table.activate();
        map(&table, 1500);
        assert_eq!((load(0), load(1499), load(1500)), (Ok(0), Ok(1499), Err(UserFault)));
        let mut removed = 0;
        {
            let mut gather = table.gather();
            table.lock().unmap(pages(10, 1400), &mut gather, |_| removed += 1).unwrap();
        }
        assert_eq!(removed, 1390);
        assert_eq!((load(9), load(10), load(1399), load(1400)), (Ok(9), Err(UserFault), Err(UserFault), Ok(1400)));
        {
            let mut gather = table.gather();
            let mut entries = table.lock();
            entries.protect(pages(0, 10), &mut gather, |flags| flags - PteFlags::WRITE).unwrap();
        }
        assert_eq!(user::write(page(3), 1_u64), Err(UserFault));
        let mut gather = table.gather();
        let mut entries = table.lock();
        entries.unmap(pages(0, 1500), &mut gather, |_| ()).unwrap();
        entries.free_tables(VirtRange::new(VirtAddr::new(0), VirtAddr::new(USER_END)), &mut gather);
    }
    assert_eq!(settled_free(), before);
}

/// A table with 600 pages and a fork of it.
fn forked() -> (UserTable, UserTable) {
    let parent = UserTable::new().unwrap();
    parent.activate();
    map(&parent, 600);
    let mut child = UserTable::new().unwrap();
    let mut gather = parent.gather();
    parent.lock().share_into(&mut child, &mut gather).unwrap();
    drop(gather);
    (parent, child)
}

fn a_forked_table_shares_pages_until_one_side_writes() {
    let before = settled_free();
    {
        let (parent, child) = forked();
        assert_eq!(user::write(page(5), 1_u64), Err(UserFault));
        {
            let mut gather = parent.gather();
            let mut entries = parent.lock();
            assert_eq!(entries.reclaim(page(5), &mut gather), Ok(false));
            let source = entries.query(page(5)).unwrap();
            let copy = PageRef::alloc().unwrap();
            copy.copy_from(&source.page);
            entries.map(page(5), copy, WRITABLE, &mut gather).unwrap();
        }
        assert_eq!(user::write(page(5), 99_u64), Ok(()));
        assert_eq!((load(5), load(6)), (Ok(99), Ok(6)));
        child.activate();
        assert_eq!((load(5), load(6)), (Ok(5), Ok(6)));
        // The original of page 5 is the child's alone now; that of page 6 is not.
        let mut gather = child.gather();
        assert_eq!(child.lock().reclaim(page(5), &mut gather), Ok(true));
        assert_eq!(child.lock().reclaim(page(6), &mut gather), Ok(false));
    }
    assert_eq!(settled_free(), before);
}

fn a_parent_writes_in_place_after_its_child_is_gone() {
    let before = settled_free();
    {
        let (parent, child) = forked();
        let frame = parent.lock().query(page(7)).unwrap().page.frame();
        drop(child);
        {
            let mut gather = parent.gather();
            assert_eq!(parent.lock().reclaim(page(7), &mut gather), Ok(true));
        }
        assert_eq!(user::write(page(7), 70_u64), Ok(()));
        assert_eq!(user::write(page(8), 80_u64), Ok(()));
        assert_eq!(parent.lock().query(page(7)).unwrap().page.frame(), frame);
    }
    assert_eq!(settled_free(), before);
}

fn moved_pages_keep_their_contents() {
    let before = settled_free();
    {
        let (parent, _child) = forked();
        {
            let mut gather = parent.gather();
            parent.lock().move_range(pages(100, 600), page(10_000), &mut gather).unwrap();
        }
        assert_eq!((load(99), load(100), load(10_000), load(10_499)), (Ok(99), Err(UserFault), Ok(100), Ok(599)));
    }
    assert_eq!(settled_free(), before);
}

fn stacks_have_a_guard_page_and_are_reused() {
    let stack = KernelStack::alloc().unwrap();
    let bottom = stack.bottom();
    assert!(physical(bottom).is_some());
    assert!(physical(stack.top() - 1).is_some());
    assert_eq!(physical(bottom - PAGE_SIZE_U64), None);
    drop(stack);
    assert_eq!(KernelStack::alloc().unwrap().bottom(), bottom);
}

fn memory_runs_out_without_a_panic() {
    let before = settled_free();
    {
        let mut held = Vec::with_capacity(frame::stats().total);
        while let Ok(page) = PageRef::alloc() {
            held.push(page);
        }
        assert!(frame::is_low());
        assert!(KernelStack::alloc().is_err() || held.is_empty());
        // The reserve still serves the kernel.
        let block = alloc::vec![1_u8; 4 * PAGE_SIZE];
        assert_eq!(block[PAGE_SIZE], 1);
    }
    assert_eq!(settled_free(), before);
}
