//! mount(2) and umount2(2): file systems by name, binds, moves of flags.

use super::inode::FileKind;
use super::lookup::{Follow, LookupContext, lookup};
use super::mount::{self, Detach, MountFlags, Path};
use super::tmpfs::{Options, TmpFs};
use super::{devfs, procfs};
use crate::credentials::Capability;
use abi::{Errno, Result};

/// The file systems that mount(2) knows, in the order of `/proc/filesystems`.
pub const FILE_SYSTEMS: [&str; 4] = ["tmpfs", "ramfs", "proc", "devtmpfs"];

/// What mount(2) asks for.
#[derive(Clone, Copy, Debug)]
pub struct MountRequest<'a> {
    /// The device or the tree to bind.
    pub source: &'a [u8],
    /// The directory to mount on.
    pub target: &'a [u8],
    /// The type of file system; not used by a bind or a remount.
    pub kind: &'a [u8],
    /// What is forbidden.
    pub flags: MountFlags,
    /// What to do.
    pub action: Action,
    /// Options of the file system.
    pub data: &'a [u8],
}

/// What mount(2) does, by the flags that are no properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new instance of a file system.
    Mount,
    /// A tree once more (`MS_BIND`).
    Bind,
    /// Other flags for a mount (`MS_REMOUNT`).
    Remount,
    /// No propagation of mounts (`MS_PRIVATE`), which there never is.
    MakePrivate,
}

/// mount(2).
///
/// # Errors
/// `EPERM` without `CAP_SYS_ADMIN`, `ENODEV` for an unknown type, `EINVAL`, `ENOTDIR`, and those of the walks.
pub fn mount(context: &LookupContext, request: &MountRequest<'_>) -> Result<()> {
    context.credentials.require(Capability::SysAdmin)?;
    let at = lookup(context, &context.cwd, request.target, Follow::Yes)?;
    match request.action {
        Action::Bind => {
            let from = lookup(context, &context.cwd, request.source, Follow::Yes)?;
            mount::bind(&from, at)
        }
        Action::Remount | Action::MakePrivate if !at.is_mount_root() => Err(Errno::EINVAL),
        Action::MakePrivate => Ok(()),
        Action::Remount => {
            at.mount.set_flags(request.flags);
            Ok(())
        }
        Action::Mount => new_instance(request, at),
    }
}

/// umount2(2).
///
/// # Errors
/// `EPERM` without `CAP_SYS_ADMIN`, `EINVAL`, `EBUSY`, and those of the walk.
pub fn unmount(context: &LookupContext, target: &[u8], follow: Follow, how: Detach) -> Result<()> {
    context.credentials.require(Capability::SysAdmin)?;
    let at = lookup(context, &context.cwd, target, follow)?;
    mount::unmount(&at, how)
}

fn new_instance(request: &MountRequest<'_>, at: Path) -> Result<()> {
    if at.inode().kind() != FileKind::Directory {
        return Err(Errno::ENOTDIR);
    }
    match request.kind {
        b"tmpfs" => {
            let options = Options::parse(request.data)?;
            mount::mount_on(at, TmpFs::new("tmpfs", options), request.source, request.flags)
        }
        b"ramfs" => {
            let options = Options { max_pages: u64::MAX, max_inodes: u64::MAX, mode: 0o755, ..Options::parse(request.data)? };
            mount::mount_on(at, TmpFs::new("ramfs", options), request.source, request.flags)
        }
        b"proc" => mount::mount_on(at, procfs::instance(), request.source, request.flags),
        b"devtmpfs" => devfs::mount_on(at),
        _ => Err(Errno::ENODEV),
    }
}
