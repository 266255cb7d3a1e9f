//! What the policy knows of one thread: policy, nice value, burst estimate, virtual time.

use super::burst::{Class, Estimate};
use super::ROUND_ROBIN_SLICE;
use crate::time::{nanos, Duration};

/// A scheduling policy, `sched(7)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Policy {
    /// `SCHED_OTHER`.
    #[default]
    Normal,
    /// `SCHED_BATCH`: as normal, but its wake-ups preempt nobody.
    Batch,
    /// `SCHED_IDLE`: always Cold, with the smallest share.
    Idle,
    /// `SCHED_FIFO`: runs until it blocks or a higher priority comes.
    Fifo(RtPriority),
    /// `SCHED_RR`: as FIFO, with a slice among equals.
    RoundRobin(RtPriority),
}

impl Policy {
    /// The real-time priority, for the real-time policies.
    #[must_use]
    pub const fn rt_priority(self) -> Option<RtPriority> {
        match self {
            Policy::Fifo(priority) | Policy::RoundRobin(priority) => Some(priority),
            Policy::Normal | Policy::Batch | Policy::Idle => None,
        }
    }
}

/// A real-time priority, 1 (lowest) to 99.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RtPriority(u8);

impl RtPriority {
    /// `None` outside 1..=99.
    #[must_use]
    pub const fn new(priority: u8) -> Option<Self> {
        if priority >= 1 && priority <= 99 { Some(Self(priority)) } else { None }
    }

    /// The number, 1 to 99.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// A nice value, -20 (largest share) to 19.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Nice(i8);

impl Nice {
    /// The largest share.
    pub const MIN: Nice = Nice(-20);
    /// The smallest share.
    pub const MAX: Nice = Nice(19);

    /// The nice value nearest to `value`.
    #[must_use]
    pub fn clamped(value: i32) -> Self {
        Self(i8::try_from(value.clamp(-20, 19)).unwrap_or(0))
    }

    /// The number, -20 to 19.
    #[must_use]
    pub const fn get(self) -> i8 {
        self.0
    }

    /// The share relative to 1024 at nice 0: each step is worth a factor of 1.25.
    #[must_use]
    pub fn weight(self) -> u32 {
        const UP: [u32; 21] = [
            1024, 1277, 1586, 1991, 2501, 3121, 3906, 4904, 6100, 7620, 9548, 11916, 14949, 18705, 23254, 29154, 36291, 46273,
            56483, 71755, 88761,
        ];
        const DOWN: [u32; 20] = [1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23, 18, 15];
        let steps = usize::from(self.0.unsigned_abs());
        if self.0 < 0 { UP[steps] } else { DOWN[steps] }
    }
}

const IDLE_WEIGHT: u32 = 3;

/// The scheduling state of one thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entity {
    /// The scheduling policy.
    pub policy: Policy,
    /// The nice value; it weighs only under `Normal` and `Batch`.
    pub nice: Nice,
    estimate: Estimate,
    /// CPU time since the thread last woke.
    burst: Duration,
    /// CPU time since the thread was created.
    total: Duration,
    /// CPU time left of the current slice.
    slice: Duration,
    /// Weighted CPU time in nanoseconds, on the scale of the queue `home`.
    pub(super) vtime: u64,
    pub(super) home: Option<(usize, Class)>,
}

impl Entity {
    /// A thread that never ran.
    #[must_use]
    pub fn new(policy: Policy, nice: Nice) -> Self {
        Self { policy, nice, ..Self::default() }
    }

    /// The scheduling state of a thread created by this one: same policy and estimate, no CPU time of its own.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { policy: self.policy, nice: self.nice, estimate: self.estimate, ..Self::default() }
    }

    /// Accounts for `ran` on a CPU.
    pub fn charge(&mut self, ran: Duration) {
        self.burst = self.burst.saturating_add(ran);
        self.total = self.total.saturating_add(ran);
        self.slice = self.slice.saturating_sub(ran);
        self.vtime = self.vtime.saturating_add(self.weighted(ran));
    }

    /// Ends the burst: the thread blocks. Answers the classes before and after when they differ.
    pub fn block(&mut self) -> Option<(Class, Class)> {
        let before = self.class();
        self.estimate = self.estimate.after(self.burst);
        self.burst = Duration::ZERO;
        let after = self.class();
        (before != after).then_some((before, after))
    }

    /// The estimate, raised by a burst that already outgrew it.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        self.estimate.max(self.estimate.after(self.burst))
    }

    /// The queue to wait in.
    #[must_use]
    pub fn class(&self) -> Class {
        if self.policy == Policy::Idle { Class::Cold } else { self.estimate().class() }
    }

    /// CPU time since the thread was created.
    #[must_use]
    pub const fn total(&self) -> Duration {
        self.total
    }

    /// CPU time left of the slice.
    #[must_use]
    pub const fn slice(&self) -> Duration {
        self.slice
    }

    /// Begins a new slice of `length`.
    pub(super) const fn renew_slice(&mut self, length: Duration) {
        self.slice = length;
    }

    /// The slice that this thread's policy and class give it.
    pub(super) fn full_slice(&self) -> Duration {
        match self.policy {
            Policy::Fifo(_) => Duration::MAX,
            Policy::RoundRobin(_) => ROUND_ROBIN_SLICE,
            Policy::Normal | Policy::Batch | Policy::Idle => self.class().quantum(),
        }
    }

    /// `ran` on the scale of virtual time: longer for a smaller share.
    pub(super) fn weighted(&self, ran: Duration) -> u64 {
        let weight = if self.policy == Policy::Idle { IDLE_WEIGHT } else { self.nice.weight() };
        nanos(ran).saturating_mul(1024) / u64::from(weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_that_outgrows_its_class_moves_the_thread_before_it_blocks() {
        let mut entity = Entity::default();
        assert_eq!(entity.class(), Class::Hot);
        entity.charge(Duration::from_millis(8));
        assert_eq!(entity.class(), Class::Normal);
        entity.charge(Duration::from_millis(60));
        assert_eq!(entity.class(), Class::Cold);
    }

    #[test]
    fn five_nice_steps_are_worth_a_factor_of_three() {
        assert_eq!(Nice::clamped(0).weight(), 1024);
        assert_eq!(Nice::clamped(5).weight(), 335);
        assert_eq!(Nice::clamped(-100).weight(), 88761);
        assert_eq!(Nice::clamped(100).weight(), 15);
    }
}
