//! The queues of one CPU: real-time by priority, then Hot, Normal and Cold by virtual time, with a bound on starvation.
//!
//! The queue knows the running thread only by a copy of its figures, taken when it was picked.
//! Capacity is reserved when threads are created ([`RunQueue::reserve`]), so that a wake-up allocates nothing.

use alloc::collections::VecDeque;

use super::burst::{Class, Estimate};
use super::entity::{Entity, Policy, RtPriority};
use super::{OVERDUE_AFTER, RESCUE_SLICE};
use crate::time::{nanos, Duration, Instant};

/// Why a thread joins a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// It was created or it woke.
    Woken,
    /// It was running and has more to do.
    Preempted,
    /// It was running and gives way to its equals (`sched_yield(2)`).
    Yielded,
}

/// The runnable threads of one CPU; `T` is a handle on a thread.
pub struct RunQueue<T> {
    id: usize,
    realtime: VecDeque<Waiting<T>>,
    fair: [VecDeque<Waiting<T>>; 3],
    /// The virtual time that each fair queue has reached.
    floor: [u64; 3],
    /// When each fair queue was last served, or last had nobody waiting.
    served: [Instant; 3],
    running: Option<Running>,
}

struct Waiting<T> {
    /// Virtual time; for real-time threads, 99 less the priority.
    key: u64,
    thread: T,
}

#[derive(Clone, Copy)]
struct Running {
    since: Instant,
    slice: Duration,
    rescued: bool,
    entity: Entity,
}

impl Running {
    /// The entity's figures as they stand at `now`.
    fn at(&self, now: Instant) -> Entity {
        let mut entity = self.entity;
        entity.charge(now - self.since);
        entity
    }
}

impl<T> RunQueue<T> {
    /// Empty queues of the CPU `id`.
    #[must_use]
    pub const fn new(id: usize) -> Self {
        Self {
            id,
            realtime: VecDeque::new(),
            fair: [const { VecDeque::new() }; 3],
            floor: [0; 3],
            served: [Instant::ZERO; 3],
            running: None,
        }
    }

    /// Makes room for `threads` threads in every queue.
    ///
    /// # Errors
    /// When memory is short.
    pub fn reserve(&mut self, threads: usize) -> Result<(), alloc::collections::TryReserveError> {
        for queue in self.fair.iter_mut().chain([&mut self.realtime]) {
            queue.try_reserve(threads.saturating_sub(queue.len()))?;
        }
        Ok(())
    }

    /// Threads that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.realtime.len() + self.fair.iter().map(VecDeque::len).sum::<usize>()
    }

    /// Threads that wait in `class`.
    #[must_use]
    pub fn waiting_in(&self, class: Class) -> usize {
        self.fair[class.index()].len()
    }

    /// Threads that wait or run.
    #[must_use]
    pub fn load(&self) -> usize {
        self.waiting() + usize::from(self.running.is_some())
    }

    /// True when no thread runs: the CPU idles.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.running.is_none()
    }

    /// Adds a runnable thread. Answers whether it should displace the running one.
    pub fn enqueue(&mut self, entity: &mut Entity, thread: T, arrival: Arrival, now: Instant) -> bool {
        if let Some(priority) = entity.policy.rt_priority() {
            return self.enqueue_realtime(entity, priority, thread, arrival);
        }
        let class = entity.class();
        let queue = class.index();
        if self.fair[queue].is_empty() && !self.is_running(class) {
            self.served[queue] = now;
        }
        self.place(entity, class, arrival);
        let preempts = arrival == Arrival::Woken && self.is_preempted_by(entity, now);
        let position = self.fair[queue].partition_point(|waiting| waiting.key <= entity.vtime);
        self.fair[queue].insert(position, Waiting { key: entity.vtime, thread });
        preempts
    }

    /// Takes the thread to run next off its queue, or marks the CPU idle.
    /// The caller reports it with [`RunQueue::started`] once it holds the thread's entity.
    pub fn pick(&mut self, now: Instant) -> Option<Picked<T>> {
        self.stop(now);
        if let Some(Waiting { thread, .. }) = self.realtime.pop_front() {
            return Some(Picked { thread, rescued: false });
        }
        let rescued = [Class::Cold, Class::Normal].into_iter().find(|&class| self.overdue_at(class).is_some_and(|at| at <= now));
        let class = rescued.or_else(|| Class::ALL.into_iter().find(|class| !self.fair[class.index()].is_empty()))?;
        let queue = class.index();
        let Waiting { key, thread } = self.fair[queue].pop_front()?;
        self.floor[queue] = self.floor[queue].max(key);
        self.served[queue] = now;
        Some(Picked { thread, rescued: rescued.is_some() })
    }

    /// Notes that the picked thread, whose figures are `entity`, begins to run.
    pub fn started(&mut self, entity: &mut Entity, rescued: bool, now: Instant) {
        let fair = entity.policy.rt_priority().is_none();
        if rescued && fair {
            entity.renew_slice(RESCUE_SLICE);
        } else if entity.slice() == Duration::ZERO || !fair {
            entity.renew_slice(entity.full_slice());
        }
        self.running = Some(Running { since: now, slice: entity.slice(), rescued, entity: *entity });
    }

    /// Notes that the running thread left the CPU.
    pub fn stop(&mut self, now: Instant) {
        let Some(running) = self.running.take() else { return };
        if running.entity.policy.rt_priority().is_none() {
            self.served[running.entity.class().index()] = now;
        }
    }

    /// When the running thread must be looked at again: the end of its slice, or a queue that falls due.
    /// `None` while nobody waits for the CPU.
    #[must_use]
    pub fn review_at(&self) -> Option<Instant> {
        let running = self.running?;
        let slice_end = running.since + running.slice;
        if let Some(priority) = running.entity.policy.rt_priority() {
            let equal_waits = self.realtime.front().is_some_and(|front| front.key <= realtime_key(priority));
            return (equal_waits && matches!(running.entity.policy, Policy::RoundRobin(_))).then_some(slice_end);
        }
        if self.waiting() == 0 {
            return None;
        }
        let overdue = Class::ALL.into_iter().filter_map(|class| self.overdue_at(class)).min().unwrap_or(Instant::FAR_FUTURE);
        Some(if running.rescued { slice_end } else { slice_end.min(overdue.max(running.since)) })
    }

    /// True when the running thread has to give way at `now`.
    #[must_use]
    pub fn must_review(&self, now: Instant) -> bool {
        self.review_at().is_some_and(|at| at <= now)
    }

    /// Takes one waiting thread that `may_move` admits, for another CPU: Cold first, and the one that would run last.
    pub fn steal(&mut self, mut may_move: impl FnMut(&T) -> bool) -> Option<T> {
        for class in [Class::Cold, Class::Normal, Class::Hot] {
            let queue = &mut self.fair[class.index()];
            if let Some(position) = queue.iter().rposition(|waiting| may_move(&waiting.thread)) {
                return queue.remove(position).map(|waiting| waiting.thread);
            }
        }
        let position = self.realtime.iter().rposition(|waiting| may_move(&waiting.thread))?;
        self.realtime.remove(position).map(|waiting| waiting.thread)
    }

    fn enqueue_realtime(&mut self, entity: &Entity, priority: RtPriority, thread: T, arrival: Arrival) -> bool {
        let key = realtime_key(priority);
        let slice_used = matches!(entity.policy, Policy::RoundRobin(_)) && entity.slice() == Duration::ZERO;
        // A preempted thread stays first among its equals unless its slice is used up.
        let position = if arrival == Arrival::Preempted && !slice_used {
            self.realtime.partition_point(|waiting| waiting.key < key)
        } else {
            self.realtime.partition_point(|waiting| waiting.key <= key)
        };
        self.realtime.insert(position, Waiting { key, thread });
        let running = self.running.map(|running| running.entity.policy.rt_priority());
        running.is_none_or(|running| running < Some(priority))
    }

    /// Puts the entity on the time scale of `class`: a newcomer starts where the queue stands, a sleeper keeps at most
    /// one quantum of what it missed.
    fn place(&self, entity: &mut Entity, class: Class, arrival: Arrival) {
        let floor = self.floor[class.index()];
        let credit = nanos(class.quantum()) / 2;
        if entity.home == Some((self.id, class)) {
            entity.vtime = entity.vtime.max(floor.saturating_sub(credit));
        } else {
            entity.vtime = floor;
        }
        if arrival == Arrival::Yielded {
            let last = self.fair[class.index()].back().map_or(0, |waiting| waiting.key);
            entity.vtime = entity.vtime.max(last);
        }
        entity.home = Some((self.id, class));
    }

    fn is_running(&self, class: Class) -> bool {
        self.running.is_some_and(|running| running.entity.policy.rt_priority().is_none() && running.entity.class() == class)
    }

    /// A wake-up preempts a thread whose bursts are longer.
    fn is_preempted_by(&self, woken: &Entity, now: Instant) -> bool {
        let Some(running) = self.running else { return true };
        if running.entity.policy.rt_priority().is_some() || running.rescued || woken.policy != Policy::Normal {
            return false;
        }
        let current = running.at(now);
        let shorter = |ours: Estimate, theirs: Estimate| ours.length() + MARGIN < theirs.length();
        woken.class() < current.class()
            || (woken.class() == current.class()
                && woken.vtime < current.vtime
                && shorter(woken.estimate(), current.estimate()))
    }

    /// When `class`, which has somebody waiting, falls due.
    fn overdue_at(&self, class: Class) -> Option<Instant> {
        let queue = class.index();
        (!self.fair[queue].is_empty() && !self.is_running(class)).then(|| self.served[queue] + OVERDUE_AFTER)
    }
}

/// A thread taken off its queue.
pub struct Picked<T> {
    /// The thread.
    pub thread: T,
    /// True when its queue was overdue.
    pub rescued: bool,
}

/// Estimates nearer than this count as equal.
const MARGIN: Duration = Duration::from_micros(100);

fn realtime_key(priority: RtPriority) -> u64 {
    99 - u64::from(priority.get())
}

#[cfg(test)]
mod tests;
