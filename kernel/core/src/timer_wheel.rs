//! The timer wheel: nine levels of 64 slots, exact deadlines, constant-time insert and cancel.
//!
//! A timer sits on the level of the highest base-64 digit in which its tick differs from the wheel's; as the wheel turns,
//! timers cascade to lower levels. A tick is 2^12 ns, but a timer keeps its deadline in nanoseconds and never fires early.

use alloc::vec::Vec;

use crate::time::Instant;

const TICK_SHIFT: u32 = 12;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
const LEVELS: usize = (64 - TICK_SHIFT as usize).div_ceil(SLOT_BITS as usize);
const NONE: u32 = u32::MAX;

/// Names a timer that was inserted; of no effect once the timer fired or was cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerId {
    index: u32,
    generation: u32,
}

/// Timers that carry a `T` each, ordered by deadline.
pub struct TimerWheel<T> {
    /// The tick up to which the wheel has turned.
    now_tick: u64,
    entries: Vec<Entry<T>>,
    free: u32,
    heads: [[u32; SLOTS]; LEVELS],
    occupied: [u64; LEVELS],
    len: usize,
}

struct Entry<T> {
    /// `Some` while the timer is armed.
    value: Option<T>,
    deadline: Instant,
    generation: u32,
    level: u8,
    slot: u8,
    previous: u32,
    next: u32,
}

impl<T> TimerWheel<T> {
    /// An empty wheel that stands at the moment of boot.
    #[must_use]
    pub const fn new() -> Self {
        Self { now_tick: 0, entries: Vec::new(), free: NONE, heads: [[NONE; SLOTS]; LEVELS], occupied: [0; LEVELS], len: 0 }
    }

    /// Number of armed timers.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True when no timer is armed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Arms a timer. A deadline in the past fires at the next [`TimerWheel::expire`].
    pub fn insert(&mut self, deadline: Instant, value: T) -> TimerId {
        let index = match self.free {
            NONE => {
                self.entries.push(Entry { value: None, deadline, generation: 0, level: 0, slot: 0, previous: NONE, next: NONE });
                u32::try_from(self.entries.len() - 1).unwrap_or(NONE)
            }
            index => {
                self.free = self.entries[index as usize].next;
                index
            }
        };
        let entry = &mut self.entries[index as usize];
        entry.value = Some(value);
        entry.deadline = deadline;
        let id = TimerId { index, generation: entry.generation };
        self.link(index);
        self.len += 1;
        id
    }

    /// Disarms a timer and gives its value back; `None` if it fired or was cancelled before.
    pub fn cancel(&mut self, id: TimerId) -> Option<T> {
        let entry = self.entries.get(id.index as usize)?;
        if entry.generation != id.generation || entry.value.is_none() {
            return None;
        }
        self.unlink(id.index);
        self.release(id.index)
    }

    /// Turns the wheel to `now` and hands every timer that is due to `fire`, in no particular order within a tick.
    pub fn expire(&mut self, now: Instant, mut fire: impl FnMut(T)) {
        while let Some(value) = self.pop_expired(now) {
            fire(value);
        }
    }

    /// Turns the wheel towards `now` and takes one timer that is due, if any.
    pub fn pop_expired(&mut self, now: Instant) -> Option<T> {
        let target = tick_of(now).max(self.now_tick);
        while let Some((level, slot, start)) = self.first_slot() {
            if start > target {
                break;
            }
            self.now_tick = self.now_tick.max(start);
            if level > 0 {
                self.cascade(level, slot);
                continue;
            }
            if let Some(index) = self.find_due(slot, now) {
                self.unlink(index);
                return self.release(index);
            }
            // Only the slot of the current tick can hold timers that are not due yet.
            break;
        }
        self.now_tick = target;
        None
    }

    /// The earliest deadline, exactly.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let (level, slot, _) = self.first_slot()?;
        self.slot_entries(level, slot).map(|index| self.entries[index as usize].deadline).min()
    }

    /// The lowest occupied level's first slot: the one that holds the earliest timer, and the tick at which it begins.
    fn first_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|&bits| bits != 0)?;
        let shift = u32::try_from(level).unwrap_or(0) * SLOT_BITS;
        // Slots of a level lie at or after the wheel's own digit: timers before it were cascaded when the wheel passed.
        let slot = self.occupied[level].trailing_zeros();
        let above = self.now_tick.checked_shr(shift + SLOT_BITS).unwrap_or(0).checked_shl(shift + SLOT_BITS).unwrap_or(0);
        Some((level, slot as usize, above | (u64::from(slot) << shift)))
    }

    fn cascade(&mut self, level: usize, slot: usize) {
        let mut index = core::mem::replace(&mut self.heads[level][slot], NONE);
        self.occupied[level] &= !(1 << slot);
        while index != NONE {
            let next = self.entries[index as usize].next;
            self.link(index);
            index = next;
        }
    }

    fn find_due(&self, slot: usize, now: Instant) -> Option<u32> {
        self.slot_entries(0, slot).find(|&index| self.entries[index as usize].deadline <= now)
    }

    fn slot_entries(&self, level: usize, slot: usize) -> impl Iterator<Item = u32> + '_ {
        let mut index = self.heads[level][slot];
        core::iter::from_fn(move || {
            let this = (index != NONE).then_some(index)?;
            index = self.entries[this as usize].next;
            Some(this)
        })
    }

    fn link(&mut self, index: u32) {
        let tick = tick_of(self.entries[index as usize].deadline).max(self.now_tick);
        let differing = tick ^ self.now_tick;
        let level = if differing == 0 { 0 } else { (63 - differing.leading_zeros()) / SLOT_BITS };
        let slot = (tick >> (level * SLOT_BITS)) as usize % SLOTS;
        let level = level as usize;
        let head = self.heads[level][slot];
        let entry = &mut self.entries[index as usize];
        entry.level = level.to_le_bytes()[0];
        entry.slot = slot.to_le_bytes()[0];
        entry.previous = NONE;
        entry.next = head;
        if head != NONE {
            self.entries[head as usize].previous = index;
        }
        self.heads[level][slot] = index;
        self.occupied[level] |= 1 << slot;
    }

    fn unlink(&mut self, index: u32) {
        let entry = &self.entries[index as usize];
        let (previous, next) = (entry.previous, entry.next);
        let (level, slot) = (usize::from(entry.level), usize::from(entry.slot));
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
        if previous != NONE {
            self.entries[previous as usize].next = next;
            return;
        }
        self.heads[level][slot] = next;
        if next == NONE {
            self.occupied[level] &= !(1 << slot);
        }
    }

    fn release(&mut self, index: u32) -> Option<T> {
        let free = self.free;
        let entry = &mut self.entries[index as usize];
        entry.generation = entry.generation.wrapping_add(1);
        entry.next = free;
        self.free = index;
        self.len -= 1;
        entry.value.take()
    }
}

impl<T> Default for TimerWheel<T> {
    fn default() -> Self {
        Self::new()
    }
}

const fn tick_of(instant: Instant) -> u64 {
    instant.as_nanos() >> TICK_SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn a_timer_never_fires_early_within_its_tick() {
        let mut wheel = TimerWheel::new();
        wheel.insert(at(5000), 1);
        wheel.insert(at(7000), 2);
        assert_eq!(wheel.pop_expired(at(4999)), None);
        assert_eq!(wheel.pop_expired(at(5000)), Some(1));
        assert_eq!(wheel.pop_expired(at(6999)), None);
        assert_eq!(wheel.next_deadline(), Some(at(7000)));
        assert_eq!(wheel.pop_expired(at(7000)), Some(2));
        assert!(wheel.is_empty());
    }

    #[test]
    fn a_cancelled_timer_does_not_fire_and_its_name_is_not_reused() {
        let mut wheel = TimerWheel::new();
        let first = wheel.insert(at(1 << 40), 'a');
        assert_eq!(wheel.cancel(first), Some('a'));
        let second = wheel.insert(at(1 << 20), 'b');
        assert_eq!(wheel.cancel(first), None);
        assert_eq!(wheel.cancel(second), Some('b'));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64),
        Cancel(usize),
        Advance(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let length = (0u32..60).prop_flat_map(|bits| 0..=(1u64 << bits));
        prop_oneof![
            3 => length.clone().prop_map(Step::Insert),
            1 => any::<usize>().prop_map(Step::Cancel),
            2 => length.prop_map(Step::Advance),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_a_sorted_list(steps in proptest::collection::vec(step(), 1..200)) {
            let mut wheel = TimerWheel::new();
            let mut model: Vec<(u64, usize, TimerId)> = Vec::new();
            let mut now = 0u64;
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Insert(delay) => {
                        let deadline = now.saturating_add(delay);
                        let id = wheel.insert(at(deadline), number);
                        model.push((deadline, number, id));
                    }
                    Step::Cancel(which) if !model.is_empty() => {
                        let (_, value, id) = model.remove(which % model.len());
                        prop_assert_eq!(wheel.cancel(id), Some(value));
                    }
                    Step::Cancel(_) => {}
                    Step::Advance(length) => {
                        now = now.saturating_add(length);
                        let mut fired = Vec::new();
                        wheel.expire(at(now), |value| fired.push(value));
                        fired.sort_unstable();
                        let mut due: Vec<usize> = model.iter().filter(|t| t.0 <= now).map(|t| t.1).collect();
                        due.sort_unstable();
                        model.retain(|t| t.0 > now);
                        prop_assert_eq!(fired, due);
                    }
                }
                prop_assert_eq!(wheel.len(), model.len());
                prop_assert_eq!(wheel.next_deadline(), model.iter().map(|t| at(t.0)).min());
            }
        }
    }
}
