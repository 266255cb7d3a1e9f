//! Cached translations: which CPUs use a tree, local flushes, shootdown on the others.
//!
//! A CPU enters a tree's mask before it loads the tree and leaves it after it loaded another one; a change is made
//! before the mask is read. So a CPU that is not in the mask loads the tree after the change.

use super::kernel::kernel_root;
use crate::frame::meta::meta;
use crate::smp;
use core::sync::atomic::{AtomicU64, Ordering};
use kernel_core::addr::{Frame, PAGE_SIZE_U64, PhysAddr, VirtAddr, VirtRange};
use kernel_sync::{MAX_CPUS, cpu, irq};

/// Above this many pages everything is flushed instead.
const RANGE_PAGES: u64 = 64;

/// The top-level table that each CPU has loaded; 0 stands for the kernel's own.
static LOADED: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(0) }; MAX_CPUS];

/// What must be flushed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Flush {
    None,
    Range(VirtRange),
    All,
}

impl Flush {
    /// Widens the flush to cover a range as well.
    pub fn add(&mut self, range: VirtRange) {
        let whole = match *self {
            Self::None => range,
            Self::Range(old) => VirtRange::new(old.start.min(range.start), old.end.max(range.end)),
            Self::All => return,
        };
        *self = if whole.pages() > RANGE_PAGES { Self::All } else { Self::Range(whole) };
    }

    fn here(self) {
        match self {
            Self::None => {}
            Self::Range(range) => flush_range(range),
            Self::All => reload(),
        }
    }
}

/// Makes this CPU use the tree of `root`.
pub(super) fn load(root: Frame) {
    let _irq = irq::disable();
    let cpu = cpu::id();
    let before = LOADED[cpu].load(Ordering::Relaxed);
    if before == root.number() {
        return;
    }
    // SeqCst, and the write to CR3 serialises: pairs with the fence in shootdown().
    meta(root).a.fetch_or(1 << cpu, Ordering::SeqCst);
    write_root(root.start());
    LOADED[cpu].store(root.number(), Ordering::Relaxed);
    leave_mask(before, cpu);
}

/// Makes this CPU use the kernel's own tree: nothing of user space is mapped.
pub fn leave_user() {
    let _irq = irq::disable();
    let cpu = cpu::id();
    let before = LOADED[cpu].load(Ordering::Relaxed);
    if before == 0 {
        return;
    }
    write_root(kernel_root());
    LOADED[cpu].store(0, Ordering::Relaxed);
    leave_mask(before, cpu);
}

fn leave_mask(root: u64, cpu: usize) {
    if root != 0 {
        // Release pairs with the Acquire in evict(): this CPU is done with the tree.
        meta(Frame::new(root)).a.fetch_and(!(1 << cpu), Ordering::Release);
    }
}

/// Takes a tree that is about to go away off every CPU.
pub(super) fn evict(root: Frame) {
    if LOADED[cpu::id()].load(Ordering::Relaxed) == root.number() {
        leave_user();
    }
    // Acquire pairs with the Release in leave_mask().
    let others = meta(root).a.load(Ordering::Acquire);
    if others != 0 {
        smp::call_on(others, evict_here, root.number() as usize);
    }
}

fn evict_here(root: usize) {
    if LOADED[cpu::id()].load(Ordering::Relaxed) == root as u64 {
        leave_user();
    }
}

/// Flushes on every CPU that uses the tree, and waits for them.
pub(super) fn shootdown(root: Frame, flush: Flush) {
    if matches!(flush, Flush::None) {
        return;
    }
    // Pairs with the fetch_or in load(): either the mask shows that CPU, or it loads the tree after our change.
    core::sync::atomic::fence(Ordering::SeqCst);
    let active = meta(root).a.load(Ordering::Relaxed);
    let guard = irq::disable();
    let me = 1u32 << cpu::id();
    if active & me != 0 {
        flush.here();
    }
    drop(guard);
    let others = active & !me;
    if others != 0 {
        smp::call_on(others, flush_here, core::ptr::from_ref(&flush).expose_provenance());
    }
}

fn flush_here(flush: usize) {
    // SAFETY: `call_on` returns to shootdown(), whose local this is, only after every CPU ran this.
    let flush = unsafe { *core::ptr::with_exposed_provenance::<Flush>(flush) };
    flush.here();
}

/// Flushes kernel translations of a range on every CPU.
pub(crate) fn flush_kernel(range: VirtRange) {
    flush_range(range);
    let others = smp::online() & !(1u32 << cpu::id());
    if others != 0 {
        smp::call_on(others, flush_kernel_here, core::ptr::from_ref(&range).expose_provenance());
    }
}

fn flush_kernel_here(range: usize) {
    // SAFETY: as in flush_here().
    flush_range(unsafe { *core::ptr::with_exposed_provenance::<VirtRange>(range) });
}

/// Forgets the translation of one page on this CPU: after a fault that found the entry already mended.
pub(super) fn flush_page(va: VirtAddr) {
    // SAFETY: `invlpg` only drops a cached translation.
    unsafe { core::arch::asm!("invlpg [{}]", in(reg) va.as_u64(), options(nostack, preserves_flags)) };
}

fn flush_range(range: VirtRange) {
    let mut va = range.start;
    while va < range.end {
        flush_page(va);
        va = va + PAGE_SIZE_U64;
    }
}

fn reload() {
    // SAFETY: loads the same tables again.
    unsafe {
        core::arch::asm!("mov {0}, cr3", "mov cr3, {0}", out(reg) _, options(nostack, preserves_flags));
    }
}

fn write_root(root: PhysAddr) {
    // SAFETY: every tree maps the kernel as this one does: top-level entries of the upper half are shared.
    unsafe { core::arch::asm!("mov cr3, {}", in(reg) root.as_u64(), options(nostack, preserves_flags)) };
}
