//! The reaper: a kernel thread that frees what cannot be freed where it was given up.
//!
//! The last handle on a thread or an address space may be dropped inside a switch, with interrupts off; but freeing a
//! kernel stack or page tables waits for other CPUs.

use crate::mm::AddressSpace;
use crate::task;
use alloc::collections::LinkedList;
use alloc::sync::Arc;
use kernel_arch::context::Context;
use kernel_sync::{IrqLock, Rank, Wait, WaitQueue};

/// Rank of the list of the dead: taken in a switch, with no lock held.
const DEAD: Rank = Rank::new(75);

/// Lists, not arrays: whoever ends when memory is short finds a small piece, but perhaps no large one.
struct Dead {
    contexts: LinkedList<Context>,
    spaces: LinkedList<AddressSpace>,
}

static WAITING: IrqLock<Dead> = IrqLock::new(DEAD, Dead { contexts: LinkedList::new(), spaces: LinkedList::new() });
static WORK: WaitQueue = WaitQueue::new();

pub(super) fn start() {
    if task::spawn_kernel("reaper", reap, 0).is_err() {
        log::error!(target: "sched", "no memory for the reaper");
    }
}

/// Gives up the stack and registers of a thread that ended.
pub(crate) fn bury_context(context: Context) {
    WAITING.lock().contexts.push_back(context);
    WORK.wake_one();
}

/// Gives up a handle on an address space where freeing it is not allowed.
pub(crate) fn bury_space(space: Arc<AddressSpace>) {
    let Some(space) = Arc::into_inner(space) else { return };
    WAITING.lock().spaces.push_back(space);
    WORK.wake_one();
}

fn reap(_: usize) {
    loop {
        let dead = WORK.wait_until(Wait::UNINTERRUPTIBLE, || {
            let mut waiting = WAITING.lock();
            let dead = Dead { contexts: core::mem::take(&mut waiting.contexts), spaces: core::mem::take(&mut waiting.spaces) };
            (!dead.contexts.is_empty() || !dead.spaces.is_empty()).then_some(dead)
        });
        drop(dead);
    }
}
