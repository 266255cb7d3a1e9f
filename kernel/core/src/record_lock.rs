//! Advisory record locks on one file: byte ranges held by owners, with the conflict rules of POSIX fcntl(2).
//!
//! An owner never conflicts with itself: a new range replaces what it held there, splitting or joining its
//! neighbours. Ranges are inclusive at both ends, as offsets may reach `u64::MAX`.

use alloc::collections::TryReserveError;
use alloc::vec::Vec;

/// Shared or exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// `F_RDLCK`: any number of owners.
    Shared,
    /// `F_WRLCK`: one owner.
    Exclusive,
}

/// A range of bytes, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// Last byte.
    pub end: u64,
}

impl ByteRange {
    /// The whole file, whatever its size becomes.
    pub const ALL: Self = Self { start: 0, end: u64::MAX };

    fn overlaps(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    fn touches(self, other: Self) -> bool {
        self.start <= other.end.saturating_add(1) && other.start <= self.end.saturating_add(1)
    }
}

/// One lock that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLock<O> {
    /// Who holds it.
    pub owner: O,
    /// How.
    pub kind: LockKind,
    /// What.
    pub range: ByteRange,
}

/// The locks held on one file.
#[derive(Clone, Debug)]
pub struct RecordLocks<O> {
    held: Vec<RecordLock<O>>,
}

impl<O: Copy + PartialEq> RecordLocks<O> {
    /// No lock held.
    #[must_use]
    pub const fn new() -> Self {
        Self { held: Vec::new() }
    }

    /// Whether no lock is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The first lock, by start, that keeps `wanted` from being granted.
    #[must_use]
    pub fn conflict(&self, wanted: &RecordLock<O>) -> Option<RecordLock<O>> {
        self.held
            .iter()
            .filter(|held| held.owner != wanted.owner && held.range.overlaps(wanted.range))
            .filter(|held| held.kind == LockKind::Exclusive || wanted.kind == LockKind::Exclusive)
            .min_by_key(|held| held.range.start)
            .copied()
    }

    /// Makes room for what one [`RecordLocks::grant`] or [`RecordLocks::release`] adds at most.
    ///
    /// # Errors
    /// There is no memory.
    pub fn reserve(&mut self) -> Result<(), TryReserveError> {
        self.held.try_reserve(3)
    }

    /// Grants `wanted`, whatever others hold; what its owner held in the range is replaced.
    pub fn grant(&mut self, wanted: RecordLock<O>) {
        self.release(wanted.owner, wanted.range);
        let mut joined = wanted;
        self.held.retain(|held| {
            let joins = held.owner == joined.owner && held.kind == joined.kind && held.range.touches(joined.range);
            if joins {
                joined.range.start = joined.range.start.min(held.range.start);
                joined.range.end = joined.range.end.max(held.range.end);
            }
            !joins
        });
        self.held.push(joined);
    }

    /// Ends what `owner` holds in `range`; a lock that reaches beyond it is split. Tells whether anything was held.
    pub fn release(&mut self, owner: O, range: ByteRange) -> Released {
        let mut rests = Vec::new();
        let mut released = Released::Nothing;
        self.held.retain(|held| {
            if held.owner != owner || !held.range.overlaps(range) {
                return true;
            }
            released = Released::Something;
            if held.range.start < range.start {
                rests.push(RecordLock { range: ByteRange { start: held.range.start, end: range.start - 1 }, ..*held });
            }
            if held.range.end > range.end {
                rests.push(RecordLock { range: ByteRange { start: range.end + 1, end: held.range.end }, ..*held });
            }
            false
        });
        self.held.append(&mut rests);
        released
    }
}

impl<O: Copy + PartialEq> Default for RecordLocks<O> {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a release ended any lock, so that waiters should look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// The owner held nothing there.
    Nothing,
    /// At least one lock ended or shrank.
    Something,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lock(owner: u32, kind: LockKind, start: u64, end: u64) -> RecordLock<u32> {
        RecordLock { owner, kind, range: ByteRange { start, end } }
    }

    #[test]
    fn shared_locks_of_two_owners_meet() {
        let mut locks = RecordLocks::new();
        locks.grant(lock(1, LockKind::Shared, 0, 9));
        assert_eq!(locks.conflict(&lock(2, LockKind::Shared, 5, 5)), None);
        assert!(locks.conflict(&lock(2, LockKind::Exclusive, 5, 5)).is_some());
        assert_eq!(locks.conflict(&lock(2, LockKind::Exclusive, 10, 20)), None);
    }

    #[test]
    fn unlock_in_the_middle_splits() {
        let mut locks = RecordLocks::new();
        locks.grant(lock(1, LockKind::Exclusive, 0, u64::MAX));
        assert_eq!(locks.release(1, ByteRange { start: 10, end: 19 }), Released::Something);
        assert_eq!(locks.conflict(&lock(2, LockKind::Exclusive, 10, 19)), None);
        assert!(locks.conflict(&lock(2, LockKind::Shared, 9, 9)).is_some());
        assert!(locks.conflict(&lock(2, LockKind::Shared, 20, 20)).is_some());
    }

    proptest! {
        #[test]
        fn agrees_with_one_cell_per_byte(ops in proptest::collection::vec((0u32..3, 0usize..3, 0u64..16, 0u64..8), 0..60)) {
            let mut locks = RecordLocks::new();
            let mut cells = [[None::<LockKind>; 24]; 3];
            for (owner, what, start, len) in ops {
                let range = ByteRange { start, end: start + len };
                let kind = [None, Some(LockKind::Shared), Some(LockKind::Exclusive)][what];
                if let Some(kind) = kind {
                    let wanted = RecordLock { owner, kind, range };
                    let naive = cells.iter().enumerate().any(|(other, row)| other != owner as usize
                        && row[start as usize..=(start + len) as usize].iter().any(|cell| match cell {
                            Some(held) => *held == LockKind::Exclusive || kind == LockKind::Exclusive,
                            None => false,
                        }));
                    prop_assert_eq!(locks.conflict(&wanted).is_some(), naive);
                    if naive { continue; }
                    locks.grant(wanted);
                } else {
                    locks.release(owner, range);
                }
                cells[owner as usize][start as usize..=(start + len) as usize].fill(kind);
            }
        }
    }
}
