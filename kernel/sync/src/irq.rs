//! Interrupts of this CPU, off while a guard lives. On the host there are none.

use core::marker::PhantomData;

/// Keeps interrupts off on this CPU; dropping it restores what was before.
#[must_use = "interrupts come back on when the guard is dropped"]
pub struct IrqGuard {
    #[cfg(target_os = "none")]
    was_enabled: bool,
    _not_send: PhantomData<*mut ()>,
}

/// Turns interrupts off on this CPU until the guard is dropped. Guards nest.
#[inline]
pub fn disable() -> IrqGuard {
    #[cfg(target_os = "none")]
    let was_enabled = enabled();
    #[cfg(target_os = "none")]
    // SAFETY: turning interrupts off only delays handlers; the compiler must not move memory accesses across it
    // (no `nomem`).
    unsafe {
        core::arch::asm!("cli", options(nostack));
    }
    IrqGuard {
        #[cfg(target_os = "none")]
        was_enabled,
        _not_send: PhantomData,
    }
}

/// Whether interrupts reach this CPU now.
#[inline]
pub fn enabled() -> bool {
    #[cfg(target_os = "none")]
    {
        let flags: u64;
        // SAFETY: reads RFLAGS through the stack, changes nothing.
        unsafe {
            core::arch::asm!("pushfq", "pop {}", out(reg) flags, options(preserves_flags));
        }
        flags & 1 << 9 != 0
    }
    #[cfg(not(target_os = "none"))]
    true
}

impl Drop for IrqGuard {
    #[inline]
    fn drop(&mut self) {
        #[cfg(target_os = "none")]
        if self.was_enabled {
            // SAFETY: interrupts were on when the guard was made, so handlers may run here.
            unsafe {
                core::arch::asm!("sti", options(nostack));
            }
        }
    }
}
