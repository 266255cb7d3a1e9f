//! Attributes of files: stat(2), access(2), chmod(2), chown(2), utimensat(2), truncate(2), statfs(2) and their families.

use abi::flags::{Access, AtFlags, FallocateFlags, FileKind, StatxMask};
use abi::types::{Stat as StatBuf, StatFs, Statx, StatxTime, TimeSpec, TimeVal, UTimBuf};
use abi::{Errno, Fd, Result, UserPtr, UserStr};
use alloc::sync::Arc;
use kernel::credentials::{CapabilitySet, Credentials};
use kernel::files::{Any, Change, Stat, Truncate, Write};
use kernel::vfs::LookupContext;
use kernel::vfs::attributes::{self, NewTime};
use kernel::vfs::inode::{AllocateMode, AllocateRequest, Metadata, Timestamp};
use kernel::vfs::mount::{MountFlags, Path};
use kernel::vfs::permission::Wanted;
use linux_raw_sys::general as raw;

use crate::capability::{file, place_as, place_at};
use crate::context::Hybrid;
use crate::user::UserStruct;

/// stat(2).
pub fn stat(ctx: &Hybrid<'_>, path: UserStr, buf: UserPtr<StatBuf>) -> Result<usize> {
    newfstatat(ctx, Fd::CWD, path, buf, 0)
}

/// lstat(2).
pub fn lstat(ctx: &Hybrid<'_>, path: UserStr, buf: UserPtr<StatBuf>) -> Result<usize> {
    newfstatat(ctx, Fd::CWD, path, buf, AtFlags::SYMLINK_NOFOLLOW.bits())
}

/// fstat(2).
pub fn fstat(ctx: &Hybrid<'_>, fd: Fd, buf: UserPtr<StatBuf>) -> Result<usize> {
    let metadata = file::<Stat>(ctx.task(), fd)?.inode().metadata();
    buf.put(&stat_of(&metadata))?;
    Ok(0)
}

/// newfstatat(2).
pub fn newfstatat(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, buf: UserPtr<StatBuf>, flags: u32) -> Result<usize> {
    let flags = at_flags(flags, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::EMPTY_PATH)?;
    let (_, place) = place_at(ctx.task(), dir, path, flags)?;
    buf.put(&stat_of(&place.inode().metadata()))?;
    Ok(0)
}

/// statx(2).
pub fn statx(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, flags: u32, mask: u32, buf: UserPtr<Statx>) -> Result<usize> {
    let sync = AtFlags::STATX_FORCE_SYNC | AtFlags::STATX_DONT_SYNC;
    let flags = at_flags(flags, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::EMPTY_PATH | sync)?;
    if mask & raw::STATX__RESERVED != 0 || flags.contains(sync) {
        return Err(Errno::EINVAL);
    }
    let (_, place) = place_at(ctx.task(), dir, path, flags)?;
    buf.put(&statx_of(&place))?;
    Ok(0)
}

/// access(2).
pub fn access(ctx: &Hybrid<'_>, path: UserStr, mode: u32) -> Result<usize> {
    faccessat2(ctx, Fd::CWD, path, mode, 0)
}

/// faccessat(2), the call without flags.
pub fn faccessat(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, mode: u32) -> Result<usize> {
    faccessat2(ctx, dir, path, mode, 0)
}

/// faccessat2(2).
pub fn faccessat2(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, mode: u32, flags: u32) -> Result<usize> {
    let wanted = Access::from_bits(mode).ok_or(Errno::EINVAL)?;
    let flags = at_flags(flags, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH | AtFlags::EACCESS)?;
    let effective = ctx.task().credentials();
    let asker = if flags.contains(AtFlags::EACCESS) { effective } else { Arc::new(as_real_user(&effective)) };
    let (context, place) = place_as(ctx.task(), dir, path, flags, asker)?;
    if wanted.is_empty() {
        return Ok(0);
    }
    let node = matches!(place.inode().kind(), FileKind::CharDevice | FileKind::BlockDevice | FileKind::Fifo | FileKind::Socket);
    if wanted.contains(Access::WRITE) && !node {
        place.mount.require_writable()?;
    }
    let no_exec = place.mount.flags().contains(MountFlags::NOEXEC) && place.inode().kind() == FileKind::Regular;
    if wanted.contains(Access::EXECUTE) && no_exec {
        return Err(Errno::EACCES);
    }
    // The bits of access(2) are those of a mode digit.
    context.require(&place, Wanted::from_bits_truncate(wanted.bits()))?;
    Ok(0)
}

/// chmod(2).
pub fn chmod(ctx: &Hybrid<'_>, path: UserStr, mode: u32) -> Result<usize> {
    fchmodat(ctx, Fd::CWD, path, mode)
}

/// fchmod(2).
pub fn fchmod(ctx: &Hybrid<'_>, fd: Fd, mode: u32) -> Result<usize> {
    let file = file::<Change>(ctx.task(), fd)?;
    attributes::change_mode(&LookupContext::current(), file.path(), mode)?;
    Ok(0)
}

/// fchmodat(2), the call without flags.
pub fn fchmodat(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, mode: u32) -> Result<usize> {
    let (context, place) = place_at(ctx.task(), dir, path, AtFlags::empty())?;
    attributes::change_mode(&context, &place, mode)?;
    Ok(0)
}

/// chown(2).
pub fn chown(ctx: &Hybrid<'_>, path: UserStr, uid: u32, gid: u32) -> Result<usize> {
    fchownat(ctx, Fd::CWD, path, uid, gid, 0)
}

/// lchown(2).
pub fn lchown(ctx: &Hybrid<'_>, path: UserStr, uid: u32, gid: u32) -> Result<usize> {
    fchownat(ctx, Fd::CWD, path, uid, gid, AtFlags::SYMLINK_NOFOLLOW.bits())
}

/// fchown(2).
pub fn fchown(ctx: &Hybrid<'_>, fd: Fd, uid: u32, gid: u32) -> Result<usize> {
    let file = file::<Change>(ctx.task(), fd)?;
    attributes::change_owner(&LookupContext::current(), file.path(), id(uid), id(gid))?;
    Ok(0)
}

/// fchownat(2).
pub fn fchownat(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, uid: u32, gid: u32, flags: u32) -> Result<usize> {
    let flags = at_flags(flags, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)?;
    let (context, place) = place_at(ctx.task(), dir, path, flags)?;
    attributes::change_owner(&context, &place, id(uid), id(gid))?;
    Ok(0)
}

/// utimensat(2); without a path it acts on the descriptor.
pub fn utimensat(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, times: UserPtr<[TimeSpec; 2]>, flags: u32) -> Result<usize> {
    let (accessed, modified) = match times.non_null() {
        None => (NewTime::Now, NewTime::Now),
        Some(times) => {
            let [accessed, modified] = times.get()?;
            (new_time(accessed)?, new_time(modified)?)
        }
    };
    if accessed == NewTime::Keep && modified == NewTime::Keep {
        return Ok(0);
    }
    let flags = at_flags(flags, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)?;
    if path.is_null() && dir != Fd::CWD {
        if !flags.is_empty() {
            return Err(Errno::EINVAL);
        }
        let file = file::<Change>(ctx.task(), dir)?;
        attributes::change_times(&LookupContext::current(), file.path(), accessed, modified)?;
        return Ok(0);
    }
    set_times(ctx, dir, path, flags, accessed, modified)
}

/// utimes(2).
pub fn utimes(ctx: &Hybrid<'_>, path: UserStr, times: UserPtr<[TimeVal; 2]>) -> Result<usize> {
    futimesat(ctx, Fd::CWD, path, times)
}

/// futimesat(2).
pub fn futimesat(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, times: UserPtr<[TimeVal; 2]>) -> Result<usize> {
    let Some(times) = times.non_null() else {
        return set_times(ctx, dir, path, AtFlags::empty(), NewTime::Now, NewTime::Now);
    };
    let exact = |time: TimeVal| -> Result<NewTime> {
        let nanoseconds = u32::try_from(time.microseconds).ok().filter(|&micros| micros < 1_000_000).map(|micros| micros * 1000);
        let nanoseconds = nanoseconds.ok_or(Errno::EINVAL)?;
        Ok(NewTime::At(Timestamp { seconds: time.seconds, nanoseconds }))
    };
    let [accessed, modified] = times.get()?;
    set_times(ctx, dir, path, AtFlags::empty(), exact(accessed)?, exact(modified)?)
}

/// utime(2).
pub fn utime(ctx: &Hybrid<'_>, path: UserStr, times: UserPtr<UTimBuf>) -> Result<usize> {
    let Some(times) = times.non_null() else {
        return set_times(ctx, Fd::CWD, path, AtFlags::empty(), NewTime::Now, NewTime::Now);
    };
    let UTimBuf { accessed, modified } = times.get()?;
    let exact = |seconds| NewTime::At(Timestamp { seconds, nanoseconds: 0 });
    set_times(ctx, Fd::CWD, path, AtFlags::empty(), exact(accessed), exact(modified))
}

/// truncate(2).
pub fn truncate(ctx: &Hybrid<'_>, path: UserStr, size: i64) -> Result<usize> {
    let size = u64::try_from(size).map_err(|_| Errno::EINVAL)?;
    let (context, place) = place_at(ctx.task(), Fd::CWD, path, AtFlags::empty())?;
    attributes::truncate(&context, &place, size)?;
    Ok(0)
}

/// ftruncate(2).
pub fn ftruncate(ctx: &Hybrid<'_>, fd: Fd, size: i64) -> Result<usize> {
    let size = u64::try_from(size).map_err(|_| Errno::EINVAL)?;
    let file = file::<Truncate>(ctx.task(), fd)?;
    attributes::truncate_file(&file, &ctx.task().credentials(), size)?;
    Ok(0)
}

/// fallocate(2).
pub fn fallocate(ctx: &Hybrid<'_>, fd: Fd, mode: u32, offset: i64, len: i64) -> Result<usize> {
    let (Ok(start), Ok(count)) = (u64::try_from(offset), u64::try_from(len)) else { return Err(Errno::EINVAL) };
    if count == 0 {
        return Err(Errno::EINVAL);
    }
    let flags = FallocateFlags::from_bits(mode).ok_or(Errno::EOPNOTSUPP)?;
    let mode = if flags.is_empty() {
        AllocateMode::Extend
    } else if flags == FallocateFlags::KEEP_SIZE {
        AllocateMode::KeepSize
    } else if flags == FallocateFlags::KEEP_SIZE | FallocateFlags::PUNCH_HOLE {
        AllocateMode::PunchHole
    } else {
        return Err(Errno::EOPNOTSUPP);
    };
    let file = file::<Write>(ctx.task(), fd)?;
    match file.inode().kind() {
        FileKind::Regular => {}
        FileKind::Fifo => return Err(Errno::ESPIPE),
        FileKind::Directory => return Err(Errno::EISDIR),
        _ => return Err(Errno::ENODEV),
    }
    if offset.checked_add(len).is_none() {
        return Err(Errno::EFBIG);
    }
    attributes::allocate(&file, &AllocateRequest { mode, offset: start, len: count })?;
    Ok(0)
}

/// statfs(2).
pub fn statfs(ctx: &Hybrid<'_>, path: UserStr, buf: UserPtr<StatFs>) -> Result<usize> {
    let (_, place) = place_at(ctx.task(), Fd::CWD, path, AtFlags::empty())?;
    buf.put(&statfs_of(&place))?;
    Ok(0)
}

/// fstatfs(2).
pub fn fstatfs(ctx: &Hybrid<'_>, fd: Fd, buf: UserPtr<StatFs>) -> Result<usize> {
    let file = file::<Any>(ctx.task(), fd)?;
    buf.put(&statfs_of(file.path()))?;
    Ok(0)
}

fn at_flags(flags: u32, known: AtFlags) -> Result<AtFlags> {
    AtFlags::from_bits(flags).filter(|flags| known.contains(*flags)).ok_or(Errno::EINVAL)
}

/// A user or group id to set; -1 leaves it as it is.
fn id(id: u32) -> Option<u32> {
    (id != u32::MAX).then_some(id)
}

/// The real ids in place of the effective ones, with the capabilities that they would have.
fn as_real_user(effective: &Credentials) -> Credentials {
    let mut asker = effective.clone();
    asker.user.filesystem = effective.uid();
    asker.group.filesystem = effective.gid();
    let sets = &mut asker.capabilities;
    sets.effective = if effective.uid() == 0 { sets.permitted } else { CapabilitySet::EMPTY };
    asker
}

fn set_times(ctx: &Hybrid<'_>, dir: Fd, path: UserStr, flags: AtFlags, accessed: NewTime, modified: NewTime) -> Result<usize> {
    let (context, place) = place_at(ctx.task(), dir, path, flags)?;
    attributes::change_times(&context, &place, accessed, modified)?;
    Ok(0)
}

fn new_time(time: TimeSpec) -> Result<NewTime> {
    let nanoseconds = u32::try_from(time.nanoseconds).map_err(|_| Errno::EINVAL)?;
    match nanoseconds {
        raw::UTIME_NOW => Ok(NewTime::Now),
        raw::UTIME_OMIT => Ok(NewTime::Keep),
        0..=999_999_999 => Ok(NewTime::At(Timestamp { seconds: time.seconds, nanoseconds })),
        _ => Err(Errno::EINVAL),
    }
}

fn stat_of(metadata: &Metadata) -> StatBuf {
    let time = |time: Timestamp| TimeSpec { seconds: time.seconds, nanoseconds: time.nanoseconds.into() };
    StatBuf {
        dev: metadata.id.device.raw(),
        ino: metadata.id.number,
        nlink: metadata.links.into(),
        mode: metadata.kind.mode_bits() | metadata.mode,
        uid: metadata.uid,
        gid: metadata.gid,
        rdev: metadata.rdev.raw(),
        size: i64::try_from(metadata.size).unwrap_or(i64::MAX),
        blksize: metadata.block_size.into(),
        blocks: i64::try_from(metadata.blocks).unwrap_or(i64::MAX),
        accessed: time(metadata.accessed),
        modified: time(metadata.modified),
        changed: time(metadata.changed),
        ..StatBuf::default()
    }
}

fn statx_of(place: &Path) -> Statx {
    let metadata = place.inode().metadata();
    let time = |time: Timestamp| StatxTime { seconds: time.seconds, nanoseconds: time.nanoseconds, pad: 0 };
    let (device, rdev) = (metadata.id.device, metadata.rdev);
    let is_mount_root = if place.is_mount_root() { u64::from(raw::STATX_ATTR_MOUNT_ROOT) } else { 0 };
    // Type and mode bits fit sixteen bits.
    let mode = (metadata.kind.mode_bits() | metadata.mode) as u16;
    Statx {
        mask: (StatxMask::BASIC_STATS | StatxMask::BTIME | StatxMask::MNT_ID).bits(),
        blksize: metadata.block_size,
        attributes: is_mount_root,
        nlink: metadata.links,
        uid: metadata.uid,
        gid: metadata.gid,
        mode,
        ino: metadata.id.number,
        size: metadata.size,
        blocks: metadata.blocks,
        attributes_mask: u64::from(raw::STATX_ATTR_MOUNT_ROOT),
        accessed: time(metadata.accessed),
        created: time(metadata.created),
        changed: time(metadata.changed),
        modified: time(metadata.modified),
        rdev_major: rdev.major(),
        rdev_minor: rdev.minor(),
        dev_major: device.major(),
        dev_minor: device.minor(),
        mnt_id: place.mount.id().into(),
        ..Statx::default()
    }
}

fn statfs_of(place: &Path) -> StatFs {
    let file_system = place.mount.file_system();
    let statistics = file_system.statistics();
    let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let flags = place.mount.flags();
    // The flags of mount(2) and statvfs(3) agree but for this one.
    let relatime = if flags.contains(MountFlags::RELATIME) { raw::MS_RDONLY << 12 } else { 0 };
    let shown = (flags - MountFlags::RELATIME).bits() | relatime | ST_VALID;
    // Both halves of a device number fit an int.
    let device = file_system.device().raw();
    StatFs {
        kind: signed(statistics.magic),
        bsize: signed(statistics.block_size),
        blocks: statistics.blocks,
        bfree: statistics.free_blocks,
        bavail: statistics.free_blocks,
        files: statistics.inodes,
        ffree: statistics.free_inodes,
        fsid: [(device & 0xffff_ffff) as i32, (device >> 32) as i32],
        namelen: NAME_MAX,
        frsize: signed(statistics.block_size),
        flags: shown.into(),
        ..StatFs::default()
    }
}

const NAME_MAX: i64 = kernel_core::path::NAME_MAX as i64;
/// `f_flags` means something.
const ST_VALID: u32 = 0x20;
