//! A mutual-exclusion lock whose waiters sleep.

use crate::atomic::{AtomicU32, Ordering, const_fn};
use crate::rank::{Kind, Rank, Token};
use crate::wait_queue::{Wait, WaitQueue};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep.
const CONTENDED: u32 = 2;

/// A lock that sleeps while another thread holds it; its holder may sleep too.
pub struct Mutex<T: ?Sized> {
    rank: Rank,
    state: AtomicU32,
    waiters: WaitQueue,
    value: UnsafeCell<T>,
}

/// Access to a [`Mutex`]'s value.
#[must_use = "the lock is released when the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    lock: &'a Mutex<T>,
    token: Token,
    _not_send: PhantomData<*mut ()>,
}

// SAFETY: the lock hands the value to one thread at a time.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: the lock owns its value.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: a shared guard gives only `&T`.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T> Mutex<T> {
    const_fn! {
        /// A free lock of `rank`.
        pub const fn new(rank: Rank, value: T) -> Self {
            Self {
                rank,
                state: AtomicU32::new(FREE),
                waiters: WaitQueue::new(),
                value: UnsafeCell::new(value),
            }
        }
    }

    /// The value of a lock that nobody else can reach.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Takes the lock, sleeping while it is held. Panics in debug builds when the order of ranks is broken.
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let token = Token::enter(self.rank, Kind::Sleeping);
        if !self.try_acquire() {
            self.acquire_slowly();
        }
        MutexGuard { lock: self, token, _not_send: PhantomData }
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        if !self.try_acquire() {
            return None;
        }
        let token = Token::enter_unchecked(self.rank, Kind::Sleeping);
        Some(MutexGuard { lock: self, token, _not_send: PhantomData })
    }

    /// Takes two locks of the same rank, in the order of their addresses. The two must differ.
    #[track_caller]
    pub fn lock_pair<'a>(a: &'a Self, b: &'a Self) -> (MutexGuard<'a, T>, MutexGuard<'a, T>) {
        let (at, bt) = ((&raw const a.state).addr(), (&raw const b.state).addr());
        assert!(at != bt, "lock_pair of one lock");
        if at < bt {
            let first = a.lock();
            (first, b.lock_unranked())
        } else {
            let first = b.lock();
            (a.lock_unranked(), first)
        }
    }

    /// The value, when the borrow itself proves that nobody else has it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The second of a pair.
    fn lock_unranked(&self) -> MutexGuard<'_, T> {
        if !self.try_acquire() {
            self.acquire_slowly();
        }
        let token = Token::enter_unchecked(self.rank, Kind::Sleeping);
        MutexGuard { lock: self, token, _not_send: PhantomData }
    }

    fn try_acquire(&self) -> bool {
        // Acquire pairs with the Release in drop().
        self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn acquire_slowly(&self) {
        let taken = self.waiters.wait_until(Wait::UNINTERRUPTIBLE, || {
            // Whoever slept takes it as contended: it cannot know whether others still sleep.
            // Acquire pairs with the Release in drop().
            (self.state.swap(CONTENDED, Ordering::Acquire) == FREE).then_some(())
        });
        debug_assert!(taken.is_ok(), "an uninterruptible wait without a deadline ended early");
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard exists, so this thread holds the lock.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard exists and is borrowed mutably, so this is the only access.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.token.leave();
        let waiters = &self.lock.waiters;
        // Release pairs with the Acquire in try_acquire() and acquire_slowly().
        if self.lock.state.swap(FREE, Ordering::Release) == CONTENDED {
            waiters.wake_one();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn increments_under_the_lock_are_not_lost() {
        let lock = Mutex::new(Rank::INODE, 0u64);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..5_000).for_each(|_| *lock.lock() += 1));
            }
        });
        assert_eq!(*lock.lock(), 40_000);
    }

    #[test]
    fn pairs_in_opposite_order_do_not_deadlock() {
        let (a, b) = (Mutex::new(Rank::INODE, 0), Mutex::new(Rank::INODE, 0));
        std::thread::scope(|scope| {
            scope.spawn(|| (0..2_000).for_each(|_| *Mutex::lock_pair(&a, &b).0 += 1));
            scope.spawn(|| (0..2_000).for_each(|_| *Mutex::lock_pair(&b, &a).0 += 1));
        });
        assert_eq!((a.into_inner(), b.into_inner()), (2_000, 2_000));
    }
}
