//! The kernel heap's tiers: which tier serves a layout, free lists threaded through the objects, slabs of one page.
//!
//! Up to 256 bytes a per-CPU [`FreeList`] serves and the slab of the class fills it in batches; up to 4 KiB
//! the [`Slab`] serves; above, whole blocks of frames. This file holds the decisions and the lists; raw memory is
//! behind [`SlabMemory`], so that the allocator proper (`kernel_arch::heap`) only adds locks and pointers.

/// Object sizes of the classes; the first [`CACHED_CLASSES`] have per-CPU lists.
pub const CLASS_SIZES: [usize; 9] = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096];
/// Classes with a per-CPU free list.
pub const CACHED_CLASSES: usize = 5;
const PAGE: usize = crate::addr::PAGE_SIZE;
const NO_PAGE: u32 = u32::MAX;

/// What serves an allocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tier {
    /// Per-CPU list of this class.
    Cached(usize),
    /// Slab of this class.
    Slab(usize),
    /// A block of 2^order frames.
    Pages(u8),
    /// Larger than any block.
    TooLarge,
}

impl Tier {
    /// The tier for a size and an alignment (a power of two). Classes are powers of two and pages hold
    /// them from offset 0, so an object is aligned to its class.
    #[must_use]
    pub const fn of(size: usize, align: usize) -> Self {
        let need = if size > align { size } else { align };
        if need <= CLASS_SIZES[0] {
            return Self::Cached(0);
        }
        if need <= PAGE {
            let class = (need - 1).ilog2() as usize - 3;
            return if class < CACHED_CLASSES { Self::Cached(class) } else { Self::Slab(class) };
        }
        if need > PAGE << crate::buddy::MAX_ORDER {
            return Self::TooLarge;
        }
        Self::Pages(((need - 1).ilog2() - 11) as u8)
    }
}

/// Raw memory in which free objects and the slabs' notes live.
pub trait SlabMemory {
    /// The first word of a free object.
    fn link(&self, object: usize) -> usize;
    /// Stores the first word of a free object.
    fn set_link(&self, object: usize, next: usize);
    /// The number of the page that holds an address.
    fn page_of(&self, object: usize) -> u32;
    /// The address of a page's first byte.
    fn page_start(&self, page: u32) -> usize;
    /// The notes about a slab page.
    fn note(&self, page: u32) -> SlabNote;
    /// Stores the notes about a slab page.
    fn set_note(&self, page: u32, note: SlabNote);
}

/// What is noted about a slab page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlabNote {
    /// Objects handed out.
    pub in_use: u16,
    /// Index of the first free object plus one; 0 when the page is full.
    pub first_free: u16,
    /// Neighbour in the list of partly used pages.
    pub prev: u32,
    /// Neighbour in the list of partly used pages.
    pub next: u32,
}

/// A list of free objects, threaded through them.
#[derive(Debug)]
pub struct FreeList {
    head: usize,
    len: usize,
}

impl Default for FreeList {
    fn default() -> Self {
        Self::new()
    }
}

impl FreeList {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { head: 0, len: 0 }
    }

    /// Objects in the list.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the list is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a free object.
    pub fn push(&mut self, memory: &impl SlabMemory, object: usize) {
        memory.set_link(object, self.head);
        self.head = object;
        self.len += 1;
    }

    /// Takes the object that was added last.
    pub fn pop(&mut self, memory: &impl SlabMemory) -> Option<usize> {
        if self.len == 0 {
            return None;
        }
        let object = self.head;
        self.head = memory.link(object);
        self.len -= 1;
        Some(object)
    }
}

/// The slab of one class: pages of equal objects, those with room in a list.
#[derive(Debug)]
pub struct Slab {
    size: usize,
    partial: u32,
    pages: usize,
    in_use: usize,
}

impl Slab {
    /// The slab of a class, without a page.
    #[must_use]
    pub const fn new(class: usize) -> Self {
        Self { size: CLASS_SIZES[class], partial: NO_PAGE, pages: 0, in_use: 0 }
    }

    /// Pages that belong to the slab.
    #[must_use]
    pub const fn pages(&self) -> usize {
        self.pages
    }

    /// Objects that are handed out (those in per-CPU lists count as handed out).
    #[must_use]
    pub const fn in_use(&self) -> usize {
        self.in_use
    }

    /// Takes an object; `None` asks for [`Slab::add_page`].
    pub fn alloc(&mut self, memory: &impl SlabMemory) -> Option<usize> {
        if self.partial == NO_PAGE {
            return None;
        }
        let page = self.partial;
        let mut note = memory.note(page);
        let start = memory.page_start(page);
        let object = start + (usize::from(note.first_free) - 1) * self.size;
        let next = memory.link(object);
        note.first_free = if next == 0 { 0 } else { ((next - start) / self.size + 1) as u16 };
        note.in_use += 1;
        self.in_use += 1;
        memory.set_note(page, note);
        if note.first_free == 0 {
            self.unlink(memory, page);
        }
        Some(object)
    }

    /// Cuts a fresh page into objects.
    pub fn add_page(&mut self, memory: &impl SlabMemory, page: u32) {
        let start = memory.page_start(page);
        let count = PAGE / self.size;
        for index in 0..count {
            let object = start + index * self.size;
            let next = if index + 1 == count { 0 } else { object + self.size };
            memory.set_link(object, next);
        }
        memory.set_note(page, SlabNote { in_use: 0, first_free: 1, prev: NO_PAGE, next: NO_PAGE });
        self.pages += 1;
        self.link(memory, page);
    }

    /// Takes an object back. Answers with the page that thereby became empty and now is the caller's,
    /// unless it is the last one with room (kept against thrashing).
    pub fn free(&mut self, memory: &impl SlabMemory, object: usize) -> Option<u32> {
        let page = memory.page_of(object);
        let start = memory.page_start(page);
        let mut note = memory.note(page);
        let was_full = note.first_free == 0;
        debug_assert!(note.in_use > 0, "object {object:#x} freed twice");
        let next = if was_full { 0 } else { start + (usize::from(note.first_free) - 1) * self.size };
        memory.set_link(object, next);
        note.first_free = ((object - start) / self.size + 1) as u16;
        note.in_use -= 1;
        self.in_use -= 1;
        memory.set_note(page, note);
        if was_full {
            self.link(memory, page);
        }
        let note = memory.note(page);
        let only_one = note.prev == NO_PAGE && note.next == NO_PAGE;
        if note.in_use > 0 || only_one {
            return None;
        }
        self.remove(memory, page)
    }

    /// Gives an empty page that was kept back to the caller.
    pub fn trim(&mut self, memory: &impl SlabMemory) -> Option<u32> {
        let mut page = self.partial;
        while page != NO_PAGE {
            let note = memory.note(page);
            if note.in_use == 0 {
                return self.remove(memory, page);
            }
            page = note.next;
        }
        None
    }

    fn remove(&mut self, memory: &impl SlabMemory, page: u32) -> Option<u32> {
        self.unlink(memory, page);
        self.pages -= 1;
        Some(page)
    }

    fn link(&mut self, memory: &impl SlabMemory, page: u32) {
        let next = self.partial;
        memory.set_note(page, SlabNote { prev: NO_PAGE, next, ..memory.note(page) });
        if next != NO_PAGE {
            memory.set_note(next, SlabNote { prev: page, ..memory.note(next) });
        }
        self.partial = page;
    }

    fn unlink(&mut self, memory: &impl SlabMemory, page: u32) {
        let SlabNote { prev, next, .. } = memory.note(page);
        if next != NO_PAGE {
            memory.set_note(next, SlabNote { prev, ..memory.note(next) });
        }
        if prev == NO_PAGE {
            self.partial = next;
        } else {
            memory.set_note(prev, SlabNote { next, ..memory.note(prev) });
        }
        memory.set_note(page, SlabNote { prev: NO_PAGE, next: NO_PAGE, ..memory.note(page) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::RefCell;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::vec::Vec;

    #[derive(Default)]
    struct Fake {
        links: RefCell<BTreeMap<usize, usize>>,
        notes: RefCell<BTreeMap<u32, SlabNote>>,
    }

    impl SlabMemory for Fake {
        fn link(&self, object: usize) -> usize {
            self.links.borrow()[&object]
        }
        fn set_link(&self, object: usize, next: usize) {
            self.links.borrow_mut().insert(object, next);
        }
        fn page_of(&self, object: usize) -> u32 {
            (object / PAGE) as u32
        }
        fn page_start(&self, page: u32) -> usize {
            page as usize * PAGE
        }
        fn note(&self, page: u32) -> SlabNote {
            self.notes.borrow()[&page]
        }
        fn set_note(&self, page: u32, note: SlabNote) {
            self.notes.borrow_mut().insert(page, note);
        }
    }

    #[test]
    fn tiers_cover_every_layout() {
        assert_eq!(Tier::of(0, 1), Tier::Cached(0));
        assert_eq!(Tier::of(16, 8), Tier::Cached(0));
        assert_eq!(Tier::of(17, 8), Tier::Cached(1));
        assert_eq!(Tier::of(8, 64), Tier::Cached(2));
        assert_eq!(Tier::of(256, 8), Tier::Cached(4));
        assert_eq!(Tier::of(257, 8), Tier::Slab(5));
        assert_eq!(Tier::of(4096, 8), Tier::Slab(8));
        assert_eq!(Tier::of(4097, 8), Tier::Pages(1));
        assert_eq!(Tier::of(PAGE << 12, 8), Tier::Pages(12));
        assert_eq!(Tier::of((PAGE << 12) + 1, 8), Tier::TooLarge);
    }

    #[test]
    fn free_list_is_last_in_first_out() {
        let memory = Fake::default();
        let mut list = FreeList::new();
        list.push(&memory, 64);
        list.push(&memory, 128);
        assert_eq!(list.pop(&memory), Some(128));
        assert_eq!(list.pop(&memory), Some(64));
        assert_eq!(list.pop(&memory), None);
    }

    proptest! {
        #[test]
        fn slab_hands_out_each_object_once(
            class in 0usize..CLASS_SIZES.len(),
            ops in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..400),
        ) {
            let memory = Fake::default();
            let mut slab = Slab::new(class);
            let mut live: Vec<usize> = Vec::new();
            let mut owned: BTreeSet<u32> = BTreeSet::new();
            let mut fresh = 1u32;
            for (give_back, pick) in ops {
                if give_back && !live.is_empty() {
                    let object = live.swap_remove(pick.index(live.len()));
                    if let Some(page) = slab.free(&memory, object) {
                        prop_assert!(owned.remove(&page));
                        prop_assert!(live.iter().all(|o| memory.page_of(*o) != page));
                    }
                } else {
                    let object = slab.alloc(&memory).unwrap_or_else(|| {
                        slab.add_page(&memory, fresh);
                        owned.insert(fresh);
                        fresh += 1;
                        slab.alloc(&memory).expect("a fresh page has room")
                    });
                    prop_assert!(owned.contains(&memory.page_of(object)));
                    prop_assert!(!live.contains(&object));
                    live.push(object);
                }
                prop_assert_eq!(slab.in_use(), live.len());
                prop_assert_eq!(slab.pages(), owned.len());
            }
            for object in live.drain(..) {
                if let Some(page) = slab.free(&memory, object) {
                    owned.remove(&page);
                }
            }
            while let Some(page) = slab.trim(&memory) {
                owned.remove(&page);
            }
            prop_assert!(owned.is_empty());
            prop_assert_eq!(slab.pages(), 0);
        }
    }
}
