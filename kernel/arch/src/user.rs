//! User memory: copies between the kernel and the running address space, through one exception table.
//!
//! A user address is a claim. Every copy checks the range, opens user memory for its duration (SMAP), and answers a
//! fault that nobody resolves with [`UserFault`]. The page-fault hook is asked first, except in the `_partial` copies
//! and under [`no_fault`]: those are for use under locks, and where interrupts are off.

mod access;

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::sync::atomic::Ordering;

use kernel_core::addr::{PAGE_SIZE, USER_END, VirtAddr};

use crate::frame::PageRef;
use crate::local;
pub use access::{AtomicOp, cmpxchg_u32, fetch_op_u32, load_u32};

/// The user's memory is not there, or not permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserFault;

impl From<UserFault> for abi::Errno {
    fn from(_: UserFault) -> Self {
        Self::EFAULT
    }
}

/// A type that user memory may hold: any bytes are a value, and none of its bytes is padding.
///
/// # Safety
/// Every bit pattern is a valid value, and copying the value out shows no uninitialised bytes.
pub unsafe trait Plain: Copy + 'static {}

macro_rules! plain {
    ($($name:ty),* $(,)?) => {
        $(
            // SAFETY: integers, and C structs of integers whose padding is spelled out as fields.
            unsafe impl Plain for $name {}
        )*
    };
}

plain!(u8, i8, u16, i16, u32, i32, u64, i64, usize, isize);

// SAFETY: an array has no padding of its own.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// Copies `dst.len()` bytes from user memory.
///
/// # Errors
/// Part of the range is not readable user memory; `dst` then holds what came before it.
pub fn copy_in(dst: &mut [u8], src: VirtAddr) -> Result<(), UserFault> {
    check(src, dst.len())?;
    // SAFETY: the user range is checked, and `dst` is ours.
    let left = unsafe { access::copy(dst.as_mut_ptr() as u64, src.as_u64(), dst.len()) };
    if left == 0 { Ok(()) } else { Err(UserFault) }
}

/// Copies all of `src` to user memory.
///
/// # Errors
/// Part of the range is not writable user memory; what comes before it has been written.
pub fn copy_out(dst: VirtAddr, src: &[u8]) -> Result<(), UserFault> {
    check(dst, src.len())?;
    // SAFETY: the user range is checked, and `src` is ours.
    let left = unsafe { access::copy(dst.as_u64(), src.as_ptr() as u64, src.len()) };
    if left == 0 { Ok(()) } else { Err(UserFault) }
}

/// Writes zeroes to user memory.
///
/// # Errors
/// As for [`copy_out`].
pub fn zero_out(dst: VirtAddr, len: usize) -> Result<(), UserFault> {
    check(dst, len)?;
    // SAFETY: the user range is checked.
    let left = unsafe { access::zero(dst.as_u64(), len) };
    if left == 0 { Ok(()) } else { Err(UserFault) }
}

/// Copies what is present from user memory, never faulting in; how many bytes came.
pub fn copy_in_partial(dst: &mut [u8], src: VirtAddr) -> usize {
    let len = dst.len().min(user_bytes_from(src));
    let _guard = no_fault();
    // SAFETY: the user range is cut to user space, and `dst` is ours.
    len - unsafe { access::copy(dst.as_mut_ptr() as u64, src.as_u64(), len) }
}

/// Copies to user memory as far as it is present, never faulting in; how many bytes went.
pub fn copy_out_partial(dst: VirtAddr, src: &[u8]) -> usize {
    let len = src.len().min(user_bytes_from(dst));
    let _guard = no_fault();
    // SAFETY: the user range is cut to user space, and `src` is ours.
    len - unsafe { access::copy(dst.as_u64(), src.as_ptr() as u64, len) }
}

/// As [`copy_out_partial`], from `len` bytes at `offset` of a page. Panics when they do not lie in the page.
pub fn copy_out_page_partial(dst: VirtAddr, page: &PageRef, offset: usize, len: usize) -> usize {
    assert!(offset <= PAGE_SIZE && len <= PAGE_SIZE - offset);
    let len = len.min(user_bytes_from(dst));
    let _guard = no_fault();
    // SAFETY: the user range is cut to user space, and the handle keeps the page, in which the bytes lie.
    len - unsafe { access::copy(dst.as_u64(), page.as_ptr() as u64 + offset as u64, len) }
}

/// As [`copy_in_partial`], to `len` bytes at `offset` of a page. Panics when they do not lie in the page.
pub fn copy_in_page_partial(page: &PageRef, offset: usize, src: VirtAddr, len: usize) -> usize {
    assert!(offset <= PAGE_SIZE && len <= PAGE_SIZE - offset);
    let len = len.min(user_bytes_from(src));
    let _guard = no_fault();
    // SAFETY: the user range is cut to user space, and the handle keeps the page, in which the bytes lie.
    len - unsafe { access::copy(page.as_ptr() as u64 + offset as u64, src.as_u64(), len) }
}

/// Copies a NUL-terminated string without its NUL; its length. `dst.len()` when there is no NUL in that many bytes.
///
/// # Errors
/// The string runs into memory that is not readable before its NUL.
pub fn copy_str(dst: &mut [u8], src: VirtAddr) -> Result<usize, UserFault> {
    const PAGE: usize = kernel_core::addr::PAGE_SIZE;
    let mut done = 0;
    while done < dst.len() {
        let at = src.checked_add(done as u64).ok_or(UserFault)?;
        // Up to the page's end: the next page need not exist when the NUL comes before it.
        let len = (dst.len() - done).min(PAGE - at.page_offset());
        let chunk = &mut dst[done..done + len];
        copy_in(chunk, at)?;
        if let Some(end) = chunk.iter().position(|byte| *byte == 0) {
            return Ok(done + end);
        }
        done += len;
    }
    Ok(done)
}

/// Reads a value.
///
/// # Errors
/// It does not lie in readable user memory.
pub fn read<T: Plain>(src: VirtAddr) -> Result<T, UserFault> {
    let mut value = MaybeUninit::<T>::uninit();
    check(src, size_of::<T>())?;
    // SAFETY: the user range is checked, and the value's storage is ours.
    let left = unsafe { access::copy(value.as_mut_ptr() as u64, src.as_u64(), size_of::<T>()) };
    if left != 0 {
        return Err(UserFault);
    }
    // SAFETY: every byte was written, and any bytes are a value of a `Plain` type.
    Ok(unsafe { value.assume_init() })
}

/// Writes a value.
///
/// # Errors
/// It does not lie in writable user memory.
pub fn write<T: Plain>(dst: VirtAddr, value: T) -> Result<(), UserFault> {
    check(dst, size_of::<T>())?;
    // SAFETY: the user range is checked; a `Plain` value has no uninitialised bytes.
    let left = unsafe { access::copy(dst.as_u64(), (&raw const value) as u64, size_of::<T>()) };
    if left == 0 { Ok(()) } else { Err(UserFault) }
}

/// The bytes of a value, as a copy to user memory would write them.
#[must_use]
pub fn as_bytes<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: a `Plain` value has no uninitialised bytes.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast(), size_of::<T>()) }
}

/// While this lives, user copies on this CPU answer a missing page with [`UserFault`]. The holder must not sleep.
#[must_use = "copies may fault again when the guard is dropped"]
pub struct NoFaultGuard(PhantomData<*mut ()>);

/// Forbids faulting in; see [`NoFaultGuard`].
pub fn no_fault() -> NoFaultGuard {
    local::this().no_fault.fetch_add(1, Ordering::Relaxed);
    NoFaultGuard(PhantomData)
}

impl Drop for NoFaultGuard {
    fn drop(&mut self) {
        local::this().no_fault.fetch_sub(1, Ordering::Relaxed);
    }
}

fn check(start: VirtAddr, len: usize) -> Result<(), UserFault> {
    if len <= user_bytes_from(start) { Ok(()) } else { Err(UserFault) }
}

fn user_bytes_from(start: VirtAddr) -> usize {
    USER_END.saturating_sub(start.as_u64()) as usize
}
