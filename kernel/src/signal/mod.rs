//! Signals: sending, blocking, taking, stopping and continuing (`signal(7)`).
//!
//! Layers, bottom up: [`info`], [`actions`], [`thread`] (state of one thread), [`send`], [`deliver`] (what a thread does
//! with its signals on the way to user space), [`stop`] (job control). Frames on the user's stack are not made here.
//!
//! A signal is pending for a thread or for a process; whoever posts it flags a thread and wakes it. The flag only says
//! "look": [`recheck_pending`] looks. Locks of pending queues (`SIGNAL`) never nest; they may be taken in interrupts.

mod actions;
mod deliver;
mod info;
mod send;
mod stop;
mod thread;

pub use actions::{Actions, Handler, SigAction};
pub use deliver::{Delivery, next_delivery, wait_for, wait_for_any};
pub use info::{SigData, SigInfo};
pub(crate) use send::{flag_and_wake, hand_over_pending};
pub use send::{check_permission, force, kill, send_to_current, send_to_group, send_to_process, send_to_thread, send_to_thread_of, set_action};
pub(crate) use stop::StopState;
pub(crate) use thread::SharedSignals;
pub use thread::{AltStack, Fault, Restart, ThreadSignals, recheck_pending, set_temporary_mask};

use crate::task;
use abi::signal::SigSet;

/// Whether a signal waits for the running thread.
#[must_use]
pub fn has_pending() -> bool {
    task::current().signal_pending()
}

/// Signals that are pending for the running thread or its process (`sigpending(2)`).
#[must_use]
pub fn pending() -> SigSet {
    let me = task::current();
    (me.signals.pending_set() | me.process().shared.set()) & me.signals.blocked()
}
