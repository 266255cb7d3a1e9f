//! Signals at the border to user space: faults become signals, signals become handler calls, calls are restarted.
//!
//! [`exit_to_user`] runs whenever work is pending on the way out. `frame` lays the handler's stack frame out as Linux
//! does on x86-64, and takes it back in for rt_sigreturn(2); `fault` names the signal of an exception.

mod fault;
mod frame;

pub use frame::{describe as describe_stack, restore_stack as install_stack, sigreturn};

use abi::Errno;
use abi::flags::SaFlags;
use abi::signal::Signal;
use kernel::signal::{self, Delivery, SigInfo};
use kernel::task::{self, ExitStatus};
use kernel::sched;
use kernel_arch::trap::UserFrame;
use kernel_sync::rcu;

/// Length of the `syscall` instruction.
const SYSCALL_BYTES: u64 = 2;
const RESTART_SYSCALL: u64 = linux_raw_sys::general::__NR_restart_syscall as u64;

/// Pending work on the way to user mode: preemption, signals, the end of the process.
///
/// Does not return when the process ends; holds nothing counted while it looks.
pub extern "C" fn exit_to_user(frame: &mut UserFrame) {
    rcu::quiescent();
    sched::preempt_if_needed();
    while let Some(delivery) = signal::next_delivery() {
        resume_before_handler(frame, delivery.action.flags);
        deliver(frame, &delivery);
    }
    resume_without_handler(frame);
    let me = task::current();
    if let Some(mask) = me.signals.take_saved_mask() {
        me.set_blocked(mask);
    }
}

/// An exception in user mode that no page can resolve.
pub extern "C" fn user_exception(frame: &mut UserFrame, vector: u32, error: u64, address: u64, fault: u32) {
    fault::raise(frame, vector, error, address, fault);
}

/// Builds the frame of a handler. A stack that cannot take it is a `SIGSEGV`; for `SIGSEGV` itself, the end.
fn deliver(frame: &mut UserFrame, delivery: &Delivery) {
    if frame::push(frame, delivery).is_ok() {
        return;
    }
    if delivery.info.signal == Signal::SIGSEGV {
        task::exit_group(ExitStatus::Killed(Signal::SIGSEGV));
    }
    signal::force(SigInfo::forced(Signal::SIGSEGV));
}

/// The restart code with which a system call wants to leave.
fn restart_code(frame: &UserFrame) -> Option<Errno> {
    let in_call = frame.orig_rax != u64::MAX;
    Errno::decode(frame.rax.cast_signed()).err().filter(|errno| in_call && errno.is_restart())
}

/// A handler runs first: the call is restarted after it, or fails with `EINTR`.
fn resume_before_handler(frame: &mut UserFrame, flags: SaFlags) {
    let Some(code) = restart_code(frame) else { return };
    if code == Errno::RESTARTNOINTR || code == Errno::RESTARTSYS && flags.contains(SaFlags::RESTART) {
        repeat(frame, frame.orig_rax);
    } else {
        frame.rax = Errno::encode(Err(Errno::EINTR)).cast_unsigned();
        // What was to go on in another way is over.
        drop(task::current().signals.take_restart());
    }
}

/// No handler runs: the call is restarted as if nothing had happened.
fn resume_without_handler(frame: &mut UserFrame) {
    let Some(code) = restart_code(frame) else { return };
    let number = if code == Errno::RESTART_RESTARTBLOCK { RESTART_SYSCALL } else { frame.orig_rax };
    repeat(frame, number);
}

fn repeat(frame: &mut UserFrame, number: u64) {
    frame.rax = number;
    frame.rip = frame.rip.wrapping_sub(SYSCALL_BYTES);
    frame.orig_rax = u64::MAX;
}
