//! The interrupt descriptor table, shared by all CPUs.

use kernel_sync::Once;
use x86_64::VirtAddr;
use x86_64::structures::DescriptorTablePointer;

use crate::local::{IST_DEBUG, IST_DOUBLE_FAULT, IST_MACHINE_CHECK, IST_NMI, KERNEL_CODE};

const VECTORS: usize = 256;
const STUB_SIZE: u64 = 16;
const PRESENT_INTERRUPT_GATE: u16 = 0x8e00;
const USER_MAY_RAISE: u16 = 0x6000;

/// A gate as the CPU reads it.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Gate {
    offset_low: u16,
    selector: u16,
    options: u16,
    offset_middle: u16,
    offset_high: u32,
    reserved: u32,
}

#[repr(C, align(16))]
struct Table([Gate; VECTORS]);

static TABLE: Once<Table> = Once::new();

unsafe extern "C" {
    static trap_stubs: u8;
}

/// Makes the running CPU use the table.
pub(crate) fn load() {
    let table = TABLE.call_once(build);
    let limit = u16::try_from(size_of::<Table>() - 1).expect("a table of 4 KiB");
    let pointer = DescriptorTablePointer { limit, base: VirtAddr::from_ptr(table) };
    // SAFETY: the table is complete and lives for ever.
    unsafe { x86_64::instructions::tables::lidt(&pointer) };
}

fn build() -> Table {
    let mut gates = [Gate::default(); VECTORS];
    let mut handler = &raw const trap_stubs as u64;
    for (vector, gate) in gates.iter_mut().enumerate() {
        let ist = match vector {
            1 => IST_DEBUG,
            2 => IST_NMI,
            8 => IST_DOUBLE_FAULT,
            18 => IST_MACHINE_CHECK,
            _ => 0,
        };
        // Breakpoint and overflow are instructions that user code may use.
        let user = if matches!(vector, 3 | 4) { USER_MAY_RAISE } else { 0 };
        let [b0, b1, b2, b3, b4, b5, b6, b7] = handler.to_le_bytes();
        *gate = Gate {
            offset_low: u16::from_le_bytes([b0, b1]),
            selector: KERNEL_CODE,
            options: PRESENT_INTERRUPT_GATE | user | u16::from(ist),
            offset_middle: u16::from_le_bytes([b2, b3]),
            offset_high: u32::from_le_bytes([b4, b5, b6, b7]),
            reserved: 0,
        };
        handler += STUB_SIZE;
    }
    Table(gates)
}
