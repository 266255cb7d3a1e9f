//! procfs: the kernel's state as files (proc(5)).
//!
//! Layers: [`inode`] (the nodes), [`text`] (open files: a snapshot, made when it is read from the start), [`tree`] (the files
//! that are always there, as tables), [`system`], [`sysctl`], [`statistics`] (what those say), [`process`] and
//! [`memory`] (the directory of a process), [`descriptors`] (`fd` and `fdinfo`).
//!
//! Nothing is cached: nodes are made when they are looked up and name processes by number, so a process that ended leaves
//! `ENOENT` or `ESRCH` behind, never a reference.

mod descriptors;
mod inode;
mod memory;
mod process;
mod statistics;
mod status;
mod sysctl;
mod system;
mod text;
mod tree;

use super::inode::{DeviceId, Inode};
use super::mount::{FileSystem, FsStatistics, unnamed_device};
use alloc::sync::Arc;
use inode::ProcInode;
use kernel_sync::Lazy;

/// `f_type` of procfs.
const MAGIC: u64 = 0x9fa0;

static INSTANCE: Lazy<Arc<ProcFs>> = Lazy::new(|| Arc::new(ProcFs { device: unnamed_device() }));

/// The one instance; every mount shows it.
#[must_use]
pub fn instance() -> Arc<dyn FileSystem> {
    Arc::clone(&*INSTANCE) as Arc<dyn FileSystem>
}

struct ProcFs {
    device: DeviceId,
}

impl FileSystem for ProcFs {
    fn kind(&self) -> &'static str {
        "proc"
    }

    fn device(&self) -> DeviceId {
        self.device
    }

    fn root(&self) -> Arc<dyn Inode> {
        ProcInode::root()
    }

    fn statistics(&self) -> FsStatistics {
        FsStatistics { magic: MAGIC, block_size: 4096, ..FsStatistics::default() }
    }
}
