//! The instructions that touch user memory, each with its entry in the exception table.

use core::arch::asm;
use core::sync::atomic::Ordering;

use kernel_core::addr::{USER_END, VirtAddr};

use super::UserFault;
use crate::cpu::SMAP_ENABLED;

/// Opens user memory to the kernel while it lives, where the CPU closes it.
struct Open(bool);

impl Open {
    #[inline(always)]
    fn new() -> Self {
        let smap = SMAP_ENABLED.load(Ordering::Relaxed);
        if smap {
            // SAFETY: lets supervisor code reach user pages until the guard is dropped; changes nothing else.
            unsafe { asm!("stac", options(nostack)) };
        }
        Self(smap)
    }
}

impl Drop for Open {
    #[inline(always)]
    fn drop(&mut self) {
        if self.0 {
            // SAFETY: ends what new() began.
            unsafe { asm!("clac", options(nostack)) };
        }
    }
}

/// Copies `len` bytes; how many are left. A fault in the word copy goes on byte by byte up to the faulting one.
///
/// # Safety
/// Each side is either a checked user range or kernel memory that is ours to read or write.
#[inline]
pub(super) unsafe fn copy(dst: u64, src: u64, len: usize) -> usize {
    let _open = Open::new();
    let left;
    // SAFETY: the ranges are the caller's promise; faults end at the fixups.
    unsafe {
        asm!(
            "mov {tail}, rcx",
            "and {tail}, 7",
            "shr rcx, 3",
            "2: rep movsq",
            "mov rcx, {tail}",
            "3: rep movsb",
            "jmp 5f",
            "4: lea rcx, [{tail} + rcx * 8]",
            "jmp 3b",
            "5:",
            ".pushsection .ex_table, \"a\"",
            ".quad 2b, 4b",
            ".quad 3b, 5b",
            ".popsection",
            tail = out(reg) _,
            inout("rcx") len => left,
            inout("rdi") dst => _,
            inout("rsi") src => _,
            options(nostack),
        );
    }
    left
}

/// Zeroes `len` bytes; how many are left.
///
/// # Safety
/// The range is a checked user range.
#[inline]
pub(super) unsafe fn zero(dst: u64, len: usize) -> usize {
    let _open = Open::new();
    let left;
    // SAFETY: as for copy().
    unsafe {
        asm!(
            "mov {tail}, rcx",
            "and {tail}, 7",
            "shr rcx, 3",
            "2: rep stosq",
            "mov rcx, {tail}",
            "3: rep stosb",
            "jmp 5f",
            "4: lea rcx, [{tail} + rcx * 8]",
            "jmp 3b",
            "5:",
            ".pushsection .ex_table, \"a\"",
            ".quad 2b, 4b",
            ".quad 3b, 5b",
            ".popsection",
            tail = out(reg) _,
            inout("rcx") len => left,
            inout("rdi") dst => _,
            in("rax") 0,
            options(nostack),
        );
    }
    left
}

/// One instruction on a user word, with its entry in the exception table; 0, or 1 when it faulted.
macro_rules! guarded {
    ($instruction:literal, $($operand:tt)*) => {{
        let fault: u32;
        asm!(
            concat!("2: ", $instruction),
            "xor {fault:e}, {fault:e}",
            "jmp 4f",
            "3: mov {fault:e}, 1",
            "4:",
            ".pushsection .ex_table, \"a\"",
            ".quad 2b, 3b",
            ".popsection",
            fault = out(reg) fault,
            $($operand)*,
            options(nostack),
        );
        fault
    }};
}

/// Reads an aligned 32-bit word at once.
///
/// # Errors
/// It is not aligned, or not in readable user memory.
pub fn load_u32(address: VirtAddr) -> Result<u32, UserFault> {
    let pointer = word(address)?;
    let _open = Open::new();
    let value: u32;
    // SAFETY: a checked user word; a fault ends at the fixup.
    let fault = unsafe { guarded!("mov {value:e}, [{pointer}]", pointer = in(reg) pointer, value = out(reg) value) };
    if fault == 0 { Ok(value) } else { Err(UserFault) }
}

/// Stores `new` in an aligned 32-bit word if it holds `old`; what it held.
///
/// # Errors
/// As for [`load_u32`], of writable memory.
pub fn cmpxchg_u32(address: VirtAddr, old: u32, new: u32) -> Result<u32, UserFault> {
    let pointer = word(address)?;
    let _open = Open::new();
    let value: u32;
    // SAFETY: as in load_u32().
    let fault = unsafe {
        guarded!("lock cmpxchg [{pointer}], {new:e}", pointer = in(reg) pointer, new = in(reg) new, inout("eax") old => value)
    };
    if fault == 0 { Ok(value) } else { Err(UserFault) }
}

/// What [`fetch_op_u32`] does to the word; the operations of `FUTEX_WAKE_OP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtomicOp {
    /// Stores the operand.
    Set,
    /// Adds it.
    Add,
    /// Sets its bits.
    Or,
    /// Clears its bits.
    AndNot,
    /// Flips its bits.
    Xor,
}

/// Changes an aligned 32-bit word in one step; what it held before.
///
/// # Errors
/// As for [`cmpxchg_u32`].
pub fn fetch_op_u32(address: VirtAddr, op: AtomicOp, operand: u32) -> Result<u32, UserFault> {
    let mut old = load_u32(address)?;
    loop {
        let new = match op {
            AtomicOp::Set => operand,
            AtomicOp::Add => old.wrapping_add(operand),
            AtomicOp::Or => old | operand,
            AtomicOp::AndNot => old & !operand,
            AtomicOp::Xor => old ^ operand,
        };
        let found = cmpxchg_u32(address, old, new)?;
        if found == old {
            return Ok(old);
        }
        old = found;
    }
}

fn word(address: VirtAddr) -> Result<u64, UserFault> {
    if address.is_aligned(4) && address.as_u64() < USER_END { Ok(address.as_u64()) } else { Err(UserFault) }
}
