//! Ways to end: debug exit, ACPI power-off, reset.

use crate::cpu;
use crate::firmware;
use x86_64::instructions::port::Port;

/// Orderly end or passed tests (QEMU exits with 33).
pub const EXIT_ORDERLY: u8 = 0x10;
/// Failed in-kernel tests (35).
pub const EXIT_TESTS_FAILED: u8 = 0x11;
/// Kernel panic (37).
pub const EXIT_PANIC: u8 = 0x12;

const DEBUG_EXIT_PORT: u16 = 0xf4;
const SLEEP_ENABLE: u16 = 1 << 13;

/// Ends QEMU with `(code << 1) | 1` where `isa-debug-exit` is present; else does nothing.
pub fn debug_exit(code: u8) {
    // SAFETY: the port is QEMU's isa-debug-exit or nobody's.
    unsafe { Port::<u32>::new(DEBUG_EXIT_PORT).write(u32::from(code)) };
}

/// Powers the machine off: debug exit, then ACPI S5, then the fixed ports of QEMU machines; halts when nothing works.
pub fn off() -> ! {
    debug_exit(EXIT_ORDERLY);
    if let Some(sleep) = firmware::soft_off() {
        // SAFETY: port and value come from the FADT and the DSDT; the write powers off.
        unsafe { Port::<u16>::new(sleep.port).write(sleep.kind << 10 | SLEEP_ENABLE) };
        if let Some(second) = sleep.second_port {
            // SAFETY: as above.
            unsafe { Port::<u16>::new(second).write(sleep.second_kind << 10 | SLEEP_ENABLE) };
        }
    }
    cpu::halt_forever()
}

/// Resets the machine: the ACPI reset register, the 0xcf9 port, the keyboard controller, a triple fault.
pub fn reboot() -> ! {
    if let Some((port, value)) = firmware::reset_register() {
        // SAFETY: port and value come from the FADT; the write resets.
        unsafe { Port::<u8>::new(port).write(value) };
    }
    // SAFETY: both writes reset the machine where the port exists and do nothing else where it does not.
    unsafe {
        Port::<u8>::new(0xcf9).write(0x06);
        Port::<u8>::new(0x64).write(0xfe);
    }
    for _ in 0..1_000_000 {
        cpu::relax();
    }
    cpu::triple_fault()
}
