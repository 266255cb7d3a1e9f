//! The buddy allocator: free blocks of 2^order frames in one list an order, split on demand, coalesced on release.
//!
//! The allocator owns list heads and counters only; what it notes about a frame lives in a [`FrameTable`] that
//! the caller supplies, so that the kernel keeps it beside the frames' reference counts and a test in a `Vec`.

use core::ops::Range;

/// Largest order: 2^12 frames, 16 MiB.
pub const MAX_ORDER: u8 = 12;
const ORDERS: usize = MAX_ORDER as usize + 1;

/// "No frame" in a link.
pub const NONE: u32 = u32::MAX;

/// Neighbours of a free block in the list of its order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Links {
    /// Frame number of the block before, or [`NONE`].
    pub prev: u32,
    /// Frame number of the block after, or [`NONE`].
    pub next: u32,
}

/// Where the allocator's notes about frames live. Only frames that were once given to
/// [`Buddy::insert`], and the buddies of such frames, are asked about.
pub trait FrameTable {
    /// The order of the free block that *starts* at this frame; `None` for every other frame,
    /// also for a number beyond the table.
    fn free_order(&self, frame: u32) -> Option<u8>;
    /// Notes that a free block starts (or no longer starts) at this frame.
    fn set_free_order(&self, frame: u32, order: Option<u8>);
    /// The links of a free block's first frame.
    fn links(&self, frame: u32) -> Links;
    /// Stores the links of a free block's first frame.
    fn set_links(&self, frame: u32, links: Links);
}

/// The lists of free blocks.
#[derive(Debug)]
pub struct Buddy {
    heads: [u32; ORDERS],
    blocks: [u32; ORDERS],
    free_frames: usize,
}

impl Default for Buddy {
    fn default() -> Self {
        Self::new()
    }
}

impl Buddy {
    /// An allocator that owns no frame yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { heads: [NONE; ORDERS], blocks: [0; ORDERS], free_frames: 0 }
    }

    /// Frames in free blocks.
    #[must_use]
    pub const fn free_frames(&self) -> usize {
        self.free_frames
    }

    /// Free blocks of each order.
    #[must_use]
    pub const fn free_blocks(&self) -> &[u32; ORDERS] {
        &self.blocks
    }

    /// Gives the frames of `range` to the allocator, in the largest blocks that their alignment permits.
    pub fn insert(&mut self, table: &impl FrameTable, range: Range<u32>) {
        let mut frame = range.start;
        while frame < range.end {
            let by_alignment = frame.trailing_zeros().min(u32::from(MAX_ORDER));
            let by_length = (range.end - frame).ilog2();
            let order = by_alignment.min(by_length) as u8;
            self.free(table, frame, order);
            frame += 1 << order;
        }
    }

    /// Takes a block of 2^`order` frames, aligned to its size; `None` when there is none.
    pub fn alloc(&mut self, table: &impl FrameTable, order: u8) -> Option<u32> {
        let found = (order..=MAX_ORDER).find(|&o| self.heads[usize::from(o)] != NONE)?;
        let frame = self.heads[usize::from(found)];
        self.unlink(table, frame, found);
        for half in (order..found).rev() {
            self.link(table, frame + (1 << half), half);
        }
        Some(frame)
    }

    /// Returns a block; joins it with its buddy as long as that is free too.
    pub fn free(&mut self, table: &impl FrameTable, frame: u32, order: u8) {
        debug_assert_eq!(table.free_order(frame), None, "frame {frame:#x} freed twice");
        let mut frame = frame;
        let mut order = order;
        while order < MAX_ORDER {
            let buddy = frame ^ (1 << order);
            if table.free_order(buddy) != Some(order) {
                break;
            }
            self.unlink(table, buddy, order);
            frame &= !(1 << order);
            order += 1;
        }
        self.link(table, frame, order);
    }

    fn link(&mut self, table: &impl FrameTable, frame: u32, order: u8) {
        let head = &mut self.heads[usize::from(order)];
        let next = *head;
        table.set_links(frame, Links { prev: NONE, next });
        if next != NONE {
            table.set_links(next, Links { prev: frame, ..table.links(next) });
        }
        *head = frame;
        table.set_free_order(frame, Some(order));
        self.blocks[usize::from(order)] += 1;
        self.free_frames += 1 << order;
    }

    fn unlink(&mut self, table: &impl FrameTable, frame: u32, order: u8) {
        let Links { prev, next } = table.links(frame);
        if next != NONE {
            table.set_links(next, Links { prev, ..table.links(next) });
        }
        if prev == NONE {
            self.heads[usize::from(order)] = next;
        } else {
            table.set_links(prev, Links { next, ..table.links(prev) });
        }
        table.set_free_order(frame, None);
        self.blocks[usize::from(order)] -= 1;
        self.free_frames -= 1 << order;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    struct Notes(Vec<(Cell<Option<u8>>, Cell<Links>)>);

    impl Notes {
        fn new(frames: usize) -> Self {
            let links = Links { prev: NONE, next: NONE };
            Self((0..frames).map(|_| (Cell::new(None), Cell::new(links))).collect())
        }
    }

    impl FrameTable for Notes {
        fn free_order(&self, frame: u32) -> Option<u8> {
            self.0.get(frame as usize).and_then(|note| note.0.get())
        }
        fn set_free_order(&self, frame: u32, order: Option<u8>) {
            self.0[frame as usize].0.set(order);
        }
        fn links(&self, frame: u32) -> Links {
            self.0[frame as usize].1.get()
        }
        fn set_links(&self, frame: u32, links: Links) {
            self.0[frame as usize].1.set(links);
        }
    }

    #[test]
    fn everything_coalesces_after_the_last_free() {
        let notes = Notes::new(1 << 13);
        let mut buddy = Buddy::new();
        buddy.insert(&notes, 0..1 << 13);
        let frames: Vec<u32> = core::iter::from_fn(|| buddy.alloc(&notes, 0)).collect();
        assert_eq!(frames.len(), 1 << 13);
        assert_eq!(buddy.free_frames(), 0);
        for frame in frames.into_iter().rev() {
            buddy.free(&notes, frame, 0);
        }
        assert_eq!(buddy.free_blocks()[usize::from(MAX_ORDER)], 2);
    }

    #[test]
    fn ragged_ranges_are_wholly_usable() {
        let notes = Notes::new(1000);
        let mut buddy = Buddy::new();
        buddy.insert(&notes, 3..997);
        assert_eq!(buddy.free_frames(), 994);
        assert_eq!(core::iter::from_fn(|| buddy.alloc(&notes, 0)).count(), 994);
    }

    proptest! {
        #[test]
        fn blocks_never_overlap_and_counts_are_exact(
            ops in prop::collection::vec((0u8..=MAX_ORDER, any::<bool>(), any::<prop::sample::Index>()), 1..200),
        ) {
            let frames = 20_000u32;
            let notes = Notes::new(frames as usize);
            let mut buddy = Buddy::new();
            buddy.insert(&notes, 1..frames);
            let mut live: BTreeMap<u32, u8> = BTreeMap::new();
            for (order, give_back, pick) in ops {
                if give_back && !live.is_empty() {
                    let (&frame, &order) = live.iter().nth(pick.index(live.len())).unwrap();
                    live.remove(&frame);
                    buddy.free(&notes, frame, order);
                } else if let Some(frame) = buddy.alloc(&notes, order) {
                    prop_assert_eq!(frame % (1 << order), 0);
                    prop_assert!(frame >= 1 && frame + (1 << order) <= frames);
                    let before = live.range(..=frame).next_back().map_or(0, |(f, o)| f + (1 << o));
                    prop_assert!(before <= frame);
                    let after = live.range(frame..).next().map_or(frames, |(f, _)| *f);
                    prop_assert!(after >= frame + (1 << order));
                    live.insert(frame, order);
                }
                let used: usize = live.values().map(|o| 1usize << o).sum();
                prop_assert_eq!(buddy.free_frames(), frames as usize - 1 - used);
            }
        }
    }
}
