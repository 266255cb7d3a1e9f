//! Virtio consoles as raw byte devices, `hvc0` and up: no line discipline, as fast as memory.

use super::register as register_device;
use crate::io::{Sink, Source};
use crate::ioctl;
use crate::log::Device as LogDevice;
use crate::poll::PollTable;
use crate::vfs::file::{File, FileOps, Positioning};
use crate::vfs::inode::DeviceId;
use abi::flags::PollEvents;
use abi::{Errno, Result};
use alloc::format;
use alloc::sync::Arc;
use kernel_arch::dev::virtio_console::{self, ConsolePort};
use kernel_arch::irq::{self, IrqLine};
use kernel_sync::{Once, Wait, WaitQueue};
use linux_raw_sys::ioctl::FIONREAD;

const MAJOR: u32 = 229;
const MODE: u32 = 0o600;
const MAX_CONSOLES: usize = 8;

/// A virtio console.
pub(super) struct Hvc {
    port: ConsolePort,
    readable: Arc<WaitQueue>,
    writable: Arc<WaitQueue>,
}

static CONSOLES: [Once<Arc<Hvc>>; MAX_CONSOLES] = [const { Once::new() }; MAX_CONSOLES];

/// Finds the consoles and serves their interrupts; how many there are.
pub(super) fn init() -> usize {
    let mut count = 0;
    for (index, port) in virtio_console::probe().into_iter().take(MAX_CONSOLES).enumerate() {
        let line = port.interrupt_line();
        CONSOLES[index].call_once(|| {
            Arc::new(Hvc { port, readable: Arc::new(WaitQueue::new()), writable: Arc::new(WaitQueue::new()) })
        });
        if let Err(error) = irq::register(IrqLine::Pci(line), serve, index) {
            ::log::warn!("hvc{index}: no interrupt: {error:?}");
        }
        count = index + 1;
    }
    // A line that was raised while it was masked may be told to nobody: acknowledging lowers it, so that the next
    // event raises it anew.
    (0..count).for_each(serve);
    count
}

/// Makes the nodes of the first `count` consoles.
pub(super) fn register(count: usize) -> Result<()> {
    for index in 0..count {
        let minor = u32::try_from(index).map_err(|_| Errno::ENODEV)?;
        register_device(&format!("hvc{index}"), DeviceId::new(MAJOR, minor), MODE, move |_| open(index))?;
    }
    Ok(())
}

/// Opens console `index`.
///
/// # Errors
/// `ENODEV` when there is none.
pub(super) fn open(index: usize) -> Result<Arc<dyn FileOps>> {
    let console = CONSOLES.get(index).and_then(Once::get).ok_or(Errno::ENODEV)?;
    Ok(console.clone())
}

/// The index in a name, `hvcN`.
pub(super) fn index_of(name: &str) -> Option<usize> {
    name.strip_prefix("hvc")?.parse().ok()
}

/// A console as the device of the log: the first one only.
pub(super) fn log_device(name: &str) -> LogDevice {
    if index_of(name) == Some(0) { LogDevice::Other(show) } else { LogDevice::Silent }
}

fn show(text: &[u8]) {
    let Some(console) = CONSOLES[0].get() else { return };
    let mut rest = text;
    // A full device loses the rest: the log never waits.
    console.port.write(|room| {
        let count = rest.len().min(room.len());
        let (now, later) = rest.split_at(count);
        room[..count].copy_from_slice(now);
        rest = later;
        count
    });
}

fn serve(index: usize) {
    let Some(console) = CONSOLES[index].get() else { return };
    let events = console.port.handle_interrupt();
    if events.readable {
        console.readable.wake_all();
    }
    if events.writable {
        console.writable.wake_all();
    }
}

impl FileOps for Hvc {
    fn positioning(&self) -> Positioning {
        Positioning::Stream
    }

    fn read(&self, file: &File, sink: &mut dyn Sink, _offset: &mut u64) -> Result<usize> {
        while sink.remaining() > 0 {
            let mut absent = false;
            let done = self.port.read(|bytes| {
                let wanted = bytes.len().min(sink.remaining());
                // A user sink does not fail; it stops at a page that is absent.
                let count = sink.put(&bytes[..wanted]).unwrap_or(0);
                absent = count < wanted;
                count
            });
            if done > 0 {
                return Ok(done);
            }
            if absent {
                sink.fault_in()?;
                continue;
            }
            let ready = || self.port.is_readable().then_some(());
            if file.is_nonblocking() {
                return Err(Errno::EAGAIN);
            }
            self.readable.wait_until(Wait::INTERRUPTIBLE, ready)?;
        }
        Ok(0)
    }

    fn write(&self, file: &File, source: &mut dyn Source, _offset: &mut u64) -> Result<usize> {
        let mut done = 0;
        while source.remaining() > 0 {
            let mut absent = false;
            done += self.port.write(|room| {
                let wanted = room.len().min(source.remaining());
                let count = source.get(&mut room[..wanted]).unwrap_or(0);
                absent = count < wanted;
                count
            });
            let outcome = if source.remaining() == 0 {
                break;
            } else if absent {
                source.fault_in()
            } else if file.is_nonblocking() {
                Err(Errno::EAGAIN)
            } else {
                let ready = || self.port.is_writable().then_some(());
                self.writable.wait_until(Wait::INTERRUPTIBLE, ready).map_err(Errno::from)
            };
            match outcome {
                Ok(()) => {}
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.add(&self.readable);
        table.add(&self.writable);
        let mut events = PollEvents::empty();
        if self.port.is_readable() {
            events |= PollEvents::IN | PollEvents::RDNORM;
        }
        if self.port.is_writable() {
            events |= PollEvents::OUT | PollEvents::WRNORM;
        }
        events
    }

    fn ioctl(&self, _file: &File, command: u32, argument: u64) -> Result<usize> {
        match command {
            FIONREAD => ioctl::put_count(argument, self.port.readable()),
            _ => Err(Errno::ENOTTY),
        }
    }

    /// fsync(2) waits until the host has everything.
    fn sync(&self, _file: &File) -> Result<()> {
        let drained = || self.port.is_drained().then_some(());
        Ok(self.writable.wait_until(Wait::INTERRUPTIBLE, drained)?)
    }
}
