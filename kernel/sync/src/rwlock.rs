//! A lock for many readers or one writer, whose waiters sleep. Waiting writers hold new readers off.

use crate::atomic::{AtomicU32, Ordering, const_fn, fence};
use crate::rank::{Kind, Rank, Token};
use crate::wait_queue::{Wait, WaitQueue};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

const WRITER: u32 = 1 << 31;

/// A lock that many readers or one writer hold; both may sleep with it.
pub struct RwLock<T: ?Sized> {
    rank: Rank,
    /// [`WRITER`], or the number of readers.
    state: AtomicU32,
    waiting_writers: AtomicU32,
    readers: WaitQueue,
    writers: WaitQueue,
    value: UnsafeCell<T>,
}

/// Shared access to a [`RwLock`]'s value.
#[must_use = "the lock is released when the guard is dropped"]
pub struct ReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    token: Token,
    _not_send: PhantomData<*mut ()>,
}

/// Exclusive access to a [`RwLock`]'s value.
#[must_use = "the lock is released when the guard is dropped"]
pub struct WriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    token: Token,
    _not_send: PhantomData<*mut ()>,
}

// SAFETY: the lock hands out many `&T` or one `&mut T`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// SAFETY: the lock owns its value.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}

impl<T> RwLock<T> {
    const_fn! {
        /// A free lock of `rank`.
        pub const fn new(rank: Rank, value: T) -> Self {
            Self {
                rank,
                state: AtomicU32::new(0),
                waiting_writers: AtomicU32::new(0),
                readers: WaitQueue::new(),
                writers: WaitQueue::new(),
                value: UnsafeCell::new(value),
            }
        }
    }

    /// The value of a lock that nobody else can reach.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Takes the lock to read. Panics in debug builds when the order of ranks is broken (a second read included:
    /// a writer that waits between the two would deadlock).
    #[track_caller]
    pub fn read(&self) -> ReadGuard<'_, T> {
        let token = Token::enter(self.rank, Kind::Sleeping);
        if !self.try_read() {
            sleep_until(&self.readers, || self.try_read());
        }
        ReadGuard { lock: self, token, _not_send: PhantomData }
    }

    /// Takes the lock to write. Panics in debug builds when the order of ranks is broken.
    #[track_caller]
    pub fn write(&self) -> WriteGuard<'_, T> {
        let token = Token::enter(self.rank, Kind::Sleeping);
        if !self.try_write() {
            self.waiting_writers.fetch_add(1, Ordering::Relaxed);
            sleep_until(&self.writers, || self.try_write());
            self.waiting_writers.fetch_sub(1, Ordering::Relaxed);
        }
        WriteGuard { lock: self, token, _not_send: PhantomData }
    }

    /// The value, when the borrow itself proves that nobody else has it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    fn try_read(&self) -> bool {
        if self.waiting_writers.load(Ordering::Relaxed) != 0 {
            return false;
        }
        let mut state = self.state.load(Ordering::Relaxed);
        while state & WRITER == 0 {
            // Acquire pairs with the Release in the write guard's drop().
            match self.state.compare_exchange_weak(state, state + 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    fn try_write(&self) -> bool {
        // Acquire pairs with the Release in both guards' drop().
        self.state.compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// The lock is free: the next writer gets its chance, or else all readers.
    fn pass_on(&self) {
        // SeqCst pairs with the fence in WaitQueue::link(): either this sees a writer that waits, or it sees the free lock.
        fence(Ordering::SeqCst);
        if self.waiting_writers.load(Ordering::Relaxed) == 0 {
            self.readers.wake_all();
        } else {
            // One that is counted and not asleep yet looks at the state again before it sleeps.
            self.writers.wake_one();
        }
    }
}

#[cold]
fn sleep_until(queue: &WaitQueue, attempt: impl Fn() -> bool) {
    let taken = queue.wait_until(Wait::UNINTERRUPTIBLE, || attempt().then_some(()));
    debug_assert!(taken.is_ok(), "an uninterruptible wait without a deadline ended early");
}

impl<T: ?Sized> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard counts as a reader, so no writer has the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard is the writer, so nobody else has the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard is the writer and is borrowed mutably, so this is the only access.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for ReadGuard<'_, T> {
    fn drop(&mut self) {
        self.token.leave();
        // Release pairs with the Acquire in try_write().
        if self.lock.state.fetch_sub(1, Ordering::Release) == 1 {
            self.lock.pass_on();
        }
    }
}

impl<T: ?Sized> Drop for WriteGuard<'_, T> {
    fn drop(&mut self) {
        self.token.leave();
        // Release pairs with the Acquire in try_read() and try_write().
        self.lock.state.store(0, Ordering::Release);
        self.lock.pass_on();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_writer_is_alone() {
        let lock = RwLock::new(Rank::INODE, (0u64, 0u64));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let mut pair = lock.write();
                        pair.0 += 1;
                        pair.1 += 1;
                    }
                });
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let pair = lock.read();
                        assert_eq!(pair.0, pair.1);
                    }
                });
            }
        });
        assert_eq!(*lock.read(), (8_000, 8_000));
    }

    #[test]
    fn readers_share() {
        let lock = RwLock::new(Rank::INODE, ());
        let _held = lock.read();
        std::thread::scope(|scope| {
            scope.spawn(|| drop(lock.read()));
        });
    }
}
