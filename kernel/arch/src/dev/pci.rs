//! PCI: configuration space by its two ports, and the walk over buses and bridges.

use alloc::vec::Vec;
use kernel_sync::{IrqLock, Rank};
use virtio_drivers::transport::pci::bus::{
    Command, ConfigurationAccess, DeviceFunction, DeviceFunctionInfo, HeaderType, PciRoot,
};
use x86_64::instructions::port::Port;

const ADDRESS_PORT: u16 = 0xcf8;
const DATA_PORT: u16 = 0xcfc;
const ENABLE: u32 = 1 << 31;
/// Register of the secondary bus of a bridge (second byte).
const BUS_NUMBERS: u8 = 0x18;
/// Register of the interrupt line (first byte).
const INTERRUPT: u8 = 0x3c;

/// The address and data ports belong together.
static PORTS: IrqLock<()> = IrqLock::new(Rank::DEVICE, ());

/// Access to configuration space by ports.
#[derive(Clone, Copy, Debug)]
pub struct PortAccess;

impl PortAccess {
    fn select(device: DeviceFunction, register: u8) {
        let address = u32::from(device.bus) << 16
            | u32::from(device.device) << 11
            | u32::from(device.function) << 8
            | u32::from(register & 0xfc);
        // SAFETY: the port selects a configuration register, nothing else; PORTS is held.
        unsafe { Port::new(ADDRESS_PORT).write(ENABLE | address) };
    }
}

impl ConfigurationAccess for PortAccess {
    fn read_word(&self, device: DeviceFunction, register: u8) -> u32 {
        let _ports = PORTS.lock();
        Self::select(device, register);
        // SAFETY: reads the selected configuration register.
        unsafe { Port::new(DATA_PORT).read() }
    }

    fn write_word(&mut self, device: DeviceFunction, register: u8, data: u32) {
        let _ports = PORTS.lock();
        Self::select(device, register);
        // SAFETY: writes the selected configuration register; what that causes is the driver's concern.
        unsafe { Port::new(DATA_PORT).write(data) };
    }

    unsafe fn unsafe_clone(&self) -> Self {
        *self
    }
}

/// A device function on a bus.
#[derive(Clone, Debug)]
pub struct Device {
    /// Where it is.
    pub place: DeviceFunction,
    /// What it is.
    pub info: DeviceFunctionInfo,
    /// Its interrupt line, as firmware routed it.
    pub interrupt_line: u8,
}

/// Every device function, in the order of buses and slots.
#[must_use]
pub fn devices() -> Vec<Device> {
    let root = PciRoot::new(PortAccess);
    let mut found = Vec::new();
    let mut buses = alloc::vec![0u8];
    let mut next = 0;
    while let Some(&bus) = buses.get(next) {
        next += 1;
        for (place, info) in root.enumerate_bus(bus) {
            if info.header_type == HeaderType::PciPciBridge {
                let [_, secondary, ..] = PortAccess.read_word(place, BUS_NUMBERS).to_le_bytes();
                if !buses.contains(&secondary) {
                    buses.push(secondary);
                }
            }
            let [interrupt_line, ..] = PortAccess.read_word(place, INTERRUPT).to_le_bytes();
            found.push(Device { place, info, interrupt_line });
        }
    }
    found
}

/// Lets a device decode its memory ranges and reach memory by itself.
pub(super) fn enable(root: &mut PciRoot<PortAccess>, place: DeviceFunction) {
    let (_, command) = root.get_status_command(place);
    root.set_command(place, command | Command::MEMORY_SPACE | Command::BUS_MASTER);
}
