//! The part of a thread that belongs to the scheduler.

use super::CpuMask;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use kernel_core::sched::{Entity, Policy};
use kernel_core::time::{Duration, Instant};
use kernel_sync::{IrqLock, Rank};

/// Rank of a thread's scheduling figures: outside the run queues.
const TASK_STATE: Rank = Rank::new(78);

/// Where a thread is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ThreadState {
    /// Running, or on a run queue.
    Runnable = 0,
    /// Waiting for an unpark.
    Parked = 1,
    /// It will not run again.
    Dead = 2,
}

/// Scheduling state of one thread.
pub(crate) struct SchedState {
    pub(super) entity: IrqLock<Entity>,
    state: AtomicU8,
    /// An unpark that no park has consumed.
    pub(super) token: AtomicBool,
    pub(super) cpu: AtomicUsize,
    pub(super) affinity: AtomicU64,
    /// When the thread was last charged for running, in nanoseconds since boot.
    pub(super) charged_at: AtomicU64,
    pub(super) voluntary_switches: AtomicU64,
    pub(super) involuntary_switches: AtomicU64,
    /// It is the idle thread of its CPU.
    pub(super) idle: bool,
}

impl SchedState {
    /// A thread that is parked and never ran.
    pub(crate) fn new(entity: Entity, affinity: CpuMask) -> Self {
        Self::with(entity, affinity, ThreadState::Parked, false)
    }

    /// The idle thread of the running CPU.
    pub(super) fn idle() -> Self {
        Self::with(Entity::new(Policy::Idle, kernel_core::sched::Nice::MAX), CpuMask::MAX, ThreadState::Runnable, true)
    }

    fn with(entity: Entity, affinity: CpuMask, state: ThreadState, idle: bool) -> Self {
        Self {
            entity: IrqLock::new(TASK_STATE, entity),
            state: AtomicU8::new(state as u8),
            token: AtomicBool::new(false),
            cpu: AtomicUsize::new(kernel_sync::cpu::id()),
            affinity: AtomicU64::new(affinity),
            charged_at: AtomicU64::new(0),
            voluntary_switches: AtomicU64::new(0),
            involuntary_switches: AtomicU64::new(0),
            idle,
        }
    }

    /// Where the thread is in its life.
    pub(crate) fn state(&self) -> ThreadState {
        match self.state.load(Ordering::SeqCst) {
            0 => ThreadState::Runnable,
            1 => ThreadState::Parked,
            _ => ThreadState::Dead,
        }
    }

    pub(super) fn set_state(&self, state: ThreadState) {
        // SeqCst: the order of this store and the load of `token` in park() against the converse in unpark().
        self.state.store(state as u8, Ordering::SeqCst);
    }

    /// Parked to runnable; true for the one caller that made the change.
    pub(super) fn claim_wakeup(&self) -> bool {
        let (parked, runnable) = (ThreadState::Parked as u8, ThreadState::Runnable as u8);
        // SeqCst: see set_state().
        self.state.compare_exchange(parked, runnable, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// CPU time used up to the last charge.
    pub(crate) fn cpu_time(&self) -> Duration {
        self.entity.lock().total()
    }

    /// A copy of the policy's figures.
    pub(crate) fn entity(&self) -> Entity {
        *self.entity.lock()
    }

    /// The CPU that it runs on, or ran on last.
    pub(crate) fn cpu(&self) -> usize {
        self.cpu.load(Ordering::Relaxed)
    }

    /// CPUs that it may run on.
    pub(crate) fn affinity(&self) -> CpuMask {
        self.affinity.load(Ordering::Relaxed)
    }

    pub(super) fn may_run_on(&self, cpu: usize) -> bool {
        self.affinity() & (1 << cpu) != 0
    }

    /// Voluntary and involuntary switches.
    pub(crate) fn switches(&self) -> (u64, u64) {
        (self.voluntary_switches.load(Ordering::Relaxed), self.involuntary_switches.load(Ordering::Relaxed))
    }

    /// Takes the stretch since the last charge, up to `now`.
    pub(super) fn take_stretch(&self, now: Instant) -> Duration {
        let since = self.charged_at.swap(now.as_nanos(), Ordering::Relaxed);
        now - Instant::from_nanos(since)
    }
}
