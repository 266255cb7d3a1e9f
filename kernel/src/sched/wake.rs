//! Becoming runnable: choice of CPU, preemption of others, stealing and balance, changes of policy and affinity.

use super::cpu::{CPUS, cpus_of, notify};
use super::state::ThreadState;
use super::{CpuMask, online_cpus};
use crate::task::Task;
use crate::time::{Instant, now};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use kernel_core::sched::{Arrival, BALANCE_INTERVAL, Nice, Policy, balance};
use kernel_core::time::nanos;
use kernel_sync::cpu as this_cpu;

/// Lets a new thread run for the first time.
pub(crate) fn make_runnable(task: Arc<Task>) {
    if task.sched.claim_wakeup() {
        enqueue(task, Arrival::Woken);
    }
}

/// Gives `task` an unpark: it leaves the park that it is in, or does not enter the next one.
pub(super) fn unpark(task: &Arc<Task>) {
    // SeqCst: this store before the load of `state`, against the converse in park().
    task.sched.token.store(true, Ordering::SeqCst);
    if task.sched.claim_wakeup() {
        enqueue(Arc::clone(task), Arrival::Woken);
    }
}

/// Queues a runnable thread that is on no queue, on the CPU that suits it.
pub(super) fn enqueue(task: Arc<Task>, arrival: Arrival) {
    let target = choose_cpu(&task);
    enqueue_on(target, task, arrival);
}

fn enqueue_on(target: usize, task: Arc<Task>, arrival: Arrival) {
    let cpu = CPUS.of(target);
    task.sched.cpu.store(target, Ordering::Relaxed);
    let handle = Arc::clone(&task);
    let (preempts, first) = {
        let mut entity = task.sched.entity.lock();
        let mut queue = cpu.queue.lock();
        let preempts = queue.enqueue(&mut entity, handle, arrival, now());
        cpu.load.store(queue.load(), Ordering::Relaxed);
        (preempts, queue.waiting() == 1)
    };
    if preempts {
        // Relaxed: the interrupt that notify() sends orders it for a remote CPU.
        cpu.need_resched.store(true, Ordering::Relaxed);
    }
    // The first to wait makes a slice necessary where the timer may have been off.
    if preempts || first {
        notify(target);
    }
}

/// The CPU last used when it idles, else any idle one, else the last one, else the least loaded that is allowed.
fn choose_cpu(task: &Task) -> usize {
    let allowed = task.sched.affinity() & online_mask();
    let last = task.sched.cpu();
    let is_allowed = |cpu: usize| allowed & (1 << cpu) != 0;
    let is_idle = |cpu: usize| CPUS.of(cpu).idling.load(Ordering::Relaxed) && CPUS.of(cpu).load.load(Ordering::Relaxed) == 0;
    if is_allowed(last) && is_idle(last) {
        return last;
    }
    if let Some(idle) = cpus_of(allowed).find(|&cpu| is_idle(cpu)) {
        return idle;
    }
    if is_allowed(last) {
        return last;
    }
    cpus_of(allowed).min_by_key(|&cpu| CPUS.of(cpu).load.load(Ordering::Relaxed)).unwrap_or_else(this_cpu::id)
}

/// CPUs whose scheduler runs.
fn online_mask() -> CpuMask {
    cpus_of(online_cpus()).filter(|&cpu| CPUS.of(cpu).is_online()).fold(0, |mask, cpu| mask | 1 << cpu)
}

/// Takes a waiting thread from the CPU that has the most of them; this CPU has nothing to run.
pub(super) fn steal_for_this_cpu() -> Option<Arc<Task>> {
    let me = this_cpu::id();
    let load = |cpu: usize| CPUS.of(cpu).load.load(Ordering::Relaxed);
    let victim = cpus_of(online_cpus()).filter(|&cpu| cpu != me && load(cpu) > 1).max_by_key(|&cpu| load(cpu))?;
    let cpu = CPUS.of(victim);
    let mut queue = cpu.queue.lock();
    let stolen = queue.steal(|task| task.sched.may_run_on(me))?;
    cpu.load.store(queue.load(), Ordering::Relaxed);
    drop(queue);
    CPUS.of(me).steals.fetch_add(1, Ordering::Relaxed);
    Some(stolen)
}

/// Every [`BALANCE_INTERVAL`], hands threads from this CPU to the least loaded one when the two are out of balance.
pub(super) fn balance(now: Instant) {
    let me = this_cpu::id();
    let cpu = CPUS.of(me);
    if now.as_nanos() < cpu.next_balance_ns.load(Ordering::Relaxed) {
        return;
    }
    cpu.next_balance_ns.store(now.as_nanos() + nanos(BALANCE_INTERVAL), Ordering::Relaxed);
    let load = |cpu: usize| CPUS.of(cpu).load.load(Ordering::Relaxed);
    let others = cpus_of(online_mask()).filter(|&other| other != me);
    let Some(target) = others.min_by_key(|&other| load(other)) else { return };
    for _ in 0..balance::threads_to_move(load(target), load(me)) {
        let mut queue = cpu.queue.lock();
        let Some(task) = queue.steal(|task| task.sched.may_run_on(target)) else { return };
        cpu.load.store(queue.load(), Ordering::Relaxed);
        drop(queue);
        CPUS.of(target).steals.fetch_add(1, Ordering::Relaxed);
        enqueue_on(target, task, Arrival::Preempted);
    }
}

/// Restricts a thread to the CPUs of `mask` (`sched_setaffinity(2)`).
///
/// # Errors
/// `EINVAL` when no CPU of the machine is in `mask`.
pub fn set_affinity(task: &Arc<Task>, mask: CpuMask) -> Result<()> {
    let mask = mask & online_cpus();
    if mask == 0 {
        return Err(Errno::EINVAL);
    }
    task.sched.affinity.store(mask, Ordering::SeqCst);
    requeue(task);
    Ok(())
}

/// Changes a thread's policy.
pub fn set_policy(task: &Arc<Task>, policy: Policy) {
    task.sched.entity.lock().policy = policy;
    requeue(task);
}

/// Changes a thread's nice value.
pub fn set_nice(task: &Arc<Task>, nice: Nice) {
    task.sched.entity.lock().nice = nice;
    requeue(task);
}

/// Puts a thread where its new policy or affinity wants it: moved on the queues when it waits, rescheduled when it runs.
fn requeue(task: &Arc<Task>) {
    if task.sched.state() != ThreadState::Runnable {
        return;
    }
    let target = task.sched.cpu();
    let cpu = CPUS.of(target);
    let waiting = {
        let mut queue = cpu.queue.lock();
        let found = queue.steal(|candidate| Arc::ptr_eq(candidate, task));
        cpu.load.store(queue.load(), Ordering::Relaxed);
        found
    };
    match waiting {
        Some(waiting) => enqueue(waiting, Arrival::Woken),
        None => {
            cpu.need_resched.store(true, Ordering::Relaxed);
            notify(target);
        }
    }
}
