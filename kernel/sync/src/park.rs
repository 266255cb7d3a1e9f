//! Parking: how a thread sleeps until another wakes it, whatever the scheduler is.
//!
//! The kernel installs its scheduler with [`install`]. Without one, on the host, threads park as `std::thread` does.
//! Parking is by token: an [`Unpark::unpark`] before the [`park`] is not lost, and [`park`] may return for no reason.

use crate::rank;
use alloc::sync::Arc;
use kernel_core::time::Instant;

/// A thread that can be woken, from any context.
pub trait Unpark: Send + Sync {
    /// Ends the thread's present park, or its next one.
    fn unpark(&self);
}

/// The scheduler, seen from below.
pub trait Runtime: Sync {
    /// The running thread.
    fn current(&self) -> Arc<dyn Unpark>;
    /// Sleeps until an unpark, the deadline, or no reason at all. Interruptible sleeps also end with a signal.
    fn park(&self, deadline: Option<Instant>);
    /// Whether a signal waits for the running thread.
    fn interrupted(&self) -> bool;
    /// The monotonic clock.
    fn now(&self) -> Instant;
}

#[cfg(not(loom))]
static RUNTIME: spin::Once<&'static dyn Runtime> = spin::Once::new();

/// Makes `runtime` the one that everything here parks with. The first call wins.
#[cfg(not(loom))]
pub fn install(runtime: &'static dyn Runtime) {
    RUNTIME.call_once(|| runtime);
}

#[cfg(not(loom))]
fn runtime() -> &'static dyn Runtime {
    #[cfg(not(target_os = "none"))]
    return *RUNTIME.get().unwrap_or(&(&host::Threads as &dyn Runtime));
    #[cfg(target_os = "none")]
    *RUNTIME.get().expect("something sleeps before the scheduler exists")
}

#[cfg(loom)]
fn runtime() -> &'static dyn Runtime {
    &model::Threads
}

/// The running thread.
#[must_use]
pub fn current() -> Arc<dyn Unpark> {
    runtime().current()
}

/// Sleeps until an unpark, the deadline, or no reason at all. Panics in debug builds when a spin lock is held.
#[track_caller]
pub fn park(deadline: Option<Instant>) {
    #[cfg(not(loom))]
    debug_assert!(!crate::rcu::is_reading(), "a thread sleeps in a read section");
    let _held = rank::save();
    runtime().park(deadline);
}

/// Whether a signal waits for the running thread.
#[must_use]
pub fn interrupted() -> bool {
    runtime().interrupted()
}

/// The monotonic clock.
#[must_use]
pub fn now() -> Instant {
    runtime().now()
}

#[cfg(all(not(target_os = "none"), not(loom)))]
mod host {
    use super::{Arc, Instant, Runtime, Unpark};
    use core::time::Duration;
    use std::sync::OnceLock;
    use std::thread::{self, Thread};

    pub struct Threads;

    struct Handle(Thread);

    impl Unpark for Handle {
        fn unpark(&self) {
            self.0.unpark();
        }
    }

    impl Runtime for Threads {
        fn current(&self) -> Arc<dyn Unpark> {
            Arc::new(Handle(thread::current()))
        }

        fn park(&self, deadline: Option<Instant>) {
            match deadline {
                Some(deadline) => thread::park_timeout(deadline - self.now()),
                None => thread::park(),
            }
        }

        fn interrupted(&self) -> bool {
            false
        }

        fn now(&self) -> Instant {
            static START: OnceLock<std::time::Instant> = OnceLock::new();
            let since: Duration = START.get_or_init(std::time::Instant::now).elapsed();
            Instant::ZERO + since
        }
    }
}

#[cfg(loom)]
mod model {
    use super::{Arc, Instant, Runtime, Unpark};
    use loom::thread::{self, Thread};

    pub struct Threads;

    struct Handle(Thread);

    impl Unpark for Handle {
        fn unpark(&self) {
            self.0.unpark();
        }
    }

    impl Runtime for Threads {
        fn current(&self) -> Arc<dyn Unpark> {
            Arc::new(Handle(thread::current()))
        }

        fn park(&self, _deadline: Option<Instant>) {
            thread::park();
        }

        fn interrupted(&self) -> bool {
            false
        }

        fn now(&self) -> Instant {
            Instant::ZERO
        }
    }
}
