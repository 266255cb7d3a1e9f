//! The idle thread of each CPU: looks for work, else halts until an interrupt.

use super::cpu::CPUS;
use super::state::SchedState;
use super::switch::{self, Leave};
use crate::task::Task;
use core::sync::atomic::Ordering;
use kernel_sync::{irq, rcu};

/// Makes the running boot code this CPU's idle thread.
pub(super) fn adopt_boot_thread() {
    let task = Task::new_idle(SchedState::idle());
    let cpu = CPUS.get();
    cpu.idling.store(true, Ordering::SeqCst);
    switch::adopt(alloc::sync::Arc::clone(&task));
    cpu.idle.call_once(|| task);
}

/// Runs threads on this CPU, forever; halts while there are none.
pub fn idle_loop() -> ! {
    let cpu = CPUS.get();
    loop {
        let _irq = irq::disable();
        cpu.idling.store(true, Ordering::SeqCst);
        switch::leave(Leave::Idle);
        rcu::quiescent();
        // Interrupts are off, so a wake-up that came since the queue was found empty is pending, and ends the halt.
        if CPUS.get().queue.lock().waiting() == 0 {
            kernel_arch::cpu::halt_until_interrupt();
        }
    }
}
