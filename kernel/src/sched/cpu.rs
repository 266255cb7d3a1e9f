//! What the scheduler keeps for each CPU, its timer, and figures about it.

use super::state::SchedState;
use super::{CpuMask, timer};
use crate::task::Task;
use crate::time::{Duration, Instant, now};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use kernel_core::sched::RunQueue;
use kernel_sync::{IrqLock, Once, PerCpu, PerCpuCell, Rank};

pub(super) static CPUS: PerCpu<Cpu> = PerCpu::new(Cpu::new);

/// The thread that left this CPU last, until its successor has finished the switch.
pub(super) static PREVIOUS: PerCpuCell<Option<Arc<Task>>> = PerCpuCell::new(|_| None);

/// The scheduler's data of one CPU.
pub(super) struct Cpu {
    pub(super) queue: IrqLock<RunQueue<Arc<Task>>>,
    /// The running thread should give way at the next preemption point.
    pub(super) need_resched: AtomicBool,
    /// The idle thread runs.
    pub(super) idling: AtomicBool,
    /// Threads that run or wait here, as of the last change.
    pub(super) load: AtomicUsize,
    pub(super) idle: Once<Arc<Task>>,
    pub(super) next_balance_ns: AtomicU64,
    pub(super) idle_ns: AtomicU64,
    pub(super) switches: AtomicU64,
    pub(super) steals: AtomicU64,
    /// Class migrations seen here.
    pub(super) migrations: AtomicU64,
}

impl Cpu {
    fn new(id: usize) -> Self {
        Self {
            queue: IrqLock::new(Rank::RUNQUEUE, RunQueue::new(id)),
            need_resched: AtomicBool::new(false),
            idling: AtomicBool::new(false),
            load: AtomicUsize::new(0),
            idle: Once::new(),
            next_balance_ns: AtomicU64::new(0),
            idle_ns: AtomicU64::new(0),
            switches: AtomicU64::new(0),
            steals: AtomicU64::new(0),
            migrations: AtomicU64::new(0),
        }
    }

    /// Whether a thread has been adopted here.
    pub(super) fn is_online(&self) -> bool {
        self.idle.get().is_some()
    }
}

/// The CPUs of a mask, lowest first.
pub(super) fn cpus_of(mut mask: CpuMask) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let cpu = usize::try_from(mask.trailing_zeros()).ok().filter(|_| mask != 0)?;
        mask &= mask - 1;
        Some(cpu)
    })
}

/// Arms this CPU's one-shot timer for whatever comes first: a timer, the end of the slice, a CPU-time limit.
pub(super) fn program_timer() {
    let cpu = CPUS.get();
    let mut deadline = timer::next_deadline();
    if !cpu.need_resched.load(Ordering::Relaxed) {
        let review = cpu.queue.lock().review_at();
        deadline = earliest(deadline, review);
    }
    if let Some(task) = super::try_current() {
        deadline = earliest(deadline, task.process().cpu_limit_instant(now()));
    }
    kernel_arch::clock::set_timer(deadline);
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// Asks `cpu` to look at its queue again: to reschedule when `need_resched` is set, to arm its timer in any case.
pub(super) fn notify(cpu: usize) {
    if cpu == kernel_sync::cpu::id() {
        kernel_arch::trap::set_work_pending();
        program_timer();
    } else {
        kernel_arch::cpu::kick(cpu);
    }
}

/// Makes room in every CPU's queue for `threads` threads, so that waking one allocates nothing.
///
/// # Errors
/// `ENOMEM`.
pub(crate) fn reserve_queues(threads: usize) -> abi::Result<()> {
    static RESERVED: AtomicUsize = AtomicUsize::new(0);
    if threads <= RESERVED.load(Ordering::Relaxed) {
        return Ok(());
    }
    let target = threads.next_power_of_two().max(64);
    for id in 0..kernel_arch::cpu::count().min(kernel_sync::MAX_CPUS) {
        CPUS.of(id).queue.lock().reserve(target).map_err(|_| abi::Errno::ENOMEM)?;
    }
    RESERVED.fetch_max(target, Ordering::Relaxed);
    Ok(())
}

/// Figures of one CPU, for `/proc`.
#[derive(Clone, Copy, Debug)]
pub struct CpuStats {
    /// The CPU.
    pub cpu: usize,
    /// Time spent idle.
    pub idle: Duration,
    /// Context switches.
    pub switches: u64,
    /// Threads taken from other CPUs.
    pub steals: u64,
    /// Threads that changed between Hot, Normal and Cold.
    pub migrations: u64,
    /// Threads that run or wait.
    pub load: usize,
}

/// Calls `visit` with the figures of every CPU that is online.
pub fn for_each_cpu_stats(mut visit: impl FnMut(CpuStats)) {
    for id in 0..kernel_arch::cpu::count().min(kernel_sync::MAX_CPUS) {
        let cpu = CPUS.of(id);
        if !cpu.is_online() {
            continue;
        }
        let mut idle_ns = cpu.idle_ns.load(Ordering::Relaxed);
        if cpu.idling.load(Ordering::Relaxed)
            && let Some(idle) = cpu.idle.get()
        {
            let SchedState { charged_at, .. } = &idle.sched;
            idle_ns += now().as_nanos().saturating_sub(charged_at.load(Ordering::Relaxed));
        }
        visit(CpuStats {
            cpu: id,
            idle: Duration::from_nanos(idle_ns),
            switches: cpu.switches.load(Ordering::Relaxed),
            steals: cpu.steals.load(Ordering::Relaxed),
            migrations: cpu.migrations.load(Ordering::Relaxed),
            load: cpu.load.load(Ordering::Relaxed),
        });
    }
}

/// Threads that run or wait for a CPU, over all CPUs.
#[must_use]
pub fn runnable_threads() -> usize {
    (0..kernel_arch::cpu::count().min(kernel_sync::MAX_CPUS)).map(|id| CPUS.of(id).load.load(Ordering::Relaxed)).sum()
}

/// Load averages over 1, 5 and 15 minutes, in units of 1/65536 (`sysinfo(2)`).
///
/// Brought up to date when asked, in steps of five seconds: there is no tick that would do it.
#[must_use]
pub fn load_average() -> [u64; 3] {
    const STEP_NS: u64 = 5_000_000_000;
    /// 65536 · e^(-5/60), e^(-5/300), e^(-5/900).
    const DECAY: [u64; 3] = [60_296, 64_453, 65_173];
    static STATE: IrqLock<(u64, [u64; 3])> = IrqLock::new(Rank::new(79), (0, [0; 3]));
    let active = u64::try_from(runnable_threads()).unwrap_or(u64::MAX).saturating_mul(65_536);
    let mut state = STATE.lock();
    let steps = (now().as_nanos() / STEP_NS).saturating_sub(state.0);
    state.0 += steps;
    for _ in 0..steps.min(1000) {
        for (average, decay) in state.1.iter_mut().zip(DECAY) {
            *average = (*average * decay + active * (65_536 - decay)) / 65_536;
        }
    }
    state.1
}
