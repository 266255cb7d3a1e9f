//! Device numbers and the drivers behind them: what opening a device node leads to.

use super::file::{FileOps, OpenRequest};
use super::inode::{DeviceId, FileKind};
use abi::{Errno, Result};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use kernel_sync::{Rank, SpinLock};

/// A driver, as device nodes see it.
pub trait Device: Send + Sync {
    /// The operations of a new open file description.
    ///
    /// # Errors
    /// What the driver says: `ENXIO`, `EBUSY`, `EIO`.
    fn open(&self, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>>;
}

type Devices = BTreeMap<DeviceId, Arc<dyn Device>>;

static CHARACTER: SpinLock<Devices> = SpinLock::new(Rank::DENTRY, Devices::new());
static BLOCK: SpinLock<Devices> = SpinLock::new(Rank::DENTRY, Devices::new());

/// Makes `device` the driver behind `id`; `kind` is that of its nodes.
///
/// # Errors
/// `EBUSY` when the number is taken, `EINVAL` when `kind` is no device.
pub fn register(kind: FileKind, id: DeviceId, device: Arc<dyn Device>) -> Result<()> {
    let mut devices = registry(kind).ok_or(Errno::EINVAL)?.lock();
    if devices.contains_key(&id) {
        return Err(Errno::EBUSY);
    }
    devices.insert(id, device);
    Ok(())
}

/// Opens the device behind `id`.
///
/// # Errors
/// `ENXIO` when there is none, and what the driver says.
pub fn open(kind: FileKind, id: DeviceId, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
    let device = registry(kind).and_then(|devices| devices.lock().get(&id).cloned());
    device.ok_or(Errno::ENXIO)?.open(request)
}

/// The major numbers that have drivers, in order.
#[must_use]
pub fn majors(kind: FileKind) -> BTreeSet<u32> {
    registry(kind).map_or_else(BTreeSet::new, |devices| devices.lock().keys().map(|id| id.major()).collect())
}

fn registry(kind: FileKind) -> Option<&'static SpinLock<Devices>> {
    match kind {
        FileKind::CharDevice => Some(&CHARACTER),
        FileKind::BlockDevice => Some(&BLOCK),
        FileKind::Regular | FileKind::Directory | FileKind::Symlink | FileKind::Fifo | FileKind::Socket => None,
    }
}
