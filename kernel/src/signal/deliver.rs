//! What a thread does with its signals on the way to user space, and waiting for them in a call.

use super::{Handler, SigAction, SigInfo, recheck_pending, stop};
use crate::task::{self, ExitStatus, Task};
use abi::signal::{DefaultAction, SigSet, Signal};
use abi::{Errno, Result};
use alloc::sync::Arc;
use kernel_core::time::Instant;
use kernel_sync::park;

/// A signal whose handler is to run.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// The signal.
    pub info: SigInfo,
    /// Its action, with a user handler.
    pub action: SigAction,
}

/// Takes signals of the running thread until one needs a handler. Default actions happen here: this does not return
/// when they end the process, and returns late when they stop it.
#[must_use]
pub fn next_delivery() -> Option<Delivery> {
    loop {
        let me = task::current();
        leave_if_told(&me);
        if stop::stop_if_told() {
            continue;
        }
        if !recheck_pending(&me) {
            return None;
        }
        let blocked = me.signals.blocked();
        let Some(info) = take(&me, blocked) else { continue };
        let action = me.process().actions().take(info.signal);
        match action.handler {
            Handler::Ignore => {}
            Handler::User(_) => return Some(Delivery { info, action }),
            Handler::Default => default_action(&info),
        }
    }
}

/// Waits for one of `set`, which the caller has blocked (`sigtimedwait(2)`).
///
/// # Errors
/// `EAGAIN` at the deadline, `EINTR` when another signal comes first.
pub fn wait_for(set: SigSet, deadline: Option<Instant>) -> Result<SigInfo> {
    let me = task::current();
    let set = set & !SigSet::UNBLOCKABLE;
    if let Some(info) = take(&me, !set) {
        return Ok(info);
    }
    let mask = me.signals.blocked();
    me.signals.set_waited_for(mask);
    me.signals.store_blocked(mask & !set);
    let result = loop {
        if let Some(info) = take(&me, !set) {
            break Ok(info);
        }
        if recheck_pending(&me) {
            break Err(Errno::EINTR);
        }
        if deadline.is_some_and(|deadline| crate::time::now() >= deadline) {
            break Err(Errno::EAGAIN);
        }
        park::park(deadline);
    };
    me.signals.set_waited_for(SigSet::EMPTY);
    me.set_blocked(mask);
    result
}

/// Sleeps until a signal comes (`pause(2)`).
pub fn wait_for_any() {
    let me = task::current();
    while !recheck_pending(&me) {
        park::park(None);
    }
}

/// Ends the thread when the process ends, or when another of its threads execs.
fn leave_if_told(me: &Task) {
    let status = {
        let threads = me.process().threads.lock();
        let told = threads.survivor.is_some_and(|survivor| survivor != me.tid());
        threads.exiting.or(told.then_some(ExitStatus::Exited(0)))
    };
    if let Some(status) = status {
        task::exit_thread(status);
    }
}

/// The next signal not in `blocked`: the thread's own first, then the process's.
fn take(me: &Task, blocked: SigSet) -> Option<SigInfo> {
    let own = {
        let mut pending = me.signals.pending.lock();
        pending.next(blocked).and_then(|signal| pending.take(signal).map(|info| (signal, info)))
    };
    let shared = &me.process().shared;
    let (signal, info) =
        own.or_else(|| shared.next(blocked).and_then(|signal| shared.take(signal).map(|info| (signal, info))))?;
    Some(info.unwrap_or(SigInfo { signal, code: 0, errno: 0, data: super::SigData::None }))
}

fn default_action(info: &SigInfo) {
    let me = task::current();
    let process = me.process();
    let immune = process.is_init() && !info.is_fault();
    match info.signal.default_action() {
        DefaultAction::Ignore | DefaultAction::Continue => {}
        DefaultAction::Terminate | DefaultAction::Core | DefaultAction::Stop if immune => {}
        DefaultAction::Terminate | DefaultAction::Core => {
            // From here on the thread only runs down; nothing counted is on this stack.
            task::exit_group(ExitStatus::Killed(info.signal));
        }
        DefaultAction::Stop => {
            let is_job_control = info.signal != Signal::SIGSTOP;
            if !(is_job_control && task::job::is_orphaned(process.group())) {
                stop::begin(&Arc::clone(process), info.signal);
            }
        }
    }
}
