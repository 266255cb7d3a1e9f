//! The vmap area: kernel stacks with guard pages, and device registers.
//!
//! Its first half is a row of slots of equal size for stacks, the lowest page of each never mapped; its second half is
//! handed out from below for mappings that stay. A stack that is dropped keeps its frames and waits for the next thread;
//! [`trim_stacks`] frees those that wait.

use crate::frame::meta::Kind;
use crate::frame::{OutOfMemory, PARKED, Purpose, alloc_frame, free_frame};
use crate::paging::{self, PteFlags, VMAP};
use arrayvec::ArrayVec;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};
use kernel_core::addr::{Frame, PAGE_SIZE, PAGE_SIZE_U64, PhysAddr, VirtAddr, VirtRange};
use kernel_sync::{IrqLock, Rank};

/// Pages of a kernel stack. Without optimisation frames are several times larger.
const STACK_PAGES: usize = if cfg!(debug_assertions) { 16 } else { 8 };
/// Bytes of a kernel stack.
pub const STACK_SIZE: usize = STACK_PAGES * PAGE_SIZE;
const SLOT_SIZE: u64 = (STACK_SIZE + PAGE_SIZE) as u64;
const SLOTS: usize = 64 * 1024;
const REGISTERS: u64 = VMAP + (256 << 30);
const AREA_END: u64 = VMAP + (512 << 30);
/// Stacks freed in one flush.
const TRIM_BATCH: usize = 32;

const _: () = assert!(SLOTS as u64 * SLOT_SIZE <= 256 << 30);

/// A mapped kernel stack, its guard page below.
#[derive(Debug)]
pub struct KernelStack {
    slot: u32,
}

/// A range of device registers.
#[derive(Clone, Copy, Debug)]
pub struct Mmio {
    start: VirtAddr,
    len: usize,
}

/// How the CPU may cache a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caching {
    /// Ordinary memory, firmware tables for instance.
    Normal,
    /// Device registers: every access goes out, in order.
    Device,
}

/// Stacks that wait for a thread, a list threaded through their lowest words: slot plus one, 0 ends it.
static WAITING: IrqLock<u32> = IrqLock::new(Rank::new(88), 0);
/// Slots in use or waiting, one bit each.
static TAKEN: [AtomicU64; SLOTS / 64] = [const { AtomicU64::new(0) }; SLOTS / 64];
static NEXT_REGISTERS: AtomicU64 = AtomicU64::new(REGISTERS);

impl KernelStack {
    /// A stack, contents undefined.
    pub fn alloc() -> Result<Self, OutOfMemory> {
        if let Some(stack) = unpark() {
            return Ok(stack);
        }
        let slot = take_slot().ok_or(OutOfMemory)?;
        // From here on dropping undoes what was done.
        let mut fresh = Fresh { slot, pages: 0 };
        for page in 0..STACK_PAGES {
            let frame = alloc_frame(Kind::Block, Purpose::User)?;
            let mapped = paging::map_kernel(page_address(slot, page), frame, PteFlags::WRITE);
            if mapped.is_err() {
                free_frame(frame);
                return Err(OutOfMemory);
            }
            fresh.pages += 1;
        }
        core::mem::forget(fresh);
        Ok(Self { slot })
    }

    /// The first address above the stack, page-aligned.
    #[must_use]
    pub fn top(&self) -> VirtAddr {
        self.bottom() + STACK_SIZE as u64
    }

    /// The lowest address of the stack; the page below is its guard.
    #[must_use]
    pub fn bottom(&self) -> VirtAddr {
        page_address(self.slot, 0)
    }
}

impl Drop for KernelStack {
    fn drop(&mut self) {
        let mut head = WAITING.lock();
        // SAFETY: the stack's lowest word is mapped, and nothing runs on a stack that is dropped.
        unsafe { link(self.slot).write(*head) };
        *head = self.slot + 1;
        PARKED.fetch_add(STACK_PAGES, Ordering::Relaxed);
    }
}

/// Frees the stacks that wait for reuse; how many frames that gave. Must not be called with interrupts off.
pub fn trim_stacks() -> usize {
    let mut freed = 0;
    loop {
        let batch: ArrayVec<KernelStack, TRIM_BATCH> = (0..TRIM_BATCH).map_while(|_| unpark()).collect();
        if batch.is_empty() {
            return freed;
        }
        for stack in batch {
            drop(Fresh { slot: stack.slot, pages: STACK_PAGES });
            core::mem::forget(stack);
            freed += STACK_PAGES;
        }
    }
}

/// A slot whose pages are unmapped, flushed and freed when it is dropped.
struct Fresh {
    slot: u32,
    pages: usize,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let frames: ArrayVec<Frame, STACK_PAGES> =
            (0..self.pages).filter_map(|page| paging::unmap_kernel(page_address(self.slot, page))).collect();
        let start = page_address(self.slot, 0);
        paging::flush_kernel(VirtRange::new(start, start + STACK_SIZE as u64));
        frames.into_iter().for_each(free_frame);
        let (word, bit) = (self.slot as usize / 64, self.slot % 64);
        // Release pairs with the Acquire in take_slot(): the flush is done.
        TAKEN[word].fetch_and(!(1 << bit), Ordering::Release);
    }
}

fn page_address(slot: u32, page: usize) -> VirtAddr {
    VirtAddr::new(VMAP + u64::from(slot) * SLOT_SIZE + ((page + 1) * PAGE_SIZE) as u64)
}

fn link(slot: u32) -> *mut u32 {
    ptr::with_exposed_provenance_mut(page_address(slot, 0).as_usize())
}

fn unpark() -> Option<KernelStack> {
    let mut head = WAITING.lock();
    let slot = head.checked_sub(1)?;
    // SAFETY: a waiting stack is mapped and its lowest word is the link that drop() wrote.
    *head = unsafe { link(slot).read() };
    PARKED.fetch_sub(STACK_PAGES, Ordering::Relaxed);
    Some(KernelStack { slot })
}

fn take_slot() -> Option<u32> {
    for (index, word) in TAKEN.iter().enumerate() {
        let mut taken = word.load(Ordering::Relaxed);
        while taken != u64::MAX {
            let bit = taken.trailing_ones();
            // Acquire pairs with the Release in Fresh::drop().
            match word.compare_exchange_weak(taken, taken | 1 << bit, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return u32::try_from(index * 64).ok().map(|first| first + bit),
                Err(now) => taken = now,
            }
        }
    }
    None
}

/// Maps physical memory that is not in the direct map, for good.
pub fn map_physical(start: PhysAddr, len: usize, caching: Caching) -> Result<VirtAddr, OutOfMemory> {
    let offset = start.page_offset() as u64;
    let pages = (offset + len as u64).div_ceil(PAGE_SIZE_U64);
    let base = NEXT_REGISTERS.fetch_add((pages + 1) * PAGE_SIZE_U64, Ordering::Relaxed);
    if base + pages * PAGE_SIZE_U64 > AREA_END {
        return Err(OutOfMemory);
    }
    let flags = match caching {
        Caching::Normal => PteFlags::empty(),
        Caching::Device => PteFlags::WRITE | PteFlags::NO_CACHE | PteFlags::WRITE_THROUGH,
    };
    for page in 0..pages {
        let at = VirtAddr::new(base + page * PAGE_SIZE_U64);
        paging::map_kernel(at, start.frame().offset(page), flags)?;
    }
    Ok(VirtAddr::new(base + offset))
}

/// Maps device registers, for good.
pub fn map_mmio(start: PhysAddr, len: usize) -> Result<Mmio, OutOfMemory> {
    Ok(Mmio { start: map_physical(start, len, Caching::Device)?, len })
}

impl Mmio {
    /// The address of the first register.
    #[must_use]
    pub const fn start(&self) -> VirtAddr {
        self.start
    }

    /// Reads the 32-bit register at a byte offset. Panics when it does not lie in the range.
    #[must_use]
    pub fn read32(&self, offset: usize) -> u32 {
        // SAFETY: `at` checked that the register lies in the mapping, aligned.
        unsafe { self.at::<u32>(offset).read_volatile() }
    }

    /// Writes the 32-bit register at a byte offset. Panics when it does not lie in the range.
    pub fn write32(&self, offset: usize, value: u32) {
        // SAFETY: as for `read32`; what the write does is the device driver's concern.
        unsafe { self.at::<u32>(offset).write_volatile(value) };
    }

    /// Reads the 64-bit register at a byte offset. Panics when it does not lie in the range.
    #[must_use]
    pub fn read64(&self, offset: usize) -> u64 {
        // SAFETY: as for `read32`.
        unsafe { self.at::<u64>(offset).read_volatile() }
    }

    /// Writes the 64-bit register at a byte offset. Panics when it does not lie in the range.
    pub fn write64(&self, offset: usize, value: u64) {
        // SAFETY: as for `write32`.
        unsafe { self.at::<u64>(offset).write_volatile(value) };
    }

    fn at<T>(&self, offset: usize) -> *mut T {
        let size = size_of::<T>();
        assert!(offset <= self.len && size <= self.len - offset && offset.is_multiple_of(size));
        ptr::with_exposed_provenance_mut(self.start.as_usize() + offset)
    }
}
