//! Physical memory: counted 4 KiB pages and contiguous blocks, from a buddy allocator behind per-CPU caches.
//!
//! Layers: [`meta`] is 16 bytes for each frame (count, list links, what the frame is); the buddy of `kernel_core` keeps
//! its lists there; [`cache`] holds single and zeroed frames for each CPU; [`PageRef`], [`ContiguousFrames`] and the
//! raw frames of heap, stacks and tables are what others hold.
//!
//! Life of a page: allocated with count 1; every [`PageRef`] (and every page-table entry) is one count; the last to go
//! frees it. Frames for user-driven purposes stop at a reserve that only the heap may use, so that a
//! kernel that is out of memory still can say so.
//!
//! Lock order: the per-CPU cache (interrupts off), then the buddy (`Rank::FRAMES`). Nothing is taken below.

mod cache;
mod contiguous;
mod init;
pub(crate) mod meta;
mod page;

pub use cache::zero_ahead;
pub use contiguous::ContiguousFrames;
pub use init::init;
pub use page::PageRef;

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};
use kernel_core::addr::{Frame, PAGE_SIZE};
use kernel_core::buddy::Buddy;
use kernel_sync::{IrqLock, PerCpu, Rank};
use meta::{Kind, META, meta};

/// There is no memory for the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of memory")
    }
}

impl From<OutOfMemory> for abi::Errno {
    fn from(_: OutOfMemory) -> Self {
        Self::ENOMEM
    }
}

/// What memory is wanted for: who may use the reserve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// Pages that user programs cause: stop at the reserve.
    User,
    /// The heap: may use the last frame.
    Kernel,
}

/// Frames in numbers. Frames in per-CPU caches and in stacks kept for reuse count as free.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameStats {
    /// Frames that the allocator was given at boot.
    pub total: usize,
    /// Frames that can be had.
    pub free: usize,
    /// Frames that only the kernel may take.
    pub reserve: usize,
    /// Free blocks of each order in the buddy.
    pub blocks: [u32; 13],
    /// Single frames that a per-CPU cache served.
    pub cache_hits: u64,
    /// Single frames that the buddy served.
    pub cache_misses: u64,
    /// Zeroed frames that were zeroed ahead.
    pub zeroed_hits: u64,
    /// Zeroed frames that were zeroed on request.
    pub zeroed_misses: u64,
}

/// Heap blocks of this order and above leave half of the reserve alone.
const LARGE_ORDER: u8 = 6;

static BUDDY: IrqLock<Buddy> = IrqLock::new(Rank::FRAMES, Buddy::new());
static TOTAL: AtomicUsize = AtomicUsize::new(0);
static RESERVE: AtomicUsize = AtomicUsize::new(0);
/// Frames in stacks that wait for reuse (see `vmap`).
pub(crate) static PARKED: AtomicUsize = AtomicUsize::new(0);
static COUNTERS: PerCpu<cache::Counters> = PerCpu::new(|_| cache::Counters::new());

/// The allocator's numbers now.
#[must_use]
pub fn stats() -> FrameStats {
    let (free, blocks) = {
        let buddy = BUDDY.lock();
        (buddy.free_frames(), *buddy.free_blocks())
    };
    let mut stats = FrameStats {
        total: TOTAL.load(Ordering::Relaxed),
        free: free + PARKED.load(Ordering::Relaxed),
        reserve: RESERVE.load(Ordering::Relaxed),
        blocks,
        ..FrameStats::default()
    };
    for cpu in 0..kernel_sync::MAX_CPUS {
        let counters = COUNTERS.of(cpu);
        stats.free += counters.cached.load(Ordering::Relaxed);
        stats.cache_hits += counters.hits.load(Ordering::Relaxed);
        stats.cache_misses += counters.misses.load(Ordering::Relaxed);
        stats.zeroed_hits += counters.zeroed_hits.load(Ordering::Relaxed);
        stats.zeroed_misses += counters.zeroed_misses.load(Ordering::Relaxed);
    }
    stats
}

/// Frames that the allocator was given at boot.
#[must_use]
pub fn total() -> usize {
    TOTAL.load(Ordering::Relaxed)
}

/// Whether only the reserve is left: user-driven growth of kernel objects should answer `ENOMEM`.
#[must_use]
pub fn is_low() -> bool {
    BUDDY.lock().free_frames() <= RESERVE.load(Ordering::Relaxed)
}

/// Whether `bytes` more of the heap would leave the reserve untouched.
#[must_use]
pub fn has_room(bytes: usize) -> bool {
    let wanted = bytes.div_ceil(PAGE_SIZE);
    BUDDY.lock().free_frames() >= RESERVE.load(Ordering::Relaxed).saturating_add(wanted)
}

/// Whether half of the reserve is gone: what is left is for work that cannot fail, so system calls that make kernel
/// objects should answer `ENOMEM`.
#[must_use]
pub fn is_scarce() -> bool {
    BUDDY.lock().free_frames() <= RESERVE.load(Ordering::Relaxed) / 2
}

/// A single frame, contents undefined.
pub(crate) fn alloc_frame(kind: Kind, purpose: Purpose) -> Result<Frame, OutOfMemory> {
    let frame = cache::take(purpose).ok_or(OutOfMemory)?;
    meta(frame).take(kind);
    Ok(frame)
}

/// A single zeroed frame.
pub(crate) fn alloc_zeroed_frame(kind: Kind, purpose: Purpose) -> Result<Frame, OutOfMemory> {
    let (frame, zeroed) = cache::take_zeroed(purpose).ok_or(OutOfMemory)?;
    meta(frame).take(kind);
    if zeroed == cache::Zeroed::No {
        page::zero(frame);
    }
    Ok(frame)
}

/// Gives a single frame back. Nothing may use it any more.
pub(crate) fn free_frame(frame: Frame) {
    meta(frame).release();
    cache::put(frame);
}

/// A block of 2^order frames, contents undefined.
pub(crate) fn alloc_block(order: u8, kind: Kind, purpose: Purpose) -> Result<Frame, OutOfMemory> {
    let mut buddy = BUDDY.lock();
    let need = 1usize << order;
    let kept = match purpose {
        Purpose::User => RESERVE.load(Ordering::Relaxed),
        // One array of a program must not take what everything else lives on; its owner asked with `try_reserve`.
        Purpose::Kernel if order >= LARGE_ORDER => RESERVE.load(Ordering::Relaxed) / 2,
        Purpose::Kernel => 0,
    };
    if buddy.free_frames() < kept + need {
        return Err(OutOfMemory);
    }
    let number = buddy.alloc(&META, order).ok_or(OutOfMemory)?;
    let frame = Frame::new(u64::from(number));
    meta(frame).take(kind);
    Ok(frame)
}

/// Gives a block back. Nothing may use it any more.
pub(crate) fn free_block(frame: Frame, order: u8) {
    meta(frame).release();
    BUDDY.lock().free(&META, meta::number(frame), order);
}
