//! Waiting for any of many files: what poll(2) and select(2) share.
//!
//! A file's `poll` first adds its wait queues to the table, then looks at its state; so a change after the look wakes
//! the waiter.

use crate::vfs::file::File;
use abi::flags::PollEvents;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Deref;
use kernel_core::time::Instant;
use kernel_sync::{Notify, Registration, Wait, WaitError, WaitQueue, Waiter};

/// Collects the wait queues of the files that one thread looks at; or nothing, when it only looks.
pub struct PollTable<'a> {
    asker: Asker<'a>,
}

/// Who wants to know of changes.
enum Asker<'a> {
    Nobody,
    Thread(&'a Arc<Waiter>, &'a mut Vec<Registration>),
    Listener { listener: &'a Arc<dyn Notify>, wanted: PollEvents, registrations: &'a mut Vec<Registration> },
}

impl<'a> PollTable<'a> {
    /// A table for a look without a wait.
    #[must_use]
    pub const fn look() -> Self {
        Self { asker: Asker::Nobody }
    }

    /// A table that enters `waiter` into the queues and keeps its places in `registrations`.
    pub fn wait(waiter: &'a Arc<Waiter>, registrations: &'a mut Vec<Registration>) -> Self {
        Self { asker: Asker::Thread(waiter, registrations) }
    }

    /// A table that enters `listener` into the queues that tell of `wanted`.
    pub fn listen(listener: &'a Arc<dyn Notify>, wanted: PollEvents, registrations: &'a mut Vec<Registration>) -> Self {
        Self { asker: Asker::Listener { listener, wanted, registrations } }
    }

    /// Says that a wake of `queue` may change the answer.
    pub fn add(&mut self, queue: &Arc<WaitQueue>) {
        self.add_for(queue, PollEvents::all());
    }

    /// Says that a wake of `queue` may change the answer to `events`.
    pub fn add_for(&mut self, queue: &Arc<WaitQueue>, events: PollEvents) {
        match &mut self.asker {
            Asker::Nobody => {}
            Asker::Thread(waiter, registrations) => registrations.push(queue.register(waiter)),
            Asker::Listener { listener, wanted, registrations } => {
                if wanted.intersects(events) {
                    registrations.push(queue.listen(Arc::clone(listener)));
                }
            }
        }
    }
}

/// One file to wait for.
pub struct Entry<F> {
    /// The file; none answers `POLLNVAL`.
    pub file: Option<F>,
    /// The events asked for.
    pub wanted: PollEvents,
    /// The events that are there.
    pub found: PollEvents,
}

/// How long to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timeout {
    /// Only look.
    Now,
    /// Until this instant.
    Until(Instant),
    /// Without end.
    Never,
}

impl Timeout {
    /// The instant, if it ends.
    #[must_use]
    pub const fn deadline(self) -> Option<Instant> {
        match self {
            Self::Now => Some(Instant::ZERO),
            Self::Until(deadline) => Some(deadline),
            Self::Never => None,
        }
    }
}

/// Waits until an entry has an event; returns how many have (0: time out).
///
/// # Errors
/// `EINTR` when a signal came first.
pub fn wait<F: Deref<Target = File>>(entries: &mut [Entry<F>], timeout: Timeout) -> Result<usize> {
    let ready = look(entries, &mut PollTable::look());
    if ready > 0 || timeout == Timeout::Now {
        return Ok(ready);
    }
    let waiter = Waiter::current();
    let mut registrations = Vec::new();
    let mut ready = look(entries, &mut PollTable::wait(&waiter, &mut registrations));
    let wait = Wait::INTERRUPTIBLE.until(timeout.deadline());
    while ready == 0 {
        let woken = waiter.wait(wait);
        ready = look(entries, &mut PollTable::look());
        match woken {
            Ok(()) => {}
            Err(_) if ready > 0 => {}
            Err(WaitError::TimedOut) => break,
            Err(WaitError::Interrupted) => return Err(Errno::EINTR),
        }
    }
    Ok(ready)
}

fn look<F: Deref<Target = File>>(entries: &mut [Entry<F>], table: &mut PollTable<'_>) -> usize {
    let mut ready = 0;
    for entry in entries {
        let events = entry.file.as_ref().map_or(PollEvents::NVAL, |file| file.poll(table));
        entry.found = events & entry.wanted;
        ready += usize::from(!entry.found.is_empty());
    }
    ready
}
