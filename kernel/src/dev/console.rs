//! `/dev/console`, the device that the command line names, and `/dev/tty`, the controlling terminal of whoever opens it.

use super::{hvc, register as register_device};
use crate::task;
use crate::tty::{self, input};
use crate::vfs::file::{FileOps, OpenRequest};
use crate::vfs::inode::DeviceId;
use abi::flags::OpenFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use kernel_arch::boot;

const MAJOR: u32 = 5;
/// Consoles to take when the command line names none, or one that the machine lacks.
const FALLBACKS: [&str; 2] = ["tty0", "ttyS0"];

/// Makes their nodes.
pub(super) fn register() -> Result<()> {
    register_device("tty", DeviceId::new(MAJOR, 0), 0o666, open_controlling)?;
    register_device("console", DeviceId::new(MAJOR, 1), 0o600, open_console)
}

fn open_controlling(request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
    let tty = task::current().process().tty().ok_or(Errno::ENXIO)?;
    tty::open(&tty, request)
}

/// The console never becomes a controlling terminal by being opened.
fn open_console(request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
    let named = boot::option("console").and_then(|name| name.split(',').next());
    let request = OpenRequest { flags: request.flags | OpenFlags::NOCTTY, credentials: request.credentials };
    for name in named.into_iter().chain(FALLBACKS) {
        if let Some(tty) = input::find(name) {
            return tty::open(tty, &request);
        }
        if let Some(console) = hvc::index_of(name).and_then(|index| hvc::open(index).ok()) {
            return Ok(console);
        }
    }
    Err(Errno::ENODEV)
}
