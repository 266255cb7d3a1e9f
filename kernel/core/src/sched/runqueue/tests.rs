//! The run queue against simulated loads: order, shares, preemption, and the bound on starvation.

use super::super::{Nice, STARVATION_BOUND};
use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

/// A simulated CPU: threads that compute for a while, then sleep for a while.
struct Simulation {
    now: Instant,
    queue: RunQueue<usize>,
    threads: Vec<Thread>,
    running: Option<usize>,
}

struct Thread {
    entity: Entity,
    burst: Duration,
    sleep: Duration,
    left: Duration,
    wakes: Option<Instant>,
}

impl Simulation {
    fn new(loads: &[(u64, u64, i32)]) -> Self {
        let mut simulation = Self { now: Instant::ZERO, queue: RunQueue::new(0), threads: Vec::new(), running: None };
        for &(burst_us, sleep_us, nice) in loads {
            let burst = Duration::from_micros(burst_us);
            simulation.threads.push(Thread {
                entity: Entity::new(Policy::Normal, Nice::clamped(nice)),
                burst,
                sleep: Duration::from_micros(sleep_us),
                left: burst,
                wakes: Some(Instant::ZERO),
            });
        }
        simulation
    }

    /// Runs until `end`; reports to `observe` after every step.
    fn run(&mut self, end: Instant, mut observe: impl FnMut(&Self)) {
        while self.now < end {
            self.wake_sleepers();
            if self.running.is_none() || self.queue.must_review(self.now) {
                self.switch();
            }
            observe(self);
            self.advance();
        }
    }

    fn wake_sleepers(&mut self) {
        for index in 0..self.threads.len() {
            let thread = &mut self.threads[index];
            if thread.wakes.is_none_or(|at| at > self.now) {
                continue;
            }
            thread.wakes = None;
            if self.queue.enqueue(&mut thread.entity, index, Arrival::Woken, self.now) && self.running.is_some() {
                self.switch();
            }
        }
    }

    fn switch(&mut self) {
        if let Some(previous) = self.running.take() {
            self.queue.stop(self.now);
            self.queue.enqueue(&mut self.threads[previous].entity, previous, Arrival::Preempted, self.now);
        }
        if let Some(Picked { thread, rescued }) = self.queue.pick(self.now) {
            self.queue.started(&mut self.threads[thread].entity, rescued, self.now);
            self.running = Some(thread);
        }
    }

    fn advance(&mut self) {
        let wake = self.threads.iter().filter_map(|thread| thread.wakes).min().unwrap_or(Instant::FAR_FUTURE);
        let done = self.running.map_or(Instant::FAR_FUTURE, |index| self.now + self.threads[index].left);
        let review = self.queue.review_at().unwrap_or(Instant::FAR_FUTURE);
        let next = wake.min(done).min(review).max(self.now + Duration::from_nanos(1));
        let step = next - self.now;
        self.now = next;
        let Some(index) = self.running else { return };
        let thread = &mut self.threads[index];
        thread.entity.charge(step);
        thread.left = thread.left.saturating_sub(step);
        if thread.left == Duration::ZERO {
            thread.entity.block();
            thread.left = thread.burst;
            thread.wakes = Some(self.now + thread.sleep);
            self.running = None;
            self.queue.stop(self.now);
        }
    }
}

fn seconds(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

#[test]
fn equal_computations_share_equally_and_nice_ones_by_weight() {
    let forever = 1_000_000_000;
    let mut simulation = Simulation::new(&[(forever, 1, 0), (forever, 1, 0), (forever, 1, 5)]);
    simulation.run(seconds(60), |_| ());
    let total = |index: usize| simulation.threads[index].entity.total().as_secs_f64();
    assert!((total(0) / total(1) - 1.0).abs() < 0.05);
    assert!((total(0) / total(2) - 1024.0 / 335.0).abs() < 0.3, "{} {}", total(0), total(2));
}

#[test]
fn an_interactive_thread_runs_at_once_beside_a_computation() {
    let mut simulation = Simulation::new(&[(1_000_000_000, 1, 0), (100, 5_000, 0)]);
    simulation.run(seconds(1), |_| ());
    let mut late = Duration::ZERO;
    let mut runnable_since = None;
    simulation.run(seconds(10), |simulation| {
        if simulation.threads[1].wakes.is_some() || simulation.running == Some(1) {
            runnable_since = None;
        } else {
            let since = *runnable_since.get_or_insert(simulation.now);
            late = late.max(simulation.now - since);
        }
    });
    assert!(late <= RESCUE_SLICE, "waited {late:?}");
}

#[test]
fn a_higher_realtime_priority_preempts_and_equals_queue_in_order() {
    let fifo = |priority| Entity::new(Policy::Fifo(RtPriority::new(priority).unwrap()), Nice::default());
    let mut queue = RunQueue::new(0);
    let now = Instant::ZERO;
    assert!(queue.enqueue(&mut fifo(10), "a", Arrival::Woken, now));
    let picked = queue.pick(now).unwrap();
    queue.started(&mut fifo(10), picked.rescued, now);
    assert!(!queue.enqueue(&mut fifo(10), "b", Arrival::Woken, now));
    assert!(!queue.enqueue(&mut Entity::default(), "fair", Arrival::Woken, now));
    assert!(queue.enqueue(&mut fifo(11), "c", Arrival::Woken, now));
    queue.enqueue(&mut fifo(10), "a", Arrival::Preempted, now);
    let order: Vec<_> = core::iter::from_fn(|| queue.pick(now).map(|picked| picked.thread)).collect();
    assert_eq!(order, ["c", "a", "b", "fair"]);
}

#[test]
fn a_lone_thread_needs_no_timer() {
    let mut simulation = Simulation::new(&[(1_000_000_000, 1, 0)]);
    simulation.run(Instant::from_nanos(1), |_| ());
    assert_eq!(simulation.queue.review_at(), None);
}

#[test]
fn stealing_takes_cold_threads_first_and_obeys_the_caller() {
    let mut queue = RunQueue::new(0);
    let mut cold = Entity::default();
    cold.charge(Duration::from_secs(1));
    queue.enqueue(&mut Entity::default(), "hot", Arrival::Woken, Instant::ZERO);
    queue.enqueue(&mut cold, "cold", Arrival::Woken, Instant::ZERO);
    assert_eq!(queue.steal(|&thread| thread != "cold"), Some("hot"));
    assert_eq!(queue.steal(|_| true), Some("cold"));
    assert_eq!(queue.steal(|_| true), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// The Cold queue of a CPU runs at least every 100 ms, whatever the rest does.
    #[test]
    fn a_waiting_queue_is_served_within_the_bound(
        loads in proptest::collection::vec((50u64..30_000, 0u64..3_000, -20i32..20), 1..24),
        hogs in 1usize..4,
    ) {
        let mut loads = loads;
        loads.extend(core::iter::repeat_n((1_000_000_000, 1, 19), hogs));
        let mut simulation = Simulation::new(&loads);
        let mut waiting_since = [None; 3];
        let mut worst = Duration::ZERO;
        simulation.run(seconds(3), |simulation| {
            for class in Class::ALL {
                let since = &mut waiting_since[class.index()];
                if simulation.queue.waiting_in(class) == 0 || simulation.queue.is_running(class) {
                    *since = None;
                    continue;
                }
                let start = *since.get_or_insert(simulation.now);
                worst = worst.max(simulation.now - start);
            }
        });
        prop_assert!(worst <= STARVATION_BOUND, "a queue waited {:?}", worst);
    }
}
