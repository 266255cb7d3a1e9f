//! The running thread of each CPU, reached without counting.

use crate::cpu::{self, MAX_CPUS};
use alloc::sync::Arc;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// A slot for each CPU that holds the `Arc` of what runs there.
///
/// The scheduler alone calls [`Current::set`], while it switches: a thread's own `Arc` is in the slot of its CPU
/// whenever the thread runs, and the `Arc` that `set` returns must outlive every [`CurrentRef`] that its thread made.
/// It does when the thread runs no more code after it leaves the slot for the last time.
pub struct Current<T> {
    slots: [Slot<T>; MAX_CPUS],
}

#[repr(align(64))]
struct Slot<T>(AtomicPtr<T>);

/// The running thread, for as long as its own code runs; it cannot be sent to another one.
pub struct CurrentRef<'a, T> {
    value: &'a T,
    _not_send: PhantomData<*mut ()>,
}

// A `Current` owns the `Arc`s in it.
impl<T: Send + Sync> Current<T> {
    /// All slots empty.
    pub const fn new() -> Self {
        Self { slots: [const { Slot(AtomicPtr::new(ptr::null_mut())) }; MAX_CPUS] }
    }

    /// Puts `next` into this CPU's slot and returns what was there.
    pub fn set(&self, next: Arc<T>) -> Option<Arc<T>> {
        let slot = &self.slots[cpu::id()].0;
        let old = slot.swap(Arc::into_raw(next).cast_mut(), Ordering::Relaxed);
        // SAFETY: a pointer in the slot came from `Arc::into_raw` here, and the swap took it out.
        (!old.is_null()).then(|| unsafe { Arc::from_raw(old) })
    }

    /// What runs on this CPU. Panics before the first [`Current::set`] on it.
    #[inline]
    #[track_caller]
    pub fn get(&self) -> CurrentRef<'_, T> {
        self.try_get().expect("nothing runs on this CPU yet")
    }

    /// What runs on this CPU, or nothing before the first [`Current::set`] on it.
    #[inline]
    pub fn try_get(&self) -> Option<CurrentRef<'_, T>> {
        let value = self.slots[cpu::id()].0.load(Ordering::Relaxed);
        // SAFETY: the slot holds one count of the running thread's `Arc`; by the contract of the type it is not given
        // up while that thread, whose code this is, still runs.
        let value = unsafe { value.as_ref()? };
        Some(CurrentRef { value, _not_send: PhantomData })
    }
}

impl<T: Send + Sync> Default for Current<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A token on the stack of a thread, which it cannot leave: bounds how long a plain reference to what runs lives.
#[derive(Default)]
pub struct OnStack(PhantomData<*mut ()>);

impl<'a, T> CurrentRef<'a, T> {
    /// What runs, for as long as the thread keeps `_token`.
    #[inline]
    pub fn within<'s>(&self, _token: &'s OnStack) -> &'s T
    where
        'a: 's,
    {
        self.value
    }
}

impl<T> CurrentRef<'_, T> {
    /// A counted handle, for keeping or sending.
    pub fn to_arc(&self) -> Arc<T> {
        let raw = ptr::from_ref(self.value);
        // SAFETY: the value lives in an `Arc` (only `set` fills a slot), which is alive while `self` is.
        unsafe {
            Arc::increment_strong_count(raw);
            Arc::from_raw(raw)
        }
    }
}

impl<T> Deref for CurrentRef<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_keeps_what_was_set() {
        static CURRENT: Current<u32> = Current::new();
        assert!(CURRENT.try_get().is_none());
        assert!(CURRENT.set(Arc::new(7)).is_none());
        assert_eq!((*CURRENT.get(), *CURRENT.get().to_arc()), (7, 7));
        assert_eq!(CURRENT.set(Arc::new(8)).as_deref(), Some(&7));
    }
}
