//! The virtual file system: one tree of names over several file systems.
//!
//! Layers, from the top: [`open`], [`modify`] and [`attributes`] (what the calls do), [`lookup`] (the walk along a path),
//! [`mount`] and [`dentry`] (the tree in memory), [`inode`] and [`file`] (what a file system implements), the file systems
//! ([`tmpfs`], [`devfs`], [`procfs`]) and what fills the first of them ([`initramfs`]).
//!
//! Objects: an [`Inode`] lives while a name or a use holds it; a dentry while its name exists or a path goes through it; a
//! [`Mount`] while it is in the tree or a path lies in it; a [`File`] while a descriptor or a call in progress holds it.
//!
//! Lock order: the file position (`FILE_POSITION`) inside the one rename lock (`RENAME`); directory and write locks
//! (`INODE`); page cache (`PAGE_CACHE`); mount table (`MOUNT`); names and attributes (`DENTRY`), of which a thread
//! holds one. User memory is copied without faulting under any of them.

pub mod anonymous;
pub mod attributes;
pub mod context;
pub mod dentry;
pub mod devfs;
pub mod device;
pub mod file;
pub mod initramfs;
pub mod inode;
pub mod locks;
pub mod lookup;
pub mod modify;
pub mod mount;
pub mod mounting;
pub mod open;
pub mod permission;
pub mod procfs;
pub mod read_directory;
pub mod tmpfs;

pub use anonymous::AnonymousKind;
pub use context::FsContext;
pub use dentry::Dentry;
pub use device::Device;
pub use file::{File, FileOps, OpenRequest, Positioning, Whence};
pub use inode::{DeviceId, FileKind, Inode, InodeId, Metadata, Timestamp};
pub use lookup::{Follow, LookupContext, lookup};
pub use mount::{FileSystem, Mount, Path};
pub use open::{OpenHow, open_at};

use abi::Result;
use abi::flags::OpenFlags;
use alloc::sync::Arc;
use inode::NodeKind;
use kernel_sync::Once;
pub use mount::MountFlags;
use tmpfs::{Options, TmpFs};

static ROOT: Once<Path> = Once::new();

/// Mounts the root and what belongs on it, and unpacks the initial file system.
///
/// # Errors
/// What the mounts answer; without them there is no way on.
pub fn init(initrd: &[u8]) -> Result<()> {
    let options = Options { mode: 0o755, ..Options::standard() };
    let root = ROOT.call_once(|| mount::mount_root(TmpFs::new("rootfs", options), b"rootfs")).clone();
    initramfs::unpack(initrd, &root);
    let context = LookupContext {
        root: root.clone(),
        cwd: root.clone(),
        credentials: Arc::new(crate::credentials::Credentials::root()),
    };
    for (name, mode) in [("dev", 0o755), ("proc", 0o555), ("tmp", 0o1777)] {
        match modify::create(&context, &root, name.as_bytes(), NodeKind::Directory, mode) {
            Ok(_) | Err(abi::Errno::EEXIST) => {}
            Err(error) => return Err(error),
        }
    }
    devfs::mount_on(lookup(&context, &root, b"dev", Follow::Yes)?)?;
    for (name, target) in [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        devfs::link(name, target)?;
    }
    let nothing = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RELATIME;
    mount::mount_on(lookup(&context, &root, b"proc", Follow::Yes)?, procfs::instance(), b"proc", nothing)
}

/// The root of all mounts.
///
/// # Panics
/// Before [`init`].
#[must_use]
pub fn root() -> Path {
    ROOT.get().expect("the root is mounted during boot").clone()
}

/// The present, for the times of files.
#[must_use]
pub fn now() -> Timestamp {
    let since_epoch = crate::time::wall_now();
    Timestamp {
        seconds: i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX),
        nanoseconds: since_epoch.subsec_nanos(),
    }
}

/// Opens an absolute path as the running task would, from its root.
///
/// # Errors
/// Those of open(2).
pub fn open_path(text: &[u8], flags: OpenFlags) -> Result<Arc<File>> {
    let context = LookupContext::current();
    let start = context.cwd.clone();
    open_at(&context, &start, text, OpenHow { flags, mode: 0 })
}
