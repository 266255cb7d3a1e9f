//! Spin locks: [`SpinLock`] for data of threads, [`IrqLock`] for data that interrupt handlers touch too.

use crate::atomic::{AtomicBool, Ordering, const_fn, relax};
use crate::irq::{self, IrqGuard};
use crate::rank::{Kind, Rank, Token};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

/// A lock that spins and leaves interrupts alone. Its holder must not sleep, touch user memory, or be an interrupt
/// handler.
pub struct SpinLock<T: ?Sized> {
    rank: Rank,
    locked: AtomicBool,
    value: UnsafeCell<T>,
}

/// A lock that spins with interrupts off on this CPU.
pub struct IrqLock<T: ?Sized> {
    rank: Rank,
    locked: AtomicBool,
    value: UnsafeCell<T>,
}

/// Access to a [`SpinLock`]'s value.
#[must_use = "the lock is released when the guard is dropped"]
pub struct SpinLockGuard<'a, T: ?Sized> {
    lock: &'a SpinLock<T>,
    token: Token,
    _not_send: PhantomData<*mut ()>,
}

/// Access to an [`IrqLock`]'s value.
#[must_use = "the lock is released when the guard is dropped"]
pub struct IrqLockGuard<'a, T: ?Sized> {
    lock: &'a IrqLock<T>,
    token: Token,
    _irq: IrqGuard,
}

// SAFETY: the lock hands the value to one thread at a time.
unsafe impl<T: ?Sized + Send> Sync for SpinLock<T> {}
// SAFETY: the lock owns its value.
unsafe impl<T: ?Sized + Send> Send for SpinLock<T> {}
// SAFETY: the lock hands the value to one CPU at a time, with interrupts off.
unsafe impl<T: ?Sized + Send> Sync for IrqLock<T> {}
// SAFETY: the lock owns its value.
unsafe impl<T: ?Sized + Send> Send for IrqLock<T> {}
// SAFETY: a shared guard gives only `&T`.
unsafe impl<T: ?Sized + Sync> Sync for SpinLockGuard<'_, T> {}

fn acquire(locked: &AtomicBool) {
    while !try_acquire(locked) {
        while locked.load(Ordering::Relaxed) {
            relax();
        }
    }
}

fn try_acquire(locked: &AtomicBool) -> bool {
    // Acquire pairs with the Release in the guards' drop().
    locked.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
}

impl<T> SpinLock<T> {
    const_fn! {
        /// A free lock of `rank`.
        pub const fn new(rank: Rank, value: T) -> Self {
            Self { rank, locked: AtomicBool::new(false), value: UnsafeCell::new(value) }
        }
    }

    /// The value of a lock that nobody else can reach.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> SpinLock<T> {
    /// Takes the lock. Panics in debug builds when the order of ranks is broken.
    #[track_caller]
    pub fn lock(&self) -> SpinLockGuard<'_, T> {
        let token = Token::enter(self.rank, Kind::Spinning);
        acquire(&self.locked);
        SpinLockGuard { lock: self, token, _not_send: PhantomData }
    }

    /// Takes the lock if it is free; a try cannot deadlock, so any order is allowed.
    pub fn try_lock(&self) -> Option<SpinLockGuard<'_, T>> {
        try_acquire(&self.locked).then(|| self.guard_unranked())
    }

    /// The value, when the borrow itself proves that nobody else has it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    fn guard_unranked(&self) -> SpinLockGuard<'_, T> {
        let token = Token::enter_unchecked(self.rank, Kind::Spinning);
        SpinLockGuard { lock: self, token, _not_send: PhantomData }
    }
}

/// Takes two locks of the same rank, in the order of their addresses. The two must differ.
#[track_caller]
pub fn lock_pair<'a, T, U>(
    a: &'a SpinLock<T>,
    b: &'a SpinLock<U>,
) -> (SpinLockGuard<'a, T>, SpinLockGuard<'a, U>) {
    let (at, bt) = (&raw const *a as usize, &raw const *b as usize);
    assert!(at != bt, "lock_pair of one lock");
    if at < bt {
        let first = a.lock();
        acquire(&b.locked);
        (first, b.guard_unranked())
    } else {
        let first = b.lock();
        acquire(&a.locked);
        (a.guard_unranked(), first)
    }
}

impl<T> IrqLock<T> {
    const_fn! {
        /// A free lock of `rank`.
        pub const fn new(rank: Rank, value: T) -> Self {
            Self { rank, locked: AtomicBool::new(false), value: UnsafeCell::new(value) }
        }
    }
}

impl<T: ?Sized> IrqLock<T> {
    /// Turns interrupts off and takes the lock. Panics in debug builds when the order of ranks is broken.
    #[track_caller]
    pub fn lock(&self) -> IrqLockGuard<'_, T> {
        let irq = irq::disable();
        let token = Token::enter(self.rank, Kind::Interrupt);
        acquire(&self.locked);
        IrqLockGuard { lock: self, token, _irq: irq }
    }

    /// Takes the lock if it is free; a try cannot deadlock, so any order is allowed.
    pub fn try_lock(&self) -> Option<IrqLockGuard<'_, T>> {
        let irq = irq::disable();
        if !try_acquire(&self.locked) {
            return None;
        }
        let token = Token::enter_unchecked(self.rank, Kind::Interrupt);
        Some(IrqLockGuard { lock: self, token, _irq: irq })
    }

    /// The value, when the borrow itself proves that nobody else has it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

macro_rules! guard {
    ($guard:ident) => {
        impl<T: ?Sized> Deref for $guard<'_, T> {
            type Target = T;

            fn deref(&self) -> &T {
                // SAFETY: the guard exists, so this thread holds the lock.
                unsafe { &*self.lock.value.get() }
            }
        }

        impl<T: ?Sized> DerefMut for $guard<'_, T> {
            fn deref_mut(&mut self) -> &mut T {
                // SAFETY: the guard exists and is borrowed mutably, so this is the only access.
                unsafe { &mut *self.lock.value.get() }
            }
        }

        impl<T: ?Sized> Drop for $guard<'_, T> {
            fn drop(&mut self) {
                // Release pairs with the Acquire in try_acquire().
                self.lock.locked.store(false, Ordering::Release);
                self.token.leave();
            }
        }
    };
}

guard!(SpinLockGuard);
guard!(IrqLockGuard);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn increments_under_the_lock_are_not_lost() {
        let lock = SpinLock::new(Rank::PIPE, 0u64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| *lock.lock() += 1));
            }
        });
        assert_eq!(*lock.lock(), 40_000);
    }

    #[test]
    fn try_lock_of_a_held_lock_fails() {
        let lock = IrqLock::new(Rank::DEVICE, ());
        let held = lock.lock();
        assert!(lock.try_lock().is_none());
        drop(held);
        assert!(lock.try_lock().is_some());
    }
}
