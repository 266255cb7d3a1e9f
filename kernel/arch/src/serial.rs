//! The early serial port: polled output, for the time before the log and for panics.

use core::fmt;
use core::sync::atomic::{AtomicU16, Ordering};

use uart_16550::SerialPort;

const COM1: u16 = 0x3f8;
const COM2: u16 = 0x2f8;

static PORT: AtomicU16 = AtomicU16::new(COM1);

/// Sets the first port to 38400 baud 8N1 (emulated ports ignore the rate).
pub(crate) fn init() {
    // SAFETY: COM1's ports are the UART's or nobody's.
    unsafe { SerialPort::new(COM1) }.init();
}

/// Follows `log=` (else `console=`) of the command line from here on.
pub(crate) fn choose_log_port() {
    let device = crate::boot::option("log").or_else(|| crate::boot::option("console"));
    if device.is_some_and(|name| name.starts_with("ttyS1")) {
        // SAFETY: COM2's ports are the UART's or nobody's.
        unsafe { SerialPort::new(COM2) }.init();
        PORT.store(COM2, Ordering::Relaxed);
    }
}

/// Sends bytes, waiting for the port; `\n` becomes `\r\n`. Lines of several CPUs may mix.
pub fn write_bytes(bytes: &[u8]) {
    // SAFETY: the port was initialised; racing senders only mix their bytes.
    let mut port = unsafe { SerialPort::new(PORT.load(Ordering::Relaxed)) };
    for &byte in bytes {
        if byte == b'\n' {
            port.send_raw(b'\r');
        }
        port.send_raw(byte);
    }
}

/// `core::fmt` output on the early port.
pub struct Writer;

impl fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write_bytes(text.as_bytes());
        Ok(())
    }
}

/// Prints a line on the early serial port.
#[macro_export]
macro_rules! early_println {
    ($($arg:tt)*) => {{
        use ::core::fmt::Write as _;
        let _ = ::core::writeln!($crate::serial::Writer, $($arg)*);
    }};
}
