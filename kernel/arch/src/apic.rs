//! The local APIC of each CPU: interprocessor interrupts, the one-shot timer, acknowledgement.

use core::sync::atomic::Ordering;

use kernel_core::addr::PhysAddr;
use kernel_sync::Once;

use crate::irq::{VECTOR_SPURIOUS, VECTOR_TIMER};
use crate::vmap::{self, Mmio};
use crate::{cpu, firmware, local};

const DEFAULT_ADDRESS: u64 = 0xfee0_0000;
const REGISTERS_SIZE: usize = 0x400;

const ID: usize = 0x20;
const TASK_PRIORITY: usize = 0x80;
const END_OF_INTERRUPT: usize = 0xb0;
const SPURIOUS: usize = 0xf0;
const COMMAND_LOW: usize = 0x300;
const COMMAND_HIGH: usize = 0x310;
const LVT_TIMER: usize = 0x320;
const LVT_LINT0: usize = 0x350;
const LVT_LINT1: usize = 0x360;
const LVT_ERROR: usize = 0x370;
const TIMER_INITIAL: usize = 0x380;
const TIMER_CURRENT: usize = 0x390;
const TIMER_DIVIDE: usize = 0x3e0;

const ENABLED: u32 = 1 << 8;
const MASKED: u32 = 1 << 16;
const DELIVER_EXTERNAL: u32 = 7 << 8;
const DELIVER_NMI: u32 = 4 << 8;
const DELIVER_INIT: u32 = 5 << 8;
const DELIVER_STARTUP: u32 = 6 << 8;
const ASSERT: u32 = 1 << 14;
const ALL_BUT_SELF: u32 = 3 << 18;
const PENDING: u32 = 1 << 12;
const DIVIDE_BY_16: u32 = 3;

static REGISTERS: Once<Mmio> = Once::new();

/// Maps the registers and sets the boot CPU's APIC up. Without an IOAPIC the PICs stay connected through LINT0.
pub(crate) fn init() {
    let address =
        firmware::get().and_then(|firmware| firmware.local_apic).unwrap_or(PhysAddr::new(DEFAULT_ADDRESS));
    REGISTERS.call_once(|| vmap::map_mmio(address, REGISTERS_SIZE).expect("memory to map the local APIC at boot"));
    init_cpu();
}

/// Sets the running CPU's APIC up.
pub(crate) fn init_cpu() {
    let Some(registers) = REGISTERS.get() else { return };
    let with_pics = cpu::id() == 0 && firmware::get().is_none_or(|firmware| firmware.io_apics.is_empty());
    registers.write32(SPURIOUS, ENABLED | u32::from(VECTOR_SPURIOUS));
    registers.write32(LVT_LINT0, if with_pics { DELIVER_EXTERNAL } else { MASKED });
    registers.write32(LVT_LINT1, DELIVER_NMI);
    registers.write32(LVT_ERROR, MASKED);
    registers.write32(TIMER_DIVIDE, DIVIDE_BY_16);
    registers.write32(LVT_TIMER, u32::from(VECTOR_TIMER));
    registers.write32(TASK_PRIORITY, 0);
    local::this().apic_id.store(registers.read32(ID) >> 24, Ordering::Relaxed);
}

/// Acknowledges the interrupt in service.
#[inline]
pub(crate) fn end_of_interrupt() {
    if let Some(registers) = REGISTERS.get() {
        registers.write32(END_OF_INTERRUPT, 0);
    }
}

/// Starts this CPU's timer: an interrupt after `ticks`; 0 stops it.
pub(crate) fn start_timer(ticks: u32) {
    if let Some(registers) = REGISTERS.get() {
        registers.write32(TIMER_INITIAL, ticks);
    }
}

/// Ticks left of the running timer.
pub(crate) fn timer_left() -> u32 {
    REGISTERS.get().map_or(0, |registers| registers.read32(TIMER_CURRENT))
}

/// Sends an interrupt to another CPU.
pub(crate) fn send(cpu: usize, vector: u8) {
    if let Some(target) = local::of(cpu) {
        command(target.apic_id.load(Ordering::Relaxed), u32::from(vector) | ASSERT);
    }
}

/// Stops every other CPU by a non-maskable interrupt; see `panic::nmi`.
pub(crate) fn stop_others() {
    if cpu::count() > 1 {
        command(0, DELIVER_NMI | ASSERT | ALL_BUT_SELF);
    }
}

/// Puts a CPU into its waiting-for-start state.
pub(crate) fn send_init(apic_id: u32) {
    command(apic_id, DELIVER_INIT | ASSERT);
}

/// Starts a waiting CPU in real mode at page number `page`.
pub(crate) fn send_startup(apic_id: u32, page: u8) {
    command(apic_id, DELIVER_STARTUP | ASSERT | u32::from(page));
}


fn command(apic_id: u32, command: u32) {
    let Some(registers) = REGISTERS.get() else { return };
    // Both halves belong together: an interrupt handler on this CPU may send as well.
    let _irq = kernel_sync::irq::disable();
    while registers.read32(COMMAND_LOW) & PENDING != 0 {
        cpu::relax();
    }
    registers.write32(COMMAND_HIGH, apic_id << 24);
    registers.write32(COMMAND_LOW, command);
}
