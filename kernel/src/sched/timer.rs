//! Timers: one wheel a CPU, driven by its one-shot interrupt.
//!
//! A timer lives on the wheel of the CPU that started it. Its target fires in interrupt context with no lock held,
//! so it may take only interrupt-safe locks and must not sleep.

use super::cpu::program_timer;
use super::switch;
use crate::time::now;
use alloc::sync::Arc;
use kernel_core::time::Instant;
use kernel_core::timer_wheel::{TimerId, TimerWheel};
use kernel_sync::{IrqLock, PerCpu, Rank, cpu, irq};

/// What a timer does when it fires.
pub trait Expire: Send + Sync {
    /// Called once, in interrupt context, no earlier than the deadline.
    fn expire(self: Arc<Self>);
}

/// A running timer; dropping it cancels it.
#[must_use = "dropping a timer cancels it"]
pub struct Timer {
    cpu: usize,
    id: TimerId,
}

static WHEELS: PerCpu<IrqLock<TimerWheel<Arc<dyn Expire>>>> =
    PerCpu::new(|_| IrqLock::new(Rank::TIMER, TimerWheel::new()));

/// Starts a timer that fires at `deadline`.
pub fn start(deadline: Instant, target: Arc<dyn Expire>) -> Timer {
    let _irq = irq::disable();
    let cpu = cpu::id();
    let (id, is_first) = {
        let mut wheel = WHEELS.of(cpu).lock();
        let id = wheel.insert(deadline, target);
        (id, wheel.next_deadline().is_none_or(|first| first >= deadline))
    };
    if is_first {
        program_timer();
    }
    Timer { cpu, id }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let target = WHEELS.of(self.cpu).lock().cancel(self.id);
        drop(target);
    }
}

pub(super) fn next_deadline() -> Option<Instant> {
    WHEELS.get().lock().next_deadline()
}

/// The timer interrupt: fires what is due, then lets the scheduler look at the running thread.
pub(super) fn interrupt() {
    let now = now();
    loop {
        let due = WHEELS.get().lock().pop_expired(now);
        let Some(target) = due else { break };
        target.expire();
    }
    switch::tick();
}
