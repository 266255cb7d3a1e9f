//! Device interrupts: lines, their handlers, and the controllers that deliver them.
//!
//! With ACPI an IOAPIC delivers every line to the boot CPU; without, the two 8259 PICs do. A line may have several
//! handlers (PCI lines are shared); all of them are called.

use core::sync::atomic::{AtomicBool, Ordering};

use kernel_sync::Once;

use crate::{apic, firmware, ioapic, pic, smp, trap};

/// First vector that is not an exception.
pub(crate) const FIRST_VECTOR: u32 = 0x20;
const PIC_FIRST: u8 = 0x20;
const PIC_LAST: u8 = 0x2f;
const IOAPIC_FIRST: u8 = 0x30;
const IOAPIC_LAST: u8 = 0xdf;
/// Vector of the local timer.
pub(crate) const VECTOR_TIMER: u8 = 0xf0;
/// Vector that asks a CPU to reschedule.
pub(crate) const VECTOR_RESCHEDULE: u8 = 0xf1;
/// Vector that asks a CPU to run a function.
pub(crate) const VECTOR_CALL: u8 = 0xf2;
/// Vector of spurious local interrupts: not acknowledged.
pub(crate) const VECTOR_SPURIOUS: u8 = 0xff;

const MAX_HANDLERS: usize = 32;

/// A line that a device interrupts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrqLine {
    /// A legacy ISA interrupt: edge-triggered unless firmware says otherwise.
    Isa(u8),
    /// A PCI interrupt by its "interrupt line" register: level-triggered.
    Pci(u8),
}

impl IrqLine {
    fn number(self) -> u8 {
        match self {
            Self::Isa(number) | Self::Pci(number) => number,
        }
    }
}

/// Why a handler cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrqError {
    /// No controller has such a line.
    NoSuchLine,
    /// The handler table is full.
    TooManyHandlers,
}

#[derive(Clone, Copy)]
struct Handler {
    vector: u8,
    function: fn(usize),
    context: usize,
}

static HANDLERS: [Once<Handler>; MAX_HANDLERS] = [const { Once::new() }; MAX_HANDLERS];
static USE_IOAPIC: AtomicBool = AtomicBool::new(false);

/// Sets the controllers up with every line masked. The PICs are moved off the exceptions' vectors in any case.
pub(crate) fn init() {
    pic::init(PIC_FIRST);
    let with_ioapic = firmware::get().is_some_and(|firmware| !firmware.io_apics.is_empty());
    if with_ioapic {
        ioapic::init();
    }
    USE_IOAPIC.store(with_ioapic, Ordering::Relaxed);
}

/// Calls `handler(context)` whenever the line interrupts: in interrupt context, interrupts off. The handler must make
/// its device release a level-triggered line.
///
/// # Errors
/// The line does not exist, or the table is full.
pub fn register(line: IrqLine, handler: fn(usize), context: usize) -> Result<(), IrqError> {
    let (vector, gsi) = if USE_IOAPIC.load(Ordering::Relaxed) {
        let gsi = ioapic::gsi_of(line.number());
        let vector = u8::try_from(gsi).ok().and_then(|gsi| IOAPIC_FIRST.checked_add(gsi)).ok_or(IrqError::NoSuchLine)?;
        if vector > IOAPIC_LAST {
            return Err(IrqError::NoSuchLine);
        }
        (vector, Some(gsi))
    } else if line.number() < 16 {
        (PIC_FIRST + line.number(), None)
    } else {
        return Err(IrqError::NoSuchLine);
    };

    let entry = Handler { vector, function: handler, context };
    let mut stored = false;
    for slot in &HANDLERS {
        slot.call_once(|| {
            stored = true;
            entry
        });
        if stored {
            break;
        }
    }
    if !stored {
        return Err(IrqError::TooManyHandlers);
    }
    match gsi {
        Some(gsi) => ioapic::unmask(gsi, line, vector),
        None => {
            pic::unmask(line.number());
            Ok(())
        }
    }
}

/// An interrupt came. Interrupts are off.
pub(crate) fn dispatch(vector: u32) {
    let Ok(vector) = u8::try_from(vector) else { return };
    match vector {
        VECTOR_SPURIOUS => return,
        VECTOR_TIMER => {
            apic::end_of_interrupt();
            if let Some(hooks) = trap::hooks() {
                (hooks.timer)();
            }
            return;
        }
        VECTOR_RESCHEDULE => {
            apic::end_of_interrupt();
            if let Some(hooks) = trap::hooks() {
                (hooks.reschedule)();
            }
            return;
        }
        VECTOR_CALL => {
            apic::end_of_interrupt();
            smp::run_calls();
            return;
        }
        PIC_FIRST..=PIC_LAST if pic::is_spurious(vector - PIC_FIRST) => return,
        _ => {}
    }
    for handler in HANDLERS.iter().map_while(Once::get) {
        if handler.vector == vector {
            (handler.function)(handler.context);
        }
    }
    match vector {
        PIC_FIRST..=PIC_LAST => pic::end_of_interrupt(vector - PIC_FIRST),
        _ => apic::end_of_interrupt(),
    }
}
