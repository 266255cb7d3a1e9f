//! Interval timers and CPU-time limits of a process (`setitimer(2)`, `RLIMIT_CPU`).
//!
//! `ITIMER_REAL` runs on a timer wheel. `ITIMER_VIRTUAL`, `ITIMER_PROF` and the limit count the CPU time of the process;
//! user and system time are not told apart, so both count all of it.

use super::Process;
use crate::sched::timer::{self, Expire, Timer};
use crate::task::limits::{INFINITY, Resource};
use crate::time::{Duration, Instant, now};
use abi::signal::Signal;
use alloc::sync::{Arc, Weak};
use kernel_sync::{IrqLock, Rank};

/// Rank of a process's timers: the wheel is taken inside.
const TIMERS: Rank = Rank::new(56);

/// Value and interval of a timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IntervalTimer {
    /// Time until it fires; zero when it is off.
    pub value: Duration,
    /// What it is reloaded with; zero for once.
    pub interval: Duration,
}

/// Which of the two timers on CPU time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CpuTimer {
    /// `ITIMER_VIRTUAL`.
    Virtual,
    /// `ITIMER_PROF`.
    Profiling,
}

pub(super) struct Timers {
    real: IrqLock<Real>,
    cpu: IrqLock<CpuTimers>,
}

/// What CPU time is compared with.
struct CpuTimers {
    armed: [Armed; 2],
    /// When `RLIMIT_CPU` acts next.
    limit: Option<Duration>,
}

#[derive(Default)]
struct Real {
    deadline: Option<Instant>,
    interval: Duration,
    /// Counts settings, so that a timer that fires late knows it was replaced.
    generation: u64,
    timer: Option<Timer>,
}

/// A timer on CPU time: when it is due on that scale.
#[derive(Clone, Copy, Default)]
struct Armed {
    due: Option<Duration>,
    interval: Duration,
}

struct RealTimer {
    process: Weak<Process>,
    generation: u64,
}

impl Timers {
    pub(super) const fn new() -> Self {
        let off = Armed { due: None, interval: Duration::ZERO };
        Self {
            real: IrqLock::new(TIMERS, Real { deadline: None, interval: Duration::ZERO, generation: 0, timer: None }),
            cpu: IrqLock::new(TIMERS, CpuTimers { armed: [off; 2], limit: None }),
        }
    }
}

impl Process {
    /// `ITIMER_REAL` as it stands.
    #[must_use]
    pub fn real_timer(&self) -> IntervalTimer {
        let real = self.timers.real.lock();
        let value = real.deadline.map_or(Duration::ZERO, |deadline| (deadline - now()).max(Duration::from_micros(1)));
        IntervalTimer { value, interval: real.interval }
    }

    /// Sets `ITIMER_REAL`; gives back what it was.
    pub fn set_real_timer(self: &Arc<Self>, new: IntervalTimer) -> IntervalTimer {
        let old = self.real_timer();
        let stopped = {
            let mut real = self.timers.real.lock();
            real.generation += 1;
            real.deadline = (new.value > Duration::ZERO).then(|| now() + new.value);
            real.interval = new.interval;
            real.timer.take()
        };
        drop(stopped);
        self.start_real_timer();
        old
    }

    /// Stops every timer: the process ends.
    pub(in crate::task) fn stop_timers(self: &Arc<Self>) {
        self.set_real_timer(IntervalTimer::default());
        *self.timers.cpu.lock() = CpuTimers { armed: [Armed::default(); 2], limit: None };
        self.set_cpu_due(None);
    }

    fn start_real_timer(self: &Arc<Self>) {
        let mut real = self.timers.real.lock();
        let Some(deadline) = real.deadline else { return };
        let target = RealTimer { process: Arc::downgrade(self), generation: real.generation };
        real.timer = Some(timer::start(deadline, Arc::new(target)));
    }

    /// A timer on CPU time as it stands.
    #[must_use]
    pub fn cpu_timer(&self, which: CpuTimer) -> IntervalTimer {
        let spent = self.cpu_time();
        let armed = self.timers.cpu.lock().armed[which as usize];
        let value = armed.due.map_or(Duration::ZERO, |due| due.saturating_sub(spent).max(Duration::from_micros(1)));
        IntervalTimer { value, interval: armed.interval }
    }

    /// Sets a timer on CPU time; gives back what it was.
    pub fn set_cpu_timer(&self, which: CpuTimer, new: IntervalTimer) -> IntervalTimer {
        let old = self.cpu_timer(which);
        let due = (new.value > Duration::ZERO).then(|| self.cpu_time().saturating_add(new.value));
        self.timers.cpu.lock().armed[which as usize] = Armed { due, interval: new.interval };
        self.rearm_cpu_timers();
        crate::sched::review_timers(self);
        old
    }

    /// Recomputes when CPU time is looked at next.
    pub(super) fn rearm_cpu_timers(&self) {
        let spent = Duration::from_nanos(self.cpu_ns.load(core::sync::atomic::Ordering::Relaxed));
        let limit = self.next_cpu_limit(spent);
        let mut timers = self.timers.cpu.lock();
        timers.limit = limit;
        let due = timers.armed.iter().filter_map(|armed| armed.due).chain(limit).min();
        self.set_cpu_due(due);
    }

    /// The next point at which `RLIMIT_CPU` acts: at the soft limit and every second after it; at the hard limit.
    fn next_cpu_limit(&self, spent: Duration) -> Option<Duration> {
        let limit = self.limits().get(Resource::CPU);
        let soft = (limit.soft != INFINITY).then(|| Duration::from_secs(limit.soft.max(1)));
        let after_soft = soft.map(|soft| if spent < soft { soft } else { Duration::from_secs(spent.as_secs() + 1) });
        let hard = (limit.hard != INFINITY).then(|| Duration::from_secs(limit.hard.max(1)));
        [after_soft, hard].into_iter().flatten().min()
    }

    /// Posts what is due at `spent` CPU time.
    pub(super) fn cpu_timers_due(self: &Arc<Self>, spent: Duration) {
        let mut due = [false; 2];
        let limit_due = {
            let mut timers = self.timers.cpu.lock();
            for (armed, due) in timers.armed.iter_mut().zip(&mut due) {
                if armed.due.is_none_or(|at| at > spent) {
                    continue;
                }
                *due = true;
                armed.due = (armed.interval > Duration::ZERO).then(|| spent.saturating_add(armed.interval));
            }
            timers.limit.is_some_and(|at| at <= spent)
        };
        let hard = self.limits().get(Resource::CPU).hard;
        self.rearm_cpu_timers();
        if due[CpuTimer::Virtual as usize] {
            self.post_timer_signal(Signal::SIGVTALRM);
        }
        if due[CpuTimer::Profiling as usize] {
            self.post_timer_signal(Signal::SIGPROF);
        }
        if limit_due && hard != INFINITY && spent >= Duration::from_secs(hard) {
            self.post_timer_signal(Signal::SIGKILL);
        } else if limit_due {
            self.post_timer_signal(Signal::SIGXCPU);
        }
    }
}

impl Expire for RealTimer {
    fn expire(self: Arc<Self>) {
        let Some(process) = self.process.upgrade() else { return };
        let fired = {
            let mut real = process.timers.real.lock();
            if real.generation != self.generation {
                return;
            }
            let interval = real.interval;
            real.deadline = real.deadline.filter(|_| interval > Duration::ZERO).map(|at| next_period(at, interval));
            real.timer.take()
        };
        drop(fired);
        process.post_timer_signal(Signal::SIGALRM);
        process.start_real_timer();
    }
}

/// The first period after now of a timer that was due at `due`.
fn next_period(due: Instant, interval: Duration) -> Instant {
    let next = due + interval;
    if next > now() { next } else { now() + interval }
}
