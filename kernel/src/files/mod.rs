//! Descriptor tables: a descriptor is an index, its entry a capability, every use names a right.
//!
//! Layers: [`capability`] (rights on a description), the slots ([`kernel_core::fdtable`]) under a spin lock of rank
//! `FILES` for changes, and an index of weak references under RCU for look-ups, which take no lock.
//! A close drops the strong reference at once, so the last close has its effect (end of a pipe, end of a lock) before it
//! returns; a look-up that comes too late finds its weak reference dead.

mod capability;
mod index;

pub use capability::{
    Any, Capability, Change, Control, Execute, Flags, Lock, Map, Poll, Read, Right, Rights, Seek, Stat, Sync, Truncate, Walk, Write,
};
pub use kernel_core::fdtable::CloseOnExec;

use crate::sched;
use crate::task::limits::Resource;
use crate::vfs::File;
use crate::vfs::locks::{self, Owner};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::marker::PhantomData;
use core::ops::{Deref, RangeInclusive};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use index::Index;
use kernel_arch::frame;
use kernel_core::fdtable::FdTable;
use kernel_sync::{Rank, SpinLock};

/// The table of a process.
pub struct FileTable {
    slots: SpinLock<FdTable<Arc<Capability>>>,
    index: Index,
    /// Who holds the POSIX locks taken through this table.
    owner: u64,
}

static NEXT_OWNER: AtomicU64 = AtomicU64::new(1);

/// A description in use, with the right `R`.
pub struct FileRef<R> {
    capability: Arc<Capability>,
    right: PhantomData<fn() -> R>,
}

impl<R> FileRef<R> {
    /// The description.
    #[must_use]
    pub fn file(&self) -> &Arc<File> {
        self.capability.file()
    }

    /// The capability, to pass it on.
    #[must_use]
    pub fn capability(&self) -> &Arc<Capability> {
        &self.capability
    }
}

impl<R> Deref for FileRef<R> {
    type Target = File;

    fn deref(&self) -> &File {
        self.capability.file()
    }
}

impl FileTable {
    /// An empty table.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with_slots(FdTable::new())
    }

    fn with_slots(slots: FdTable<Arc<Capability>>) -> Arc<Self> {
        let index = Index::new();
        for (slot, capability) in slots.iter() {
            index.set(slot, Some(capability));
        }
        Arc::new(Self {
            slots: SpinLock::new(Rank::FILES, slots),
            index,
            owner: NEXT_OWNER.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// A copy, as fork makes it: the same capabilities under the same numbers.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn fork(&self) -> Result<Arc<Self>> {
        // A copy fills what it needs at once: the slots, and the index over them.
        require_room(self.slots.lock().len())?;
        let slots = self.slots.lock().try_clone()?;
        Ok(Self::with_slots(slots))
    }

    /// The description behind `fd`, for a use that needs the right `R`.
    ///
    /// # Errors
    /// `EBADF` when `fd` is not open or the right is missing (`R` may name another error for the latter).
    pub fn get<R: Right>(&self, fd: i32) -> Result<FileRef<R>> {
        let capability = usize::try_from(fd).ok().and_then(|slot| self.index.get(slot)).ok_or(Errno::EBADF)?;
        capability.permits::<R>()?;
        Ok(FileRef { capability, right: PhantomData })
    }

    /// Gives `capability` the lowest free number at or above `min`.
    ///
    /// # Errors
    /// `EMFILE` at `RLIMIT_NOFILE`, `EINVAL` when `min` is not below it, `ENOMEM`.
    pub fn insert(&self, capability: Arc<Capability>, close_on_exec: CloseOnExec, min: usize) -> Result<i32> {
        let limit = descriptor_limit();
        let missing = min.min(limit).saturating_sub(self.slots.lock().len());
        require_room(missing)?;
        let mut slots = self.slots.lock();
        let slot = slots.insert(Arc::clone(&capability), close_on_exec, min, limit)?;
        self.index.set(slot, Some(&capability));
        i32::try_from(slot).map_err(|_| Errno::EMFILE)
    }

    /// Gives `file` the lowest free number.
    ///
    /// # Errors
    /// As [`FileTable::insert`].
    pub fn insert_file(&self, file: Arc<File>, close_on_exec: CloseOnExec) -> Result<i32> {
        self.insert(Capability::new(file), close_on_exec, 0)
    }

    /// Checks that a descriptor is free, before work that is hard to undo.
    ///
    /// # Errors
    /// `EMFILE`.
    pub fn require_room(&self) -> Result<()> {
        let slots = self.slots.lock();
        if slots.iter().count() >= descriptor_limit() { Err(Errno::EMFILE) } else { Ok(()) }
    }

    /// Closes `fd`.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn close(&self, fd: i32) -> Result<()> {
        let slot = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        let closed = {
            let mut slots = self.slots.lock();
            let closed = slots.remove(slot).ok_or(Errno::EBADF)?;
            self.index.set(slot, None);
            closed
        };
        self.let_go(closed);
        Ok(())
    }

    /// dup(2), fcntl(F_DUPFD): another number, at or above `min`, for what `fd` names.
    ///
    /// # Errors
    /// `EBADF`; as [`FileTable::insert`].
    pub fn duplicate(&self, fd: i32, min: usize, close_on_exec: CloseOnExec) -> Result<i32> {
        let source = self.get::<Any>(fd)?;
        self.insert(source.capability, close_on_exec, min)
    }

    /// dup3(2): makes `new` name what `old` names; what `new` named before is closed. The two differ.
    ///
    /// # Errors
    /// `EBADF`, also when `new` is not below `RLIMIT_NOFILE`; `ENOMEM`.
    pub fn duplicate_to(&self, old: i32, new: i32, close_on_exec: CloseOnExec) -> Result<i32> {
        let target = usize::try_from(new).map_err(|_| Errno::EBADF)?;
        let source = self.get::<Any>(old)?;
        let missing = target.min(descriptor_limit()).saturating_sub(self.slots.lock().len());
        require_room(missing)?;
        let replaced = {
            let mut slots = self.slots.lock();
            let replaced = slots.replace(target, Arc::clone(&source.capability), close_on_exec, descriptor_limit())?;
            self.index.set(target, Some(&source.capability));
            replaced
        };
        if let Some(replaced) = replaced {
            self.let_go(replaced);
        }
        Ok(new)
    }

    /// The close-on-exec mark of `fd`.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn close_on_exec_of(&self, fd: i32) -> Result<CloseOnExec> {
        let slot = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        self.slots.lock().close_on_exec(slot).ok_or(Errno::EBADF)
    }

    /// Marks `fd`.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn set_close_on_exec(&self, fd: i32, mark: CloseOnExec) -> Result<()> {
        let slot = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        self.slots.lock().set_close_on_exec(slot, mark).ok_or(Errno::EBADF)
    }

    /// Closes every descriptor in `range`.
    pub fn close_range(&self, range: RangeInclusive<usize>) {
        let open = self.slots.lock().open_in(range);
        self.close_slots(&open);
    }

    /// Marks every descriptor in `range` close-on-exec.
    pub fn mark_range(&self, range: RangeInclusive<usize>) {
        let mut slots = self.slots.lock();
        for slot in slots.open_in(range) {
            slots.set_close_on_exec(slot, CloseOnExec::Yes);
        }
    }

    /// Closes what a successful exec closes.
    pub fn close_on_exec(&self) {
        let marked = self.slots.lock().marked();
        self.close_slots(&marked);
    }

    /// The open descriptors, in order, for `/proc/PID/fd`.
    #[must_use]
    pub fn open_descriptors(&self) -> Vec<usize> {
        self.slots.lock().open_in(0..=usize::MAX)
    }

    /// Who holds the POSIX locks taken through this table.
    #[must_use]
    pub fn lock_owner(&self) -> Owner {
        Owner::Table(self.owner)
    }

    fn close_slots(&self, open: &[usize]) {
        /// Descriptors closed between two looks at the memory that their old index chunks wait to give back.
        const AT_ONCE: usize = 64;
        /// How long the reclaimer gets for it.
        const GRACE: Duration = Duration::from_millis(1);
        for (count, &slot) in open.iter().enumerate() {
            if count % AT_ONCE == AT_ONCE - 1 && frame::is_scarce() {
                sched::sleep(GRACE);
            }
            let closed = {
                let mut slots = self.slots.lock();
                self.index.set(slot, None);
                slots.remove(slot)
            };
            if let Some(closed) = closed {
                self.let_go(closed);
            }
        }
    }

    /// Closing any descriptor of a file ends the process's POSIX locks on it.
    fn let_go(&self, closed: Arc<Capability>) {
        locks::release_records(closed.file().inode().id(), self.lock_owner());
        drop(closed);
    }
}

impl Drop for FileTable {
    fn drop(&mut self) {
        // Nobody can look anything up any more: the index stays as it is, and closing needs no memory.
        let slots = self.slots.lock().len();
        for slot in 0..slots {
            let closed = self.slots.lock().remove(slot);
            if let Some(closed) = closed {
                self.let_go(closed);
            }
        }
    }
}

fn descriptor_limit() -> usize {
    let soft = crate::task::current().process().limit(Resource::NOFILE);
    usize::try_from(soft).unwrap_or(usize::MAX).min(MAX_DESCRIPTORS)
}

/// Descriptors are `int`s, and tables stay within what the kernel can allocate.
pub const MAX_DESCRIPTORS: usize = 1 << 20;

/// Refuses to make `slots` descriptors at once when memory has no room for them. The caller holds no lock.
fn require_room(slots: usize) -> Result<()> {
    /// Bytes of a slot, of its place in the index, and of its part of what an index chunk costs.
    const SLOT: usize = 48;
    /// What one call may add without asking.
    const FEW: usize = 256;
    if slots <= FEW { Ok(()) } else { crate::mm::oom::require_room(slots.saturating_mul(SLOT)) }
}
