//! Parking, as `kernel_sync` asks for it: every sleeping lock and wait queue ends here.

use super::state::ThreadState;
use super::switch::{Leave, current, leave};
use super::{timer, wake};
use crate::task::Task;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use kernel_core::time::Instant;
use kernel_sync::irq;
use kernel_sync::park::{Runtime, Unpark};

/// The scheduler as the runtime of `kernel_sync`.
pub(super) struct Scheduler;

pub(super) static RUNTIME: Scheduler = Scheduler;

/// A handle that wakes a thread.
struct Wake(Arc<Task>);

impl Runtime for Scheduler {
    fn current(&self) -> Arc<dyn Unpark> {
        current().to_arc()
    }

    fn park(&self, deadline: Option<Instant>) {
        let me = current();
        if me.sched.token.swap(false, Ordering::SeqCst) {
            return;
        }
        let timer = deadline.map(|deadline| timer::start(deadline, Arc::new(Wake(me.to_arc()))));
        park_now(&me);
        drop(timer);
    }

    fn interrupted(&self) -> bool {
        current().signal_pending()
    }

    fn now(&self) -> Instant {
        crate::time::now()
    }
}

fn park_now(me: &Task) {
    let _irq = irq::disable();
    me.sched.set_state(ThreadState::Parked);
    // SeqCst: this load after the store of `state`, against the converse in unpark(). When the claim fails, a waker
    // has queued this thread already, and leaving is short.
    if me.sched.token.swap(false, Ordering::SeqCst) && me.sched.claim_wakeup() {
        return;
    }
    leave(Leave::Parked);
    me.sched.token.store(false, Ordering::SeqCst);
}

impl Unpark for Task {
    fn unpark(&self) {
        if let Some(this) = self.weak_self().upgrade() {
            wake::unpark(&this);
        }
    }
}

impl timer::Expire for Wake {
    fn expire(self: Arc<Self>) {
        wake::unpark(&self.0);
    }
}
