//! Futexes: threads that sleep on a word of user memory (`futex(2)`).
//!
//! A word is known by a [`Key`]: an address in one address space, or a place in a shared object. Waiters of all words are
//! spread over buckets by key; the comparison of the word and the joining of its bucket are one step under the
//! bucket's lock, which a waker takes after it changed the word. The word is read without faulting there: when its
//! page is missing, the lock is dropped and the page faulted in first.

mod key;
mod robust;

pub use key::Scope;
pub(crate) use robust::release_robust_list;

use crate::task;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use kernel_arch::user;
use kernel_core::addr::VirtAddr;
use kernel_core::time::Instant;
use kernel_sync::park::{self, Unpark};
use kernel_sync::{Rank, SpinLock, lock_pair};
use key::Key;

/// Wakes or waits for any bit.
pub const MATCH_ANY: u32 = u32::MAX;

const BUCKETS: usize = 256;
static TABLE: [SpinLock<Vec<Arc<Waiter>>>; BUCKETS] = [const { SpinLock::new(Rank::FUTEX, Vec::new()) }; BUCKETS];

/// A word of user memory as a futex.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// Where it is.
    pub address: u64,
    /// Who may share it.
    pub scope: Scope,
}

struct Waiter {
    thread: Arc<dyn Unpark>,
    bits: u32,
    woken: AtomicBool,
    /// The bucket that it is in; a requeue changes it under both buckets' locks.
    bucket: AtomicUsize,
    key: SpinLock<Key>,
}

/// Sleeps while the word holds `expected`, until a wake with one of `bits`.
///
/// # Errors
/// `EAGAIN` when the word holds something else, `ETIMEDOUT`, `RESTARTSYS` for a signal, `EFAULT`, `EINVAL`, `ENOMEM`.
pub fn wait(word: Word, expected: u32, bits: u32, deadline: Option<Instant>) -> Result<()> {
    if bits == 0 {
        return Err(Errno::EINVAL);
    }
    let waiter = join(word, expected, bits)?;
    loop {
        // Pairs with the Release in wake_waiter().
        if waiter.woken.load(Ordering::Acquire) {
            return Ok(());
        }
        let end = if park::interrupted() {
            Some(Errno::RESTARTSYS)
        } else if deadline.is_some_and(|deadline| crate::time::now() >= deadline) {
            Some(Errno::ETIMEDOUT)
        } else {
            None
        };
        match end {
            // A waiter that is gone from its bucket has been woken after all.
            Some(error) if withdraw(&waiter) => return Err(error),
            Some(_) => return Ok(()),
            None => park::park(deadline),
        }
    }
}

/// Wakes up to `count` waiters of the word that wait for one of `bits`. How many were woken.
///
/// # Errors
/// `EFAULT`, `EINVAL`.
pub fn wake(word: Word, count: usize, bits: u32) -> Result<usize> {
    if bits == 0 {
        return Err(Errno::EINVAL);
    }
    let key = Key::of(word)?;
    let woken = take_matching(&mut TABLE[key.bucket()].lock(), &key, count, bits);
    Ok(wake_all(woken))
}

/// Wakes one waiter of a word that any process may share, as the end of a thread does.
///
/// # Errors
/// `EFAULT`, `EINVAL`.
pub fn wake_word(address: u64) -> Result<usize> {
    wake(Word { address, scope: Scope::Shared }, 1, MATCH_ANY)
}

/// Wakes up to `wake_count` waiters of `from` and moves up to `move_count` others to `to`, provided that `from` holds
/// `expected` if that is given. How many were woken, and how many were moved.
///
/// # Errors
/// `EAGAIN` when the word holds something else, `EFAULT`, `EINVAL`, `ENOMEM`.
pub fn requeue(from: Word, to: Word, wake_count: usize, move_count: usize, expected: Option<u32>) -> Result<(usize, usize)> {
    let (from_key, to_key) = (Key::of(from)?, Key::of(to)?);
    loop {
        let attempt = with_buckets(&from_key, &to_key, |source, mut target| {
            if let Some(expected) = expected {
                match load_present(from.address) {
                    None => return Ok(None),
                    Some(found) if found != expected => return Err(Errno::EAGAIN),
                    Some(_) => {}
                }
            }
            let woken = take_matching(source, &from_key, wake_count, MATCH_ANY);
            let moved = take_matching(source, &from_key, move_count, MATCH_ANY);
            let count = moved.len();
            for waiter in moved {
                waiter.bucket.store(to_key.bucket(), Ordering::Relaxed);
                *waiter.key.lock() = to_key.clone();
                match &mut target {
                    Some(target) => target.push(waiter),
                    None => source.push(waiter),
                }
            }
            Ok(Some((woken, count)))
        })?;
        match attempt {
            Some((woken, moved)) => return Ok((wake_all(woken), moved)),
            None => fault_in(from.address)?,
        }
    }
}

/// An operation on the second word of `FUTEX_WAKE_OP`, and a comparison of what it held.
#[derive(Clone, Copy, Debug)]
pub struct WakeOp {
    /// What happens to the word.
    pub operation: fn(u32, u32) -> u32,
    /// The operand.
    pub operand: u32,
    /// What decides about waking its waiters.
    pub comparison: fn(u32, u32) -> bool,
    /// What the old value is compared with.
    pub comparand: u32,
}

/// Changes `second` atomically, wakes up to `count` waiters of `first`, and up to `second_count` of `second` when its
/// old value compares.
///
/// # Errors
/// `EFAULT`, `EINVAL`.
pub fn wake_op(first: Word, second: Word, count: usize, second_count: usize, op: &WakeOp) -> Result<usize> {
    let (first_key, second_key) = (Key::of(first)?, Key::of(second)?);
    loop {
        let attempt = with_buckets(&first_key, &second_key, |source, target| {
            let old = update_present(second.address, |value| (op.operation)(value, op.operand))?;
            let mut woken = take_matching(source, &first_key, count, MATCH_ANY);
            if (op.comparison)(old, op.comparand) {
                let target = target.unwrap_or(source);
                woken.extend(take_matching(target, &second_key, second_count, MATCH_ANY));
            }
            Some(woken)
        });
        match attempt {
            Some(woken) => return Ok(wake_all(woken)),
            None => fault_in_for_write(second.address)?,
        }
    }
}

fn join(word: Word, expected: u32, bits: u32) -> Result<Arc<Waiter>> {
    loop {
        let key = Key::of(word)?;
        let number = key.bucket();
        let waiter = Arc::new(Waiter {
            thread: park::current(),
            bits,
            woken: AtomicBool::new(false),
            bucket: AtomicUsize::new(number),
            key: SpinLock::new(key::RANK, key),
        });
        let mut bucket = TABLE[number].lock();
        match load_present(word.address) {
            Some(found) if found != expected => return Err(Errno::EAGAIN),
            Some(_) => {
                bucket.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
                bucket.push(Arc::clone(&waiter));
                return Ok(waiter);
            }
            None => {
                drop(bucket);
                fault_in(word.address)?;
            }
        }
    }
}

/// Takes the waiter out of its bucket; false when it was not there: it has been woken.
fn withdraw(waiter: &Arc<Waiter>) -> bool {
    loop {
        let number = waiter.bucket.load(Ordering::Relaxed);
        let mut bucket = TABLE[number].lock();
        if waiter.bucket.load(Ordering::Relaxed) != number {
            continue;
        }
        let before = bucket.len();
        bucket.retain(|other| !Arc::ptr_eq(other, waiter));
        return bucket.len() < before;
    }
}

/// Takes up to `count` waiters of `key` out of a bucket, longest waiting first.
fn take_matching(bucket: &mut Vec<Arc<Waiter>>, key: &Key, count: usize, bits: u32) -> Vec<Arc<Waiter>> {
    let mut taken = Vec::new();
    bucket.retain(|waiter| {
        let matches = taken.len() < count && waiter.bits & bits != 0 && *waiter.key.lock() == *key;
        if matches {
            taken.push(Arc::clone(waiter));
        }
        !matches
    });
    taken
}

fn wake_all(waiters: Vec<Arc<Waiter>>) -> usize {
    for waiter in &waiters {
        waiter.woken.store(true, Ordering::Release); // Pairs with the Acquire in wait().
        waiter.thread.unpark();
    }
    waiters.len()
}

/// Runs `f` with the buckets of both keys locked; the second is `None` when it is the first.
fn with_buckets<R>(
    first: &Key,
    second: &Key,
    f: impl FnOnce(&mut Vec<Arc<Waiter>>, Option<&mut Vec<Arc<Waiter>>>) -> R,
) -> R {
    let (a, b) = (first.bucket(), second.bucket());
    if a == b {
        return f(&mut TABLE[a].lock(), None);
    }
    let (mut source, mut target) = lock_pair(&TABLE[a], &TABLE[b]);
    f(&mut source, Some(&mut target))
}

/// The word, if its page is present.
fn load_present(address: u64) -> Option<u32> {
    let _no_fault = user::no_fault();
    user::load_u32(VirtAddr::new(address)).ok()
}

/// Changes the word atomically, if its page is present and writable. The value before.
fn update_present(address: u64, change: impl Fn(u32) -> u32) -> Option<u32> {
    let _no_fault = user::no_fault();
    let address = VirtAddr::new(address);
    let mut old = user::load_u32(address).ok()?;
    loop {
        let found = user::cmpxchg_u32(address, old, change(old)).ok()?;
        if found == old {
            return Some(old);
        }
        old = found;
    }
}

fn fault_in(address: u64) -> Result<()> {
    user::load_u32(VirtAddr::new(address)).map(|_| ()).map_err(|_| Errno::EFAULT)
}

fn fault_in_for_write(address: u64) -> Result<()> {
    let space = task::current().try_address_space().ok_or(Errno::EFAULT)?;
    space.handle_fault(VirtAddr::new(address), crate::mm::Access::Write).map_err(|_| Errno::EFAULT)
}
