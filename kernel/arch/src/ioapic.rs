//! The IOAPICs: device lines to vectors of the boot CPU.

use kernel_sync::{IrqLock, Lazy, Rank};

use crate::firmware::{self, IoApic};
use crate::irq::{IrqError, IrqLine};
use crate::vmap::{self, Mmio};

const VERSION: u32 = 1;
const REDIRECTION: u32 = 0x10;
const MASKED: u32 = 1 << 16;
const LEVEL: u32 = 1 << 15;
const ACTIVE_LOW: u32 = 1 << 13;
/// Bytes of registers: an index register at 0, a data register at 0x10.
const REGISTERS_SIZE: usize = 0x20;

struct Controller {
    registers: Mmio,
    first_gsi: u32,
    lines: u32,
}

impl Controller {
    fn new(found: &IoApic) -> Self {
        let registers = vmap::map_mmio(found.address, REGISTERS_SIZE).expect("memory to map an IOAPIC at boot");
        let mut controller = Self { registers, first_gsi: found.first_gsi, lines: 0 };
        controller.lines = (controller.read(VERSION) >> 16 & 0xff) + 1;
        for line in 0..controller.lines {
            controller.write(REDIRECTION + 2 * line, MASKED);
        }
        controller
    }

    fn read(&self, register: u32) -> u32 {
        self.registers.write32(0, register);
        self.registers.read32(0x10)
    }

    fn write(&self, register: u32, value: u32) {
        self.registers.write32(0, register);
        self.registers.write32(0x10, value);
    }
}

static CONTROLLERS: Lazy<IrqLock<arrayvec::ArrayVec<Controller, 4>>> = Lazy::new(|| {
    let found = firmware::get().map_or(&[][..], |firmware| &firmware.io_apics);
    IrqLock::new(Rank::DEVICE, found.iter().map(Controller::new).collect())
});

/// Masks every line.
pub(crate) fn init() {
    Lazy::force(&CONTROLLERS);
}

/// The system-wide number of an ISA line.
pub(crate) fn gsi_of(line: u8) -> u32 {
    overridden(line).map_or(u32::from(line), |wiring| wiring.gsi)
}

/// Sends the line to `vector` of the boot CPU.
pub(crate) fn unmask(gsi: u32, line: IrqLine, vector: u8) -> Result<(), IrqError> {
    let (number, default) = match line {
        IrqLine::Isa(number) => (number, 0),
        IrqLine::Pci(number) => (number, LEVEL | ACTIVE_LOW),
    };
    let wiring = overridden(number).map_or(default, |wiring| {
        (if wiring.level { LEVEL } else { 0 }) | if wiring.active_low { ACTIVE_LOW } else { 0 }
    });
    let destination = crate::local::of(0).map_or(0, |boot| boot.apic_id.load(core::sync::atomic::Ordering::Relaxed));
    let controllers = CONTROLLERS.lock();
    let controller = controllers
        .iter()
        .find(|controller| (controller.first_gsi..controller.first_gsi + controller.lines).contains(&gsi))
        .ok_or(IrqError::NoSuchLine)?;
    let register = REDIRECTION + 2 * (gsi - controller.first_gsi);
    controller.write(register + 1, destination << 24);
    controller.write(register, u32::from(vector) | wiring);
    Ok(())
}

fn overridden(line: u8) -> Option<&'static firmware::Override> {
    firmware::get()?.overrides.iter().find(|wiring| wiring.isa == line)
}
