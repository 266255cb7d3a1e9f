//! Robust futexes: what a thread still holds when it ends is marked and its waiters are woken (`set_robust_list(2)`).

use super::{fault_in_for_write, update_present, wake_word};
use crate::task::Task;
use kernel_arch::user;
use kernel_core::addr::VirtAddr;
use linux_raw_sys::general::{FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS};

/// Entries that are followed; a longer or circular list is cut (`ROBUST_LIST_LIMIT`).
const ENTRIES_MAX: usize = 2048;
/// The bit of an entry's address that marks a priority-inheritance futex.
const PI: u64 = 1;

/// Which entry of the list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// In the list: the thread holds it.
    Held,
    /// The one that the thread was taking or releasing.
    Pending,
}

/// Walks the robust list of the running thread, which ends or execs.
pub(crate) fn release_robust_list(me: &Task) {
    let head = me.robust_list();
    me.set_robust_list(0);
    if head == 0 {
        return;
    }
    // What cannot be read ends the walk, as on Linux.
    let _ = walk(me, head);
}

fn walk(me: &Task, head: u64) -> Option<()> {
    let first = read(head)?;
    let offset = read(head.checked_add(8)?)?;
    let pending = read(head.checked_add(16)?)?;
    let mut entry = first;
    for _ in 0..ENTRIES_MAX {
        if entry & !PI == head {
            break;
        }
        let next = read(entry & !PI);
        if entry & !PI != pending & !PI {
            release(me, (entry & !PI).wrapping_add(offset), Entry::Held)?;
        }
        entry = next?;
    }
    if pending & !PI != 0 {
        release(me, (pending & !PI).wrapping_add(offset), Entry::Pending)?;
    }
    Some(())
}

/// Marks a word that the thread held as left by a dead owner, and wakes a waiter.
fn release(me: &Task, word: u64, entry: Entry) -> Option<()> {
    if !word.is_multiple_of(4) {
        return None;
    }
    let address = VirtAddr::new(word);
    let value = user::load_u32(address).ok()?;
    if entry == Entry::Pending && value == 0 {
        let _ = wake_word(word);
        return Some(());
    }
    let tid = me.tid().raw().cast_unsigned();
    if value & FUTEX_TID_MASK != tid {
        return Some(());
    }
    let mark = |value: u32| if value & FUTEX_TID_MASK == tid { value & FUTEX_WAITERS | FUTEX_OWNER_DIED } else { value };
    let old = loop {
        match update_present(word, mark) {
            Some(old) => break old,
            None => fault_in_for_write(word).ok()?,
        }
    };
    if old & FUTEX_WAITERS != 0 {
        let _ = wake_word(word);
    }
    Some(())
}

fn read(address: u64) -> Option<u64> {
    user::read::<u64>(VirtAddr::new(address)).ok()
}
