//! Devices as programs see them: the nodes of `/dev` and what opening each leads to.
//!
//! [`init`] finds the hardware and registers every node; a driver is a file here or in [`crate::tty`] and a line in it.

mod console;
mod hvc;
mod memory;

use crate::log::{self as kernel_log, Device as LogDevice};
use crate::tty::{input, screen, serial};
use crate::vfs::devfs;
use crate::vfs::device::Device;
use crate::vfs::file::{FileOps, OpenRequest};
use crate::vfs::inode::DeviceId;
use abi::Result;
use alloc::sync::Arc;

/// Finds the devices of the machine and makes their nodes. Interrupts and the scheduler work; the VFS is mounted.
///
/// # Errors
/// `ENOMEM`, or what devfs answers to a name that is taken.
pub fn init() -> Result<()> {
    serial::init();
    screen::init();
    let consoles = hvc::init();
    choose_log_device();
    input::start()?;
    memory::register()?;
    for tty in input::terminals() {
        register(tty.name(), tty.id(), TTY_MODE, |request| crate::tty::open(tty, request))?;
    }
    hvc::register(consoles)?;
    console::register()
}

const TTY_MODE: u32 = 0o620;

/// Makes the node of a device whose opening is one function.
fn register<F>(name: &str, id: DeviceId, mode: u32, open: F) -> Result<()>
where
    F: Fn(&OpenRequest<'_>) -> Result<Arc<dyn FileOps>> + Send + Sync + 'static,
{
    devfs::register(name, id, mode, Arc::new(OpenWith(open)))
}

struct OpenWith<F>(F);

impl<F> Device for OpenWith<F>
where
    F: Fn(&OpenRequest<'_>) -> Result<Arc<dyn FileOps>> + Send + Sync,
{
    fn open(&self, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        (self.0)(request)
    }
}

fn choose_log_device() {
    let device = match kernel_log::device_name() {
        "ttyS0" => LogDevice::Serial(0),
        "ttyS1" => LogDevice::Serial(1),
        "tty0" => LogDevice::Other(screen::show),
        name if name.starts_with("hvc") => hvc::log_device(name),
        _ => LogDevice::Silent,
    };
    kernel_log::set_device(device);
}
