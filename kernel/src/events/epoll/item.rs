//! One file that an epoll instance watches.

use super::Key;
use super::ready::ReadyList;
use crate::poll::PollTable;
use crate::vfs::file::File;
use abi::flags::{EpollFlags, PollEvents};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::AtomicBool;
use kernel_sync::{Notify, Rank, Registration, SpinLock};

/// Rank of an item's fields; nothing is called under them.
const FIELDS: Rank = Rank::new(63);

/// Events that are told without being asked.
const ALWAYS: PollEvents = PollEvents::ERR.union(PollEvents::HUP);

/// What is watched for, and what the program gets with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interest {
    /// Events and how they are told.
    pub flags: EpollFlags,
    /// The program's own data.
    pub data: u64,
}

impl Interest {
    /// Whether it is `EPOLLEXCLUSIVE`.
    #[must_use]
    pub const fn is_exclusive(&self) -> bool {
        self.flags.contains(EpollFlags::EXCLUSIVE)
    }

    /// Whether nothing in it contradicts `EPOLLEXCLUSIVE`.
    #[must_use]
    pub fn may_be_exclusive(&self) -> bool {
        let events = PollEvents::IN | PollEvents::OUT | ALWAYS;
        let modes = EpollFlags::EXCLUSIVE | EpollFlags::WAKEUP | EpollFlags::EDGE;
        self.flags.bits() & !(u32::from(events.bits()) | modes.bits()) == 0
    }

    /// The events; none at all after a one-shot.
    pub(super) fn wanted(&self) -> Option<PollEvents> {
        let modes = EpollFlags::EXCLUSIVE | EpollFlags::WAKEUP | EpollFlags::EDGE | EpollFlags::ONESHOT;
        let events = self.flags.bits() & !modes.bits();
        // The events of poll(2) are the lower half.
        let events = PollEvents::from_bits_retain((events & 0xffff) as u16);
        (self.flags.bits() & DISABLED == 0).then_some(events | ALWAYS)
    }
}

/// Set in the flags of a one-shot item that has been reported: a bit that no program can set.
const DISABLED: u32 = 1 << 16;

/// A watched file.
pub struct Item {
    /// Where it is in the instance.
    pub(super) key: Key,
    file: Weak<File>,
    interest: SpinLock<Interest>,
    places: SpinLock<Vec<Registration>>,
    ready: Arc<ReadyList>,
    /// Whether it is in the ready list; changed under that list's lock.
    pub(super) is_listed: AtomicBool,
}

impl Item {
    pub(super) fn new(key: Key, file: &Arc<File>, ready: &Arc<ReadyList>) -> Arc<Self> {
        Arc::new(Self {
            key,
            file: Arc::downgrade(file),
            interest: SpinLock::new(FIELDS, Interest { flags: EpollFlags::empty(), data: 0 }),
            places: SpinLock::new(FIELDS, Vec::new()),
            ready: Arc::clone(ready),
            is_listed: AtomicBool::new(false),
        })
    }

    /// The description, while it is open.
    pub(super) fn file(&self) -> Option<Arc<File>> {
        self.file.upgrade()
    }

    pub(super) fn is_dead(&self) -> bool {
        self.file.strong_count() == 0
    }

    pub(super) fn interest(&self) -> Interest {
        *self.interest.lock()
    }

    /// Turns a one-shot item off until it is modified.
    pub(super) fn disable(&self) {
        let mut interest = self.interest.lock();
        interest.flags = EpollFlags::from_bits_retain(DISABLED | interest.flags.bits());
    }

    /// Watches `file` for `interest` from now on; what is there already counts as an event.
    pub(super) fn watch(self: &Arc<Self>, file: &File, interest: Interest) {
        let interest =
            Interest { flags: EpollFlags::from_bits_retain(interest.flags.bits() & !DISABLED), ..interest };
        *self.interest.lock() = interest;
        let wanted = interest.wanted().unwrap_or(ALWAYS);
        let listener: Arc<dyn Notify> = Arc::<Self>::clone(self);
        let mut places = Vec::new();
        let found = file.poll(&mut PollTable::listen(&listener, wanted, &mut places));
        let old = core::mem::replace(&mut *self.places.lock(), places);
        drop(old);
        if found.intersects(wanted) {
            self.ready.announce(self);
        }
    }

    /// Leaves every queue and the ready list.
    pub(super) fn detach(&self) {
        let places = core::mem::take(&mut *self.places.lock());
        drop(places);
        self.ready.withdraw(self);
    }
}

impl Notify for Item {
    fn notify(self: Arc<Self>) {
        self.ready.announce(&self);
    }
}
