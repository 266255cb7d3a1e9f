//! The running CPU: features, control registers, halting, thread pointers.

use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use kernel_sync::Once;
use x86_64::VirtAddr;
use x86_64::instructions::interrupts;
use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags};
use x86_64::registers::model_specific::{FsBase, KernelGsBase};
use x86_64::structures::DescriptorTablePointer;

use crate::{fpu, local, smp, syscall, trap};

/// Whether user memory is closed to the kernel outside user copies; read by trap entry.
pub(crate) static SMAP_ENABLED: AtomicBool = AtomicBool::new(false);
pub(crate) static ONLINE: AtomicU32 = AtomicU32::new(1);
static FEATURES: Once<Features> = Once::new();

/// What this machine's CPUs have, beyond x86-64's base.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "each field is the feature of that name")]
pub struct Features {
    pub nx: bool,
    pub gigabyte_pages: bool,
    pub pcid: bool,
    pub smep: bool,
    pub smap: bool,
    pub umip: bool,
    pub fsgsbase: bool,
    pub xsave: bool,
    pub avx: bool,
    pub rdrand: bool,
    pub rdseed: bool,
    pub rdtscp: bool,
    pub invariant_tsc: bool,
    pub hypervisor: bool,
    /// CPUID 1 EDX, which programs get as `AT_HWCAP`.
    pub hwcap: u32,
}

impl Features {
    fn detect() -> Self {
        let bit = |word: u32, index: u32| word & 1 << index != 0;
        let base = __cpuid(1);
        let extended = if __cpuid(0).eax >= 7 { __cpuid_count(7, 0) } else { __cpuid(0x8000_0000_u32 + 0xff) };
        let structured = __cpuid(0).eax >= 7;
        let amd = __cpuid(0x8000_0001);
        let power = if __cpuid(0x8000_0000).eax >= 0x8000_0007 { __cpuid(0x8000_0007).edx } else { 0 };
        Self {
            nx: bit(amd.edx, 20),
            gigabyte_pages: bit(amd.edx, 26),
            pcid: bit(base.ecx, 17),
            smep: structured && bit(extended.ebx, 7),
            smap: structured && bit(extended.ebx, 20),
            umip: structured && bit(extended.ecx, 2),
            fsgsbase: structured && bit(extended.ebx, 0),
            xsave: bit(base.ecx, 26),
            avx: bit(base.ecx, 26) && bit(base.ecx, 28),
            rdrand: bit(base.ecx, 30),
            rdseed: structured && bit(extended.ebx, 18),
            rdtscp: bit(amd.edx, 27),
            invariant_tsc: bit(power, 8),
            hypervisor: bit(base.ecx, 31),
            hwcap: base.edx,
        }
    }
}

/// What the CPUs have.
pub fn features() -> &'static Features {
    FEATURES.call_once(Features::detect)
}

/// The running CPU's index.
#[must_use]
pub fn id() -> usize {
    kernel_sync::cpu::id()
}

/// CPUs that run.
#[must_use]
pub fn count() -> usize {
    ONLINE.load(Ordering::Relaxed) as usize
}

/// Sets the boot CPU up: GS, GDT, TSS, IDT, control registers, `SYSCALL`.
pub(crate) fn init_boot_cpu() {
    local::install_boot();
    init_cpu();
}

/// Sets the running CPU's registers up; its [`local`] block is installed.
pub(crate) fn init_cpu() {
    trap::load_idt();
    let features = features();
    let mut cr4 = Cr4Flags::PHYSICAL_ADDRESS_EXTENSION
        | Cr4Flags::PAGE_GLOBAL
        | Cr4Flags::OSFXSR
        | Cr4Flags::OSXMMEXCPT_ENABLE;
    cr4.set(Cr4Flags::OSXSAVE, features.xsave);
    cr4.set(Cr4Flags::FSGSBASE, features.fsgsbase);
    cr4.set(Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION, features.umip);
    cr4.set(Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION, features.smep);
    cr4.set(Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION, features.smap);
    // SAFETY: only features that the CPU has; paging stays as it is, and no kernel code relies on what they forbid.
    unsafe {
        Cr0::write(
            Cr0Flags::PAGING
                | Cr0Flags::WRITE_PROTECT
                | Cr0Flags::NUMERIC_ERROR
                | Cr0Flags::EXTENSION_TYPE
                | Cr0Flags::MONITOR_COPROCESSOR
                | Cr0Flags::PROTECTED_MODE_ENABLE,
        );
        Cr4::write(cr4);
    }
    SMAP_ENABLED.store(features.smap, Ordering::Relaxed);
    fpu::init_cpu();
    syscall::init_cpu();
}

/// Turns interrupts on and halts until one came, without a gap between the two; interrupts are off again on return
/// if they were off before.
pub fn halt_until_interrupt() {
    let were_enabled = interrupts::are_enabled();
    interrupts::enable_and_hlt();
    if !were_enabled {
        interrupts::disable();
    }
}

/// Tells the CPU that this is a spin loop.
#[inline]
pub fn relax() {
    core::hint::spin_loop();
}

/// Asks another CPU to reschedule.
pub fn kick(cpu: usize) {
    smp::kick(cpu);
}

/// Starts every other CPU; each runs `entry` on a stack of its own, interrupts off.
pub fn start_others(entry: fn() -> !) {
    smp::start_others(entry);
}

/// Halts this CPU for good.
pub fn halt_forever() -> ! {
    interrupts::disable();
    loop {
        x86_64::instructions::hlt();
    }
}

/// Resets the machine by a fault that no table can handle.
pub(crate) fn triple_fault() -> ! {
    let empty = DescriptorTablePointer { limit: 0, base: VirtAddr::zero() };
    // SAFETY: the empty table makes the next exception a shutdown, which is the purpose.
    unsafe {
        x86_64::instructions::tables::lidt(&empty);
        asm!("ud2", options(noreturn));
    }
}

/// The time-stamp counter.
#[inline]
#[must_use]
pub fn rdtsc() -> u64 {
    // SAFETY: every x86-64 CPU has it, and CR4.TSD is clear.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The running thread's FS base, its thread pointer.
#[must_use]
pub fn user_fs() -> u64 {
    FsBase::read().as_u64()
}

/// Sets the running thread's FS base. The address is a canonical user address: the caller has checked.
pub fn set_user_fs(base: u64) {
    FsBase::write(VirtAddr::new_truncate(base));
}

/// The running thread's user GS base.
#[must_use]
pub fn user_gs() -> u64 {
    KernelGsBase::read().as_u64()
}

/// Sets the running thread's user GS base; see [`set_user_fs`].
pub fn set_user_gs(base: u64) {
    KernelGsBase::write(VirtAddr::new_truncate(base));
}
