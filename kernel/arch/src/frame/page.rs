//! [`PageRef`]: a counted handle on one 4 KiB data page.

use super::meta::{Kind, meta, number};
use super::{OutOfMemory, Purpose};
use crate::paging::direct_ptr;
use core::fmt;
use core::mem::ManuallyDrop;
use core::num::NonZeroU32;
use core::sync::atomic::Ordering;
use kernel_core::addr::{Frame, PAGE_SIZE};
use spin::Once;

/// A counted handle on a page. The page's bytes may at the same time be written by user programs that have
/// it mapped: what is read is a copy of what was there, whole words at best, never a reference into the page.
pub struct PageRef(NonZeroU32);

impl PageRef {
    /// A page with undefined contents, for a caller that overwrites all of it.
    pub fn alloc() -> Result<Self, OutOfMemory> {
        super::alloc_frame(Kind::Page, Purpose::User).map(Self::adopt)
    }

    /// A page of zeros.
    pub fn alloc_zeroed() -> Result<Self, OutOfMemory> {
        super::alloc_zeroed_frame(Kind::Page, Purpose::User).map(Self::adopt)
    }

    /// The one page of zeros that every read of untouched memory can share. It must not be written.
    #[must_use]
    pub fn zero() -> Self {
        static ZERO: Once<PageRef> = Once::new();
        ZERO.call_once(|| {
            let frame = super::alloc_zeroed_frame(Kind::Page, Purpose::Kernel);
            Self::adopt(frame.expect("the zero page is taken at boot"))
        })
        .clone()
    }

    /// The frame that holds the page.
    #[must_use]
    pub fn frame(&self) -> Frame {
        Frame::new(u64::from(self.0.get()))
    }

    /// References to the page now, page-table entries among them.
    #[must_use]
    pub fn count(&self) -> u32 {
        // Acquire pairs with the Release in drop_one(): who sees itself alone sees what the others wrote.
        meta(self.frame()).count.load(Ordering::Acquire)
    }

    /// Copies bytes out, from `offset`. Panics when they do not lie in the page.
    pub fn read(&self, offset: usize, dst: &mut [u8]) {
        assert!(offset <= PAGE_SIZE && dst.len() <= PAGE_SIZE - offset);
        // SAFETY: source bytes lie in one page that this handle keeps allocated, reached through the direct map;
        // `dst` is a kernel buffer that cannot overlap it.
        unsafe {
            let src = direct_ptr::<u8>(self.frame().start()).add(offset);
            core::ptr::copy_nonoverlapping(src, dst.as_mut_ptr(), dst.len());
        }
    }

    /// Copies bytes in, at `offset`. Panics when they do not lie in the page.
    pub fn write(&self, offset: usize, src: &[u8]) {
        assert!(offset <= PAGE_SIZE && src.len() <= PAGE_SIZE - offset);
        // SAFETY: destination bytes lie in one page that this handle keeps allocated, and no reference into a data
        // page exists anywhere; `src` is a kernel buffer that cannot overlap it.
        unsafe {
            let dst = direct_ptr::<u8>(self.frame().start()).add(offset);
            core::ptr::copy_nonoverlapping(src.as_ptr(), dst, src.len());
        }
    }

    /// Sets bytes from `offset` on. Panics when they do not lie in the page.
    pub fn fill(&self, offset: usize, len: usize, byte: u8) {
        assert!(offset <= PAGE_SIZE && len <= PAGE_SIZE - offset);
        // SAFETY: as for `write`.
        unsafe { direct_ptr::<u8>(self.frame().start()).add(offset).write_bytes(byte, len) };
    }

    /// Overwrites the page with another's bytes.
    pub fn copy_from(&self, other: &Self) {
        if self == other {
            return;
        }
        // SAFETY: two different pages, both kept allocated by their handles, no references into either.
        unsafe { copy_words(direct_ptr(other.frame().start()), direct_ptr(self.frame().start())) };
    }

    /// The address of the page in the direct map, for code of this crate that copies to and from user memory.
    pub(crate) fn as_ptr(&self) -> *mut u8 {
        direct_ptr(self.frame().start())
    }

    /// Gives the count to a page-table entry.
    pub(crate) fn into_frame(self) -> Frame {
        ManuallyDrop::new(self).frame()
    }

    /// Takes over a count that an entry or the allocator gave up.
    pub(crate) fn adopt(frame: Frame) -> Self {
        debug_assert!(meta(frame).is(Kind::Page));
        Self(NonZeroU32::new(number(frame)).expect("frame 0 is never handed out"))
    }

    /// Another handle on a page that an entry keeps alive meanwhile.
    pub(crate) fn retain(frame: Frame) -> Self {
        meta(frame).retain();
        Self::adopt(frame)
    }
}

impl Clone for PageRef {
    fn clone(&self) -> Self {
        Self::retain(self.frame())
    }
}

impl Drop for PageRef {
    fn drop(&mut self) {
        let frame = self.frame();
        if meta(frame).drop_one() {
            super::free_frame(frame);
        }
    }
}

/// Handles are equal when they name the same page.
impl PartialEq for PageRef {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for PageRef {}

impl fmt::Debug for PageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageRef({:#x})", self.0)
    }
}

/// Fills a frame with zeros. The caller owns it.
pub(super) fn zero(frame: Frame) {
    // SAFETY: the frame is RAM in the direct map and, by the callers' ownership, unused.
    unsafe {
        core::arch::asm!("rep stosq", inout("rcx") PAGE_SIZE / 8 => _,
            inout("rdi") direct_ptr::<u64>(frame.start()) => _, in("rax") 0u64, options(nostack, preserves_flags));
    }
}

/// # Safety
/// Both pointers name whole pages in the direct map that stay allocated; `dst` may be written.
unsafe fn copy_words(src: *const u64, dst: *mut u64) {
    // SAFETY: by the caller's contract; the direction flag is clear in the kernel.
    unsafe {
        core::arch::asm!("rep movsq", inout("rcx") PAGE_SIZE / 8 => _, inout("rsi") src => _, inout("rdi") dst => _,
            options(nostack, preserves_flags));
    }
}
