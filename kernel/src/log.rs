//! The kernel log: the backend of the `log` crate, a ring of lines for syslog(2), and a device that shows them.
//!
//! A line is `[    0.123456] target: message`. The ring keeps every line; the device, named by `log=` or else
//! `console=`, shows those up to `loglevel=` (`quiet` is 4, `debug` is 7; Linux's numbers). Any context may log.

use ::log::{Level, LevelFilter, Log, Metadata, Record};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU8, Ordering};
use kernel_arch::dev::uart;
use kernel_arch::{boot, clock, serial};
use kernel_core::time::NANOS_PER_SEC;
use kernel_sync::{IrqLock, Once, Rank};

/// Bytes of lines that are kept.
pub const RING_SIZE: usize = 128 << 10;
const LINE_SIZE: usize = 512;
const DEFAULT_LEVEL: u8 = 6;
const QUIET_LEVEL: u8 = 4;
const DEBUG_LEVEL: u8 = 7;

static LOGGER: KernelLog = KernelLog;
static RING: IrqLock<Ring> = IrqLock::new(Rank::LOG, Ring::new());
static DEVICE_LEVEL: AtomicU8 = AtomicU8::new(DEFAULT_LEVEL);
static DEVICE: Once<Device> = Once::new();

/// A device that shows lines, from any context.
#[derive(Clone, Copy)]
pub enum Device {
    /// The serial port of this index.
    Serial(usize),
    /// Whatever this function does.
    Other(fn(&[u8])),
    /// None.
    Silent,
}

/// Makes this the backend of the `log` crate and reads the command line. Lines go to the early serial port until
/// [`set_device`].
pub fn init() {
    let level = if boot::flag("debug") {
        DEBUG_LEVEL
    } else if boot::flag("quiet") {
        QUIET_LEVEL
    } else {
        boot::option("loglevel").and_then(|level| level.parse().ok()).unwrap_or(DEFAULT_LEVEL)
    };
    DEVICE_LEVEL.store(level, Ordering::Relaxed);
    let filter = if level >= DEBUG_LEVEL { LevelFilter::Debug } else { LevelFilter::Info };
    if ::log::set_logger(&LOGGER).is_ok() {
        ::log::set_max_level(filter);
    }
}

/// The device that the command line names for the log; the first serial port without a name.
#[must_use]
pub fn device_name() -> &'static str {
    let name = boot::option("log").or_else(|| boot::option("console")).unwrap_or("ttyS0");
    name.split(',').next().unwrap_or(name)
}

/// Lines go to `device` from now on.
pub fn set_device(device: Device) {
    DEVICE.call_once(|| device);
}

/// The level up to which the device shows lines (syslog(2) `CONSOLE_LEVEL`).
pub fn set_level(level: u8) {
    DEVICE_LEVEL.store(level, Ordering::Relaxed);
}

/// The level up to which the device shows lines.
#[must_use]
pub fn level() -> u8 {
    DEVICE_LEVEL.load(Ordering::Relaxed)
}

/// Copies the last lines that fit into `buffer`; how many bytes (syslog(2) `READ_ALL`).
pub fn read_last(buffer: &mut [u8]) -> usize {
    RING.lock().read_last(buffer)
}

/// Copies the oldest bytes that were not yet read, and counts them as read; how many (syslog(2) `READ`).
pub fn read_unread(buffer: &mut [u8]) -> usize {
    RING.lock().read_unread(buffer)
}

/// Bytes that were not yet read (syslog(2) `SIZE_UNREAD`).
#[must_use]
pub fn unread() -> usize {
    let ring = RING.lock();
    ring.distance(ring.unread)
}

/// Forgets the lines for [`read_last`] (syslog(2) `CLEAR`).
pub fn clear() {
    let mut ring = RING.lock();
    ring.cleared = ring.end;
}

struct KernelLog;

impl Log for KernelLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let mut line = Line { bytes: [0; LINE_SIZE], len: 0 };
        let level = number(record.level());
        let since_boot = clock::now().as_nanos();
        let (seconds, micros) = (since_boot / NANOS_PER_SEC, since_boot % NANOS_PER_SEC / 1000);
        let target = record.target().rsplit("::").next().unwrap_or_default();
        // A line that is too long is cut.
        let _ = write!(line, "<{level}>[{seconds:5}.{micros:06}] {target}: {}", record.args());
        line.end();
        RING.lock().append(line.bytes());
        if level <= DEVICE_LEVEL.load(Ordering::Relaxed) {
            show(&line.bytes()[PREFIX..]);
        }
    }

    fn flush(&self) {}
}

/// Bytes of `<6>`, which the device does not show.
const PREFIX: usize = 3;

fn show(text: &[u8]) {
    match DEVICE.get() {
        Some(Device::Serial(index)) => {
            if let Some(port) = uart::port(*index) {
                port.write_polled(text);
            }
        }
        Some(Device::Other(write)) => write(text),
        Some(Device::Silent) => {}
        None => serial::write_bytes(text),
    }
}

/// The number of a level in syslog(3).
fn number(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

struct Line {
    bytes: [u8; LINE_SIZE],
    len: usize,
}

impl Line {
    fn end(&mut self) {
        let at = self.len.min(LINE_SIZE - 1);
        self.bytes[at] = b'\n';
        self.len = at + 1;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let count = text.len().min(LINE_SIZE - self.len);
        self.bytes[self.len..self.len + count].copy_from_slice(&text.as_bytes()[..count]);
        self.len += count;
        if count < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Lines in a circle; positions count bytes since boot.
struct Ring {
    bytes: [u8; RING_SIZE],
    end: u64,
    unread: u64,
    cleared: u64,
}

impl Ring {
    const fn new() -> Self {
        Self { bytes: [0; RING_SIZE], end: 0, unread: 0, cleared: 0 }
    }

    fn append(&mut self, line: &[u8]) {
        for &byte in line {
            self.bytes[index(self.end)] = byte;
            self.end += 1;
        }
        let oldest = self.end.saturating_sub(RING_SIZE as u64);
        self.unread = self.unread.max(oldest);
        self.cleared = self.cleared.max(oldest);
    }

    fn distance(&self, from: u64) -> usize {
        usize::try_from(self.end - from).unwrap_or(RING_SIZE)
    }

    fn copy(&self, from: u64, buffer: &mut [u8]) {
        for (place, position) in buffer.iter_mut().zip(from..) {
            *place = self.bytes[index(position)];
        }
    }

    fn read_last(&self, buffer: &mut [u8]) -> usize {
        let mut count = self.distance(self.cleared).min(buffer.len());
        let mut from = self.end - count as u64;
        // Whole lines only, unless that leaves none.
        if from > self.cleared && self.bytes[index(from - 1)] != b'\n' {
            while count > 0 && self.bytes[index(from)] != b'\n' {
                from += 1;
                count -= 1;
            }
            from += u64::from(count > 0);
            count -= usize::from(count > 0);
        }
        self.copy(from, &mut buffer[..count]);
        count
    }

    fn read_unread(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.distance(self.unread).min(buffer.len());
        self.copy(self.unread, &mut buffer[..count]);
        self.unread += count as u64;
        count
    }
}

fn index(position: u64) -> usize {
    const MASK: u64 = RING_SIZE as u64 - 1;
    const { assert!(RING_SIZE.is_power_of_two()) };
    usize::try_from(position & MASK).unwrap_or(0)
}
