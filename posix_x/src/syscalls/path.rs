//! Changes of the tree by path: create, link, rename, remove; mounts.

use abi::flags::{AtFlags, FileKind, RenameFlags};
use abi::{Errno, Fd, Result, UserAddr, UserStr};
use alloc::vec::Vec;
use kernel::credentials::Capability;
use kernel::vfs::inode::{DeviceId, LinkTarget, NodeKind};
use kernel::vfs::lookup::Follow;
use kernel::vfs::modify::{self, Existing};
use kernel::vfs::mount::{Detach, MountFlags};
use kernel::vfs::mounting::{self, Action, MountRequest};
use linux_raw_sys::general as raw;

use crate::capability::{At, UserPath, place_at};
use crate::context::{Hybrid, Legacy};
use crate::user;

/// mkdir(2).
pub fn mkdir(ctx: &Hybrid<'_>, path: UserStr, mode: u32) -> Result<usize> {
    mkdirat(ctx, Fd::CWD, path, mode)
}

/// mkdirat(2).
pub fn mkdirat(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, mode: u32) -> Result<usize> {
    create(ctx, dir, path, NodeKind::Directory, mode & 0o1777)
}

/// mknod(2).
pub fn mknod(ctx: &Hybrid<'_>, path: UserStr, mode: u32, device: u64) -> Result<usize> {
    mknodat(ctx, Fd::CWD, path, mode, device)
}

/// mknodat(2).
pub fn mknodat(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, mode: u32, device: u64) -> Result<usize> {
    let device = DeviceId::from_raw(device);
    let kind = match FileKind::from_mode(mode) {
        None if mode & raw::S_IFMT == 0 => NodeKind::Regular,
        Some(FileKind::Regular) => NodeKind::Regular,
        Some(FileKind::Fifo) => NodeKind::Fifo,
        Some(FileKind::Socket) => NodeKind::Socket,
        Some(FileKind::CharDevice) => NodeKind::CharDevice(device),
        Some(FileKind::BlockDevice) => NodeKind::BlockDevice(device),
        Some(FileKind::Directory) => return Err(Errno::EPERM),
        Some(FileKind::Symlink) | None => return Err(Errno::EINVAL),
    };
    create(ctx, dir, path, kind, mode & 0o7777)
}

/// symlink(2).
pub fn symlink(ctx: &Hybrid<'_>, target: UserStr, path: UserStr) -> Result<usize> {
    symlinkat(ctx, target, Fd::CWD, path)
}

/// symlinkat(2).
pub fn symlinkat(ctx: &Hybrid<'_>, target: UserStr, dir: Fd, path: UserStr) -> Result<usize> {
    let target = UserPath::read(target)?;
    if target.is_empty() {
        return Err(Errno::ENOENT);
    }
    let path = UserPath::read(path)?;
    let at = At::new(ctx.task(), dir, &path)?;
    modify::create(&at.context, &at.start, &path, NodeKind::Symlink(&target), 0o777)?;
    Ok(0)
}

/// readlink(2).
pub fn readlink(ctx: &Hybrid<'_>, path: UserStr, buf: UserAddr, size: i32) -> Result<usize> {
    readlinkat(ctx, Fd::CWD, path, buf, size)
}

/// readlinkat(2); an empty path means a link opened with `O_PATH | O_NOFOLLOW`.
pub fn readlinkat(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, buf: UserAddr, size: i32) -> Result<usize> {
    let size = usize::try_from(size).ok().filter(|&size| size > 0).ok_or(Errno::EINVAL)?;
    let (_, place) = place_at(ctx.task(), dir, path, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)?;
    let text: Vec<u8> = match place.inode().read_link()? {
        LinkTarget::Path(text) | LinkTarget::Object(_, text) => text,
    };
    let len = text.len().min(size);
    user::write_bytes(buf, &text[..len])?;
    Ok(len)
}

/// link(2).
pub fn link(ctx: &Hybrid<'_>, old: UserStr, new: UserStr) -> Result<usize> {
    linkat(ctx, Fd::CWD, old, Fd::CWD, new, 0)
}

/// linkat(2).
pub fn linkat(ctx: &Hybrid<'_>, old_dir: Fd, old: UserStr, new_dir: Fd, new: UserStr, flags: u32) -> Result<usize> {
    let flags = AtFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    if !(AtFlags::SYMLINK_FOLLOW | AtFlags::EMPTY_PATH).contains(flags) {
        return Err(Errno::EINVAL);
    }
    let task = ctx.task();
    if flags.contains(AtFlags::EMPTY_PATH) && !task.credentials().may(Capability::DacReadSearch) {
        return Err(Errno::ENOENT);
    }
    let mut how = flags & AtFlags::EMPTY_PATH;
    how.set(AtFlags::SYMLINK_NOFOLLOW, !flags.contains(AtFlags::SYMLINK_FOLLOW));
    let (_, target) = place_at(task, old_dir, old, how)?;
    let new = UserPath::read(new)?;
    let at = At::new(task, new_dir, &new)?;
    modify::link(&at.context, &target, &at.start, &new)?;
    Ok(0)
}

/// unlink(2).
pub fn unlink(ctx: &Hybrid<'_>, path: UserStr) -> Result<usize> {
    unlinkat(ctx, Fd::CWD, path, 0)
}

/// rmdir(2).
pub fn rmdir(ctx: &Hybrid<'_>, path: UserStr) -> Result<usize> {
    unlinkat(ctx, Fd::CWD, path, AtFlags::REMOVEDIR.bits())
}

/// unlinkat(2).
pub fn unlinkat(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, flags: u32) -> Result<usize> {
    let flags = AtFlags::from_bits(flags).filter(|flags| AtFlags::REMOVEDIR.contains(*flags)).ok_or(Errno::EINVAL)?;
    let path = UserPath::read(path)?;
    let at = At::new(ctx.task(), dir, &path)?;
    if flags.contains(AtFlags::REMOVEDIR) {
        modify::rmdir(&at.context, &at.start, &path)?;
    } else {
        modify::unlink(&at.context, &at.start, &path)?;
    }
    Ok(0)
}

/// rename(2).
pub fn rename(ctx: &Hybrid<'_>, old: UserStr, new: UserStr) -> Result<usize> {
    renameat2(ctx, Fd::CWD, old, Fd::CWD, new, 0)
}

/// renameat(2).
pub fn renameat(ctx: &Hybrid<'_>, old_dir: Fd, old: UserStr, new_dir: Fd, new: UserStr) -> Result<usize> {
    renameat2(ctx, old_dir, old, new_dir, new, 0)
}

/// renameat2(2).
pub fn renameat2(ctx: &Hybrid<'_>, old_dir: Fd, old: UserStr, new_dir: Fd, new: UserStr, flags: u32) -> Result<usize> {
    let flags = RenameFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    let existing = if flags.is_empty() {
        Existing::Replace
    } else if flags == RenameFlags::NOREPLACE {
        Existing::Refuse
    } else if flags == RenameFlags::EXCHANGE {
        Existing::Exchange
    } else {
        return Err(Errno::EINVAL);
    };
    let (old, new) = (UserPath::read(old)?, UserPath::read(new)?);
    let from = At::new(ctx.task(), old_dir, &old)?;
    let to = At::new(ctx.task(), new_dir, &new)?;
    modify::rename(&from.context, (&from.start, &old), (&to.start, &new), existing)?;
    Ok(0)
}

/// mount(2).
pub fn mount(
    _ctx: &mut Legacy<'_>,
    source: UserStr,
    target: UserStr,
    kind: UserStr,
    flags: u64,
    data: UserStr,
) -> Result<usize> {
    // The upper half once had to hold a magic number.
    let flags = (flags & 0xffff_ffff) as u32;
    let flags = if flags & raw::MS_MGC_MSK == raw::MS_MGC_VAL { flags & !raw::MS_MGC_MSK } else { flags };
    let optional = |text: UserStr| if text.is_null() { Ok(None) } else { UserPath::read(text).map(Some) };
    let target = UserPath::read(target)?;
    let (source, kind, data) = (optional(source)?, optional(kind)?, optional(data)?);
    let action = if flags & raw::MS_REMOUNT != 0 {
        Action::Remount
    } else if flags & raw::MS_BIND != 0 {
        Action::Bind
    } else if flags & raw::MS_PRIVATE != 0 {
        Action::MakePrivate
    } else if flags & (raw::MS_SHARED | raw::MS_SLAVE | raw::MS_UNBINDABLE | raw::MS_MOVE) != 0 || kind.is_none() {
        return Err(Errno::EINVAL);
    } else {
        Action::Mount
    };
    let mut properties = MountFlags::from_bits_truncate(flags);
    properties.set(MountFlags::RELATIME, flags & (raw::MS_NOATIME | raw::MS_STRICTATIME) == 0);
    let text = |text: &Option<UserPath>| text.as_ref().map_or_else(Vec::new, |text| text.to_vec());
    let (source, kind, data) = (text(&source), text(&kind), text(&data));
    let request = MountRequest { source: &source, target: &target, kind: &kind, flags: properties, action, data: &data };
    mounting::mount(&At::cwd().context, &request)?;
    Ok(0)
}

/// umount2(2).
pub fn umount2(_ctx: &mut Legacy<'_>, target: UserStr, flags: u32) -> Result<usize> {
    let known = raw::MNT_FORCE | raw::MNT_DETACH | raw::MNT_EXPIRE | raw::UMOUNT_NOFOLLOW;
    if flags & !known != 0 || flags & raw::MNT_EXPIRE != 0 {
        return Err(Errno::EINVAL);
    }
    let target = UserPath::read(target)?;
    let follow = if flags & raw::UMOUNT_NOFOLLOW != 0 { Follow::No } else { Follow::Yes };
    let how = if flags & raw::MNT_DETACH != 0 { Detach::Lazily } else { Detach::WhenUnused };
    mounting::unmount(&At::cwd().context, &target, follow, how)?;
    Ok(0)
}

fn create(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, kind: NodeKind<'_>, mode: u32) -> Result<usize> {
    let task = ctx.task();
    let path = UserPath::read(path)?;
    let at = At::new(task, dir, &path)?;
    modify::create(&at.context, &at.start, &path, kind, mode & !task.fs().umask())?;
    Ok(0)
}
