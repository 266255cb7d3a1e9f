//! The kernel heap as global allocator: per-CPU lists, slabs, and blocks of frames (`kernel_core::heap` decides).
//!
//! Lock order: a per-CPU list (interrupts off), then one slab (`Rank::HEAP`). Frames are taken and given back between
//! locks, never under a slab's.

use crate::frame::meta::{Kind, meta, number};
use crate::frame::{Purpose, alloc_block, alloc_frame, free_block, free_frame};
use crate::paging::direct_ptr;
use crate::smp;
use arrayvec::ArrayVec;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use kernel_core::addr::{Frame, PAGE_SIZE, PhysAddr};
use kernel_core::heap::{CACHED_CLASSES, CLASS_SIZES, FreeList, Slab, SlabMemory, SlabNote, Tier};
use kernel_sync::{IrqLock, MAX_CPUS, PerCpu, PerCpuCell, Rank};

/// A per-CPU list holds at most this many objects; half of them move at a time.
const LIST_LIMIT: usize = 64;
const BATCH: usize = LIST_LIMIT / 2;
const CLASSES: usize = CLASS_SIZES.len();

/// One class in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClassStats {
    /// Bytes of an object.
    pub size: usize,
    /// Frames that the class owns.
    pub pages: usize,
    /// Objects outside the slab, per-CPU lists included.
    pub in_use: usize,
    /// Allocations that a per-CPU list served.
    pub hits: u64,
    /// Allocations that went to the slab.
    pub misses: u64,
}

/// The heap in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeapStats {
    /// Each class, smallest first.
    pub classes: [ClassStats; CLASSES],
    /// Frames in blocks above the largest class.
    pub block_frames: usize,
    /// Blocks that were handed out.
    pub blocks: u64,
}

impl HeapStats {
    /// Frames that slabs own beyond what their objects would fill: holes between live objects, no leak.
    #[must_use]
    pub fn slack_frames(&self) -> usize {
        self.classes.iter().map(|class| class.pages - (class.in_use * class.size).div_ceil(PAGE_SIZE)).sum()
    }
}

/// The heap's numbers now.
#[must_use]
pub fn stats() -> HeapStats {
    let mut stats = HeapStats {
        block_frames: BLOCK_FRAMES.load(Ordering::Relaxed),
        blocks: BLOCKS.load(Ordering::Relaxed),
        ..HeapStats::default()
    };
    for (class, out) in stats.classes.iter_mut().enumerate() {
        let slab = SLABS[class].lock();
        *out = ClassStats { size: CLASS_SIZES[class], pages: slab.pages(), in_use: slab.in_use(), ..*out };
        drop(slab);
        for cpu in 0..MAX_CPUS {
            let hits = &HITS.of(cpu)[class];
            out.hits += hits.list.load(Ordering::Relaxed);
            out.misses += hits.slab.load(Ordering::Relaxed);
        }
    }
    stats
}

/// Returns this CPU's cached objects to their slabs and empty slab pages to the frame allocator.
pub fn trim() {
    for class in 0..CACHED_CLASSES {
        while let Some(object) = LISTS.with(|lists| lists[class].pop(&Direct)) {
            free_to_slab(class, object);
        }
    }
    for slab in &SLABS {
        while let Some(page) = { slab.lock().trim(&Direct) } {
            free_frame(frame(page));
        }
    }
}

/// As [`trim`], for the lists of every CPU: afterwards the heap owns the pages of live objects only (and its slabs').
pub fn trim_everywhere() {
    smp::call_on(smp::online(), |_| trim(), 0);
    trim();
}

/// The kernel's allocator.
pub struct KernelHeap;

#[cfg(target_os = "none")]
#[global_allocator]
static HEAP: KernelHeap = KernelHeap;

static SLABS: [IrqLock<Slab>; CLASSES] = {
    let mut slabs = [const { IrqLock::new(Rank::HEAP, Slab::new(0)) }; CLASSES];
    let mut class = 1;
    while class < CLASSES {
        slabs[class] = IrqLock::new(Rank::HEAP, Slab::new(class));
        class += 1;
    }
    slabs
};
static LISTS: PerCpuCell<[FreeList; CACHED_CLASSES]> =
    PerCpuCell::new(|_| [const { FreeList::new() }; CACHED_CLASSES]);
static HITS: PerCpu<[Hits; CLASSES]> = PerCpu::new(|_| [const { Hits::new() }; CLASSES]);
static BLOCK_FRAMES: AtomicUsize = AtomicUsize::new(0);
static BLOCKS: AtomicU64 = AtomicU64::new(0);

struct Hits {
    list: AtomicU64,
    slab: AtomicU64,
}

impl Hits {
    const fn new() -> Self {
        Self { list: AtomicU64::new(0), slab: AtomicU64::new(0) }
    }
}

/// Objects and slab notes in the direct map. Links lie in free objects, which nothing else reads or writes.
struct Direct;

fn frame(page: u32) -> Frame {
    Frame::new(u64::from(page))
}

impl SlabMemory for Direct {
    fn link(&self, object: usize) -> usize {
        // SAFETY: free objects of a slab: at least 16 bytes, aligned, owned by the list that asks.
        unsafe { ptr::with_exposed_provenance::<usize>(object).read() }
    }

    fn set_link(&self, object: usize, next: usize) {
        // SAFETY: as above.
        unsafe { ptr::with_exposed_provenance_mut::<usize>(object).write(next) };
    }

    fn page_of(&self, object: usize) -> u32 {
        number(frame_of(object))
    }

    fn page_start(&self, page: u32) -> usize {
        direct_ptr::<u8>(frame(page).start()).addr()
    }

    fn note(&self, page: u32) -> SlabNote {
        let meta = meta(frame(page));
        let counts = meta.count.load(Ordering::Relaxed);
        SlabNote {
            in_use: (counts & 0xffff) as u16,
            first_free: (counts >> 16) as u16,
            prev: meta.a.load(Ordering::Relaxed),
            next: meta.b.load(Ordering::Relaxed),
        }
    }

    fn set_note(&self, page: u32, note: SlabNote) {
        let meta = meta(frame(page));
        meta.count.store(u32::from(note.in_use) | u32::from(note.first_free) << 16, Ordering::Relaxed);
        meta.a.store(note.prev, Ordering::Relaxed);
        meta.b.store(note.next, Ordering::Relaxed);
    }
}

/// The frame of an address in the direct map.
fn frame_of(address: usize) -> Frame {
    PhysAddr::new(address as u64 - crate::layout::DIRECT_MAP).frame()
}

/// A count that only this CPU writes; an interrupt in between may lose one.
fn bump(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

fn alloc_from_list(class: usize) -> Option<usize> {
    if let Some(object) = LISTS.with(|lists| lists[class].pop(&Direct)) {
        bump(&HITS.get()[class].list);
        return Some(object);
    }
    let first = alloc_from_slab(class)?;
    // Take more for next time, but only what is there: a page is added for the first object alone.
    let mut batch: ArrayVec<usize, BATCH> = ArrayVec::new();
    {
        let mut slab = SLABS[class].lock();
        while !batch.is_full() {
            let Some(object) = slab.alloc(&Direct) else { break };
            batch.push(object);
        }
    }
    LISTS.with(|lists| batch.into_iter().for_each(|object| lists[class].push(&Direct, object)));
    Some(first)
}

fn alloc_from_slab(class: usize) -> Option<usize> {
    bump(&HITS.get()[class].slab);
    loop {
        if let Some(object) = SLABS[class].lock().alloc(&Direct) {
            return Some(object);
        }
        let page = alloc_frame(Kind::Slab, Purpose::Kernel).ok()?;
        SLABS[class].lock().add_page(&Direct, number(page));
    }
}

fn free_to_list(class: usize, object: usize) {
    let excess: ArrayVec<usize, BATCH> = LISTS.with(|lists| {
        let list = &mut lists[class];
        list.push(&Direct, object);
        let surplus = if list.len() > LIST_LIMIT { BATCH } else { 0 };
        (0..surplus).map_while(|_| list.pop(&Direct)).collect()
    });
    for object in excess {
        free_to_slab(class, object);
    }
}

fn free_to_slab(class: usize, object: usize) {
    let empty = SLABS[class].lock().free(&Direct, object);
    if let Some(page) = empty {
        free_frame(frame(page));
    }
}

// SAFETY: objects and blocks are aligned to at least their class or size, handed out once until they come back, and
// lie in the direct map; a layout leads to the same tier when it comes back.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let object = match Tier::of(layout.size(), layout.align()) {
            Tier::Cached(class) => alloc_from_list(class),
            Tier::Slab(class) => alloc_from_slab(class),
            Tier::Pages(order) => alloc_block(order, Kind::Block, Purpose::Kernel).ok().map(|first| {
                BLOCK_FRAMES.fetch_add(1 << order, Ordering::Relaxed);
                BLOCKS.fetch_add(1, Ordering::Relaxed);
                direct_ptr::<u8>(first.start()).expose_provenance()
            }),
            Tier::TooLarge => None,
        };
        object.map_or(ptr::null_mut(), ptr::with_exposed_provenance_mut)
    }

    unsafe fn dealloc(&self, object: *mut u8, layout: Layout) {
        let address = object.expose_provenance();
        match Tier::of(layout.size(), layout.align()) {
            Tier::Cached(class) => free_to_list(class, address),
            Tier::Slab(class) => free_to_slab(class, address),
            Tier::Pages(order) => {
                BLOCK_FRAMES.fetch_sub(1 << order, Ordering::Relaxed);
                free_block(frame_of(address), order);
            }
            Tier::TooLarge => {}
        }
    }

    unsafe fn realloc(&self, object: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if Tier::of(layout.size(), layout.align()) == Tier::of(new_size, layout.align()) {
            return object;
        }
        // SAFETY: the caller guarantees that size and alignment make a layout.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: `new_size` is not zero by the caller's contract.
        let new = unsafe { self.alloc(new_layout) };
        if !new.is_null() {
            // SAFETY: both are at least the smaller size and do not overlap.
            unsafe {
                ptr::copy_nonoverlapping(object, new, layout.size().min(new_size));
                self.dealloc(object, layout);
            }
        }
        new
    }
}

const _: () = assert!(CLASS_SIZES[CLASSES - 1] == PAGE_SIZE);
