//! Directories: their entries, and the current and root directory of a process.

use abi::types::DirentHeader;
use abi::{Errno, Fd, Result, UserAddr, UserStr};
use alloc::vec::Vec;
use kernel::credentials::Capability;
use kernel::files::{Read, Walk};
use kernel::vfs::dentry::Linked;
use kernel::vfs::inode::{DirEntry, Emit, FileKind};
use kernel::vfs::lookup::{Follow, LookupContext};
use kernel::vfs::mount::{Path, Reachable};
use kernel::vfs::permission::Wanted;
use kernel::vfs::read_directory::read_directory;

use crate::capability::{At, UserPath, file};
use crate::context::Hybrid;
use crate::user;

/// getdents64(2).
pub fn getdents64(ctx: &Hybrid<'_>, fd: Fd, buf: UserAddr, count: u32) -> Result<usize> {
    entries(ctx, fd, buf, count, put_dirent64)
}

/// getdents(2): the older layout, with the type behind the name.
pub fn getdents(ctx: &Hybrid<'_>, fd: Fd, buf: UserAddr, count: u32) -> Result<usize> {
    entries(ctx, fd, buf, count, put_dirent)
}

/// getcwd(2): the length with the NUL.
pub fn getcwd(ctx: &Hybrid<'_>, buf: UserAddr, size: usize) -> Result<usize> {
    let (root, cwd) = ctx.task().fs().places();
    let shown = cwd.text(&root);
    if shown.linked == Linked::No {
        return Err(Errno::ENOENT);
    }
    let mut text = Vec::new();
    if shown.reachable == Reachable::No {
        text.extend_from_slice(b"(unreachable)");
    }
    text.extend_from_slice(&shown.text);
    text.push(0);
    if text.len() > size {
        return Err(Errno::ERANGE);
    }
    user::write_bytes(buf, &text)?;
    Ok(text.len())
}

/// chdir(2).
pub fn chdir(ctx: &Hybrid<'_>, path: UserStr) -> Result<usize> {
    let place = directory(path)?;
    ctx.task().fs().set_cwd(place);
    Ok(0)
}

/// fchdir(2).
pub fn fchdir(ctx: &Hybrid<'_>, fd: Fd) -> Result<usize> {
    let file = file::<Walk>(ctx.task(), fd)?;
    if !file.is_directory() {
        return Err(Errno::ENOTDIR);
    }
    LookupContext::current().require(file.path(), Wanted::EXECUTE)?;
    ctx.task().fs().set_cwd(file.path().clone());
    Ok(0)
}

/// chroot(2).
pub fn chroot(ctx: &Hybrid<'_>, path: UserStr) -> Result<usize> {
    let place = directory(path)?;
    ctx.task().credentials().require(Capability::SysChroot)?;
    ctx.task().fs().set_root(place);
    Ok(0)
}

/// A directory that the caller may enter.
fn directory(path: UserStr) -> Result<Path> {
    let path = UserPath::read(path)?;
    let at = At::cwd();
    let place = at.place(&path, Follow::Yes)?;
    if place.inode().kind() != FileKind::Directory {
        return Err(Errno::ENOTDIR);
    }
    at.context.require(&place, Wanted::EXECUTE)?;
    Ok(place)
}

/// Collects entries in kernel memory, as the directory is locked meanwhile, and copies them out.
fn entries(ctx: &Hybrid<'_>, fd: Fd, buf: UserAddr, count: u32, put: Put) -> Result<usize> {
    let file = file::<Read>(ctx.task(), fd)?;
    let room = (count as usize).min(BUFFER_MAX);
    let mut out: Vec<u8> = Vec::new();
    out.try_reserve_exact(room).map_err(|_| Errno::ENOMEM)?;
    let mut cut = false;
    read_directory(&file, &mut |entry| {
        let fits = put(&mut out, room, entry);
        cut |= fits == Emit::Full;
        fits
    })?;
    if out.is_empty() && cut {
        return Err(Errno::EINVAL);
    }
    user::write_bytes(buf, &out)?;
    Ok(out.len())
}

/// Appends a record if it fits within the room.
type Put = fn(&mut Vec<u8>, usize, &DirEntry<'_>) -> Emit;

/// Most bytes collected in one call.
const BUFFER_MAX: usize = 1 << 15;

/// Records are multiples of this many bytes.
const ALIGN: usize = 8;

fn put_dirent64(out: &mut Vec<u8>, room: usize, entry: &DirEntry<'_>) -> Emit {
    let len = (DirentHeader::NAME_OFFSET + entry.name.len() + 1).next_multiple_of(ALIGN);
    let Some(record) = u16::try_from(len).ok().filter(|_| out.len() + len <= room) else { return Emit::Full };
    let end = out.len() + len;
    out.extend_from_slice(&entry.number.to_ne_bytes());
    out.extend_from_slice(&entry.next.to_ne_bytes());
    out.extend_from_slice(&record.to_ne_bytes());
    out.push(entry.kind.dirent_type());
    out.extend_from_slice(entry.name);
    out.resize(end, 0);
    Emit::Taken
}

fn put_dirent(out: &mut Vec<u8>, room: usize, entry: &DirEntry<'_>) -> Emit {
    const NAME_OFFSET: usize = 18;
    let len = (NAME_OFFSET + entry.name.len() + 2).next_multiple_of(ALIGN);
    let Some(record) = u16::try_from(len).ok().filter(|_| out.len() + len <= room) else { return Emit::Full };
    let end = out.len() + len;
    out.extend_from_slice(&entry.number.to_ne_bytes());
    out.extend_from_slice(&entry.next.to_ne_bytes());
    out.extend_from_slice(&record.to_ne_bytes());
    out.extend_from_slice(entry.name);
    out.resize(end - 1, 0);
    out.push(entry.kind.dirent_type());
    Emit::Taken
}
