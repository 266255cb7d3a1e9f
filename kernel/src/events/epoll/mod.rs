//! epoll(7): a set of files to wait for, whose cost grows with what is ready, not with what is watched.
//!
//! - [`item`]: one watched file; its queues notify it, and it enters itself into the ready list;
//! - [`ready`]: the ready list and who waits for it;
//! - [`nesting`]: which instances watch which, so that they form no cycle and no long chain.
//!
//! An item holds its file weakly: the last close of the description ends the watch. Its places in the file's queues
//! hold the item, so whoever removes an item takes it out of them (`Item::detach`).
//!
//! Changes and scans of one instance take turns. A turn has no rank: a scan of an instance takes the turns of the
//! instances that it watches, and those form no cycle. Inside it: [`nesting`]'s mutex, the items, the ready list.

mod item;
mod nesting;
mod ready;

use crate::poll::{PollTable, Timeout};
use crate::vfs::anonymous::{AnonymousKind, is_anonymous};
use crate::vfs::file::{File, FileOps};
use crate::vfs::inode::FileKind;
use abi::flags::{EpollFlags, OpenFlags, PollEvents};
use abi::{Errno, Result};
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicBool, Ordering};
use item::Item;
pub use item::Interest;
use kernel_sync::{Rank, SpinLock, Wait, WaitError, WaitQueue};
use ready::ReadyList;

/// Items by descriptor and description.
const ITEMS: Rank = Rank::new(61);

/// The file of an instance.
struct EpollFile(Arc<Epoll>);

/// An instance.
pub struct Epoll {
    items: SpinLock<BTreeMap<Key, Arc<Item>>>,
    ready: Arc<ReadyList>,
    turn: Turn,
    /// The instances that watch this one.
    parents: SpinLock<Vec<Weak<Epoll>>>,
}

/// An item's descriptor, and the address of its description.
type Key = (i32, usize);

/// A change to an instance (`epoll_ctl(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Watch a file.
    Add(Interest),
    /// Watch it for something else.
    Modify(Interest),
    /// Watch it no longer.
    Remove,
}

/// An instance that watches nothing.
#[must_use]
pub fn open(flags: OpenFlags) -> Arc<File> {
    let epoll = Arc::new(Epoll {
        items: SpinLock::new(ITEMS, BTreeMap::new()),
        ready: Arc::default(),
        turn: Turn::default(),
        parents: SpinLock::new(ITEMS, Vec::new()),
    });
    File::anonymous(Arc::new(EpollFile(epoll)), AnonymousKind::Other("eventpoll"), flags | OpenFlags::RDWR)
}

/// The instance that `file` is.
///
/// # Errors
/// `EINVAL` when it is none.
pub fn of(file: &File) -> Result<Arc<Epoll>> {
    instance(file).ok_or(Errno::EINVAL)
}

fn instance(file: &File) -> Option<Arc<Epoll>> {
    let ops: &dyn FileOps = &**file.ops();
    (ops as &dyn Any).downcast_ref::<EpollFile>().map(|file| Arc::clone(&file.0))
}

/// Whether a file can be watched: files and directories are always ready, and cannot.
///
/// # Errors
/// `EPERM`.
pub fn check_target(file: &File) -> Result<()> {
    let is_stored = matches!(file.inode().kind(), FileKind::Regular | FileKind::Directory | FileKind::Symlink);
    if is_stored && !is_anonymous(file.path()) || !file.ops().tells_of_events() {
        return Err(Errno::EPERM);
    }
    Ok(())
}

impl Epoll {
    /// Makes `change` to the watch on `file` as `fd`.
    ///
    /// # Errors
    /// `EINVAL` for what `EPOLLEXCLUSIVE` does not go with, `ELOOP`, `EEXIST`, `ENOENT`, `ENOMEM`.
    pub fn change(self: &Arc<Self>, fd: i32, file: &Arc<File>, change: Change) -> Result<()> {
        let child = instance(file);
        match change {
            Change::Add(interest) if interest.is_exclusive() && (child.is_some() || !interest.may_be_exclusive()) => {
                return Err(Errno::EINVAL);
            }
            Change::Modify(interest) if interest.is_exclusive() => return Err(Errno::EINVAL),
            _ => {}
        }
        let key = (fd, Arc::as_ptr(file).addr());
        let _turn = self.turn.take();
        let found = self.items.lock().get(&key).cloned();
        match (change, found) {
            (Change::Add(interest), None) => self.add(key, file, child.as_ref(), interest),
            (Change::Add(_), Some(_)) => Err(Errno::EEXIST),
            (Change::Modify(_) | Change::Remove, None) => Err(Errno::ENOENT),
            (Change::Modify(_), Some(item)) if item.interest().is_exclusive() => Err(Errno::EINVAL),
            (Change::Modify(interest), Some(item)) => {
                item.watch(file, interest);
                Ok(())
            }
            (Change::Remove, Some(item)) => {
                self.remove(&item);
                if let Some(child) = child {
                    child.forget_parent(self);
                }
                Ok(())
            }
        }
    }

    /// Hands up to `limit` events to `deliver`, waiting for the first; how many (0: time out).
    ///
    /// # Errors
    /// `EINTR` when a signal came first; what `deliver` says to the first event.
    pub fn wait(&self, limit: usize, timeout: Timeout, mut deliver: impl FnMut(usize, u32, u64) -> Result<()>) -> Result<usize> {
        loop {
            let count = self.harvest(limit, &mut deliver)?;
            if count > 0 || timeout == Timeout::Now {
                return Ok(count);
            }
            let wait = Wait::INTERRUPTIBLE.until(timeout.deadline());
            match self.ready.waiters.wait_until(wait, || (!self.ready.is_empty()).then_some(())) {
                Ok(()) => {}
                Err(WaitError::TimedOut) => return Ok(0),
                Err(WaitError::Interrupted) => return Err(Errno::EINTR),
            }
        }
    }

    fn add(self: &Arc<Self>, key: Key, file: &Arc<File>, child: Option<&Arc<Self>>, interest: Interest) -> Result<()> {
        self.drop_dead(key.0);
        self.ready.reserve(self.items.lock().len() + 1)?;
        let item = Item::new(key, file, &self.ready);
        match child {
            Some(child) => nesting::link(self, child, || self.insert(key, &item))?,
            None => self.insert(key, &item),
        }
        item.watch(file, interest);
        Ok(())
    }

    fn insert(&self, key: Key, item: &Arc<Item>) {
        let old = self.items.lock().insert(key, Arc::clone(item));
        drop(old);
    }

    fn remove(&self, item: &Arc<Item>) {
        let removed = self.items.lock().remove(&item.key);
        item.detach();
        drop(removed);
    }

    /// Drops items of `fd` whose descriptions are closed.
    fn drop_dead(&self, fd: i32) {
        let dead: Vec<_> = {
            let items = self.items.lock();
            items.range((fd, 0)..=(fd, usize::MAX)).map(|(_, item)| Arc::clone(item)).filter(|item| item.is_dead()).collect()
        };
        dead.iter().for_each(|item| self.remove(item));
    }

    fn forget_parent(&self, parent: &Arc<Self>) {
        self.parents.lock().retain(|other| other.as_ptr() != Arc::as_ptr(parent));
    }

    /// One pass over the ready list.
    fn harvest(&self, limit: usize, deliver: &mut dyn FnMut(usize, u32, u64) -> Result<()>) -> Result<usize> {
        let result = {
            let _turn = self.turn.take();
            self.harvest_in_turn(limit, deliver)
        };
        if !self.ready.is_empty() {
            self.ready.waiters.wake_one();
        }
        result
    }

    fn harvest_in_turn(&self, limit: usize, deliver: &mut dyn FnMut(usize, u32, u64) -> Result<()>) -> Result<usize> {
        let mut done = 0;
        for _ in 0..self.ready.len() {
            let Some(item) = (done < limit).then(|| self.ready.pop()).flatten() else { break };
            let Some(found) = self.look(&item) else { continue };
            let interest = item.interest();
            if let Err(error) = deliver(done, u32::from(found.bits()), interest.data) {
                self.ready.put_back(item);
                return if done > 0 { Ok(done) } else { Err(error) };
            }
            done += 1;
            if interest.flags.contains(EpollFlags::ONESHOT) {
                item.disable();
            } else if !interest.flags.contains(EpollFlags::EDGE) {
                self.ready.push(&item);
            }
        }
        Ok(done)
    }

    /// The events of an item taken from the ready list; none when it has none any more.
    fn look(&self, item: &Arc<Item>) -> Option<PollEvents> {
        let Some(file) = item.file() else {
            self.remove(item);
            return None;
        };
        // A wake that was under way while the item was removed may have listed it again.
        if !self.items.lock().get(&item.key).is_some_and(|current| Arc::ptr_eq(current, item)) {
            return None;
        }
        let found = file.poll(&mut PollTable::look()) & item.interest().wanted()?;
        (!found.is_empty()).then_some(found)
    }

    fn is_ready(&self) -> bool {
        let _turn = self.turn.take();
        for _ in 0..self.ready.len() {
            let Some(item) = self.ready.pop() else { break };
            if self.look(&item).is_some() {
                self.ready.put_back(item);
                return true;
            }
        }
        false
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        let items = core::mem::take(&mut *self.items.lock());
        items.values().for_each(|item| item.detach());
    }
}

impl FileOps for EpollFile {
    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        let epoll = &self.0;
        table.add_for(&epoll.ready.pollers, PollEvents::IN | PollEvents::RDNORM);
        if epoll.is_ready() { PollEvents::IN | PollEvents::RDNORM } else { PollEvents::empty() }
    }
}

/// One thread at a time.
#[derive(Default)]
struct Turn {
    is_taken: AtomicBool,
    queue: WaitQueue,
}

/// The turn, given up when dropped.
struct TurnGuard<'a>(&'a Turn);

impl Turn {
    fn take(&self) -> TurnGuard<'_> {
        // Acquire pairs with the Release in drop(): what the last holder did is visible.
        let try_take = || (!self.is_taken.swap(true, Ordering::Acquire)).then_some(());
        // Neither a signal nor a deadline ends this wait.
        let _ = self.queue.wait_until(Wait::UNINTERRUPTIBLE, try_take);
        TurnGuard(self)
    }
}

impl Drop for TurnGuard<'_> {
    fn drop(&mut self) {
        // Release pairs with the Acquire in take().
        self.0.is_taken.store(false, Ordering::Release);
        self.0.queue.wake_one();
    }
}
