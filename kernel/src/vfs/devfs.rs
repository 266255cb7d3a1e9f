//! devfs: the tree that drivers put their nodes into; mounted on `/dev`, and by mount(2) as `devtmpfs`.
//!
//! There is one tree, a tmpfs of its own, and every mount of it shows the same dentries.

use super::device::{self, Device};
use super::inode::{DeviceId, FileKind, NodeKind};
use super::lookup::LookupContext;
use super::modify;
use super::mount::{self, Mount, MountFlags, Path};
use super::tmpfs::{Options, TmpFs};
use crate::credentials::Credentials;
use abi::{Errno, Result};
use alloc::sync::Arc;
use kernel_core::path::split_last;
use kernel_sync::Lazy;

static TREE: Lazy<Arc<Mount>> = Lazy::new(|| {
    let options = Options { mode: 0o755, ..Options::standard() };
    Mount::detached(TmpFs::new("devtmpfs", options), b"devtmpfs", MountFlags::NOSUID | MountFlags::RELATIME)
});

/// Registers `device` as the character device `id` and makes its node, `name` below `/dev`.
///
/// # Errors
/// `EBUSY` when the number is taken, `EEXIST` when the name is.
pub fn register(name: &str, id: DeviceId, mode: u32, device: Arc<dyn Device>) -> Result<()> {
    device::register(FileKind::CharDevice, id, device)?;
    make(name, NodeKind::CharDevice(id), mode)
}

/// Makes the symbolic link `name` below `/dev`.
///
/// # Errors
/// `EEXIST`.
pub fn link(name: &str, target: &str) -> Result<()> {
    make(name, NodeKind::Symlink(target.as_bytes()), 0o777)
}

/// Makes the directory `name` below `/dev`, as a place to mount on.
///
/// # Errors
/// `EEXIST`.
pub fn directory(name: &str, mode: u32) -> Result<()> {
    make(name, NodeKind::Directory, mode)
}

/// Mounts the tree on `at`.
///
/// # Errors
/// `ENOENT` when `at` was removed.
pub fn mount_on(at: Path) -> Result<()> {
    mount::bind(&TREE.root_path(), at)
}

fn make(name: &str, kind: NodeKind<'_>, mode: u32) -> Result<()> {
    let root = TREE.root_path();
    let context = LookupContext { root: root.clone(), cwd: root.clone(), credentials: Arc::new(Credentials::root()) };
    if let Some((above, _)) = split_last(name.as_bytes()).filter(|(above, _)| !above.is_empty()) {
        match modify::create(&context, &root, above, NodeKind::Directory, 0o755) {
            Ok(_) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(error),
        }
    }
    modify::create(&context, &root, name.as_bytes(), kind, mode).map(|_| ())
}
