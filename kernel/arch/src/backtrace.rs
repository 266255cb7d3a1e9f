//! Backtraces: return addresses along the frame pointers, names from the symbols that the build puts into the image.

use core::fmt;

use crate::layout;

const MAX_FRAMES: usize = 32;
/// Frame pointers of one stack lie within this.
const STACK_SPAN: u64 = 64 * 1024;
const MAGIC: u32 = 0x4d59_534b;

unsafe extern "C" {
    static __text_start: u8;
    static __text_end: u8;
    static __ksyms_start: u8;
    static __ksyms_end: u8;
}

/// Calls `each` with the return addresses from the caller's frame outwards.
#[inline(never)]
pub fn here(each: impl FnMut(u64)) {
    let rbp: u64;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mov {}, rbp", out(reg) rbp, options(nomem, nostack, preserves_flags)) };
    from(rbp, each);
}

/// Calls `each` with the return addresses from frame pointer `rbp` outwards; stops where the chain leaves the stack.
pub fn from(mut rbp: u64, mut each: impl FnMut(u64)) {
    let limit = rbp.saturating_add(STACK_SPAN);
    for _ in 0..MAX_FRAMES {
        if rbp < layout::DIRECT_MAP || !rbp.is_multiple_of(8) || rbp >= limit {
            return;
        }
        // SAFETY: within one stack's span above a live frame pointer, in kernel space; a broken chain at worst faults
        // inside a panic, which ends that panic.
        let (next, address) = unsafe { (*(rbp as *const u64), *((rbp + 8) as *const u64)) };
        if !is_text(address) {
            return;
        }
        each(address);
        if next <= rbp {
            return;
        }
        rbp = next;
    }
}

/// An address with its function and offset, when the image has symbols.
pub struct Symbol(pub u64);

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match find(self.0) {
            Some((name, offset)) => write!(f, "{:#x} {name}+{offset:#x}", self.0),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

fn is_text(address: u64) -> bool {
    (&raw const __text_start as u64..&raw const __text_end as u64).contains(&address)
}

/// The symbol table: magic, count, `count` pairs of (address offset, name offset), names ending in NUL.
fn find(address: u64) -> Option<(&'static str, u64)> {
    let start = &raw const __ksyms_start;
    let len = &raw const __ksyms_end as usize - start as usize;
    // SAFETY: the linker script brackets the section with these symbols; it is constant.
    let blob: &'static [u8] = unsafe { core::slice::from_raw_parts(start, len) };
    let word = |index: usize| -> Option<u32> {
        let bytes = blob.get(index * 4..index * 4 + 4)?;
        Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    if word(0)? != MAGIC || !is_text(address) {
        return None;
    }
    let wanted = u32::try_from(address - layout::KERNEL_BASE).ok()?;
    let (mut low, mut high) = (0, word(1)? as usize);
    while low < high {
        let middle = low.midpoint(high);
        if word(2 + 2 * middle)? <= wanted {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let index = low.checked_sub(1)?;
    let name = blob.get(word(3 + 2 * index)? as usize..)?;
    let end = name.iter().position(|byte| *byte == 0)?;
    let name = core::str::from_utf8(&name[..end]).ok()?;
    Some((name, u64::from(wanted - word(2 + 2 * index)?)))
}
