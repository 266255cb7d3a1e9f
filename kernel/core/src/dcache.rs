//! The names cached below one directory, with negative entries.
//!
//! Positive entries live as long as what they name; negative ones ("there is no such file") are only a
//! shortcut, so their number per directory is bounded and all of them go when the bound is reached.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

/// Negative entries kept per directory.
pub const NEGATIVE_MAX: usize = 128;

/// What is known about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cached<D> {
    /// It names this.
    Present(D),
    /// It names nothing.
    Absent,
}

/// The cached names of a directory. A tree, not a hash table: it grows by small pieces, which memory always has.
#[derive(Debug)]
pub struct Children<D> {
    names: BTreeMap<Box<[u8]>, Cached<D>>,
    negative: usize,
}

impl<D: Clone> Children<D> {
    /// Nothing known.
    #[must_use]
    pub fn new() -> Self {
        Self { names: BTreeMap::new(), negative: 0 }
    }

    /// What is known about `name`; `None` when nothing is.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<Cached<D>> {
        self.names.get(name).cloned()
    }

    /// Records that `name` names `child`.
    pub fn insert(&mut self, name: &[u8], child: D) {
        let old = self.names.insert(name.into(), Cached::Present(child));
        self.forget_count(old.as_ref());
    }

    /// Records that `name` names nothing.
    pub fn insert_absent(&mut self, name: &[u8]) {
        if self.negative >= NEGATIVE_MAX {
            self.drop_negative();
        }
        let old = self.names.insert(name.into(), Cached::Absent);
        self.forget_count(old.as_ref());
        self.negative += 1;
    }

    /// Forgets `name`, and returns what it named.
    pub fn remove(&mut self, name: &[u8]) -> Option<D> {
        let old = self.names.remove(name);
        self.forget_count(old.as_ref());
        match old {
            Some(Cached::Present(child)) => Some(child),
            Some(Cached::Absent) | None => None,
        }
    }

    /// Forgets every negative entry.
    pub fn drop_negative(&mut self) {
        self.names.retain(|_, cached| matches!(cached, Cached::Present(_)));
        self.negative = 0;
    }

    /// The positive entries.
    pub fn present(&self) -> impl Iterator<Item = &D> {
        self.names.values().filter_map(|cached| match cached {
            Cached::Present(child) => Some(child),
            Cached::Absent => None,
        })
    }

    fn forget_count(&mut self, old: Option<&Cached<D>>) {
        if matches!(old, Some(Cached::Absent)) {
            self.negative -= 1;
        }
    }
}

impl<D: Clone> Default for Children<D> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn creation_replaces_a_negative_entry() {
        let mut children = Children::new();
        children.insert_absent(b"a");
        assert_eq!(children.get(b"a"), Some(Cached::Absent));
        children.insert(b"a", 1);
        assert_eq!(children.get(b"a"), Some(Cached::Present(1)));
        assert_eq!(children.negative, 0);
        assert_eq!(children.remove(b"a"), Some(1));
        assert_eq!(children.get(b"a"), None);
    }

    #[test]
    fn negative_entries_are_bounded_and_spare_positive_ones() {
        let mut children = Children::new();
        children.insert(b"keep", 7);
        for number in 0..10 * NEGATIVE_MAX {
            children.insert_absent(format!("{number}").as_bytes());
            assert!(children.negative <= NEGATIVE_MAX);
            assert_eq!(children.names.len(), children.negative + 1);
        }
        assert_eq!(children.get(b"keep"), Some(Cached::Present(7)));
    }
}
