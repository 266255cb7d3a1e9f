//! The order in which locks are taken, as code: outer locks have lower ranks than inner ones.
//!
//! In debug builds each CPU knows the ranks that it holds, and taking a lock whose rank is not above all of them
//! panics. An interrupt handler may run on top of any held spin or sleeping lock, and takes only [`crate::IrqLock`]s;
//! so those are compared with one another, and every other lock with all. Locks held by a thread that parks leave the
//! CPU with it (see [`Held`]).

/// The place of a lock in the order; see the constants, outermost first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rank(u8);

macro_rules! ranks {
    ($($(#[$meta:meta])* $name:ident = $value:literal;)*) => {
        impl Rank {
            $($(#[$meta])* pub const $name: Rank = Rank($value);)*
        }
    };
}

ranks! {
    /// One rename at a time in a file system.
    RENAME = 10;
    /// The position of one open file description.
    FILE_POSITION = 15;
    /// One writer of a pipe at a time.
    PIPE_TURN = 16;
    /// Contents and attributes of one inode.
    INODE = 20;
    /// The mappings of one address space.
    ADDRESS_SPACE = 30;
    /// The pages of one inode.
    PAGE_CACHE = 35;
    /// Parents, children, groups and sessions of all processes.
    PROCESS_TREE = 40;
    /// One process.
    PROCESS = 45;
    /// One descriptor table (writers).
    FILES = 50;
    /// Signal actions and pending signals of one process.
    SIGNAL = 55;
    /// The mount table.
    MOUNT = 57;
    /// The dentry cache.
    DENTRY = 60;
    /// The bytes of one pipe.
    PIPE = 62;
    /// One terminal.
    TTY = 64;
    /// One futex hash bucket.
    FUTEX = 66;
    /// The page tables of one address space.
    PAGE_TABLE = 70;
    /// The waiters of one queue.
    WAIT_QUEUE = 76;
    /// The timer wheel of one CPU: a wake-up under a queue's lock may set the CPU's timer.
    TIMER = 77;
    /// The runnable threads of one CPU.
    RUNQUEUE = 80;
    /// The frame allocator.
    FRAMES = 90;
    /// The kernel heap.
    HEAP = 92;
    /// One device's registers and queues.
    DEVICE = 94;
    /// The kernel log.
    LOG = 98;
}

impl Rank {
    /// A rank of the caller's own, 1..=127, for locks that the list does not name.
    pub const fn new(value: u8) -> Self {
        assert!(value > 0 && value < 128);
        Self(value)
    }
}

/// How a lock waits; decides what it is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sleeping,
    Spinning,
    Interrupt,
}

pub(crate) use imp::Token;
pub use imp::{Held, save};

#[cfg(all(debug_assertions, not(loom)))]
mod imp {
    use super::{Kind, Rank};
    use crate::cpu::{self, MAX_CPUS};
    use core::cell::Cell;

    /// Bit sets of ranks that one CPU holds.
    struct Slot {
        sleeping: Cell<u128>,
        spinning: Cell<u128>,
        interrupt: Cell<u128>,
    }

    struct Slots([Slot; MAX_CPUS]);

    // SAFETY: a slot is touched only by the CPU of its index; an interrupt handler that runs between a load and the
    // store leaves the sets as it found them, because its guards are balanced.
    unsafe impl Sync for Slots {}

    static SLOTS: Slots = Slots(
        [const { Slot { sleeping: Cell::new(0), spinning: Cell::new(0), interrupt: Cell::new(0) } }; MAX_CPUS],
    );

    fn slot() -> &'static Slot {
        &SLOTS.0[cpu::id()]
    }

    impl Slot {
        fn set_of(&self, kind: Kind) -> &Cell<u128> {
            match kind {
                Kind::Sleeping => &self.sleeping,
                Kind::Spinning => &self.spinning,
                Kind::Interrupt => &self.interrupt,
            }
        }

        fn above(&self, kind: Kind) -> u128 {
            match kind {
                Kind::Interrupt => self.interrupt.get(),
                Kind::Sleeping | Kind::Spinning => {
                    self.sleeping.get() | self.spinning.get() | self.interrupt.get()
                }
            }
        }
    }

    /// Proof that a rank was checked and entered; the guard of the lock gives it back.
    pub(crate) struct Token {
        bit: u128,
        kind: Kind,
    }

    impl Token {
        #[track_caller]
        pub(crate) fn enter(rank: Rank, kind: Kind) -> Self {
            let slot = slot();
            let held = slot.above(kind);
            let bit = 1u128 << rank.0;
            if held >= bit {
                let highest = 127 - held.leading_zeros();
                panic!("lock order: rank {} taken while rank {highest} is held", rank.0);
            }
            let set = slot.set_of(kind);
            set.set(set.get() | bit);
            Self { bit, kind }
        }

        /// For a try-lock, which cannot deadlock: no check, and the rank counts only if it was not held yet.
        pub(crate) fn enter_unchecked(rank: Rank, kind: Kind) -> Self {
            let set = slot().set_of(kind);
            let bit = (1u128 << rank.0) & !set.get();
            set.set(set.get() | bit);
            Self { bit, kind }
        }

        pub(crate) fn leave(&self) {
            let set = slot().set_of(self.kind);
            set.set(set.get() & !self.bit);
        }
    }

    /// The ranks of the sleeping locks that a thread holds while it is off its CPU; dropping it enters them on the
    /// CPU that runs the thread then.
    #[must_use = "the ranks come back when this is dropped"]
    pub struct Held(u128);

    /// Takes this thread's held ranks off the CPU, for the time that another thread runs on it. `park` does it by
    /// itself; the scheduler does it around a voluntary switch.
    ///
    /// Panics in debug builds when a spin lock is held: its holder must not leave the CPU.
    #[track_caller]
    pub fn save() -> Held {
        let slot = slot();
        assert!(slot.spinning.get() == 0 && slot.interrupt.get() == 0, "a thread leaves its CPU with a spin lock held");
        Held(slot.sleeping.replace(0))
    }

    impl Drop for Held {
        fn drop(&mut self) {
            slot().sleeping.set(self.0);
        }
    }
}

#[cfg(not(all(debug_assertions, not(loom))))]
mod imp {
    use super::{Kind, Rank};

    pub(crate) struct Token;

    impl Token {
        #[inline(always)]
        pub(crate) fn enter(_: Rank, _: Kind) -> Self {
            Self
        }

        #[inline(always)]
        pub(crate) fn enter_unchecked(_: Rank, _: Kind) -> Self {
            Self
        }

        #[inline(always)]
        pub(crate) fn leave(&self) {}
    }

    /// The ranks that a thread holds while it is off its CPU (checked in debug builds only).
    #[must_use = "the ranks come back when this is dropped"]
    pub struct Held;

    /// Takes this thread's held ranks off the CPU (checked in debug builds only).
    #[inline(always)]
    pub fn save() -> Held {
        Held
    }
}

#[cfg(all(test, debug_assertions, not(loom)))]
mod tests {
    use crate::{IrqLock, Rank, SpinLock};

    #[test]
    fn inner_after_outer_is_allowed() {
        let (outer, inner) = (SpinLock::new(Rank::PIPE, 1), IrqLock::new(Rank::WAIT_QUEUE, 2));
        let _outer = outer.lock();
        assert_eq!(*inner.lock(), 2);
    }

    #[test]
    #[should_panic(expected = "lock order")]
    fn outer_after_inner_panics() {
        let (outer, inner) = (SpinLock::new(Rank::PIPE, 1), SpinLock::new(Rank::TTY, 2));
        let _inner = inner.lock();
        let _outer = outer.lock();
    }

    #[test]
    #[should_panic(expected = "lock order")]
    fn same_rank_twice_panics() {
        let (a, b) = (SpinLock::new(Rank::PIPE, 1), SpinLock::new(Rank::PIPE, 2));
        let _a = a.lock();
        let _b = b.lock();
    }

    #[test]
    fn a_pair_of_the_same_rank_is_allowed() {
        let (a, b) = (SpinLock::new(Rank::PIPE, 1), SpinLock::new(Rank::PIPE, 2));
        let (ga, gb) = crate::lock_pair(&a, &b);
        assert_eq!((*ga, *gb), (1, 2));
    }
}
