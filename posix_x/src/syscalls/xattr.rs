//! Extended attributes: no file system here stores any, and says so as Linux's do.
//!
//! Reading one answers `ENODATA` where Linux's tmpfs could have it (`security.`, `trusted.`), else `EOPNOTSUPP`; a list is
//! empty; setting and removing answer `EOPNOTSUPP`.

use abi::flags::AtFlags;
use abi::{Errno, Fd, Result, UserAddr, UserStr};
use alloc::vec;
use kernel::files::{Change, Flags};

use crate::capability::{file, place_at};
use crate::context::Hybrid;
use crate::user::{self, Terminated};

/// setxattr(2).
pub fn setxattr(ctx: &Hybrid<'_>, path: UserStr, name: UserStr, _value: UserAddr, _size: usize, flags: u32) -> Result<usize> {
    set(name, flags, || place_at(ctx.task(), Fd::CWD, path, AtFlags::empty()).map(|_| ()))
}

/// lsetxattr(2).
pub fn lsetxattr(ctx: &Hybrid<'_>, path: UserStr, name: UserStr, _value: UserAddr, _size: usize, flags: u32) -> Result<usize> {
    set(name, flags, || place_at(ctx.task(), Fd::CWD, path, AtFlags::SYMLINK_NOFOLLOW).map(|_| ()))
}

/// fsetxattr(2).
pub fn fsetxattr(ctx: &Hybrid<'_>, fd: Fd, name: UserStr, _value: UserAddr, _size: usize, flags: u32) -> Result<usize> {
    set(name, flags, || file::<Change>(ctx.task(), fd).map(|_| ()))
}

/// getxattr(2).
pub fn getxattr(ctx: &Hybrid<'_>, path: UserStr, name: UserStr, _value: UserAddr, _size: usize) -> Result<usize> {
    place_at(ctx.task(), Fd::CWD, path, AtFlags::empty())?;
    get(name)
}

/// lgetxattr(2).
pub fn lgetxattr(ctx: &Hybrid<'_>, path: UserStr, name: UserStr, _value: UserAddr, _size: usize) -> Result<usize> {
    place_at(ctx.task(), Fd::CWD, path, AtFlags::SYMLINK_NOFOLLOW)?;
    get(name)
}

/// fgetxattr(2).
pub fn fgetxattr(ctx: &Hybrid<'_>, fd: Fd, name: UserStr, _value: UserAddr, _size: usize) -> Result<usize> {
    file::<Flags>(ctx.task(), fd)?;
    get(name)
}

/// listxattr(2).
pub fn listxattr(ctx: &Hybrid<'_>, path: UserStr, _list: UserAddr, _size: usize) -> Result<usize> {
    place_at(ctx.task(), Fd::CWD, path, AtFlags::empty())?;
    Ok(0)
}

/// llistxattr(2).
pub fn llistxattr(ctx: &Hybrid<'_>, path: UserStr, _list: UserAddr, _size: usize) -> Result<usize> {
    place_at(ctx.task(), Fd::CWD, path, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(0)
}

/// flistxattr(2).
pub fn flistxattr(ctx: &Hybrid<'_>, fd: Fd, _list: UserAddr, _size: usize) -> Result<usize> {
    file::<Flags>(ctx.task(), fd)?;
    Ok(0)
}

/// removexattr(2).
pub fn removexattr(ctx: &Hybrid<'_>, path: UserStr, name: UserStr) -> Result<usize> {
    set(name, 0, || place_at(ctx.task(), Fd::CWD, path, AtFlags::empty()).map(|_| ()))
}

/// lremovexattr(2).
pub fn lremovexattr(ctx: &Hybrid<'_>, path: UserStr, name: UserStr) -> Result<usize> {
    set(name, 0, || place_at(ctx.task(), Fd::CWD, path, AtFlags::SYMLINK_NOFOLLOW).map(|_| ()))
}

/// fremovexattr(2).
pub fn fremovexattr(ctx: &Hybrid<'_>, fd: Fd, name: UserStr) -> Result<usize> {
    set(name, 0, || file::<Change>(ctx.task(), fd).map(|_| ()))
}

/// Longest name with its NUL.
const NAME_MAX: usize = 256;
/// `XATTR_CREATE` and `XATTR_REPLACE`.
const SET_FLAGS: u32 = 3;

fn set(name: UserStr, flags: u32, exists: impl FnOnce() -> Result<()>) -> Result<usize> {
    if flags & !SET_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    class(name)?;
    exists()?;
    Err(Errno::EOPNOTSUPP)
}

fn get(name: UserStr) -> Result<usize> {
    match class(name)? {
        Class::Storable => Err(Errno::ENODATA),
        Class::Unknown => Err(Errno::EOPNOTSUPP),
    }
}

/// What Linux's tmpfs makes of a name.
enum Class {
    Storable,
    Unknown,
}

fn class(name: UserStr) -> Result<Class> {
    let mut buffer = vec![0; NAME_MAX];
    let (len, Terminated::Yes) = user::read_str(name, &mut buffer)? else { return Err(Errno::ERANGE) };
    let name = &buffer[..len];
    if name.is_empty() {
        return Err(Errno::ERANGE);
    }
    let storable = name.starts_with(b"security.") || name.starts_with(b"trusted.");
    Ok(if storable { Class::Storable } else { Class::Unknown })
}
