//! What a process has used: CPU time and page faults, and the signals that follow from CPU time.

use super::Process;
use crate::signal::SigInfo;
use crate::time::{Duration, Instant};
use abi::signal::Signal;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use kernel_core::time::nanos;

/// How a page fault was resolved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// From memory.
    Minor,
    /// From a device.
    Major,
}

impl Process {
    /// CPU time of all its threads, ended ones included.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        if crate::task::try_current().is_some_and(|current| core::ptr::eq(&raw const **current.process(), self)) {
            crate::sched::account_current();
        }
        Duration::from_nanos(self.cpu_ns.load(Ordering::Relaxed))
    }

    /// CPU time of its descendants that were waited for.
    #[must_use]
    pub fn children_cpu_time(&self) -> Duration {
        Duration::from_nanos(self.children_cpu_ns.load(Ordering::Relaxed))
    }

    /// Counts a page fault that needed no device (`minor`), or one that did.
    pub fn count_fault(&self, kind: FaultKind) {
        match kind {
            FaultKind::Minor => self.minor_faults.fetch_add(1, Ordering::Relaxed),
            FaultKind::Major => self.major_faults.fetch_add(1, Ordering::Relaxed),
        };
    }

    /// Minor and major page faults.
    #[must_use]
    pub fn faults(&self) -> (u64, u64) {
        (self.minor_faults.load(Ordering::Relaxed), self.major_faults.load(Ordering::Relaxed))
    }

    /// Adds CPU time; posts the signals of timers and limits that fall due. Called with no lock held.
    pub(crate) fn charge_cpu(self: &Arc<Self>, ran: Duration) {
        let total = self.cpu_ns.fetch_add(nanos(ran), Ordering::Relaxed) + nanos(ran);
        if total >= self.cpu_due_ns.load(Ordering::Relaxed) {
            self.cpu_timers_due(Duration::from_nanos(total));
        }
    }

    /// When the next timer or limit on CPU time falls due, if one thread runs on from `now`.
    pub(crate) fn cpu_limit_instant(&self, now: Instant) -> Option<Instant> {
        let due = self.cpu_due_ns.load(Ordering::Relaxed);
        (due != u64::MAX).then(|| now + Duration::from_nanos(due.saturating_sub(self.cpu_ns.load(Ordering::Relaxed))))
    }

    pub(super) fn set_cpu_due(&self, due: Option<Duration>) {
        self.cpu_due_ns.store(due.map_or(u64::MAX, nanos), Ordering::Relaxed);
    }

    /// Posts `signal` from the kernel's own clock.
    pub(super) fn post_timer_signal(self: &Arc<Self>, signal: Signal) {
        // A standard signal cannot find its queue full.
        let _ = crate::signal::send_to_process(self, SigInfo::kernel(signal));
    }
}
