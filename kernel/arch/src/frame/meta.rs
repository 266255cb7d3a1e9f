//! Sixteen bytes about each frame: its count, two links, and what it is used for.

use core::mem::size_of;
use core::sync::atomic::{AtomicU32, Ordering, fence};
use kernel_core::addr::Frame;
use kernel_core::buddy::{FrameTable, Links};
use spin::Once;

/// What a frame is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Kind {
    /// A counted data page.
    Page = 2,
    /// A page table; the count is its holders. A top-level table keeps its active CPUs in the first link.
    Table = 3,
    /// A slab page of the heap; count and links belong to the slab.
    Slab = 4,
    /// The first frame of a block: heap, DMA, or a kernel stack's frame.
    Block = 5,
}

/// Not RAM, taken at boot, or inside a larger free block.
const UNLISTED: u32 = 0;
/// The first frame of a free block; the order is in the second byte.
const FREE: u32 = 1;

/// What is known about one frame.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Meta {
    /// References, holders, or the slab's own.
    pub count: AtomicU32,
    /// Link of whoever owns the frame.
    pub a: AtomicU32,
    /// Link of whoever owns the frame.
    pub b: AtomicU32,
    state: AtomicU32,
}

const _: () = assert!(size_of::<Meta>() == 16);

impl Meta {
    /// The frame left the free lists.
    pub fn take(&self, kind: Kind) {
        debug_assert_eq!(self.state.load(Ordering::Relaxed), UNLISTED);
        self.state.store(kind as u32, Ordering::Relaxed);
        self.count.store(1, Ordering::Relaxed);
    }

    /// The frame goes back to the free lists.
    pub fn release(&self) {
        debug_assert!(self.state.load(Ordering::Relaxed) > FREE, "a free frame is freed");
        self.state.store(UNLISTED, Ordering::Relaxed);
    }

    /// Whether the frame is used for this.
    pub fn is(&self, kind: Kind) -> bool {
        self.state.load(Ordering::Relaxed) == kind as u32
    }

    /// One more reference.
    #[inline]
    pub fn retain(&self) {
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        debug_assert!(before > 0 && before < u32::MAX / 2);
    }

    /// One reference less; whether it was the last one.
    #[inline]
    pub fn drop_one(&self) -> bool {
        // Release pairs with the fence below in the thread that drops the last reference.
        if self.count.fetch_sub(1, Ordering::Release) != 1 {
            return false;
        }
        // Acquire pairs with the Release of every earlier drop.
        fence(Ordering::Acquire);
        true
    }
}

static TABLE: Once<&'static [Meta]> = Once::new();

/// Installs the table, once, at boot.
pub(super) fn install(table: &'static [Meta]) {
    TABLE.call_once(|| table);
}

#[inline]
fn table() -> &'static [Meta] {
    TABLE.get().copied().unwrap_or_default()
}

/// What is known about a frame that the allocator handed out.
#[inline]
pub(crate) fn meta(frame: Frame) -> &'static Meta {
    &table()[frame.number() as usize]
}

/// The frame's number as the lists store it: RAM above 16 TiB is not used.
#[inline]
pub(crate) fn number(frame: Frame) -> u32 {
    frame.number() as u32
}

/// The table as the buddy allocator uses it.
pub(super) struct MetaTable;
pub(super) static META: MetaTable = MetaTable;

impl FrameTable for MetaTable {
    fn free_order(&self, frame: u32) -> Option<u8> {
        let state = table().get(frame as usize)?.state.load(Ordering::Relaxed);
        (state & 0xff == FREE).then_some((state >> 8) as u8)
    }

    fn set_free_order(&self, frame: u32, order: Option<u8>) {
        let state = order.map_or(UNLISTED, |order| FREE | u32::from(order) << 8);
        table()[frame as usize].state.store(state, Ordering::Relaxed);
    }

    fn links(&self, frame: u32) -> Links {
        let meta = &table()[frame as usize];
        Links { prev: meta.a.load(Ordering::Relaxed), next: meta.b.load(Ordering::Relaxed) }
    }

    fn set_links(&self, frame: u32, links: Links) {
        let meta = &table()[frame as usize];
        meta.a.store(links.prev, Ordering::Relaxed);
        meta.b.store(links.next, Ordering::Relaxed);
    }
}
