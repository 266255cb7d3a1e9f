//! The ready list of an epoll instance: items that may have events, and who waits for them.

use super::item::Item;
use abi::{Errno, Result};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use kernel_sync::{IrqLock, Rank, WaitQueue};

/// Items that a queue notified since they were looked at last, oldest first.
pub struct ReadyList {
    items: IrqLock<VecDeque<Arc<Item>>>,
    /// Threads in epoll_wait(2).
    pub(super) waiters: WaitQueue,
    /// Whoever watches the instance itself.
    pub(super) pollers: Arc<WaitQueue>,
}

impl Default for ReadyList {
    fn default() -> Self {
        Self {
            // Entered from a wake, which holds no queue's lock then.
            items: IrqLock::new(Rank::WAIT_QUEUE, VecDeque::new()),
            waiters: WaitQueue::new(),
            pollers: Arc::default(),
        }
    }
}

impl ReadyList {
    /// Makes room for `count` items, so that an interrupt need not.
    pub(super) fn reserve(&self, count: usize) -> Result<()> {
        let mut items = self.items.lock();
        let more = count.saturating_sub(items.len());
        items.try_reserve(more).map_err(|_| Errno::ENOMEM)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.lock().is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.items.lock().len()
    }

    /// Enters `item` and wakes who waits.
    pub(super) fn announce(&self, item: &Arc<Item>) {
        self.push(item);
        self.waiters.wake_one();
        self.pollers.wake_all();
    }

    /// Enters `item` at the end unless it is there.
    pub(super) fn push(&self, item: &Arc<Item>) {
        let mut items = self.items.lock();
        if !item.is_listed.swap(true, Ordering::Relaxed) {
            items.push_back(Arc::clone(item));
        }
    }

    /// Enters `item` at the front, to be the next, unless it is there.
    pub(super) fn put_back(&self, item: Arc<Item>) {
        let mut items = self.items.lock();
        if !item.is_listed.swap(true, Ordering::Relaxed) {
            items.push_front(item);
        }
    }

    pub(super) fn pop(&self) -> Option<Arc<Item>> {
        let mut items = self.items.lock();
        let item = items.pop_front()?;
        item.is_listed.store(false, Ordering::Relaxed);
        Some(item)
    }

    /// Takes `item` out.
    pub(super) fn withdraw(&self, item: &Item) {
        let withdrawn = {
            let mut items = self.items.lock();
            if !item.is_listed.swap(false, Ordering::Relaxed) {
                return;
            }
            let place = items.iter().position(|other| core::ptr::eq(Arc::as_ptr(other), item));
            place.and_then(|place| items.remove(place))
        };
        drop(withdrawn);
    }
}
