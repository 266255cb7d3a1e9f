//! C layouts of files: stat, statx, statfs, locks, owners, times. Part of [`crate::types`].

use crate::types::TimeSpec;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const _: () = {
    assert!(size_of::<Stat>() == size_of::<linux_raw_sys::general::stat>());
    assert!(size_of::<Statx>() == size_of::<linux_raw_sys::general::statx>());
    assert!(size_of::<StatFs>() == size_of::<linux_raw_sys::general::statfs>());
    assert!(size_of::<FileLock>() == size_of::<linux_raw_sys::general::flock>());
    assert!(size_of::<OwnerEx>() == size_of::<linux_raw_sys::general::f_owner_ex>());
};

/// `struct stat`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Stat {
    /// `st_dev`.
    pub dev: u64,
    /// `st_ino`.
    pub ino: u64,
    /// `st_nlink`.
    pub nlink: u64,
    /// `st_mode`.
    pub mode: u32,
    /// `st_uid`.
    pub uid: u32,
    /// `st_gid`.
    pub gid: u32,
    /// Padding.
    pub pad: u32,
    /// `st_rdev`.
    pub rdev: u64,
    /// `st_size`.
    pub size: i64,
    /// `st_blksize`.
    pub blksize: i64,
    /// `st_blocks`.
    pub blocks: i64,
    /// `st_atim`.
    pub accessed: TimeSpec,
    /// `st_mtim`.
    pub modified: TimeSpec,
    /// `st_ctim`.
    pub changed: TimeSpec,
    /// Unused.
    pub unused: [i64; 3],
}

/// `struct statx_timestamp`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StatxTime {
    /// Seconds.
    pub seconds: i64,
    /// Nanoseconds.
    pub nanoseconds: u32,
    /// Padding.
    pub pad: i32,
}

/// `struct statx`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Statx {
    /// [`crate::flags::StatxMask`]: what is filled in.
    pub mask: u32,
    /// Preferred transfer size.
    pub blksize: u32,
    /// Attributes.
    pub attributes: u64,
    /// Names.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Type and mode.
    pub mode: u16,
    /// Padding.
    pub pad: u16,
    /// Inode number.
    pub ino: u64,
    /// Length.
    pub size: u64,
    /// Storage in units of 512 bytes.
    pub blocks: u64,
    /// Attributes that are known.
    pub attributes_mask: u64,
    /// Last read.
    pub accessed: StatxTime,
    /// Creation.
    pub created: StatxTime,
    /// Last change of the inode.
    pub changed: StatxTime,
    /// Last write.
    pub modified: StatxTime,
    /// Device of a device node: major.
    pub rdev_major: u32,
    /// Device of a device node: minor.
    pub rdev_minor: u32,
    /// File system: major.
    pub dev_major: u32,
    /// File system: minor.
    pub dev_minor: u32,
    /// Mount.
    pub mnt_id: u64,
    /// Alignment of memory for direct I/O.
    pub dio_mem_align: u32,
    /// Alignment of offsets for direct I/O.
    pub dio_offset_align: u32,
    /// Unused.
    pub unused: [u64; 12],
}

/// `struct statfs`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StatFs {
    /// `f_type`.
    pub kind: i64,
    /// `f_bsize`.
    pub bsize: i64,
    /// `f_blocks`.
    pub blocks: u64,
    /// `f_bfree`.
    pub bfree: u64,
    /// `f_bavail`.
    pub bavail: u64,
    /// `f_files`.
    pub files: u64,
    /// `f_ffree`.
    pub ffree: u64,
    /// `f_fsid`.
    pub fsid: [i32; 2],
    /// `f_namelen`.
    pub namelen: i64,
    /// `f_frsize`.
    pub frsize: i64,
    /// `f_flags`.
    pub flags: i64,
    /// Unused.
    pub spare: [i64; 4],
}

/// `struct flock` of fcntl(2).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FileLock {
    /// `F_RDLCK`, `F_WRLCK`, `F_UNLCK`.
    pub kind: i16,
    /// Where `start` counts from.
    pub whence: i16,
    /// Padding.
    pub pad: i32,
    /// First byte.
    pub start: i64,
    /// Bytes; 0 for all that follow.
    pub len: i64,
    /// Holder.
    pub pid: i32,
    /// Padding.
    pub tail: i32,
}

/// `struct f_owner_ex` of fcntl(2).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct OwnerEx {
    /// `F_OWNER_TID`, `F_OWNER_PID`, `F_OWNER_PGRP`.
    pub kind: i32,
    /// The id.
    pub pid: i32,
}

/// `struct utimbuf` of utime(2).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct UTimBuf {
    /// Last read, in seconds.
    pub accessed: i64,
    /// Last write, in seconds.
    pub modified: i64,
}
