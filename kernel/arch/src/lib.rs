//! The machine: boot entry, traps, system-call entry, context switch, paging, user copy, interrupt controllers,
//! clocks, further CPUs, power.
//!
//! Layers, lowest first: [`layout`] and [`boot`]; `local` (the per-CPU block) with [`trap`] and [`syscall`];
//! [`frame`], [`heap`], [`paging`] and [`vmap`] (memory); `firmware` (ACPI tables), `apic`, [`irq`], [`clock`] and
//! [`smp`]; [`context`], [`fpu`] and [`user`] (threads and their memory); [`dev`] (driver shims); [`power`],
//! [`backtrace`] and the panic handler. Calls upward go through [`trap::Hooks`] only.
//!
//! On the host only the parts without hardware are built, for their tests.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

#[cfg(target_os = "none")]
mod apic;
#[cfg(target_os = "none")]
pub mod backtrace;
#[cfg(target_os = "none")]
pub mod boot;
#[cfg(target_os = "none")]
pub mod clock;
#[cfg(target_os = "none")]
pub mod context;
#[cfg(target_os = "none")]
pub mod cpu;
#[cfg(target_os = "none")]
pub mod dev;
#[cfg(target_os = "none")]
mod firmware;
#[cfg(target_os = "none")]
pub mod fpu;
#[cfg(target_os = "none")]
pub mod frame;
#[cfg(target_os = "none")]
pub mod heap;
pub mod identity;
#[cfg(target_os = "none")]
mod ioapic;
#[cfg(target_os = "none")]
pub mod irq;
#[cfg(all(target_os = "none", feature = "ktest"))]
pub mod ktest;
pub mod layout;
#[cfg(target_os = "none")]
mod local;
pub mod memory_map;
#[cfg(target_os = "none")]
pub mod paging;
#[cfg(target_os = "none")]
mod panic;
#[cfg(target_os = "none")]
mod pic;
#[cfg(target_os = "none")]
pub mod power;
#[cfg(target_os = "none")]
pub mod serial;
#[cfg(target_os = "none")]
pub mod smp;
pub mod stack_switch;
#[cfg(target_os = "none")]
pub mod syscall;
#[cfg(all(target_os = "none", feature = "ktest"))]
pub mod tests;
#[cfg(target_os = "none")]
pub mod trap;
#[cfg(target_os = "none")]
pub mod user;
#[cfg(target_os = "none")]
pub mod vmap;

/// Names the image's own start: `fn() -> !`, called on the boot CPU's stack with interrupts off.
#[cfg(target_os = "none")]
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[unsafe(no_mangle)]
        extern "Rust" fn exo_main() -> ! {
            $main()
        }
    };
}

/// Sets interrupt controllers and clocks up. Needs frames, the heap and the kernel's own page tables; interrupts stay
/// off.
#[cfg(target_os = "none")]
pub fn init_platform() {
    boot::guard_stack();
    apic::init();
    irq::init();
    clock::init();
}
