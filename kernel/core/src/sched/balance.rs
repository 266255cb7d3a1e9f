//! Balance between CPUs: how many threads a lightly loaded CPU pulls from the busiest.

/// A CPU is out of balance when the busiest carries this many percent more.
pub const IMBALANCE_PERCENT: usize = 25;

/// How many threads to move from a CPU with `busiest` runnable threads to one with `own`; zero while the difference is
/// within the tolerance. Moving never turns the difference around.
#[must_use]
pub fn threads_to_move(own: usize, busiest: usize) -> usize {
    let out_of_balance = busiest.saturating_mul(100) > own.saturating_mul(100 + IMBALANCE_PERCENT);
    if out_of_balance { busiest.saturating_sub(own) / 2 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_thread_of_difference_stays() {
        assert_eq!(threads_to_move(1, 2), 0);
        assert_eq!(threads_to_move(0, 2), 1);
        assert_eq!(threads_to_move(8, 10), 0);
        assert_eq!(threads_to_move(8, 11), 1);
    }

    proptest! {
        #[test]
        fn moving_never_overshoots(own in 0usize..1000, busiest in 0usize..1000) {
            let moved = threads_to_move(own, busiest);
            prop_assert!(moved == 0 || own + moved <= busiest - moved);
        }
    }
}
