//! Scheduling policy: which thread of a CPU runs next, and for how long.
//!
//! Layers, bottom up: [`burst`] (the EMA of run bursts and the class that it selects), [`entity`] (what the policy knows of
//! one thread), [`runqueue`] (the queues of one CPU), [`balance`] (between CPUs).
//! An [`Entity`] belongs to its thread and is charged for every stretch on a CPU; a [`RunQueue`] copies from it what it
//! orders by. Nothing here blocks, locks or reads a clock: time comes in as an argument.

pub mod balance;
pub mod burst;
pub mod entity;
pub mod runqueue;

pub use burst::{Class, Estimate};
pub use entity::{Entity, Nice, Policy, RtPriority};
pub use runqueue::{Arrival, RunQueue};

use crate::time::Duration;

/// No queue with a runnable thread waits longer than this, absent real-time load.
pub const STARVATION_BOUND: Duration = Duration::from_millis(100);
/// A queue that has waited this long is served next; the rest of the bound covers the slice that may be running.
pub const OVERDUE_AFTER: Duration = Duration::from_millis(80);
/// How long a thread of an overdue queue runs, safe from preemption by wake-ups.
pub const RESCUE_SLICE: Duration = Duration::from_millis(4);
/// The slice of a round-robin real-time thread.
pub const ROUND_ROBIN_SLICE: Duration = Duration::from_millis(100);
/// Time between two balancing passes of a CPU.
pub const BALANCE_INTERVAL: Duration = Duration::from_millis(100);
