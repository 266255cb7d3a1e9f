//! Descriptors and paths as calls name them: capabilities looked up with the right that the use needs, places to walk from.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Deref;

use abi::flags::AtFlags;
use abi::types::IoVec;
use abi::{Errno, Fd, Result, UserAddr, UserPtr, UserStr};
use kernel::credentials::Credentials;
use kernel::files::{FileRef, Right, Stat, Walk};
use kernel::io::{TRANSFER_MAX, UserRange, UserSink, UserSource};
use kernel::task::Task;
use kernel::vfs::lookup::{Follow, LookupContext, lookup};
use kernel::vfs::mount::Path;
use kernel_core::path::PATH_MAX;

use crate::user::{self, Terminated};

/// The description behind `fd`, for a use that needs the right `R`.
///
/// # Errors
/// `EBADF`, or what the right names when it is missing.
pub fn file<R: Right>(task: &Task, fd: Fd) -> Result<FileRef<R>> {
    task.files().get::<R>(fd.raw())
}

/// A path copied from user memory.
pub struct UserPath(Vec<u8>);

/// Most paths are shorter.
const SHORT: usize = 256;

impl UserPath {
    /// Copies a path in; it may be empty.
    ///
    /// # Errors
    /// `EFAULT`, `ENAMETOOLONG`.
    pub fn read(from: UserStr) -> Result<Self> {
        let mut short = [0; SHORT];
        if let (len, Terminated::Yes) = user::read_str(from, &mut short)? {
            return Ok(Self(short[..len].to_vec()));
        }
        let mut long = vec![0; PATH_MAX];
        let (len, Terminated::Yes) = user::read_str(from, &mut long)? else {
            return Err(Errno::ENAMETOOLONG);
        };
        long.truncate(len);
        Ok(Self(long))
    }
}

impl Deref for UserPath {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Where a path is walked from, and as whom.
pub struct At {
    /// Root, current directory, credentials.
    pub context: LookupContext,
    /// The start of a relative path.
    pub start: Path,
}

impl At {
    /// The start that `dir` names for `path`; an absolute path does not look at it.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn new(task: &Task, dir: Fd, path: &[u8]) -> Result<Self> {
        let context = LookupContext::current();
        let start = if dir == Fd::CWD || path.starts_with(b"/") {
            context.cwd.clone()
        } else {
            file::<Walk>(task, dir)?.path().clone()
        };
        Ok(Self { context, start })
    }

    /// The current directory.
    #[must_use]
    pub fn cwd() -> Self {
        let context = LookupContext::current();
        let start = context.cwd.clone();
        Self { context, start }
    }

    /// The place that `path` names.
    ///
    /// # Errors
    /// Those of the walk.
    pub fn place(&self, path: &[u8], follow: Follow) -> Result<Path> {
        lookup(&self.context, &self.start, path, follow)
    }
}

/// The place that a `*at` call names, with `AT_EMPTY_PATH` and `AT_SYMLINK_NOFOLLOW` heeded.
///
/// # Errors
/// `EBADF`, and those of the walk.
pub fn place_at(task: &Task, dir: Fd, path: UserStr, flags: AtFlags) -> Result<(LookupContext, Path)> {
    place_as(task, dir, path, flags, task.credentials())
}

/// As [`place_at`], walked with the rights of `asker`.
///
/// # Errors
/// As [`place_at`].
pub fn place_as(task: &Task, dir: Fd, path: UserStr, flags: AtFlags, asker: Arc<Credentials>) -> Result<(LookupContext, Path)> {
    let path = UserPath::read(path)?;
    if path.is_empty() && flags.contains(AtFlags::EMPTY_PATH) && dir != Fd::CWD {
        let place = file::<Stat>(task, dir)?.path().clone();
        return Ok((LookupContext { credentials: asker, ..LookupContext::current() }, place));
    }
    let mut at = At::new(task, dir, &path)?;
    at.context.credentials = asker;
    if path.is_empty() && flags.contains(AtFlags::EMPTY_PATH) {
        return Ok((at.context, at.start));
    }
    let follow = if flags.contains(AtFlags::SYMLINK_NOFOLLOW) { Follow::No } else { Follow::Yes };
    let place = at.place(&path, follow)?;
    Ok((at.context, place))
}

/// The destination of a read.
///
/// # Errors
/// `EFAULT` when the range leaves user space.
pub fn sink(to: UserAddr, count: usize) -> Result<UserSink> {
    Ok(UserSink::new(range(to, count)?))
}

/// The origin of a write.
///
/// # Errors
/// `EFAULT` when the range leaves user space.
pub fn source(from: UserAddr, count: usize) -> Result<UserSource> {
    Ok(UserSource::new(range(from, count)?))
}

/// The ranges of an iovec, cut to what one transfer moves.
///
/// # Errors
/// `EINVAL` for too many or a negative length, `EFAULT`.
pub fn ranges(iov: UserPtr<IoVec>, count: usize) -> Result<Vec<UserRange>> {
    if count > IOV_MAX {
        return Err(Errno::EINVAL);
    }
    let mut left = TRANSFER_MAX;
    let mut ranges = Vec::with_capacity(count);
    for vector in user::read_vec(iov, count)? {
        if i64::try_from(vector.len).is_err() {
            return Err(Errno::EINVAL);
        }
        let len = usize::try_from(vector.len).map_err(|_| Errno::EINVAL)?;
        UserRange::new(vector.base, len)?;
        let len = len.min(left);
        left -= len;
        ranges.push(UserRange::new(vector.base, len)?);
    }
    Ok(ranges)
}

/// Most vectors of one transfer (`UIO_MAXIOV`).
const IOV_MAX: usize = 1024;

fn range(start: UserAddr, count: usize) -> Result<UserRange> {
    UserRange::new(start.addr(), count)?;
    UserRange::new(start.addr(), count.min(TRANSFER_MAX))
}
