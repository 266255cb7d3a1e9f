//! Advisory file locks: POSIX and open-file-description record locks of fcntl(2), and flock(2).
//!
//! Locks are kept by inode in one map; a file without locks has no entry. Record locks and flock(2) do not see
//! one another, as on Linux. Lock: one spin lock of rank `DENTRY` over the map; waiters sleep on a queue per file.

use super::inode::InodeId;
use abi::{Errno, Result};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};
use kernel_core::record_lock::{ByteRange, RecordLock, RecordLocks, Released};
use kernel_sync::{Rank, SpinLock, Wait, WaitQueue};

pub use kernel_core::record_lock::LockKind;

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A process, by its descriptor table (POSIX locks).
    Table(u64),
    /// An open file description, by its address (OFD locks, flock).
    Description(usize),
}

/// A record lock with the process that asked for it, for `F_GETLK`.
pub type Record = RecordLock<Holder>;

/// An owner, and the pid that `F_GETLK` shows.
#[derive(Clone, Copy, Debug)]
pub struct Holder {
    /// Who.
    pub owner: Owner,
    /// The process; -1 for locks of a description.
    pub pid: i32,
}

impl PartialEq for Holder {
    fn eq(&self, other: &Self) -> bool {
        self.owner == other.owner
    }
}

/// Whether a caller waits for a conflicting lock to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// `EAGAIN` at once.
    No,
    /// Until it is free or a signal comes.
    Yes,
}

/// The two families of locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// fcntl(2).
    Record,
    /// flock(2).
    Whole,
}

struct FileLocks {
    records: RecordLocks<Holder>,
    whole: RecordLocks<Holder>,
    waiters: Arc<WaitQueue>,
}

impl FileLocks {
    fn family(&mut self, family: Family) -> &mut RecordLocks<Holder> {
        match family {
            Family::Record => &mut self.records,
            Family::Whole => &mut self.whole,
        }
    }
}

static LOCKS: SpinLock<BTreeMap<InodeId, FileLocks>> = SpinLock::new(Rank::DENTRY, BTreeMap::new());

/// Files with locks; lets a close skip the map, which it nearly always may.
static LOCKED_FILES: AtomicUsize = AtomicUsize::new(0);

/// The lock that keeps `wanted` from being granted.
#[must_use]
pub fn conflict(file: InodeId, wanted: &Record) -> Option<Record> {
    LOCKS.lock().get(&file)?.records.conflict(wanted)
}

/// Takes a lock.
///
/// # Errors
/// `EAGAIN` when it conflicts and the caller does not wait, `RESTARTSYS` when a signal came first, `ENOLCK`.
pub fn acquire(file: InodeId, family: Family, wanted: Record, blocking: Blocking) -> Result<()> {
    let waiters = match try_acquire(file, family, wanted) {
        Ok(granted) => return granted,
        Err(_) if blocking == Blocking::No => return Err(Errno::EAGAIN),
        Err(waiters) => waiters,
    };
    let granted = waiters.wait_until(Wait::INTERRUPTIBLE, || try_acquire(file, family, wanted).ok());
    drop(waiters);
    forget_if_free(file);
    granted?
}

/// Ends what `owner` holds in `range`.
///
/// # Errors
/// `ENOLCK` when a lock must be split and there is no memory for its parts; never for the whole file.
pub fn release(file: InodeId, family: Family, owner: Owner, range: ByteRange) -> Result<()> {
    if LOCKED_FILES.load(Ordering::Relaxed) == 0 {
        return Ok(());
    }
    let waiters = {
        let mut locks = LOCKS.lock();
        let Some(held) = locks.get_mut(&file) else { return Ok(()) };
        if range != ByteRange::ALL {
            held.family(family).reserve().map_err(|_| Errno::ENOLCK)?;
        }
        let released = held.family(family).release(Holder { owner, pid: 0 }, range);
        (released == Released::Something).then(|| Arc::clone(&held.waiters))
    };
    if let Some(waiters) = waiters {
        waiters.wake_all();
        drop(waiters);
        forget_if_free(file);
    }
    Ok(())
}

/// Ends every record lock of `owner` on the file.
pub fn release_records(file: InodeId, owner: Owner) {
    // The whole file: nothing is split.
    let _ = release(file, Family::Record, owner, ByteRange::ALL);
}

/// Ends every lock of an open file description.
pub fn release_description(file: InodeId, description: usize) {
    // The whole file: nothing is split.
    let _ = release(file, Family::Record, Owner::Description(description), ByteRange::ALL);
    let _ = release(file, Family::Whole, Owner::Description(description), ByteRange::ALL);
}

/// Grants the lock, or gives the queue on which to wait for it.
fn try_acquire(file: InodeId, family: Family, wanted: Record) -> Result<Result<()>, Arc<WaitQueue>> {
    let mut locks = LOCKS.lock();
    let held = locks.entry(file).or_insert_with(|| {
        LOCKED_FILES.fetch_add(1, Ordering::Relaxed);
        FileLocks { records: RecordLocks::new(), whole: RecordLocks::new(), waiters: Arc::new(WaitQueue::new()) }
    });
    let waiters = Arc::clone(&held.waiters);
    let family = held.family(family);
    if family.conflict(&wanted).is_some() {
        return Err(waiters);
    }
    if family.reserve().is_err() {
        drop(locks);
        drop(waiters);
        forget_if_free(file);
        return Ok(Err(Errno::ENOLCK));
    }
    family.grant(wanted);
    // A downgrade may let others in.
    drop(locks);
    waiters.wake_all();
    Ok(Ok(()))
}

/// Forgets a file without locks and waiters; the caller holds no reference to its queue.
fn forget_if_free(file: InodeId) {
    let mut locks = LOCKS.lock();
    let free = locks
        .get(&file)
        .is_some_and(|held| held.records.is_empty() && held.whole.is_empty() && Arc::strong_count(&held.waiters) == 1);
    if free {
        locks.remove(&file);
        LOCKED_FILES.fetch_sub(1, Ordering::Relaxed);
    }
}
