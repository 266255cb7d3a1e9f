//! The terminal on the VGA text screen and the PS/2 keyboard: `tty0`, with the splash that boot shows.

use super::port::Port;
use super::{Tty, input};
use crate::vfs::DeviceId;
use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use kernel_arch::dev::keyboard;
use kernel_arch::dev::vga::TextMemory;
use kernel_arch::irq::{self, IrqLine};
use kernel_core::screen::{COLUMNS, ROWS, Screen};
use kernel_sync::{Once, Rank, SpinLock};

const ID: DeviceId = DeviceId::new(4, 0);

static TERMINAL: Once<Arc<Tty>> = Once::new();

static DISPLAY: Once<Arc<Display>> = Once::new();

struct Display(SpinLock<Drawing>);

struct Drawing {
    screen: Box<Screen>,
    memory: TextMemory,
}

impl Drawing {
    fn draw(&mut self, bytes: &[u8]) {
        self.screen.write(bytes);
        let changed = self.screen.take_changed_rows();
        for row in (0..ROWS).filter(|row| changed & 1 << row != 0) {
            self.memory.write_row(row, self.screen.row(row));
        }
        let (row, column) = self.screen.cursor();
        self.memory.set_cursor(row, column.min(COLUMNS - 1));
    }
}

/// Shows lines of the log, from any context. While somebody else draws they are left out.
pub fn show(text: &[u8]) {
    let Some(mut drawing) = DISPLAY.get().and_then(|display| display.0.try_lock()) else { return };
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        drawing.draw(line);
        if line.ends_with(b"\n") {
            drawing.draw(b"\r");
        }
    }
}

impl Port for Display {
    fn read(&self, buffer: &mut [u8]) -> usize {
        keyboard::read(buffer)
    }

    fn write(&self, bytes: &[u8]) -> usize {
        self.0.lock().draw(bytes);
        bytes.len()
    }

    fn room(&self) -> usize {
        usize::MAX
    }

    fn unsent(&self) -> usize {
        0
    }

    fn discard_output(&self) {}
}

/// Makes the terminal and shows the splash.
pub fn init() {
    let Some(memory) = TextMemory::map() else { return };
    let drawing = Drawing { screen: Box::new(Screen::new()), memory };
    let display = DISPLAY.call_once(|| Arc::new(Display(SpinLock::new(Rank::DEVICE, drawing)))).clone();
    display.0.lock().draw(splash().as_bytes());
    let rows = u16::try_from(ROWS).unwrap_or(0);
    let columns = u16::try_from(COLUMNS).unwrap_or(0);
    let tty = TERMINAL.call_once(|| Tty::new("tty0", ID, display, rows, columns));
    input::add(tty);
    match irq::register(IrqLine::Isa(keyboard::LINE), serve, 0) {
        Ok(()) => keyboard::start(),
        Err(error) => log::warn!("tty0: no keyboard interrupt: {error:?}"),
    }
}

fn serve(_: usize) {
    if keyboard::handle_interrupt() {
        input::announce(ID);
    }
}

fn splash() -> alloc::string::String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "\x1b[2J\x1b[H\x1b[1;36m\
         \r\n   ______           ____  _____\
         \r\n  / ____/  ______  / __ \\/ ___/\
         \r\n / __/ | |/_/ __ \\/ / / /\\__ \\\
         \r\n/ /____>  </ /_/ / /_/ /___/ /\
         \r\n/_____/_/|_|\\____/\\____//____/\x1b[0m   \x1b[37mversion {version}\x1b[0m\r\n\r\n"
    )
}
