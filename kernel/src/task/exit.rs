//! The end of threads and processes (`exit(2)`, `exit_group(2)`).
//!
//! A thread gives up what it holds while it can still run; its stack and its `Task` go when nothing refers to them.
//! The last thread ends the process: children are handed on, the parent is told, and the zombie waits in the tree.

use super::process::Remains;
use super::status::{ChildEvent, ExitStatus};
use super::tree::with_tree;
use super::{Pid, Process, Task, Threads, current};
use crate::sched;
use crate::signal::{self, SigInfo};
use abi::signal::Signal;
use alloc::sync::Arc;
use alloc::vec::Vec;
use kernel_arch::user;
use kernel_core::addr::VirtAddr;
use kernel_core::time::nanos;
use core::sync::atomic::Ordering;

/// Ends the running thread; `status` counts if it is the last of its process. exit(2).
pub fn exit_thread(status: ExitStatus) -> ! {
    // Everything counted is dropped in here: nothing on this stack is dropped after the last switch.
    finish_thread(status);
    sched::exit_forever()
}

/// Ends the running process. exit_group(2).
pub fn exit_group(status: ExitStatus) -> ! {
    let status = request_group_exit(current().process(), status);
    exit_thread(status)
}

/// Decides how `process` ends, unless that is decided, and sends its threads on their way out. Answers the decision.
pub(crate) fn request_group_exit(process: &Process, status: ExitStatus) -> ExitStatus {
    let (status, threads) = {
        let mut threads = process.threads.lock();
        let status = *threads.exiting.get_or_insert(status);
        threads.stop.cancel();
        (status, threads.list.clone())
    };
    for task in &threads {
        signal::flag_and_wake(task);
    }
    status
}

fn finish_thread(status: ExitStatus) {
    let me = current().to_arc();
    release_memory(&me);
    let (files, fs) = (me.replace_files(None), me.replace_fs(None));
    drop((files, fs));
    sched::account_current();
    let process = Arc::clone(me.process());
    if let Some(status) = leave_process(&process, &me, status) {
        end_process(&process, status);
    }
    process.threads_changed.wake_all();
}

/// Gives up the address space: the words that others watch are cleared first, a vfork parent goes on after.
pub(super) fn release_memory(me: &Task) {
    if me.try_address_space().is_some() {
        clear_watched_words(me);
        let old = me.replace_space(None);
        sched::set_active_space(None);
        drop(old);
    }
    me.release_vfork_parent();
}

/// The robust list and the thread-id word: what other threads wait on when this one goes.
pub(super) fn clear_watched_words(me: &Task) {
    crate::futex::release_robust_list(me);
    let word = me.clear_child_tid();
    me.set_clear_child_tid(0);
    if word != 0 && user::copy_out(VirtAddr::new(word), &0u32.to_le_bytes()).is_ok() {
        // A bad address wakes nobody.
        let _ = crate::futex::wake_word(word);
    }
}

/// Takes the thread off its process. Answers the status when it was the last.
fn leave_process(process: &Arc<Process>, me: &Arc<Task>, status: ExitStatus) -> Option<ExitStatus> {
    let is_user = process.pid() != Pid(0);
    let credentials = me.credentials();
    let remains = Remains { comm: me.comm(), uid: credentials.uid(), gid: credentials.gid() };
    if is_user {
        process.set_remains(remains);
        with_tree(|tree| tree.remove_task(me.tid()));
    }
    let ended = change_and_report(process, |threads| {
        threads.list.retain(|task| !Arc::ptr_eq(task, me));
        if is_user && threads.list.is_empty() {
            return (Some(*threads.exiting.get_or_insert(status)), None);
        }
        let remaining = threads.list.len();
        (None, threads.stop.thread_left(remaining).map(ChildEvent::Stopped))
    });
    signal::hand_over_pending(process, me);
    ended
}

fn end_process(process: &Arc<Process>, status: ExitStatus) {
    if process.is_init() {
        init_ended(status);
    }
    process.stop_timers();
    process.set_exe(None);
    process.shared.clear();
    if process.is_session_leader() {
        super::job::leader_exits(process);
    }
    process.set_tty(None);
    hand_on_children(process);
    report_end(process, status);
}

/// The system cannot go on without its first process.
fn init_ended(status: ExitStatus) -> ! {
    log::error!(target: "task", "init ended: {status:?}; the system stops");
    crate::tty::input::drain_all(core::time::Duration::from_secs(5));
    kernel_arch::power::off()
}

/// Gives the children to the nearest subreaper or to init, and continues groups that nobody could continue any more.
fn hand_on_children(process: &Arc<Process>) {
    let (children, ended) = with_tree(|tree| {
        let adopter = adopter_of(tree, process);
        let children = tree.reparent_children(process.pid(), adopter);
        for child in &children {
            // Nobody may choose a signal for the end that init then gets.
            child.exit_signal.store(i32::from(Signal::SIGCHLD.number()), Ordering::Relaxed);
        }
        let is_ended = |child: &Arc<Process>| {
            tree.node(child.pid()).is_some_and(|node| matches!(node.report, Some(ChildEvent::Ended(_))))
        };
        let ended: Vec<_> = children.iter().filter(|child| is_ended(child)).cloned().collect();
        (children, ended)
    });
    for child in &children {
        send_parent_death_signals(child);
        continue_if_orphaned(child.group(), None);
    }
    continue_if_orphaned(process.group(), Some(process.pid()));
    for child in &ended {
        let event = with_tree(|tree| tree.node(child.pid()).and_then(|node| node.report));
        if let Some(ChildEvent::Ended(status)) = event {
            report_end(child, status);
        }
    }
}

fn adopter_of(tree: &super::tree::Tree, process: &Process) -> Pid {
    const INIT: Pid = Pid(1);
    let mut pid = process.parent_pid();
    while let Some(ancestor) = tree.process(pid) {
        if ancestor.has(super::ProcessFlag::Subreaper) && !ancestor.is_exiting() {
            return pid;
        }
        pid = ancestor.parent_pid();
    }
    INIT
}

fn send_parent_death_signals(child: &Process) {
    for task in child.threads() {
        if let Some(signal) = Signal::new(task.parent_death_signal()) {
            // A thread that cannot take one more real-time signal goes without.
            let _ = signal::send_to_thread(&task, SigInfo::kernel(signal));
        }
    }
}

/// `SIGHUP` and `SIGCONT` for a stopped group that has just been orphaned (POSIX.1-2024, 2.4 exit).
fn continue_if_orphaned(group: Pid, except: Option<Pid>) {
    let stopped: Vec<_> = with_tree(|tree| {
        let stopped = tree.members(group).any(|member| Some(member.pid()) != except && member.is_stopped());
        if !stopped || !tree.is_orphaned(group, except) {
            return Vec::new();
        }
        tree.members(group).cloned().collect()
    });
    for member in &stopped {
        for signal in [Signal::SIGHUP, Signal::SIGCONT] {
            // A standard signal cannot find its queue full.
            let _ = signal::send_to_process(member, SigInfo::kernel(signal));
        }
    }
}

/// Makes the process a zombie and tells its parent; or takes it away when the parent does not want to know.
fn report_end(process: &Arc<Process>, status: ExitStatus) {
    let event = ChildEvent::Ended(status);
    let parent = process.parent();
    let is_plain = process.exit_signal.load(Ordering::Relaxed) == i32::from(Signal::SIGCHLD.number());
    let unwanted = is_plain && parent.as_ref().is_some_and(|parent| parent.actions().discards_children());
    let removed = with_tree(|tree| {
        if unwanted {
            return tree.remove_process(process.pid());
        }
        if let Some(node) = tree.node_mut(process.pid()) {
            node.report = Some(event);
        }
        None
    });
    drop(removed);
    notify_parent(process, event);
}

/// Sends the parent its signal and wakes its waits.
pub(crate) fn notify_parent(process: &Arc<Process>, event: ChildEvent) {
    let Some(parent) = process.parent() else { return };
    let number = match event {
        ChildEvent::Ended(_) => process.exit_signal.load(Ordering::Relaxed),
        ChildEvent::Stopped(_) | ChildEvent::Continued => i32::from(Signal::SIGCHLD.number()),
    };
    let wanted = matches!(event, ChildEvent::Ended(_)) || !parent.actions().ignores_child_stops();
    if let Some(signal) = Signal::new(number).filter(|_| wanted) {
        let (code, status) = event.code_and_status();
        let ticks = crate::time::to_user_ticks(process.cpu_time());
        let info = SigInfo::child(signal, code, process.pid(), process.owner(), status, ticks);
        // A parent whose queue is full learns from wait().
        let _ = signal::send_to_process(&parent, info);
    }
    parent.children_changed.wake_all();
}

/// Changes what is decided about the threads of a process; a stop or continuation that comes of it is marked for the
/// parent's waits in the same step, so that marks come in the order of the changes, and the parent is told.
pub(crate) fn change_and_report<R>(
    process: &Arc<Process>,
    change: impl FnOnce(&mut Threads) -> (R, Option<ChildEvent>),
) -> R {
    let (result, event) = with_tree(|tree| {
        let (result, event) = change(&mut process.threads.lock());
        if let Some(node) = tree.node_mut(process.pid())
            && event.is_some()
            && !matches!(node.report, Some(ChildEvent::Ended(_)))
        {
            node.report = event;
        }
        (result, event)
    });
    if let Some(event) = event {
        notify_parent(process, event);
    }
    result
}

/// Adds a waited-for child's CPU time to its parent's account of children.
pub(super) fn adopt_account(parent: &Process, child: &Process) {
    let spent = nanos(child.cpu_time()).saturating_add(child.children_cpu_ns.load(Ordering::Relaxed));
    parent.children_cpu_ns.fetch_add(spent, Ordering::Relaxed);
}
