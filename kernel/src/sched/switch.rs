//! Leaving a CPU and arriving on one.
//!
//! `leave` runs on the stack of the thread that goes; `arrive` on that of the thread that comes, after the switch. No
//! counted handle stays behind on the outgoing stack: the incoming thread's is in the CPU's slot, the outgoing one's in
//! `PREVIOUS`, and `arrive` disposes of it.

use super::cpu::{CPUS, Cpu, PREVIOUS, program_timer};
use super::state::ThreadState;
use super::{reaper, wake};
use crate::mm::AddressSpace;
use crate::task::Task;
use crate::time::{Instant, now};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use kernel_core::sched::{Arrival, runqueue::Picked};
use kernel_sync::{Current, CurrentRef, PerCpuCell, irq, rank, rcu};

static CURRENT: Current<Task> = Current::new();

/// The address space that this CPU has loaded; kept alive while kernel threads borrow it.
static ACTIVE_SPACE: PerCpuCell<Option<Arc<AddressSpace>>> = PerCpuCell::new(|_| None);

/// Why a thread leaves its CPU.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// It is parked.
    Parked,
    /// Something else should run first.
    Preempted,
    /// It asked for others to run.
    Yielded,
    /// It is dead.
    Dead,
    /// It is the idle thread and looks for work.
    Idle,
}

/// The running thread. Panics before the scheduler runs on this CPU.
#[must_use]
#[inline]
pub fn current() -> CurrentRef<'static, Task> {
    CURRENT.get()
}

/// The running thread, if the scheduler runs on this CPU.
#[must_use]
#[inline]
pub fn try_current() -> Option<CurrentRef<'static, Task>> {
    CURRENT.try_get()
}

pub(super) fn adopt(task: Arc<Task>) {
    task.sched.take_stretch(now());
    CURRENT.set(task);
}

/// Gives way if the scheduler wants this CPU for another thread. A preemption point: no lock is held.
pub fn preempt_if_needed() {
    if CPUS.get().need_resched.load(Ordering::Relaxed) {
        leave(Leave::Preempted);
    }
}

/// Gives way to the thread's equals (`sched_yield(2)`).
pub fn yield_now() {
    leave(Leave::Yielded);
}

/// The end of a thread: it leaves its CPU for good.
pub(crate) fn exit_forever() -> ! {
    leave(Leave::Dead);
    unreachable!("a dead thread ran");
}

/// Charges the running thread for the time since it was last charged.
pub fn account_current() {
    let _irq = irq::disable();
    if let Some(me) = try_current() {
        account(&me, now());
    }
}

pub(super) fn leave(how: Leave) {
    let _irq = irq::disable();
    let held = rank::save();
    rcu::quiescent();
    let me = current();
    let now = now();
    account(&me, now);
    let cpu = CPUS.get();
    // Relaxed: set and read under the same CPU's interrupts-off, or re-checked after a kick.
    cpu.need_resched.store(false, Ordering::Relaxed);
    step_down(cpu, &me, how, now);
    let next = choose(cpu, now);
    match next {
        Some((next, rescued)) => {
            start(cpu, &next, rescued, now);
            if !core::ptr::eq(&raw const *next, &raw const *me) {
                switch_to(cpu, &me, next);
            } else {
                drop(next);
                arrive();
            }
        }
        None if how == Leave::Idle => program_timer(),
        None => {
            let idle = cpu.idle.get().map(Arc::clone);
            let Some(idle) = idle else { unreachable!("a CPU without an idle thread") };
            cpu.idling.store(true, Ordering::SeqCst);
            idle.sched.take_stretch(now);
            unload_space();
            switch_to(cpu, &me, idle);
        }
    }
    drop(held);
}

/// Takes the running thread off the CPU's books; queues it again when it has more to do.
fn step_down(cpu: &Cpu, me: &Task, how: Leave, now: Instant) {
    let arrival = match how {
        Leave::Idle => return,
        Leave::Preempted => Arrival::Preempted,
        Leave::Yielded => Arrival::Yielded,
        Leave::Parked | Leave::Dead => {
            let moved = me.sched.entity.lock().block();
            if let Some((from, to)) = moved {
                cpu.migrations.fetch_add(1, Ordering::Relaxed);
                log::trace!(target: "sched", "{:?} moves from {from:?} to {to:?}", me.tid());
            }
            me.sched.voluntary_switches.fetch_add(1, Ordering::Relaxed);
            if how == Leave::Dead {
                me.sched.set_state(ThreadState::Dead);
            }
            let mut queue = cpu.queue.lock();
            queue.stop(now);
            cpu.load.store(queue.load(), Ordering::Relaxed);
            return;
        }
    };
    if me.sched.idle {
        return;
    }
    me.sched.involuntary_switches.fetch_add(1, Ordering::Relaxed);
    let me = current().to_arc();
    if me.sched.may_run_on(kernel_sync::cpu::id()) {
        let mut entity = me.sched.entity.lock();
        let mut queue = cpu.queue.lock();
        queue.stop(now);
        queue.enqueue(&mut entity, Arc::clone(&me), arrival, now);
        cpu.load.store(queue.load(), Ordering::Relaxed);
    } else {
        cpu.queue.lock().stop(now);
        wake::enqueue(me, arrival);
    }
}

/// The next thread: from this CPU's queues, else stolen.
fn choose(cpu: &Cpu, now: Instant) -> Option<(Arc<Task>, bool)> {
    let picked = cpu.queue.lock().pick(now);
    let Picked { thread, rescued } = match picked {
        Some(picked) => picked,
        None => Picked { thread: wake::steal_for_this_cpu()?, rescued: false },
    };
    Some((thread, rescued))
}

/// Puts `next` on the CPU's books as running.
fn start(cpu: &Cpu, next: &Arc<Task>, rescued: bool, now: Instant) {
    next.sched.cpu.store(kernel_sync::cpu::id(), Ordering::Relaxed);
    next.sched.take_stretch(now);
    cpu.idling.store(false, Ordering::SeqCst);
    let mut entity = next.sched.entity.lock();
    let mut queue = cpu.queue.lock();
    queue.started(&mut entity, rescued, now);
    cpu.load.store(queue.load(), Ordering::Relaxed);
}

fn switch_to(cpu: &Cpu, me: &Task, next: Arc<Task>) {
    cpu.switches.fetch_add(1, Ordering::Relaxed);
    load_space(&next);
    let previous = CURRENT.set(next);
    PREVIOUS.with(|slot| *slot = previous);
    let next = current();
    kernel_arch::context::switch(me.context(), next.context());
    arrive();
}

/// Loads the address space of a user thread; a kernel thread borrows what is loaded.
fn load_space(next: &Task) {
    let Some(space) = next.space_arc() else { return };
    let old = ACTIVE_SPACE.with(|slot| {
        if slot.as_ref().is_some_and(|active| Arc::ptr_eq(active, &space)) {
            return Some(space);
        }
        space.activate();
        slot.replace(space)
    });
    if let Some(old) = old {
        reaper::bury_space(old);
    }
}

/// An idle CPU borrows no address space when others run: they need not wake it for each change of a mapping.
fn unload_space() {
    if kernel_arch::cpu::count() == 1 {
        return;
    }
    let old = ACTIVE_SPACE.with(|slot| {
        let old = slot.take();
        if old.is_some() {
            AddressSpace::deactivate();
        }
        old
    });
    if let Some(old) = old {
        reaper::bury_space(old);
    }
}

/// Loads `space` for the running thread, or the kernel's own tables when there is none (`exec`, exit).
pub(crate) fn set_active_space(space: Option<Arc<AddressSpace>>) {
    let old = ACTIVE_SPACE.with(|slot| {
        match &space {
            Some(space) => space.activate(),
            None => AddressSpace::deactivate(),
        }
        core::mem::replace(slot, space)
    });
    drop(old);
}

/// On the incoming thread's stack, interrupts off: disposes of the outgoing thread and settles this CPU.
pub(super) fn arrive() {
    drop(PREVIOUS.with(Option::take));
    if current().has_user_work() {
        kernel_arch::trap::set_work_pending();
    }
    program_timer();
}

fn account(me: &Task, now: Instant) {
    let ran = me.sched.take_stretch(now);
    if me.sched.idle {
        let nanoseconds = kernel_core::time::nanos(ran);
        CPUS.get().idle_ns.fetch_add(nanoseconds, Ordering::Relaxed);
        return;
    }
    me.sched.entity.lock().charge(ran);
    me.process().charge_cpu(ran);
}

/// The timer interrupt's part: charges the running thread and decides whether it must give way.
pub(super) fn tick() {
    let Some(me) = try_current() else { return };
    let now = now();
    account(&me, now);
    let cpu = CPUS.get();
    if cpu.queue.lock().must_review(now) {
        cpu.need_resched.store(true, Ordering::Relaxed);
        kernel_arch::trap::set_work_pending();
    }
    wake::balance(now);
    program_timer();
}

/// The reschedule interrupt: another CPU changed this one's queue, or the running thread has work at its return.
pub(super) fn kicked() {
    kernel_arch::trap::set_work_pending();
    program_timer();
}
