//! Run bursts: an exponential moving average with alpha 1/4, in integer arithmetic, and the class that it selects.

use crate::time::Duration;

/// The queue of a thread without real-time policy, by the average length of its bursts on the CPU.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// Bursts below 1 ms: interactive threads.
    Hot,
    /// Bursts of 1 to 10 ms.
    Normal,
    /// Bursts above 10 ms: computation.
    Cold,
}

impl Class {
    /// All classes, in the order in which they are served.
    pub const ALL: [Class; 3] = [Class::Hot, Class::Normal, Class::Cold];

    /// The longest stretch that a thread of this class runs while others wait.
    #[must_use]
    pub const fn quantum(self) -> Duration {
        match self {
            Class::Hot => Duration::from_millis(2),
            Class::Normal => Duration::from_millis(8),
            Class::Cold => Duration::from_millis(24),
        }
    }

    pub(super) const fn index(self) -> usize {
        match self {
            Class::Hot => 0,
            Class::Normal => 1,
            Class::Cold => 2,
        }
    }
}

/// The estimated length of a thread's next burst, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Estimate(u64);

impl Estimate {
    /// Bursts count for at most this much, so that a long computation is forgotten after about twenty short bursts.
    pub const CEILING: Duration = Duration::from_millis(100);
    const HOT_BELOW: Duration = Duration::from_millis(1);
    const COLD_ABOVE: Duration = Duration::from_millis(10);

    /// The estimate after a burst of length `burst`: three quarters of the old one and a quarter of the new.
    #[must_use]
    pub fn after(self, burst: Duration) -> Self {
        let burst = crate::time::nanos(burst.min(Self::CEILING));
        Self((3 * self.0 + burst) / 4)
    }

    /// The estimated length.
    #[must_use]
    pub const fn length(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The class of a thread with this estimate.
    #[must_use]
    pub fn class(self) -> Class {
        let length = self.length();
        if length < Self::HOT_BELOW {
            Class::Hot
        } else if length <= Self::COLD_ABOVE {
            Class::Normal
        } else {
            Class::Cold
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quarter_of_each_burst_counts() {
        let estimate = Estimate::default().after(Duration::from_micros(800));
        assert_eq!(estimate.length(), Duration::from_micros(200));
        assert_eq!(estimate.after(Duration::ZERO).length(), Duration::from_micros(150));
    }

    #[test]
    fn a_computation_turns_interactive_within_twenty_short_bursts() {
        let mut estimate = Estimate::default();
        for _ in 0..100 {
            estimate = estimate.after(Duration::from_secs(10));
        }
        assert_eq!(estimate.class(), Class::Cold);
        for _ in 0..20 {
            estimate = estimate.after(Duration::from_micros(10));
        }
        assert_eq!(estimate.class(), Class::Hot);
    }

    proptest! {
        #[test]
        fn the_estimate_stays_between_the_old_one_and_the_burst(old in 0u64..100_000_000, burst in 0u64..100_000_000) {
            let after = Estimate(old).after(Duration::from_nanos(burst)).0;
            prop_assert!(after >= old.min(burst).saturating_sub(1));
            prop_assert!(after <= old.max(burst));
        }
    }
}
