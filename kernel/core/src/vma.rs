//! The map of an address space: disjoint page ranges in order, each with a value, split and merged as they change.
//!
//! Look-up is O(log n). The search for a gap goes from the top down and starts where the last one ended, as long as
//! nothing above can fit, so that a long row of mappings costs no scan each.

use crate::addr::{PAGE_SIZE_U64, VirtAddr, VirtRange};
use alloc::collections::{BTreeMap, LinkedList};
use core::ops::Bound;

/// What a range's value must know about being cut.
pub trait Segment: Clone {
    /// The value for the part that starts `pages` after the start of this one.
    #[must_use]
    fn advanced(&self, pages: u64) -> Self;
    /// Whether a range of `pages` with this value and the range right behind it with `next` are one.
    fn joins(&self, pages: u64, next: &Self) -> bool;
    /// Bytes below the range that must stay free of others' ranges (a growing stack's guard gap).
    fn gap_below(&self) -> u64 {
        0
    }
}

/// A range's end and value; its start is the key.
#[derive(Clone, Debug)]
struct Area<T> {
    end: VirtAddr,
    value: T,
}

/// Disjoint, page-aligned ranges with values.
#[derive(Clone, Debug)]
pub struct VmaMap<T> {
    areas: BTreeMap<VirtAddr, Area<T>>,
    search: Search,
}

/// Where the last search for a gap ended: everything in `within` above `to` has no gap longer than `skipped`.
#[derive(Clone, Copy, Debug)]
struct Search {
    within: VirtRange,
    to: VirtAddr,
    skipped: u64,
}

impl Search {
    const NONE: Self = {
        let zero = VirtAddr::new(0);
        Self { within: VirtRange::new(zero, zero), to: zero, skipped: u64::MAX }
    };
}

impl<T> Default for VmaMap<T> {
    fn default() -> Self {
        Self { areas: BTreeMap::new(), search: Search::NONE }
    }
}

impl<T: Segment> VmaMap<T> {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ranges in the map.
    #[must_use]
    pub fn len(&self) -> usize {
        self.areas.len()
    }

    /// Whether the map holds no range.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.areas.is_empty()
    }

    /// The range that holds an address.
    #[must_use]
    pub fn find(&self, address: VirtAddr) -> Option<(VirtRange, &T)> {
        let (start, area) = self.areas.range(..=address).next_back()?;
        (address < area.end).then(|| (VirtRange::new(*start, area.end), &area.value))
    }

    /// The first range that ends above an address.
    #[must_use]
    pub fn find_at_or_above(&self, address: VirtAddr) -> Option<(VirtRange, &T)> {
        self.find(address).or_else(|| {
            let (start, area) = self.areas.range(address..).next()?;
            Some((VirtRange::new(*start, area.end), &area.value))
        })
    }

    /// The last range that ends at or below an address.
    #[must_use]
    pub fn find_below(&self, address: VirtAddr) -> Option<(VirtRange, &T)> {
        let (start, area) = self.areas.range(..address).next_back()?;
        (area.end <= address).then(|| (VirtRange::new(*start, area.end), &area.value))
    }

    /// All ranges, in order.
    pub fn iter(&self) -> impl Iterator<Item = (VirtRange, &T)> {
        self.areas.iter().map(|(start, area)| (VirtRange::new(*start, area.end), &area.value))
    }

    /// The ranges that overlap `range`, in order and whole.
    pub fn overlapping(&self, range: VirtRange) -> impl Iterator<Item = (VirtRange, &T)> {
        let first = self.find(range.start).map_or(range.start, |(found, _)| found.start);
        self.areas
            .range(first..range.end.max(first))
            .map(|(start, area)| (VirtRange::new(*start, area.end), &area.value))
    }

    /// Whether ranges cover `range` without a hole.
    #[must_use]
    pub fn covers(&self, range: VirtRange) -> bool {
        let mut reached = range.start;
        for (part, _) in self.overlapping(range) {
            if part.start > reached {
                return false;
            }
            reached = part.end;
        }
        reached >= range.end
    }

    /// The space that is free once `range` is: bounded by what lies around it, by parts of areas that reach over its
    /// ends, or by the ends of user space.
    #[must_use]
    pub fn hull_without(&self, range: VirtRange) -> VirtRange {
        let below = self.areas.range(..range.start).next_back().map_or(VirtAddr::new(0), |(_, area)| area.end);
        let across = self.find(range.end).is_some_and(|(found, _)| found.start < range.end);
        let above = match self.areas.range(range.end..).next() {
            _ if across => range.end,
            Some((start, _)) => *start,
            None => VirtAddr::new(crate::addr::USER_END),
        };
        VirtRange::new(below.min(range.start), above)
    }

    /// Adds a range where none is; joins it with its neighbours where their values allow.
    pub fn insert(&mut self, range: VirtRange, value: T) {
        debug_assert!(!range.is_empty() && self.overlapping(range).next().is_none(), "{range:?} is taken");
        self.areas.insert(range.start, Area { end: range.end, value });
        self.merge_at(range.end);
        self.merge_at(range.start);
    }

    /// Takes everything in `range` out; answers with the parts that were there.
    pub fn remove(&mut self, range: VirtRange) -> LinkedList<(VirtRange, T)> {
        self.split(range.start);
        self.split(range.end);
        // A list: 65530 areas would make an array that memory has no piece for.
        let mut removed = LinkedList::new();
        while let Some((&start, _)) = self.areas.range(range.start..range.end).next() {
            let Some(area) = self.areas.remove(&start) else { break };
            removed.push_back((VirtRange::new(start, area.end), area.value));
        }
        if range.end > self.search.to {
            self.search = Search::NONE;
        }
        removed
    }

    /// Changes the value of everything in `range`, cutting at its ends and joining what became equal.
    pub fn update(&mut self, range: VirtRange, mut change: impl FnMut(VirtRange, &mut T)) {
        self.split(range.start);
        self.split(range.end);
        for (start, area) in self.areas.range_mut(range.start..range.end) {
            change(VirtRange::new(*start, area.end), &mut area.value);
        }
        self.merge_at(range.end);
        let mut above = range.end;
        while let Some((&bound, _)) = self.areas.range(range.start..above).next_back() {
            self.merge_at(bound);
            above = bound;
        }
    }

    /// Moves the start of the range that begins at `start` down to `new_start`; the space must be free.
    pub fn grow_down(&mut self, start: VirtAddr, new_start: VirtAddr) {
        if let Some(area) = self.areas.remove(&start) {
            self.areas.insert(new_start, area);
        }
    }

    /// The highest free place for `len` bytes within `bounds`, page-aligned, respecting guard gaps.
    pub fn find_gap(&mut self, len: u64, bounds: VirtRange) -> Option<VirtAddr> {
        let resume = bounds == self.search.within && len > self.search.skipped;
        let (top, mut skipped) = if resume { (self.search.to, self.search.skipped) } else { (bounds.end, 0) };
        let mut ceiling = top;
        // A range that reaches above the top bounds the space below it.
        if let Some((range, value)) = self.find_at_or_above(top) {
            ceiling = ceiling.min(range.start.saturating_sub(value.gap_below()));
        }
        for (start, area) in self.areas.range(..top).rev() {
            let floor = area.end.max(bounds.start);
            let gap = ceiling - floor;
            if ceiling > floor && gap >= len {
                return Some(self.found(ceiling - len, skipped, bounds));
            }
            skipped = skipped.max(gap);
            ceiling = ceiling.min(start.saturating_sub(area.value.gap_below()));
            if ceiling <= bounds.start {
                return None;
            }
        }
        (ceiling > bounds.start && ceiling - bounds.start >= len).then(|| self.found(ceiling - len, skipped, bounds))
    }

    /// The lowest free place for `len` bytes within `bounds` (when the search from the top finds none).
    #[must_use]
    pub fn find_gap_up(&self, len: u64, bounds: VirtRange) -> Option<VirtAddr> {
        let mut floor = bounds.start;
        while floor.checked_add(len)? <= bounds.end {
            let Some((range, value)) = self.find_at_or_above(floor) else { return Some(floor) };
            if range.start.saturating_sub(value.gap_below()) - floor >= len {
                return Some(floor);
            }
            floor = range.end;
        }
        None
    }

    /// Whether `range` overlaps no range and no guard gap.
    #[must_use]
    pub fn is_free(&self, range: VirtRange) -> bool {
        match self.find_at_or_above(range.start) {
            None => true,
            Some((next, value)) => next.start.saturating_sub(value.gap_below()) >= range.end,
        }
    }

    fn found(&mut self, at: VirtAddr, skipped: u64, within: VirtRange) -> VirtAddr {
        self.search = Search { within, to: at, skipped };
        at.align_down(PAGE_SIZE_U64)
    }

    /// Cuts the range that holds `at` in two there.
    fn split(&mut self, at: VirtAddr) {
        let Some((&start, area)) = self.areas.range_mut(..at).next_back() else { return };
        if area.end <= at {
            return;
        }
        let upper = Area { end: area.end, value: area.value.advanced(VirtRange::new(start, at).pages()) };
        area.end = at;
        self.areas.insert(at, upper);
    }

    /// Joins the range that ends at `at` with the one that starts there, if their values say so.
    fn merge_at(&mut self, at: VirtAddr) {
        let Some(right) = self.areas.get(&at) else { return };
        let Some((&start, left)) = self.areas.range((Bound::Unbounded, Bound::Excluded(at))).next_back() else {
            return;
        };
        if left.end != at || !left.value.joins(VirtRange::new(start, at).pages(), &right.value) {
            return;
        }
        let end = right.end;
        self.areas.remove(&at);
        if let Some(left) = self.areas.get_mut(&start) {
            left.end = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file mapping: `file` from page `offset` on.
    #[derive(Clone, PartialEq, Debug)]
    struct Backed {
        file: u8,
        offset: u64,
    }

    impl Segment for Backed {
        fn advanced(&self, pages: u64) -> Self {
            Self { file: self.file, offset: self.offset + pages }
        }
        fn joins(&self, pages: u64, next: &Self) -> bool {
            self.advanced(pages) == *next
        }
    }

    fn pages(start: u64, end: u64) -> VirtRange {
        VirtRange::new(VirtAddr::new(start * PAGE_SIZE_U64), VirtAddr::new(end * PAGE_SIZE_U64))
    }

    const SPACE: u64 = 64;

    #[derive(Clone, Debug)]
    enum Op {
        Place(u64, u64, u8, u64),
        Remove(u64, u64),
        Update(u64, u64, u8),
        Gap(u64),
    }

    fn op() -> impl Strategy<Value = Op> {
        let range = || (0..SPACE, 1..20u64).prop_map(|(s, n)| (s, (s + n).min(SPACE)));
        prop_oneof![
            (range(), 0u8..3, 0u64..4).prop_map(|((s, e), f, o)| Op::Place(s, e, f, o)),
            range().prop_map(|(s, e)| Op::Remove(s, e)),
            (range(), 0u8..3).prop_map(|((s, e), f)| Op::Update(s, e, f)),
            (1..20u64).prop_map(Op::Gap),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_a_page_array(ops in prop::collection::vec(op(), 1..120)) {
            let mut map: VmaMap<Backed> = VmaMap::new();
            let mut model: Vec<Option<Backed>> = std::vec![None; SPACE as usize];
            for op in ops {
                match op {
                    Op::Place(s, e, file, offset) => {
                        map.remove(pages(s, e));
                        map.insert(pages(s, e), Backed { file, offset });
                        for page in s..e {
                            model[page as usize] = Some(Backed { file, offset: offset + page - s });
                        }
                    }
                    Op::Remove(s, e) => {
                        let removed: u64 = map.remove(pages(s, e)).iter().map(|(r, _)| r.pages()).sum();
                        let mut expected = 0;
                        for page in s..e {
                            expected += u64::from(model[page as usize].take().is_some());
                        }
                        prop_assert_eq!(removed, expected);
                    }
                    Op::Update(s, e, file) => {
                        map.update(pages(s, e), |_, value| value.file = file);
                        for value in model[s as usize..e as usize].iter_mut().flatten() {
                            value.file = file;
                        }
                    }
                    Op::Gap(len) => {
                        let fits = |at: u64| (at..at + len).all(|p| model[p as usize].is_none());
                        let best = (0..=SPACE - len).rev().find(|at| fits(*at));
                        let found = map.find_gap(len * PAGE_SIZE_U64, pages(0, SPACE)).map(|a| a.page_number());
                        // The search may resume below a gap that a change reopened; what it finds is free.
                        if let Some(at) = found {
                            prop_assert!(fits(at));
                            map.insert(pages(at, at + len), Backed { file: 9, offset: 0 });
                            for page in at..at + len {
                                model[page as usize] = Some(Backed { file: 9, offset: page - at });
                            }
                        }
                        let upward = map.find_gap_up(len * PAGE_SIZE_U64, pages(0, SPACE));
                        if best.is_some() && found.is_none() {
                            prop_assert!(upward.is_some());
                        }
                    }
                }
                let mut seen: Vec<Option<Backed>> = std::vec![None; SPACE as usize];
                let mut last: Option<(VirtRange, Backed)> = None;
                for (range, value) in map.iter() {
                    for page in range.start.page_number()..range.end.page_number() {
                        seen[page as usize] = Some(value.advanced(page - range.start.page_number()));
                    }
                    if let Some((before, earlier)) = &last {
                        prop_assert!(before.end <= range.start);
                        let joined = before.end == range.start && earlier.joins(before.pages(), value);
                        prop_assert!(!joined, "unmerged neighbours at {:?}", range);
                    }
                    last = Some((range, value.clone()));
                }
                prop_assert_eq!(&seen, &model);
            }
        }
    }

    #[test]
    fn the_hull_ends_where_something_stays() {
        let mut map = VmaMap::new();
        map.insert(pages(2, 4), Backed { file: 1, offset: 0 });
        map.insert(pages(6, 10), Backed { file: 2, offset: 0 });
        assert_eq!(map.hull_without(pages(6, 10)), VirtRange::new(pages(4, 5).start, VirtAddr::new(crate::addr::USER_END)));
        assert_eq!(map.hull_without(pages(7, 8)), pages(7, 8));
        assert_eq!(map.hull_without(pages(5, 8)), pages(4, 8));
        assert_eq!(map.hull_without(pages(3, 5)), pages(3, 6));
    }

    #[test]
    fn gaps_are_found_from_the_top_down() {
        let mut map = VmaMap::new();
        let value = || Backed { file: 1, offset: 0 };
        for expected in (0..8).rev() {
            let at = map.find_gap(PAGE_SIZE_U64, pages(0, 8)).unwrap();
            assert_eq!(at.page_number(), expected);
            map.insert(pages(expected, expected + 1), value());
        }
        assert_eq!(map.find_gap(PAGE_SIZE_U64, pages(0, 8)), None);
        map.remove(pages(6, 7));
        assert_eq!(map.find_gap(PAGE_SIZE_U64, pages(0, 8)).unwrap().page_number(), 6);
    }
}
