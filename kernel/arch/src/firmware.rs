//! What the ACPI tables say: CPUs, interrupt controllers, HPET, soft-off, reset.
//!
//! Read once by the boot CPU while the boot page tables still map the first 4 GiB, so that neither a heap nor later
//! mappings are needed. (The `acpi` crate needs an unstable allocator interface.) Tables that are missing, lie higher
//! or fail their checksum count as absent; nothing here trusts a length.

use arrayvec::ArrayVec;
use kernel_core::addr::PhysAddr;
use kernel_sync::{MAX_CPUS, Once};

use crate::boot;
use crate::layout;

const HEADER: usize = 36;
const MAX_TABLE: usize = 1 << 20;

/// An IOAPIC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IoApic {
    pub address: PhysAddr,
    pub first_gsi: u32,
}

/// An ISA interrupt that is wired differently from the default (same number, edge, active high).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Override {
    pub isa: u8,
    pub gsi: u32,
    pub active_low: bool,
    pub level: bool,
}

/// How to enter S5: values for the PM1 control registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SoftOff {
    pub port: u16,
    pub kind: u16,
    pub second_port: Option<u16>,
    pub second_kind: u16,
}

/// The tables' content as far as the kernel uses it.
#[derive(Debug, Default)]
pub(crate) struct Firmware {
    pub local_apic: Option<PhysAddr>,
    /// Local APIC ids of usable CPUs.
    pub cpus: ArrayVec<u32, MAX_CPUS>,
    pub io_apics: ArrayVec<IoApic, 4>,
    pub overrides: ArrayVec<Override, 16>,
    pub hpet: Option<PhysAddr>,
    pub century_register: Option<u8>,
    soft_off: Option<SoftOff>,
    reset: Option<(u16, u8)>,
}

static FIRMWARE: Once<Firmware> = Once::new();

/// The tables' content; empty before [`init`].
pub(crate) fn get() -> Option<&'static Firmware> {
    FIRMWARE.get()
}

pub(crate) fn soft_off() -> Option<SoftOff> {
    get()?.soft_off
}

pub(crate) fn reset_register() -> Option<(u16, u8)> {
    get()?.reset
}

/// Reads the tables. The boot page tables are active.
pub(crate) fn init() {
    FIRMWARE.call_once(|| read().unwrap_or_default());
}

fn read() -> Option<Firmware> {
    let (root, entry_size) = root_table()?;
    let mut firmware = Firmware::default();
    for entry in root.get(HEADER..)?.chunks_exact(entry_size) {
        let address = entry.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let Some(table) = table(address) else { continue };
        match &table[..4] {
            b"APIC" => firmware.read_madt(table),
            b"FACP" => firmware.read_fadt(table),
            // Bytes 40: address space (0 = memory), 44: address.
            b"HPET" if table.get(40) == Some(&0) => firmware.hpet = u64_at(table, 44).map(PhysAddr::new),
            _ => {}
        }
    }
    Some(firmware)
}

impl Firmware {
    fn read_madt(&mut self, table: &[u8]) {
        self.local_apic = u32_at(table, 36).map(|address| PhysAddr::new(u64::from(address)));
        let mut rest = table.get(44..).unwrap_or(&[]);
        while let [kind, len, ..] = *rest {
            let Some((entry, next)) = rest.split_at_checked(usize::from(len).max(2)) else { return };
            self.read_madt_entry(kind, entry);
            rest = next;
        }
    }

    fn read_madt_entry(&mut self, kind: u8, entry: &[u8]) {
        match (kind, entry) {
            (0, [_, _, _, apic, flags, ..]) if flags & 1 != 0 => {
                let _ = self.cpus.try_push(u32::from(*apic));
            }
            (1, _) => {
                if let (Some(address), Some(first_gsi)) = (u32_at(entry, 4), u32_at(entry, 8)) {
                    let _ = self.io_apics.try_push(IoApic { address: PhysAddr::new(u64::from(address)), first_gsi });
                }
            }
            (2, [_, _, _, isa, _, _, _, _, flags, ..]) => {
                if let Some(gsi) = u32_at(entry, 4) {
                    let (active_low, level) = (flags & 3 == 3, flags >> 2 & 3 == 3);
                    let _ = self.overrides.try_push(Override { isa: *isa, gsi, active_low, level });
                }
            }
            (5, _) => self.local_apic = u64_at(entry, 4).map(PhysAddr::new),
            _ => {}
        }
    }

    fn read_fadt(&mut self, table: &[u8]) {
        self.century_register = table.get(108).copied().filter(|register| *register != 0);
        // Reset register: flag bit 10, a generic address at 116 (space, width, offset, size, address), value at 128.
        let resets = u32_at(table, 112).is_some_and(|flags| flags & 1 << 10 != 0);
        if resets && table.get(116) == Some(&1) {
            let port = u64_at(table, 120).and_then(|port| u16::try_from(port).ok());
            self.reset = port.zip(table.get(128).copied());
        }
        let port = |offset| u32_at(table, offset).and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
        let dsdt = u32_at(table, 40).and_then(|address| self::table(u64::from(address)));
        if let (Some(port), Some((kind, second_kind))) = (port(64), dsdt.and_then(s5_values)) {
            self.soft_off = Some(SoftOff { port, kind, second_port: self::port_at(table, 68), second_kind });
        }
    }
}

fn port_at(table: &[u8], offset: usize) -> Option<u16> {
    u16::try_from(u32_at(table, offset)?).ok().filter(|port| *port != 0)
}

/// The sleep types in `Name (_S5, Package () { a, b, … })`.
fn s5_values(dsdt: &[u8]) -> Option<(u16, u16)> {
    let at = dsdt.windows(4).position(|name| name == b"_S5_")?;
    let mut rest = dsdt.get(at + 4..)?;
    // Package opcode, package length of 1 to 4 bytes (the top two bits count the extra ones), element count.
    let [0x12, lead, ..] = *rest else { return None };
    rest = rest.get(3 + usize::from(lead >> 6)..)?;
    let first = integer(&mut rest)?;
    let second = integer(&mut rest)?;
    Some((first & 7, second & 7))
}

/// An AML integer constant: ZeroOp, OneOp or a byte.
fn integer(rest: &mut &[u8]) -> Option<u16> {
    let (value, used) = match **rest {
        [0x0a, byte, ..] => (byte, 2),
        [value @ (0 | 1), ..] => (value, 1),
        _ => return None,
    };
    *rest = &rest[used..];
    Some(u16::from(value))
}

/// The XSDT or RSDT, and the size of its entries.
fn root_table() -> Option<(&'static [u8], usize)> {
    let pointer = match boot::info().rsdp {
        Some(address) => boot::early_bytes(address, HEADER)?,
        None => search_for_root_pointer()?,
    };
    if &pointer[..8] != b"RSD PTR " || !sums_to_zero(&pointer[..20]) {
        return None;
    }
    let extended = (pointer[15] >= 2).then(|| u64_at(pointer, 24).and_then(table)).flatten();
    match extended {
        Some(table) => Some((table, 8)),
        None => Some((u32_at(pointer, 16).and_then(|address| table(u64::from(address)))?, 4)),
    }
}

/// The BIOS leaves the root pointer on a 16-byte boundary of 0xe0000..0x100000.
fn search_for_root_pointer() -> Option<&'static [u8]> {
    (0xe_0000..0x10_0000_u64)
        .step_by(16)
        .filter_map(|address| boot::early_bytes(PhysAddr::new(address), HEADER))
        .find(|bytes| &bytes[..8] == b"RSD PTR " && sums_to_zero(&bytes[..20]))
}

fn table(address: u64) -> Option<&'static [u8]> {
    let header = boot::early_bytes(PhysAddr::new(address), HEADER)?;
    let len = usize::try_from(u32_at(header, 4)?).ok()?;
    if !(HEADER..=MAX_TABLE).contains(&len) {
        return None;
    }
    let table = boot::early_bytes(PhysAddr::new(address), len)?;
    sums_to_zero(table).then_some(table)
}

fn sums_to_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == 0
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(offset..offset + 8)?.try_into().ok()?))
}

const _: () = assert!(layout::EARLY_MAPPED == 4 << 30, "tables below 4 GiB are readable");
