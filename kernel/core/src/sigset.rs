//! Pending signals: which are pending, in what order they are taken, and what each carries (`signal(7)`).
//!
//! A standard signal is pending at most once; a real-time signal queues, up to a limit. `I` is what comes with a signal.

use abi::signal::{SigSet, Signal};
use alloc::collections::VecDeque;

/// The signals that are pending for a thread or a process.
pub struct PendingSignals<I> {
    set: SigSet,
    queue: VecDeque<(Signal, I)>,
}

/// A real-time signal found its queue full (`EAGAIN`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueueFull;

impl<I> PendingSignals<I> {
    /// Nothing pending.
    #[must_use]
    pub const fn new() -> Self {
        Self { set: SigSet::EMPTY, queue: VecDeque::new() }
    }

    /// The pending signals.
    #[must_use]
    pub const fn set(&self) -> SigSet {
        self.set
    }

    /// Adds a signal. A standard signal that is pending already merges into the first; one that finds no memory is
    /// pending without its information.
    ///
    /// # Errors
    /// [`QueueFull`] for a real-time signal when `limit` are queued or memory is short.
    pub fn post(&mut self, signal: Signal, info: I, limit: usize) -> Result<(), QueueFull> {
        if !signal.is_realtime() && self.set.contains(signal) {
            return Ok(());
        }
        let has_room = self.queue.try_reserve(1).is_ok();
        if signal.is_realtime() && (!has_room || self.queue.len() >= limit) {
            return Err(QueueFull);
        }
        if has_room {
            self.queue.push_back((signal, info));
        }
        self.set.insert(signal);
        Ok(())
    }

    /// The signal to take next among those not in `blocked`: faults of the thread first, then the lowest number.
    #[must_use]
    pub fn next(&self, blocked: SigSet) -> Option<Signal> {
        let open = self.set & !blocked;
        (open & SigSet::SYNCHRONOUS).first().or(open.first())
    }

    /// Takes the oldest instance of `signal`; the information is missing when memory was short.
    /// `None` when the signal is not pending.
    pub fn take(&mut self, signal: Signal) -> Option<Option<I>> {
        if !self.set.contains(signal) {
            return None;
        }
        let position = self.queue.iter().position(|entry| entry.0 == signal);
        let info = position.and_then(|position| self.queue.remove(position)).map(|entry| entry.1);
        if !self.queue.iter().any(|entry| entry.0 == signal) {
            self.set.remove(signal);
        }
        Some(info)
    }

    /// Drops every pending signal of `signals`.
    pub fn discard(&mut self, signals: SigSet) {
        if (self.set & signals).is_empty() {
            return;
        }
        self.set = self.set & !signals;
        self.queue.retain(|entry| !signals.contains(entry.0));
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        *self = Self::new();
    }
}

impl<I> Default for PendingSignals<I> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn signal(number: i32) -> Signal {
        Signal::new(number).unwrap()
    }

    #[test]
    fn standard_signals_merge_and_realtime_signals_queue_in_order() {
        let mut pending = PendingSignals::new();
        for info in 0..3 {
            pending.post(Signal::SIGUSR1, info, 10).unwrap();
            pending.post(signal(40), info, 10).unwrap();
        }
        assert_eq!(pending.take(Signal::SIGUSR1), Some(Some(0)));
        assert_eq!(pending.take(Signal::SIGUSR1), None);
        let taken: Vec<_> = core::iter::from_fn(|| pending.take(signal(40))).flatten().collect();
        assert_eq!(taken, [0, 1, 2]);
    }

    #[test]
    fn a_full_queue_refuses_realtime_signals_only() {
        let mut pending = PendingSignals::new();
        pending.post(signal(34), (), 1).unwrap();
        assert_eq!(pending.post(signal(34), (), 1), Err(QueueFull));
        assert_eq!(pending.post(Signal::SIGINT, (), 1), Ok(()));
    }

    #[test]
    fn faults_come_first_and_blocked_signals_wait() {
        let mut pending = PendingSignals::new();
        for number in [40, 2, 11] {
            pending.post(signal(number), (), 10).unwrap();
        }
        assert_eq!(pending.next(SigSet::EMPTY), Some(Signal::SIGSEGV));
        assert_eq!(pending.next(SigSet::of(Signal::SIGSEGV)), Some(Signal::SIGINT));
        assert_eq!(pending.next(SigSet::ALL), None);
    }

    proptest! {
        #[test]
        fn the_set_names_exactly_what_can_be_taken(steps in proptest::collection::vec((0u8..3, 1i32..=64), 1..100)) {
            let mut pending = PendingSignals::new();
            let mut model: Vec<Signal> = Vec::new();
            for (what, number) in steps {
                let signal = signal(number);
                match what {
                    0 => {
                        pending.post(signal, (), usize::MAX).unwrap();
                        if signal.is_realtime() || !model.contains(&signal) {
                            model.push(signal);
                        }
                    }
                    1 => {
                        let position = model.iter().position(|&s| s == signal);
                        prop_assert_eq!(pending.take(signal).is_some(), position.is_some());
                        position.map(|p| model.remove(p));
                    }
                    _ => {
                        pending.discard(SigSet::of(signal));
                        model.retain(|&s| s != signal);
                    }
                }
                let set = model.iter().fold(SigSet::EMPTY, |set, &s| set.with(s));
                prop_assert_eq!(pending.set(), set);
            }
        }
    }
}
