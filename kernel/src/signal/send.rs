//! Sending: permission, what stop and continue signals undo, ignoring, queueing, and whom to wake.

use super::{SigInfo, stop};
use crate::task::{self, ExitStatus, Pid, Process, Task};
use abi::signal::{DefaultAction, SigSet, Signal};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kernel_core::sigset::QueueFull;
use kernel_sync::park::Unpark;

use crate::signal::{Handler, SigAction};
use crate::task::limits::Resource;

/// kill(2) by the running process: one process, its own group (0), everybody (-1), or the group `-target`.
/// No signal checks existence and permission only.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EAGAIN` for a full queue.
pub fn kill(target: i32, signal: Option<Signal>) -> Result<()> {
    let me = task::current();
    match target {
        1.. => {
            let process = task::find_process(Pid(target)).ok_or(Errno::ESRCH)?;
            kill_one(&process, signal)
        }
        0 => kill_many(task::group_members(me.process().group()), signal),
        -1 => {
            let mut all = Vec::new();
            task::for_each_process(|process| {
                if !process.is_init() && !Arc::ptr_eq(process, me.process()) {
                    all.push(Arc::clone(process));
                }
            });
            kill_many(all, signal)
        }
        _ => kill_many(task::group_members(Pid(target.checked_neg().ok_or(Errno::ESRCH)?)), signal),
    }
}

/// tgkill(2) and tkill(2) by the running process: one thread, of the process `pid` unless that is `None`.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EAGAIN` for a full queue.
pub fn send_to_thread_of(pid: Option<Pid>, tid: Pid, signal: Option<SigInfo>, number: Option<Signal>) -> Result<()> {
    let task = task::find_task(tid).ok_or(Errno::ESRCH)?;
    if pid.is_some_and(|pid| task.process().pid() != pid) {
        return Err(Errno::ESRCH);
    }
    check_permission(task.process(), number)?;
    signal.map_or(Ok(()), |info| send_to_thread(&task, info))
}

/// Sends to a process; its threads may all take it.
///
/// # Errors
/// `EAGAIN` for a real-time signal whose queue is full.
pub fn send_to_process(process: &Arc<Process>, info: SigInfo) -> Result<()> {
    let threads = process.threads();
    let signal = info.signal;
    if threads.is_empty() {
        return Ok(());
    }
    prepare(process, &threads, signal);
    let first = threads.iter().find(|task| task.tid() == process.pid()).unwrap_or(&threads[0]);
    if is_ignored(process, first, signal) {
        return Ok(());
    }
    if signal == Signal::SIGKILL {
        task::request_group_exit(process, ExitStatus::Killed(signal));
        return Ok(());
    }
    process.shared.post(info, queue_limit(process)).map_err(|QueueFull| Errno::EAGAIN)?;
    let takes = |task: &&Arc<Task>| !task.signals.blocked().contains(signal);
    if let Some(task) = Some(first).filter(takes).or_else(|| threads.iter().find(takes)) {
        flag_and_wake(task);
    }
    Ok(())
}

/// Sends to one thread.
///
/// # Errors
/// `EAGAIN` for a real-time signal whose queue is full.
pub fn send_to_thread(task: &Arc<Task>, info: SigInfo) -> Result<()> {
    let process = task.process();
    prepare(process, &process.threads(), info.signal);
    if is_ignored(process, task, info.signal) {
        return Ok(());
    }
    if info.signal == Signal::SIGKILL {
        task::request_group_exit(process, ExitStatus::Killed(info.signal));
        return Ok(());
    }
    post_to_thread(task, info)
}

/// Sends to every process of a group.
///
/// # Errors
/// `ESRCH` when it has none.
pub fn send_to_group(group: Pid, info: SigInfo) -> Result<()> {
    let members = task::group_members(group);
    if members.is_empty() {
        return Err(Errno::ESRCH);
    }
    for member in &members {
        // A member whose queue is full goes without; the others get theirs.
        let _ = send_to_process(member, info);
    }
    Ok(())
}

/// Sends the running thread a signal for what it just did (`SIGPIPE`, `SIGXFSZ`).
pub fn send_to_current(signal: Signal) {
    let me = task::current().to_arc();
    // A standard signal cannot find its queue full.
    let _ = send_to_thread(&me, SigInfo::user(signal));
}

/// Installs an action; a signal that is ignored now is no longer pending (POSIX.1-2024, 2.4.3). The old action.
pub fn set_action(process: &Arc<Process>, signal: Signal, action: SigAction) -> SigAction {
    let old = process.actions().set(signal, action);
    if action.ignores(signal) {
        process.shared.discard(SigSet::of(signal));
        for task in process.threads() {
            task.signals.pending.lock().discard(SigSet::of(signal));
        }
    }
    old
}

/// Raises a signal that the running thread cannot escape: blocked or ignored, it takes its default action.
pub fn force(info: SigInfo) {
    let me = task::current().to_arc();
    let actions = me.process().actions();
    let blocked = me.signals.blocked();
    let is_blocked = blocked.contains(info.signal);
    if is_blocked || actions.get(info.signal).handler == Handler::Ignore {
        actions.set(info.signal, SigAction::default());
        me.set_blocked(blocked.without(info.signal));
    }
    // A standard signal cannot find its queue full.
    let _ = post_to_thread(&me, info);
}

/// Tells a thread to look at its signals, wherever it is.
pub(crate) fn flag_and_wake(task: &Arc<Task>) {
    task.signals.raise_flag();
    task.unpark();
    if task::try_current().is_some_and(|current| core::ptr::eq(&raw const *current, Arc::as_ptr(task))) {
        kernel_arch::trap::set_work_pending();
    } else if task.cpu() != kernel_sync::cpu::id() {
        kernel_arch::cpu::kick(task.cpu());
    }
}

/// A thread leaves: what it might have taken of the process's signals, others should look at.
pub(crate) fn hand_over_pending(process: &Arc<Process>, leaving: &Task) {
    if !process.shared.set().is_empty() {
        retarget(process, leaving);
    }
}

/// Makes threads other than `except` look at the pending signals of the process.
pub(super) fn retarget(process: &Arc<Process>, except: &Task) {
    let pending = process.shared.set();
    for task in process.threads() {
        let open = pending & !task.signals.blocked();
        if !open.is_empty() && !core::ptr::eq(Arc::as_ptr(&task), except) {
            flag_and_wake(&task);
        }
    }
}

fn post_to_thread(task: &Arc<Task>, info: SigInfo) -> Result<()> {
    let limit = queue_limit(task.process());
    task.signals.pending.lock().post(info.signal, info, limit).map_err(|QueueFull| Errno::EAGAIN)?;
    if !task.signals.blocked().contains(info.signal) {
        flag_and_wake(task);
    }
    Ok(())
}

fn queue_limit(process: &Process) -> usize {
    usize::try_from(process.limit(Resource::SIGPENDING)).unwrap_or(usize::MAX)
}

/// A stop signal undoes a pending continue; a continue undoes pending stops and wakes the stopped, even if ignored.
fn prepare(process: &Arc<Process>, threads: &[Arc<Task>], signal: Signal) {
    let undone = if signal == Signal::SIGCONT {
        SigSet::STOP
    } else if SigSet::STOP.contains(signal) {
        SigSet::of(Signal::SIGCONT)
    } else {
        return;
    };
    process.shared.discard(undone);
    for task in threads {
        task.signals.pending.lock().discard(undone);
    }
    if signal == Signal::SIGCONT {
        stop::resume(process);
    }
}

/// Whether the signal is thrown away at once. A blocked one is kept: the action may change before it is taken.
fn is_ignored(process: &Process, task: &Task, signal: Signal) -> bool {
    if task.signals.blocked_or_waited_for().contains(signal) {
        return false;
    }
    let action = process.actions().get(signal);
    let harmless_to_init = action.handler == Handler::Default
        && matches!(signal.default_action(), DefaultAction::Terminate | DefaultAction::Core | DefaultAction::Stop);
    action.ignores(signal) || process.is_init() && harmless_to_init
}

fn kill_one(process: &Arc<Process>, signal: Option<Signal>) -> Result<()> {
    check_permission(process, signal)?;
    signal.map_or(Ok(()), |signal| send_to_process(process, SigInfo::user(signal)))
}

/// Succeeds when one of the processes could be signalled.
fn kill_many(processes: Vec<Arc<Process>>, signal: Option<Signal>) -> Result<()> {
    let mut result = Err(Errno::ESRCH);
    for process in &processes {
        let one = kill_one(process, signal);
        if result.is_err() {
            result = one;
        }
    }
    result
}

/// `EPERM` unless the running thread may send the signal; `SIGCONT` may go to anybody in the session.
///
/// # Errors
/// `EPERM`.
pub fn check_permission(process: &Arc<Process>, signal: Option<Signal>) -> Result<()> {
    let me = task::current();
    if Arc::ptr_eq(me.process(), process) {
        return Ok(());
    }
    let same_session = me.process().session() == process.session();
    if signal == Some(Signal::SIGCONT) && same_session {
        return Ok(());
    }
    let credentials = me.credentials();
    let allowed = match process.main_thread() {
        Some(target) => credentials.may_signal(&target.credentials()),
        None => credentials.euid() == 0 || process.owner() == credentials.uid(),
    };
    if allowed { Ok(()) } else { Err(Errno::EPERM) }
}
