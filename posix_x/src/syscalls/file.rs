//! Opening, closing and copying descriptors.

use core::ops::RangeInclusive;

use abi::flags::{CloseRangeFlags, OpenFlags};
use abi::{Errno, Fd, Result, UserStr};
use kernel::files::{Any, CloseOnExec};
use kernel::vfs::open::{OpenHow, open_at};

use crate::capability::{At, UserPath, file};
use crate::context::{Fast, Hybrid};

/// open(2).
pub fn open(ctx: &Hybrid<'_>, path: UserStr, flags: u32, mode: u32) -> Result<usize> {
    openat(ctx, Fd::CWD, path, flags, mode)
}

/// creat(2).
pub fn creat(ctx: &Hybrid<'_>, path: UserStr, mode: u32) -> Result<usize> {
    let flags = OpenFlags::CREAT | OpenFlags::WRONLY | OpenFlags::TRUNC;
    openat(ctx, Fd::CWD, path, flags.bits(), mode)
}

/// openat(2).
pub fn openat(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, flags: u32, mode: u32) -> Result<usize> {
    let flags = OpenFlags::from_bits_truncate(flags) | OpenFlags::LARGEFILE;
    if flags.contains(OpenFlags::TMPFILE_BIT) && !flags.contains(OpenFlags::TMPFILE) {
        return Err(Errno::EINVAL);
    }
    let task = ctx.task();
    let path = UserPath::read(path)?;
    let at = At::new(task, dir, &path)?;
    let files = task.files();
    files.require_room()?;
    let how = OpenHow { flags, mode: mode & 0o7777 & !task.fs().umask() };
    let file = open_at(&at.context, &at.start, &path, how)?;
    let mark = CloseOnExec::when(flags.contains(OpenFlags::CLOEXEC));
    number(files.insert_file(file, mark))
}

/// close(2).
pub fn close(ctx: &Hybrid<'_>, fd: Fd) -> Result<usize> {
    ctx.task().files().close(fd.raw())?;
    Ok(0)
}

/// close_range(2).
pub fn close_range(ctx: &Hybrid<'_>, first: u32, last: u32, flags: u32) -> Result<usize> {
    let flags = CloseRangeFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    if first > last {
        return Err(Errno::EINVAL);
    }
    let task = ctx.task();
    if flags.contains(CloseRangeFlags::UNSHARE) {
        let own = task.files().fork()?;
        drop(task.replace_files(Some(own)));
    }
    let range: RangeInclusive<usize> = first as usize..=last as usize;
    if flags.contains(CloseRangeFlags::CLOEXEC) {
        task.files().mark_range(range);
    } else {
        task.files().close_range(range);
    }
    Ok(0)
}

/// dup(2).
pub fn dup(ctx: &Hybrid<'_>, fd: Fd) -> Result<usize> {
    number(ctx.task().files().duplicate(fd.raw(), 0, CloseOnExec::No))
}

/// dup2(2).
pub fn dup2(ctx: &Hybrid<'_>, old: Fd, new: Fd) -> Result<usize> {
    if old == new {
        file::<Any>(ctx.task(), old)?;
        return number(Ok(new.raw()));
    }
    number(ctx.task().files().duplicate_to(old.raw(), new.raw(), CloseOnExec::No))
}

/// dup3(2).
pub fn dup3(ctx: &Hybrid<'_>, old: Fd, new: Fd, flags: u32) -> Result<usize> {
    let flags = OpenFlags::from_bits_retain(flags);
    if !OpenFlags::CLOEXEC.contains(flags) || old == new {
        return Err(Errno::EINVAL);
    }
    let mark = CloseOnExec::when(flags.contains(OpenFlags::CLOEXEC));
    number(ctx.task().files().duplicate_to(old.raw(), new.raw(), mark))
}

/// umask(2).
pub fn umask(ctx: &Fast<'_>, mask: u32) -> Result<usize> {
    Ok(ctx.task().fs().set_umask(mask) as usize)
}

/// A descriptor as the result of a call.
pub(super) fn number(fd: Result<i32>) -> Result<usize> {
    usize::try_from(fd?).map_err(|_| Errno::EBADF)
}
