//! fcntl(2), flock(2), and waiting for storage.

use abi::flags::{FdFlags, FileKind, OpenFlags, Whence};
use abi::types::{FileLock, OwnerEx};
use abi::{Errno, Fd, Result, UserPtr};
use kernel::files::{Any, CloseOnExec, FileRef, Flags, Lock, Sync};
use kernel::pipe;
use kernel::vfs::locks::{self, Blocking, Family, Holder, LockKind, Owner, Record};
use kernel::vfs::permission;
use kernel_core::record_lock::ByteRange;
use linux_raw_sys::general as raw;

use super::file::number;
use crate::capability::file;
use crate::context::Hybrid;
use crate::user::UserStruct;

/// fcntl(2).
pub fn fcntl(ctx: &Hybrid<'_>, fd: Fd, command: u32, argument: u64) -> Result<usize> {
    match command {
        raw::F_DUPFD => duplicate(ctx, fd, argument, CloseOnExec::No),
        raw::F_DUPFD_CLOEXEC => duplicate(ctx, fd, argument, CloseOnExec::Yes),
        raw::F_GETFD => {
            let mark = ctx.task().files().close_on_exec_of(fd.raw())?;
            Ok(if mark == CloseOnExec::Yes { FdFlags::CLOEXEC.bits() as usize } else { 0 })
        }
        raw::F_SETFD => {
            let flags = FdFlags::from_bits_truncate(low(argument));
            let mark = CloseOnExec::when(flags.contains(FdFlags::CLOEXEC));
            ctx.task().files().set_close_on_exec(fd.raw(), mark)?;
            Ok(0)
        }
        raw::F_GETFL => Ok(file::<Any>(ctx.task(), fd)?.flags().bits() as usize),
        raw::F_SETFL => set_flags(ctx, fd, OpenFlags::from_bits_truncate(low(argument))),
        raw::F_GETLK => find_lock(ctx, fd, UserPtr::new(argument), Kind::Posix),
        raw::F_SETLK => set_lock(ctx, fd, UserPtr::new(argument), Kind::Posix, Blocking::No),
        raw::F_SETLKW => set_lock(ctx, fd, UserPtr::new(argument), Kind::Posix, Blocking::Yes),
        raw::F_OFD_GETLK => find_lock(ctx, fd, UserPtr::new(argument), Kind::Description),
        raw::F_OFD_SETLK => set_lock(ctx, fd, UserPtr::new(argument), Kind::Description, Blocking::No),
        raw::F_OFD_SETLKW => set_lock(ctx, fd, UserPtr::new(argument), Kind::Description, Blocking::Yes),
        raw::F_GETOWN => {
            // A group is a negative number; libc asks by F_GETOWN_EX to tell it from an error.
            Ok(file::<Flags>(ctx.task(), fd)?.owner() as usize)
        }
        raw::F_SETOWN => set_owner(ctx, fd, low(argument).cast_signed()),
        raw::F_GETOWN_EX => owner_ex(ctx, fd, UserPtr::new(argument)),
        raw::F_SETOWN_EX => set_owner_ex(ctx, fd, UserPtr::new(argument)),
        raw::F_GETPIPE_SZ => pipe::capacity(file::<Flags>(ctx.task(), fd)?.file()),
        raw::F_SETPIPE_SZ => {
            let bytes = usize::try_from(low(argument).cast_signed()).map_err(|_| Errno::EINVAL)?;
            let file = file::<Flags>(ctx.task(), fd)?;
            pipe::set_capacity(file.file(), bytes, &ctx.task().credentials())
        }
        _ => {
            file::<Any>(ctx.task(), fd)?;
            Err(Errno::EINVAL)
        }
    }
}

/// flock(2).
pub fn flock(ctx: &Hybrid<'_>, fd: Fd, operation: u32) -> Result<usize> {
    let blocking = if operation & raw::LOCK_NB == 0 { Blocking::Yes } else { Blocking::No };
    let file = file::<Lock>(ctx.task(), fd)?;
    let owner = Owner::Description(file.lock_identity());
    let id = file.inode().id();
    let kind = match operation & !raw::LOCK_NB {
        raw::LOCK_SH => LockKind::Shared,
        raw::LOCK_EX => LockKind::Exclusive,
        raw::LOCK_UN => {
            locks::release(id, Family::Whole, owner, ByteRange::ALL)?;
            return Ok(0);
        }
        _ => return Err(Errno::EINVAL),
    };
    // A change of kind is not atomic: what was held ends first.
    locks::release(id, Family::Whole, owner, ByteRange::ALL)?;
    let wanted = Record { owner: Holder { owner, pid: NO_PID }, kind, range: ByteRange::ALL };
    locks::acquire(id, Family::Whole, wanted, blocking)?;
    Ok(0)
}

/// fsync(2).
pub fn fsync(ctx: &Hybrid<'_>, fd: Fd) -> Result<usize> {
    let file = file::<Sync>(ctx.task(), fd)?;
    file.ops().sync(&file)?;
    Ok(0)
}

/// syncfs(2): no file system here keeps data from its storage.
pub fn syncfs(ctx: &Hybrid<'_>, fd: Fd) -> Result<usize> {
    file::<Sync>(ctx.task(), fd)?;
    Ok(0)
}

/// sync(2).
pub fn sync(_ctx: &Hybrid<'_>) -> Result<usize> {
    Ok(0)
}

/// sync_file_range(2).
pub fn sync_file_range(ctx: &Hybrid<'_>, fd: Fd, offset: i64, len: i64, flags: u32) -> Result<usize> {
    let known = raw::SYNC_FILE_RANGE_WAIT_BEFORE | raw::SYNC_FILE_RANGE_WRITE | raw::SYNC_FILE_RANGE_WAIT_AFTER;
    if flags & !known != 0 || offset < 0 || len < 0 || offset.checked_add(len).is_none() {
        return Err(Errno::EINVAL);
    }
    let file = file::<Sync>(ctx.task(), fd)?;
    match file.inode().kind() {
        FileKind::Regular | FileKind::BlockDevice | FileKind::Directory | FileKind::Symlink => Ok(0),
        FileKind::CharDevice | FileKind::Fifo | FileKind::Socket => Err(Errno::ESPIPE),
    }
}

/// posix_fadvise(2): advice that every file here follows already.
pub fn fadvise64(ctx: &Hybrid<'_>, fd: Fd, _offset: i64, len: i64, advice: u32) -> Result<usize> {
    let file = file::<Flags>(ctx.task(), fd)?;
    if file.inode().kind() == FileKind::Fifo {
        return Err(Errno::ESPIPE);
    }
    if len < 0 || advice > raw::POSIX_FADV_NOREUSE {
        return Err(Errno::EINVAL);
    }
    Ok(0)
}

/// Whose record locks are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The process's.
    Posix,
    /// The description's.
    Description,
}

/// `l_pid` of locks that belong to no process.
const NO_PID: i32 = -1;

fn low(argument: u64) -> u32 {
    u32::try_from(argument & u64::from(u32::MAX)).unwrap_or_default()
}

fn duplicate(ctx: &Hybrid<'_>, fd: Fd, min: u64, mark: CloseOnExec) -> Result<usize> {
    let min = usize::try_from(low(min).cast_signed()).map_err(|_| Errno::EINVAL)?;
    number(ctx.task().files().duplicate(fd.raw(), min, mark))
}

fn set_flags(ctx: &Hybrid<'_>, fd: Fd, flags: OpenFlags) -> Result<usize> {
    let file = file::<Flags>(ctx.task(), fd)?;
    if flags.contains(OpenFlags::NOATIME) && !file.flags().contains(OpenFlags::NOATIME) {
        permission::check_owner(file.inode().ownership(), &ctx.task().credentials())?;
    }
    file.set_flags(flags, OpenFlags::SETTABLE)?;
    Ok(0)
}

fn set_owner(ctx: &Hybrid<'_>, fd: Fd, owner: i32) -> Result<usize> {
    let file = file::<Flags>(ctx.task(), fd)?;
    if owner == i32::MIN {
        return Err(Errno::EINVAL);
    }
    file.set_owner(owner);
    Ok(0)
}

fn owner_ex(ctx: &Hybrid<'_>, fd: Fd, to: UserPtr<OwnerEx>) -> Result<usize> {
    let owner = file::<Flags>(ctx.task(), fd)?.owner();
    let kind = if owner < 0 { raw::F_OWNER_PGRP } else { raw::F_OWNER_PID };
    to.put(&OwnerEx { kind: kind.cast_signed(), pid: owner.saturating_abs() })?;
    Ok(0)
}

fn set_owner_ex(ctx: &Hybrid<'_>, fd: Fd, from: UserPtr<OwnerEx>) -> Result<usize> {
    let OwnerEx { kind, pid } = from.get()?;
    match kind.cast_unsigned() {
        raw::F_OWNER_TID | raw::F_OWNER_PID if pid >= 0 => set_owner(ctx, fd, pid),
        raw::F_OWNER_PGRP if pid >= 0 => set_owner(ctx, fd, -pid),
        _ => Err(Errno::EINVAL),
    }
}

fn find_lock(ctx: &Hybrid<'_>, fd: Fd, argument: UserPtr<FileLock>, kind: Kind) -> Result<usize> {
    let mut lock: FileLock = argument.get()?;
    let file = file::<Lock>(ctx.task(), fd)?;
    let wanted = match lock_request(ctx, &file, &lock, kind)? {
        Request::Take(wanted) => wanted,
        Request::End(..) => return Err(Errno::EINVAL),
    };
    match locks::conflict(file.inode().id(), &wanted) {
        None => lock.kind = F_UNLCK,
        Some(held) => {
            let len = if held.range.end == u64::MAX { 0 } else { held.range.end - held.range.start + 1 };
            lock = FileLock {
                kind: if held.kind == LockKind::Exclusive { F_WRLCK } else { F_RDLCK },
                whence: 0,
                start: i64::try_from(held.range.start).unwrap_or(i64::MAX),
                len: i64::try_from(len).unwrap_or(0),
                pid: held.owner.pid,
                ..FileLock::default()
            };
        }
    }
    argument.put(&lock)?;
    Ok(0)
}

fn set_lock(ctx: &Hybrid<'_>, fd: Fd, argument: UserPtr<FileLock>, kind: Kind, blocking: Blocking) -> Result<usize> {
    let lock: FileLock = argument.get()?;
    let file = file::<Lock>(ctx.task(), fd)?;
    let id = file.inode().id();
    match lock_request(ctx, &file, &lock, kind)? {
        Request::End(owner, range) => locks::release(id, Family::Record, owner, range)?,
        Request::Take(wanted) => {
            let granted = match wanted.kind {
                LockKind::Shared => file.is_readable(),
                LockKind::Exclusive => file.is_writable(),
            };
            if !granted {
                return Err(Errno::EBADF);
            }
            locks::acquire(id, Family::Record, wanted, blocking)?;
        }
    }
    Ok(0)
}

/// What a `struct flock` asks for.
enum Request {
    Take(Record),
    End(Owner, ByteRange),
}

fn lock_request(ctx: &Hybrid<'_>, file: &FileRef<Lock>, lock: &FileLock, kind: Kind) -> Result<Request> {
    let range = byte_range(file, lock)?;
    if kind == Kind::Description && lock.pid != 0 {
        return Err(Errno::EINVAL);
    }
    let holder = match kind {
        Kind::Posix => Holder { owner: ctx.task().files().lock_owner(), pid: ctx.process().pid().raw() },
        Kind::Description => Holder { owner: Owner::Description(file.lock_identity()), pid: NO_PID },
    };
    match lock.kind {
        F_RDLCK => Ok(Request::Take(Record { owner: holder, kind: LockKind::Shared, range })),
        F_WRLCK => Ok(Request::Take(Record { owner: holder, kind: LockKind::Exclusive, range })),
        F_UNLCK => Ok(Request::End(holder.owner, range)),
        _ => Err(Errno::EINVAL),
    }
}

/// The bytes that a lock covers: `len` may be negative, 0 means "to the end, wherever that is".
fn byte_range(file: &FileRef<Lock>, lock: &FileLock) -> Result<ByteRange> {
    let whence = u32::try_from(lock.whence).ok().and_then(Whence::from_raw);
    let base = match whence.ok_or(Errno::EINVAL)? {
        Whence::Set => 0,
        Whence::Current => file.position(),
        Whence::End => file.inode().size(),
        Whence::Data | Whence::Hole => return Err(Errno::EINVAL),
    };
    let base = i64::try_from(base).map_err(|_| Errno::EOVERFLOW)?;
    let start = base.checked_add(lock.start).ok_or(Errno::EOVERFLOW)?;
    let (first, last) = match lock.len {
        0 => (start, i64::MAX),
        len if len > 0 => (start, start.checked_add(len - 1).ok_or(Errno::EOVERFLOW)?),
        len => (start.checked_add(len).ok_or(Errno::EINVAL)?, start - 1),
    };
    let start = u64::try_from(first).map_err(|_| Errno::EINVAL)?;
    let end = if last == i64::MAX { u64::MAX } else { u64::try_from(last).map_err(|_| Errno::EINVAL)? };
    Ok(ByteRange { start, end })
}

const F_RDLCK: i16 = raw::F_RDLCK as i16;
const F_WRLCK: i16 = raw::F_WRLCK as i16;
const F_UNLCK: i16 = raw::F_UNLCK as i16;
