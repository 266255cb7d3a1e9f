//! Terminals on the serial ports: `ttyS0` and `ttyS1`.

use super::port::Port;
use super::{Tty, input};
use crate::vfs::DeviceId;
use alloc::sync::Arc;
use kernel_arch::dev::uart::{self, Uart};
use kernel_arch::irq::{self, IrqLine};
use kernel_sync::Once;

const NAMES: [&str; 2] = ["ttyS0", "ttyS1"];
const MAJOR: u32 = 4;
const FIRST_MINOR: u32 = 64;

static TERMINALS: [Once<Arc<Tty>>; 2] = [const { Once::new() }; 2];

struct SerialPort(&'static Uart);

impl Port for SerialPort {
    fn read(&self, buffer: &mut [u8]) -> usize {
        self.0.read(buffer)
    }

    fn write(&self, bytes: &[u8]) -> usize {
        self.0.write(bytes)
    }

    fn room(&self) -> usize {
        self.0.room()
    }

    fn unsent(&self) -> usize {
        self.0.unsent()
    }

    fn discard_output(&self) {
        self.0.discard_output();
    }
}

/// Makes the terminals of the serial ports that the machine has.
pub fn init() {
    for (index, name) in NAMES.into_iter().enumerate() {
        let Some(uart) = uart::port(index) else { continue };
        let id = DeviceId::new(MAJOR, FIRST_MINOR + u32::try_from(index).unwrap_or(0));
        let tty = TERMINALS[index].call_once(|| Tty::new(name, id, Arc::new(SerialPort(uart)), 0, 0));
        input::add(tty);
        match irq::register(IrqLine::Isa(uart.line()), serve, index) {
            Ok(()) => uart.start(),
            Err(error) => log::warn!("{name}: no interrupt: {error:?}"),
        }
    }
}

/// The interrupt of a port.
fn serve(index: usize) {
    let (Some(uart), Some(tty)) = (uart::port(index), TERMINALS[index].get()) else { return };
    let events = uart.handle_interrupt();
    if events.readable {
        input::announce(tty.id());
    }
    if events.writable {
        tty.output_moved();
    }
}
