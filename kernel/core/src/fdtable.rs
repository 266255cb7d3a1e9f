//! The slots of a descriptor table: lowest free number, close-on-exec bits, fork copies.
//!
//! Pure bookkeeping over any entry type; the kernel adds the lock and the lock-free index.

use abi::Errno;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// Whether an entry is closed by a successful exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseOnExec {
    /// Kept by exec.
    No,
    /// Closed by exec.
    Yes,
}

impl CloseOnExec {
    /// `Yes` when `set`.
    #[must_use]
    pub fn when(set: bool) -> Self {
        if set { Self::Yes } else { Self::No }
    }
}

#[derive(Clone, Debug)]
struct Slot<T> {
    entry: T,
    close_on_exec: CloseOnExec,
}

/// A table of descriptors with entries of type `T`.
#[derive(Clone, Debug)]
pub struct FdTable<T> {
    slots: Vec<Option<Slot<T>>>,
    /// No free slot lies below this index.
    first_free: usize,
}

impl<T> FdTable<T> {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Vec::new(), first_free: 0 }
    }

    /// A copy.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn try_clone(&self) -> Result<Self, Errno>
    where
        T: Clone,
    {
        let mut slots = Vec::new();
        slots.try_reserve_exact(self.slots.len()).map_err(|_| Errno::ENOMEM)?;
        slots.extend_from_slice(&self.slots);
        Ok(Self { slots, first_free: self.first_free })
    }

    /// One above the highest slot ever used and still allocated.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no descriptor is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Puts `entry` into the lowest free slot at or above `min` and below `limit`.
    ///
    /// # Errors
    /// `EMFILE` when there is none, `EINVAL` when `min` is not below `limit`, `ENOMEM`.
    pub fn insert(&mut self, entry: T, close_on_exec: CloseOnExec, min: usize, limit: usize) -> Result<usize, Errno> {
        if min > 0 && min >= limit {
            return Err(Errno::EINVAL);
        }
        let from = min.max(self.first_free);
        let index = (from..self.slots.len()).find(|&index| self.slots[index].is_none()).unwrap_or(from.max(self.slots.len()));
        if index >= limit {
            return Err(Errno::EMFILE);
        }
        self.reach(index)?;
        self.slots[index] = Some(Slot { entry, close_on_exec });
        if from == self.first_free {
            self.first_free = index + 1;
        }
        Ok(index)
    }

    /// Puts `entry` into slot `index`, and returns what it replaces.
    ///
    /// # Errors
    /// `EBADF` when `index` is not below `limit`, `ENOMEM`.
    pub fn replace(&mut self, index: usize, entry: T, close_on_exec: CloseOnExec, limit: usize) -> Result<Option<T>, Errno> {
        if index >= limit {
            return Err(Errno::EBADF);
        }
        self.reach(index)?;
        let old = self.slots[index].replace(Slot { entry, close_on_exec });
        if self.first_free == index {
            self.first_free = index + 1;
        }
        Ok(old.map(|slot| slot.entry))
    }

    /// Empties slot `index`.
    pub fn remove(&mut self, index: usize) -> Option<T> {
        let slot = self.slots.get_mut(index)?.take()?;
        self.first_free = self.first_free.min(index);
        Some(slot.entry)
    }

    /// The entry in slot `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&T> {
        Some(&self.slots.get(index)?.as_ref()?.entry)
    }

    /// The close-on-exec mark of slot `index`.
    #[must_use]
    pub fn close_on_exec(&self, index: usize) -> Option<CloseOnExec> {
        Some(self.slots.get(index)?.as_ref()?.close_on_exec)
    }

    /// Marks slot `index`; `None` when it is empty.
    pub fn set_close_on_exec(&mut self, index: usize, mark: CloseOnExec) -> Option<()> {
        self.slots.get_mut(index)?.as_mut()?.close_on_exec = mark;
        Some(())
    }

    /// The open descriptors within `range`, in order.
    #[must_use]
    pub fn open_in(&self, range: RangeInclusive<usize>) -> Vec<usize> {
        self.iter().map(|(index, _)| index).filter(|index| range.contains(index)).collect()
    }

    /// The descriptors that exec closes.
    #[must_use]
    pub fn marked(&self) -> Vec<usize> {
        (0..self.slots.len()).filter(|&index| self.close_on_exec(index) == Some(CloseOnExec::Yes)).collect()
    }

    /// Every open descriptor with its entry, in order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| Some((index, &slot.as_ref()?.entry)))
    }

    fn reach(&mut self, index: usize) -> Result<(), Errno> {
        let missing = (index + 1).saturating_sub(self.slots.len());
        self.slots.try_reserve(missing).map_err(|_| Errno::ENOMEM)?;
        if missing > 0 {
            self.slots.resize_with(index + 1, || None);
        }
        Ok(())
    }
}

impl<T> Default for FdTable<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    #[test]
    fn lowest_free_number_is_used_again() {
        let mut table = FdTable::new();
        for number in 0..4 {
            assert_eq!(table.insert(number, CloseOnExec::No, 0, 16), Ok(number));
        }
        table.remove(1);
        assert_eq!(table.insert(9, CloseOnExec::No, 0, 16), Ok(1));
        assert_eq!(table.insert(9, CloseOnExec::No, 10, 16), Ok(10));
        assert_eq!(table.insert(9, CloseOnExec::No, 0, 16), Ok(4));
    }

    #[test]
    fn full_table_reports_emfile() {
        let mut table = FdTable::new();
        assert_eq!(table.insert((), CloseOnExec::No, 0, 1), Ok(0));
        assert_eq!(table.insert((), CloseOnExec::No, 0, 1), Err(Errno::EMFILE));
        assert_eq!(table.insert((), CloseOnExec::No, 7, 7), Err(Errno::EINVAL));
        assert_eq!(table.insert((), CloseOnExec::No, 0, 0), Err(Errno::EMFILE));
    }

    #[derive(Clone, Debug)]
    enum Op {
        Insert(usize),
        Replace(usize),
        Remove(usize),
    }

    proptest! {
        #[test]
        fn agrees_with_an_ordered_map(ops in proptest::collection::vec(prop_oneof![
            (0usize..12).prop_map(Op::Insert), (0usize..20).prop_map(Op::Replace), (0usize..20).prop_map(Op::Remove)], 0..80)) {
            const LIMIT: usize = 16;
            let mut table = FdTable::new();
            let mut model = BTreeMap::new();
            for (value, op) in ops.into_iter().enumerate() {
                match op {
                    Op::Insert(min) => {
                        let expected = (min..LIMIT).find(|index| !model.contains_key(index)).ok_or(Errno::EMFILE);
                        prop_assert_eq!(table.insert(value, CloseOnExec::No, min, LIMIT), expected);
                        if let Ok(index) = expected { model.insert(index, value); }
                    }
                    Op::Replace(index) if index >= LIMIT => {
                        prop_assert_eq!(table.replace(index, value, CloseOnExec::No, LIMIT), Err(Errno::EBADF));
                    }
                    Op::Replace(index) => {
                        prop_assert_eq!(table.replace(index, value, CloseOnExec::No, LIMIT), Ok(model.insert(index, value)));
                    }
                    Op::Remove(index) => prop_assert_eq!(table.remove(index), model.remove(&index)),
                }
                prop_assert!(table.iter().map(|(index, &value)| (index, value)).eq(model.iter().map(|(&index, &value)| (index, value))));
            }
        }
    }
}
