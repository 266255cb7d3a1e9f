//! Stopping and continuing whole processes.
//!
//! The thread that takes a stop signal calls on the others; each parks on its way to user space, and the last one
//! tells the parent. A stop has a number, so that a thread continued and stopped again in one breath counts anew.

use super::send::flag_and_wake;
use crate::task::{self, ChildEvent, Pid, Process};
use abi::signal::Signal;
use alloc::sync::Arc;
use alloc::vec::Vec;
use kernel_sync::park;

/// How far a process has stopped.
#[derive(Default)]
pub(crate) struct StopState {
    wanted: Option<Signal>,
    number: u64,
    stopped: usize,
    complete: bool,
}

impl StopState {
    const fn is_wanted(&self) -> bool {
        self.wanted.is_some()
    }

    /// Every thread has stopped.
    pub(crate) const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Ends the stop; whether it was complete.
    pub(crate) const fn cancel(&mut self) -> bool {
        self.wanted = None;
        self.stopped = 0;
        self.number += 1;
        core::mem::replace(&mut self.complete, false)
    }

    /// One thread fewer, `remaining` are left: the signal, if that completes the stop.
    pub(crate) const fn thread_left(&mut self, remaining: usize) -> Option<Signal> {
        self.complete_if(remaining)
    }

    const fn complete_if(&mut self, threads: usize) -> Option<Signal> {
        if self.complete || self.stopped < threads {
            return None;
        }
        self.complete = self.wanted.is_some();
        self.wanted
    }
}

impl crate::task::Threads {
    /// Whether the thread must not go on to user space: the process ends, execs, or stops.
    pub(super) fn calls_for(&self, tid: Pid) -> bool {
        self.exiting.is_some() || self.survivor.is_some_and(|survivor| survivor != tid) || self.stop.wanted.is_some()
    }
}

/// Stops the process by `signal`, unless it is stopping or ending.
pub(super) fn begin(process: &Arc<Process>, signal: Signal) {
    let others = {
        let mut threads = process.threads.lock();
        if threads.exiting.is_some() || threads.survivor.is_some() || threads.stop.wanted.is_some() {
            return;
        }
        threads.stop.wanted = Some(signal);
        threads.list.clone()
    };
    for task in &others {
        flag_and_wake(task);
    }
}

/// Parks the running thread while its process is stopped; whether it was.
pub(super) fn stop_if_told() -> bool {
    let me = task::current();
    let process = me.process();
    if !process.threads.lock().stop.is_wanted() {
        return false;
    }
    let number = task::change_and_report(process, |threads| {
        if threads.stop.wanted.is_none() || threads.exiting.is_some() {
            return (None, None);
        }
        threads.stop.stopped += 1;
        let count = threads.list.len();
        (Some(threads.stop.number), threads.stop.complete_if(count).map(ChildEvent::Stopped))
    });
    let Some(number) = number else { return false };
    loop {
        let continued = {
            let threads = process.threads.lock();
            threads.stop.number != number || threads.exiting.is_some() || threads.survivor.is_some()
        };
        if continued {
            return true;
        }
        park::park(None);
    }
}

/// Lets a stopped process go on.
pub(super) fn resume(process: &Arc<Process>) {
    let threads = task::change_and_report(process, |threads| {
        if threads.stop.wanted.is_none() {
            return (Vec::new(), None);
        }
        let was_stopped = threads.stop.cancel();
        (threads.list.clone(), was_stopped.then_some(ChildEvent::Continued))
    });
    for task in &threads {
        flag_and_wake(task);
    }
}
