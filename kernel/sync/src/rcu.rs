//! Read-copy-update: readers take no lock and write to nothing that is shared; what a writer replaced is freed after
//! every reader that could see it is gone.
//!
//! Epochs decide when that is. A reader publishes the epoch in which it began in a slot of its CPU. The epoch advances
//! when no slot holds an older one, so what was retired in epoch `e` has no reader left in `e + 2`. Idle CPUs and CPUs
//! in user mode hold nothing up. Readers must not sleep: another thread of the CPU would read under the same slot.
//!
//! Retired values are dropped by one kernel thread ([`reclaimer`]), never by the writer, which may hold locks.

use crate::atomic::{AtomicU32, AtomicU64, Ordering, const_fn, fence};

/// Epochs and one slot for each of `N` CPUs.
pub struct Domain<const N: usize> {
    epoch: AtomicU64,
    readers: [Reader; N],
}

#[repr(align(64))]
struct Reader {
    /// The epoch in which the outermost read section began; [`IDLE`] outside of one.
    epoch: AtomicU64,
    /// Read sections open on this CPU; only it reads and writes this.
    nesting: AtomicU32,
}

const IDLE: u64 = 0;
const FIRST: u64 = 1;

impl<const N: usize> Domain<N> {
    const_fn! {
        /// Epoch one, no readers.
        pub const fn new() -> Self {
            #[cfg(not(loom))]
            let readers = [const { Reader { epoch: AtomicU64::new(IDLE), nesting: AtomicU32::new(0) } }; N];
            #[cfg(loom)]
            let readers =
                core::array::from_fn(|_| Reader { epoch: AtomicU64::new(IDLE), nesting: AtomicU32::new(0) });
            Self { epoch: AtomicU64::new(FIRST), readers }
        }
    }

    /// Opens a read section on `cpu`, which must be the running one.
    #[inline]
    pub fn enter(&self, cpu: usize) {
        let reader = &self.readers[cpu];
        let nesting = reader.nesting.load(Ordering::Relaxed);
        reader.nesting.store(nesting + 1, Ordering::Relaxed);
        if nesting == 0 {
            reader.epoch.store(self.epoch.load(Ordering::Relaxed), Ordering::Relaxed);
            // SeqCst pairs with the fence in try_advance(): either the writer sees this reader, or this reader sees
            // what the writer put in place.
            fence(Ordering::SeqCst);
        }
    }

    /// Closes a read section on `cpu`, which must be the running one.
    #[inline]
    pub fn leave(&self, cpu: usize) {
        let reader = &self.readers[cpu];
        let nesting = reader.nesting.load(Ordering::Relaxed) - 1;
        reader.nesting.store(nesting, Ordering::Relaxed);
        if nesting == 0 {
            // Release pairs with the Acquire fence in try_advance(): the section's reads are over.
            reader.epoch.store(IDLE, Ordering::Release);
        }
    }

    /// Whether a read section is open on `cpu`.
    pub fn is_reading(&self, cpu: usize) -> bool {
        self.readers[cpu].nesting.load(Ordering::Relaxed) != 0
    }

    /// The present epoch, read after what the caller just took out of sight.
    pub fn epoch(&self) -> u64 {
        // SeqCst pairs with the fences in enter() and try_advance().
        fence(Ordering::SeqCst);
        self.epoch.load(Ordering::Relaxed)
    }

    /// Moves to the next epoch if no reader is left in an older one. Returns the epoch then.
    pub fn try_advance(&self) -> u64 {
        let epoch = self.epoch.load(Ordering::Relaxed);
        // SeqCst pairs with the fence in enter().
        fence(Ordering::SeqCst);
        for reader in &self.readers {
            let began = reader.epoch.load(Ordering::Relaxed);
            if began != IDLE && began != epoch {
                return epoch;
            }
        }
        // Acquire pairs with the Release in leave().
        fence(Ordering::Acquire);
        // Release pairs with the Acquire fences of later advances, which so inherit what this one saw.
        match self.epoch.compare_exchange(epoch, epoch + 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => epoch + 1,
            Err(now) => now,
        }
    }

    /// Whether nothing retired in epoch `retired` has a reader in epoch `now`.
    #[must_use]
    pub const fn is_over(retired: u64, now: u64) -> bool {
        now >= retired + 2
    }
}

impl<const N: usize> Default for Domain<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(not(loom))]
pub use global::{RcuCell, RcuGuard, pending, quiescent, read, reclaim, reclaimer, synchronize};
#[cfg(not(loom))]
pub(crate) use global::is_reading;

#[cfg(not(loom))]
mod global {
    use super::Domain;
    use crate::atomic::relax;
    use crate::cpu::{self, MAX_CPUS};
    use crate::park;
    use crate::wait_queue::{Wait, WaitQueue};
    use alloc::boxed::Box;
    use alloc::sync::Arc;
    use core::marker::PhantomData;
    use core::ptr;
    use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
    use core::time::Duration;

    static DOMAIN: Domain<MAX_CPUS> = Domain::new();
    static RETIRED: AtomicPtr<Retired> = AtomicPtr::new(ptr::null_mut());
    static PENDING: AtomicUsize = AtomicUsize::new(0);
    static RECLAIMER_RUNS: AtomicBool = AtomicBool::new(false);
    static WORK: WaitQueue = WaitQueue::new();

    /// How long the reclaimer lets retired values gather.
    const GATHER: Duration = Duration::from_millis(10);
    /// Retired values that a host without a reclaimer lets gather.
    const HOST_LIMIT: usize = 64;

    /// An open read section of this CPU: what an [`RcuCell`] showed stays alive while it lives. Its thread must not
    /// sleep.
    #[must_use = "the read section ends when the guard is dropped"]
    pub struct RcuGuard(PhantomData<*mut ()>);

    /// Opens a read section. Sections nest.
    #[inline]
    pub fn read() -> RcuGuard {
        DOMAIN.enter(cpu::id());
        RcuGuard(PhantomData)
    }

    impl Drop for RcuGuard {
        #[inline]
        fn drop(&mut self) {
            DOMAIN.leave(cpu::id());
        }
    }

    pub(crate) fn is_reading() -> bool {
        DOMAIN.is_reading(cpu::id())
    }

    /// A pointer that readers follow without a lock and writers replace.
    pub struct RcuCell<T> {
        /// From `Arc::into_raw`, never null.
        pointer: AtomicPtr<T>,
        _owns: PhantomData<Arc<T>>,
    }

    impl<T: Send + Sync + 'static> RcuCell<T> {
        /// A cell that shows `value`.
        pub fn new(value: impl Into<Arc<T>>) -> Self {
            Self { pointer: AtomicPtr::new(Arc::into_raw(value.into()).cast_mut()), _owns: PhantomData }
        }

        /// What the cell shows now, for as long as the read section lasts.
        #[inline]
        pub fn load<'g>(&'g self, _guard: &'g RcuGuard) -> &'g T {
            // Acquire pairs with the AcqRel in replace(): the value's contents are visible.
            // SAFETY: the pointer came from an `Arc` whose count the cell owned when it was read; replace() gives that
            // count up only after every read section that was open then is over, and one is open for `'g`.
            unsafe { &*self.pointer.load(Ordering::Acquire) }
        }

        /// What the cell shows now, counted.
        pub fn load_arc(&self) -> Arc<T> {
            let _guard = read();
            // Acquire pairs with the AcqRel in replace().
            let raw = self.pointer.load(Ordering::Acquire);
            // SAFETY: as in load(); the read section keeps the cell's count alive while it is raised.
            unsafe {
                Arc::increment_strong_count(raw);
                Arc::from_raw(raw)
            }
        }

        /// Shows `value` from now on; what was shown before is dropped after a grace period, by the reclaimer.
        /// Not under a lock ranked `WAIT_QUEUE` or inner.
        pub fn replace(&self, value: impl Into<Arc<T>>) {
            let new = Arc::into_raw(value.into()).cast_mut();
            // AcqRel pairs with the Acquire in load() and load_arc().
            let old = self.pointer.swap(new, Ordering::AcqRel);
            // SAFETY: the cell owned one count of `old`, and the swap took it out.
            retire(Box::new(unsafe { Arc::from_raw(old) }));
        }
    }

    impl<T> Drop for RcuCell<T> {
        fn drop(&mut self) {
            // SAFETY: the cell owns one count, and no read section borrows it any more.
            drop(unsafe { Arc::from_raw(*self.pointer.get_mut()) });
        }
    }

    /// A value out of sight, in a list of such.
    struct Retired {
        next: *mut Retired,
        epoch: u64,
        _value: Box<dyn Send>,
    }

    fn retire(value: Box<dyn Send>) {
        let node = Box::new(Retired { next: ptr::null_mut(), epoch: DOMAIN.epoch(), _value: value });
        // Counted before it can be found: a reclaimer takes it off the count as soon as it has dropped it.
        let pending = PENDING.fetch_add(1, Ordering::Relaxed) + 1;
        push(node);
        if RECLAIMER_RUNS.load(Ordering::Relaxed) {
            WORK.wake_one();
        } else if cfg!(not(target_os = "none")) && pending > HOST_LIMIT {
            reclaim();
        }
    }

    fn push(node: Box<Retired>) {
        let node = Box::into_raw(node);
        let mut head = RETIRED.load(Ordering::Relaxed);
        loop {
            // SAFETY: the node is this function's own until the exchange publishes it.
            unsafe { (*node).next = head };
            // Release pairs with the Acquire in reclaim().
            match RETIRED.compare_exchange_weak(head, node, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Drops every retired value whose grace period is over; returns how many. For a thread that holds no lock.
    pub fn reclaim() -> usize {
        DOMAIN.try_advance();
        let now = DOMAIN.try_advance();
        // Acquire pairs with the Release in push().
        let mut head = RETIRED.swap(ptr::null_mut(), Ordering::Acquire);
        let mut dropped = 0;
        while !head.is_null() {
            // SAFETY: the swap made the whole list this function's own; each node came from `Box::into_raw`.
            let node = unsafe { Box::from_raw(head) };
            head = node.next;
            if Domain::<MAX_CPUS>::is_over(node.epoch, now) {
                drop(node);
                dropped += 1;
            } else {
                push(node);
            }
        }
        PENDING.fetch_sub(dropped, Ordering::Relaxed);
        dropped
    }

    /// Values that wait for the end of their grace period.
    pub fn pending() -> usize {
        PENDING.load(Ordering::Relaxed)
    }

    /// The body of the kernel thread that drops retired values.
    pub fn reclaimer() -> ! {
        RECLAIMER_RUNS.store(true, Ordering::Relaxed);
        let never = WaitQueue::new();
        loop {
            let work = || (PENDING.load(Ordering::Relaxed) > 0).then_some(());
            let mut pending = WORK.wait_until(Wait::UNINTERRUPTIBLE, work).is_ok();
            while pending {
                let gathered = Wait::UNINTERRUPTIBLE.until(Some(park::now() + GATHER));
                let _ = never.wait_until(gathered, || None::<()>);
                reclaim();
                pending = PENDING.load(Ordering::Relaxed) > 0;
            }
        }
    }

    /// Helps the epoch on while values wait; called at context switches and by idle CPUs.
    #[inline]
    pub fn quiescent() {
        if PENDING.load(Ordering::Relaxed) > 0 {
            DOMAIN.try_advance();
        }
    }

    /// Waits until every read section that is open now is over. Not inside of one.
    pub fn synchronize() {
        debug_assert!(!is_reading(), "synchronize inside a read section");
        let start = DOMAIN.epoch();
        while !Domain::<MAX_CPUS>::is_over(start, DOMAIN.try_advance()) {
            relax();
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        struct Counted(&'static AtomicUsize);

        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }

        #[test]
        fn a_replaced_value_outlives_its_readers() {
            static DROPS: AtomicUsize = AtomicUsize::new(0);
            let cell = RcuCell::new(Counted(&DROPS));
            let guard = read();
            let seen = cell.load(&guard);
            cell.replace(Counted(&DROPS));
            reclaim();
            reclaim();
            assert_eq!(seen.0.load(Ordering::SeqCst), 0);
            drop(guard);
            while DROPS.load(Ordering::SeqCst) == 0 {
                reclaim();
            }
        }

        #[test]
        fn readers_never_see_a_freed_value() {
            let cell = RcuCell::new((7u64, 7u64));
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        for _ in 0..20_000 {
                            let guard = read();
                            let pair = cell.load(&guard);
                            assert_eq!(pair.0, pair.1);
                        }
                    });
                }
                scope.spawn(|| (0..5_000u64).for_each(|n| cell.replace((n, n))));
            });
            synchronize();
        }
    }
}
