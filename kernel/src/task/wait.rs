//! Waiting for children (`wait4(2)`, `waitid(2)`).

use super::exit::adopt_account;
use super::status::ChildEvent;
use super::tree::{Tree, with_tree};
use super::{Pid, Process, current};
use crate::time::Duration;
use abi::flags::WaitOptions;
use abi::signal::Signal;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use kernel_sync::Wait;

/// Which children a wait is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitTarget {
    /// Any child.
    Any,
    /// This one.
    Pid(Pid),
    /// Those of this group.
    Group(Pid),
}

/// What a wait asks for.
#[derive(Clone, Copy, Debug)]
pub struct WaitRequest {
    /// Which children.
    pub target: WaitTarget,
    /// Which events, and how.
    pub options: WaitOptions,
}

/// What a wait found.
#[derive(Clone, Copy, Debug)]
pub struct WaitReport {
    /// The child.
    pub pid: Pid,
    /// Its real user.
    pub uid: u32,
    /// What happened to it.
    pub event: ChildEvent,
    /// What it used.
    pub usage: ChildUsage,
}

/// What a child and its waited-for descendants used.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChildUsage {
    /// CPU time.
    pub cpu: Duration,
    /// Page faults from memory.
    pub minor_faults: u64,
    /// Page faults from devices.
    pub major_faults: u64,
}

/// Waits for a child to change as `request` says. `None` when none has yet, with `NOHANG`.
///
/// # Errors
/// `ECHILD` when there is no such child, `RESTARTSYS` when a signal comes first.
pub fn wait(request: &WaitRequest) -> Result<Option<WaitReport>> {
    let me = current();
    let process = me.process();
    let scan = || match scan(process, request) {
        Scan::Found(report) => Some(Ok(Some(report))),
        Scan::NoChild => Some(Err(Errno::ECHILD)),
        Scan::NothingYet if request.options.contains(WaitOptions::NOHANG) => Some(Ok(None)),
        Scan::NothingYet => None,
    };
    process.children_changed.wait_until(Wait::INTERRUPTIBLE, scan)?
}

enum Scan {
    Found(WaitReport),
    NothingYet,
    NoChild,
}

fn scan(parent: &Process, request: &WaitRequest) -> Scan {
    let (scan, removed) = with_tree(|tree| {
        let mut eligible = false;
        let mut found = None;
        for &pid in tree.node(parent.pid()).map_or(&[][..], |node| &node.children) {
            let Some(node) = tree.node(pid) else { continue };
            if !is_eligible(&node.process, request) {
                continue;
            }
            eligible = true;
            if let Some(event) = node.report.filter(|&event| is_wanted(event, request.options)) {
                found = Some((pid, event));
                break;
            }
        }
        let Some((pid, event)) = found else {
            return (if eligible { Scan::NothingYet } else { Scan::NoChild }, None);
        };
        take(tree, parent, pid, event, request.options)
    });
    drop(removed);
    scan
}

fn take(tree: &mut Tree, parent: &Process, pid: Pid, event: ChildEvent, options: WaitOptions) -> (Scan, Option<Arc<Process>>) {
    let Some(child) = tree.process(pid).cloned() else { return (Scan::NoChild, None) };
    let (minor_faults, major_faults) = child.faults();
    let usage = ChildUsage { cpu: child.cpu_time() + child.children_cpu_time(), minor_faults, major_faults };
    let report = WaitReport { pid, uid: child.owner(), event, usage };
    if !options.contains(WaitOptions::NOWAIT) {
        if matches!(event, ChildEvent::Ended(_)) {
            adopt_account(parent, &child);
            tree.remove_process(pid);
        } else if let Some(node) = tree.node_mut(pid) {
            node.report = None;
        }
    }
    (Scan::Found(report), Some(child))
}

fn is_eligible(child: &Process, request: &WaitRequest) -> bool {
    let named = match request.target {
        WaitTarget::Any => true,
        WaitTarget::Pid(pid) => child.pid() == pid,
        WaitTarget::Group(group) => child.group() == group,
    };
    let is_clone = child.exit_signal.load(Ordering::Relaxed) != i32::from(Signal::SIGCHLD.number());
    named && (request.options.contains(WaitOptions::ALL) || is_clone == request.options.contains(WaitOptions::CLONE))
}

const fn is_wanted(event: ChildEvent, options: WaitOptions) -> bool {
    match event {
        ChildEvent::Ended(_) => options.contains(WaitOptions::EXITED),
        ChildEvent::Stopped(_) => options.contains(WaitOptions::STOPPED),
        ChildEvent::Continued => options.contains(WaitOptions::CONTINUED),
    }
}
