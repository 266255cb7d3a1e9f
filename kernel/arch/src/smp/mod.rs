//! Further CPUs: starting them, and running functions on them.
//!
//! A call is a struct on the caller's stack; its address goes into a slot per pair of CPUs, so that senders never
//! wait for one another. A waiting sender answers calls itself: two CPUs may call each other with interrupts off.

mod start;

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use kernel_sync::{MAX_CPUS, irq as interrupts};

use crate::irq::{VECTOR_CALL, VECTOR_RESCHEDULE};
use crate::{apic, cpu};
pub(crate) use start::copy_trampoline;
pub use start::start_others;

/// A set of CPUs, one bit each.
pub type CpuMask = u32;

struct Call {
    function: fn(usize),
    argument: usize,
    pending: AtomicU32,
}

static ONLINE: AtomicU32 = AtomicU32::new(1);
/// By target and sender.
static SLOTS: [[AtomicPtr<Call>; MAX_CPUS]; MAX_CPUS] =
    [const { [const { AtomicPtr::new(ptr::null_mut()) }; MAX_CPUS] }; MAX_CPUS];

/// The CPUs that run.
#[must_use]
pub fn online() -> CpuMask {
    ONLINE.load(Ordering::Relaxed)
}

/// Runs `function(argument)` on every CPU of the mask that runs, in interrupt context, and waits until all are done.
/// The calling CPU is left out.
pub fn call_on(cpus: CpuMask, function: fn(usize), argument: usize) {
    let _irq = interrupts::disable();
    let me = cpu::id();
    let targets = cpus & online() & !(1 << me);
    if targets == 0 {
        return;
    }
    let call = Call { function, argument, pending: AtomicU32::new(targets) };
    for target in bits(targets) {
        let (slot, call) = (&SLOTS[target][me], ptr::from_ref(&call).cast_mut());
        // Release pairs with the Acquire in run_calls(). The slot is taken when this CPU's call is interrupted by one
        // that calls as well.
        while slot.compare_exchange(ptr::null_mut(), call, Ordering::Release, Ordering::Relaxed).is_err() {
            cpu::relax();
        }
        apic::send(target, VECTOR_CALL);
    }
    // Acquire pairs with the Release in run_calls(): what the function did is visible.
    while call.pending.load(Ordering::Acquire) != 0 {
        run_calls();
        cpu::relax();
    }
}

/// Asks another CPU to reschedule.
pub fn kick(cpu: usize) {
    apic::send(cpu, VECTOR_RESCHEDULE);
}

/// Answers the calls that wait for this CPU. Interrupts are off.
pub(crate) fn run_calls() {
    let me = cpu::id();
    for slot in &SLOTS[me] {
        if slot.load(Ordering::Relaxed).is_null() {
            continue;
        }
        // Acquire pairs with the Release in call_on().
        let call = slot.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: the sender keeps the call alive until this CPU's bit is clear, and only this CPU clears it, below.
        if let Some(call) = unsafe { call.as_ref() } {
            (call.function)(call.argument);
            // Release pairs with the Acquire in call_on(). The call may be gone from here on.
            call.pending.fetch_and(!(1 << me), Ordering::Release);
        }
    }
}

fn bits(mask: CpuMask) -> impl Iterator<Item = usize> {
    (0..MAX_CPUS).filter(move |bit| mask & 1 << bit != 0)
}
