//! The scheduler: which thread runs on which CPU, sleeping and waking, timers.
//!
//! Layers, bottom up: [`timer`] (one wheel a CPU), [`cpu`] (the queues of each CPU; policy is in `kernel_core::sched`),
//! [`switch`] (leaving a CPU and arriving on one), [`wake`] (becoming runnable, choice of CPU, balance),
//! [`runtime`] (parking, for `kernel_sync`), [`idle`], [`reaper`] (frees what the dead cannot free themselves).
//!
//! Life of a thread here: it is runnable (on one queue), running (on no queue), parked (on none), or dead.
//! It leaves a CPU only in `switch::leave`; whoever runs next finishes the switch for it.
//!
//! Lock order: a thread's `entity` (`TASK_STATE`), then its CPU's queue (`RUNQUEUE`). Timer wheels (`TIMER`) are locked
//! with neither held, and expired timers fire with no lock held.

mod cpu;
mod idle;
mod reaper;
mod runtime;
mod state;
mod switch;
pub mod timer;
mod wake;

pub use cpu::{CpuStats, for_each_cpu_stats, load_average, runnable_threads};
pub use idle::idle_loop;
pub(crate) use reaper::bury_context;
pub(crate) use cpu::reserve_queues;
pub(crate) use switch::set_active_space;
pub use state::ThreadState;
pub(crate) use state::SchedState;
pub(crate) use switch::exit_forever;
pub use switch::{account_current, current, preempt_if_needed, try_current, yield_now};
pub(crate) use wake::make_runnable;
pub use wake::{set_affinity, set_nice, set_policy};

use crate::time::{Duration, Instant};
use abi::{Errno, Result};

/// A CPU mask: bit `n` stands for CPU `n`.
pub type CpuMask = u64;

/// The timer hook: fires timers, then looks at the running thread. Interrupt context.
pub extern "C" fn timer_interrupt() {
    timer::interrupt();
}

/// The reschedule hook: another CPU changed this one's queue, or gave its thread a signal. Interrupt context.
pub extern "C" fn reschedule_interrupt() {
    switch::kicked();
}

/// The hook of a new thread's first moment: finishes the switch that brought it here.
pub extern "C" fn thread_start() {
    switch::arrive();
}

/// Prepares this CPU for threads: adopts the running code as its idle thread. Called once on each CPU.
pub fn init_cpu() {
    idle::adopt_boot_thread();
}

/// Starts what the scheduler needs besides idle threads; called once on the first CPU, after [`init_cpu`].
pub fn init() {
    kernel_sync::park::install(&runtime::RUNTIME);
    reaper::start();
    if crate::task::spawn_kernel("rcu", |_| kernel_sync::rcu::reclaimer(), 0).is_err() {
        log::error!(target: "sched", "no memory for the reclaimer of read-copy-update");
    }
}

/// Makes the CPUs that may run threads of `process` set their timers anew: a limit on its CPU time has changed.
pub(crate) fn review_timers(process: &crate::task::Process) {
    let cpus = process.threads().iter().fold(0, |mask: CpuMask, task| mask | 1 << task.cpu());
    for cpu in 0..kernel_sync::MAX_CPUS {
        if cpus & (1 << cpu) != 0 {
            cpu::notify(cpu);
        }
    }
}

/// All CPUs that can run threads.
#[must_use]
pub fn online_cpus() -> CpuMask {
    let count = kernel_arch::cpu::count().min(kernel_sync::MAX_CPUS);
    if count >= 64 { CpuMask::MAX } else { (1 << count) - 1 }
}

/// Sleeps until `deadline`.
///
/// # Errors
/// `RESTARTSYS` when a signal comes first.
pub fn sleep_until(deadline: Instant) -> Result<()> {
    while !kernel_sync::park::interrupted() {
        if crate::time::now() >= deadline {
            return Ok(());
        }
        kernel_sync::park::park(Some(deadline));
    }
    Err(Errno::RESTARTSYS)
}

/// Sleeps for `length`, for kernel threads: signals do not cut it short.
pub fn sleep(length: Duration) {
    let deadline = crate::time::now() + length;
    while crate::time::now() < deadline {
        kernel_sync::park::park(Some(deadline));
    }
}
