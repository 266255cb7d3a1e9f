//! Changes of an inode's attributes: chmod(2), chown(2), utimensat(2), truncate(2), with who may make them.

use super::file::File;
use super::inode::{AllocateMode, AllocateRequest, FileKind, Inode, MODE_BITS, S_ISGID, S_ISUID, SetAttributes, Timestamp};
use super::lookup::LookupContext;
use super::mount::Path;
use super::permission::{self, Wanted};
use crate::credentials::{Capability, Credentials};
use crate::signal::SigInfo;
use crate::task::limits::{INFINITY, Resource};
use abi::signal::Signal;
use abi::{Errno, Result};

/// chmod(2).
///
/// # Errors
/// `EPERM`, `EROFS`; `EOPNOTSUPP` for a symbolic link.
pub fn change_mode(context: &LookupContext, place: &Path, mode: u32) -> Result<()> {
    place.mount.require_writable()?;
    let inode = place.inode();
    if inode.kind() == FileKind::Symlink {
        return Err(Errno::EOPNOTSUPP);
    }
    let ownership = inode.ownership();
    permission::check_owner(ownership, &context.credentials)?;
    let mut mode = mode & MODE_BITS;
    if !context.credentials.in_group(ownership.gid) && !context.credentials.may(Capability::Fsetid) {
        mode &= !S_ISGID;
    }
    inode.set_attributes(&SetAttributes { mode: Some(mode), ..SetAttributes::default() })
}

/// chown(2): a change to a new owner and a new group, each optional; set-id bits of executables are cleared.
///
/// # Errors
/// `EPERM`, `EROFS`.
pub fn change_owner(context: &LookupContext, place: &Path, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
    place.mount.require_writable()?;
    let inode = place.inode();
    let ownership = inode.ownership();
    let credentials = &*context.credentials;
    if !credentials.may(Capability::Chown) {
        let owns = credentials.fsuid() == ownership.uid;
        let keeps_owner = uid.is_none_or(|uid| owns && uid == ownership.uid);
        let own_group = gid.is_none_or(|gid| owns && (gid == ownership.gid || credentials.in_group(gid)));
        if !keeps_owner || !own_group {
            return Err(Errno::EPERM);
        }
    }
    let mode = (inode.kind() != FileKind::Directory).then(|| without_set_id(ownership.mode));
    inode.set_attributes(&SetAttributes { mode, uid, gid, ..SetAttributes::default() })
}

/// A time to set with utimensat(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewTime {
    /// The present.
    Now,
    /// As it is.
    Keep,
    /// This one.
    At(Timestamp),
}

/// utimensat(2): times of last read and last write.
///
/// # Errors
/// `EPERM` for given times of another's file, `EACCES` for the present without the right to write, `EROFS`.
pub fn change_times(context: &LookupContext, place: &Path, accessed: NewTime, modified: NewTime) -> Result<()> {
    if accessed == NewTime::Keep && modified == NewTime::Keep {
        return Ok(());
    }
    place.mount.require_writable()?;
    let inode = place.inode();
    if permission::check_owner(inode.ownership(), &context.credentials).is_err() {
        if (accessed, modified) != (NewTime::Now, NewTime::Now) {
            return Err(Errno::EPERM);
        }
        context.require(place, Wanted::WRITE)?;
    }
    let now = super::now();
    let resolve = |time| match time {
        NewTime::Now => Some(now),
        NewTime::Keep => None,
        NewTime::At(time) => Some(time),
    };
    inode.set_attributes(&SetAttributes { accessed: resolve(accessed), modified: resolve(modified), ..SetAttributes::default() })
}

/// truncate(2): the right to write is checked.
///
/// # Errors
/// `EISDIR`, `EINVAL` for what has no length, `EACCES`, `EROFS`, `EFBIG`.
pub fn truncate(context: &LookupContext, place: &Path, size: u64) -> Result<()> {
    match place.inode().kind() {
        FileKind::Regular => {}
        FileKind::Directory => return Err(Errno::EISDIR),
        _ => return Err(Errno::EINVAL),
    }
    context.require(place, Wanted::WRITE)?;
    place.mount.require_writable()?;
    resize(&**place.inode(), &context.credentials, size)
}

/// ftruncate(2): the description is open for writing.
///
/// # Errors
/// `EINVAL` for what has no length, `EFBIG`.
pub fn truncate_file(file: &File, credentials: &Credentials, size: u64) -> Result<()> {
    if file.inode().kind() != FileKind::Regular {
        return Err(Errno::EINVAL);
    }
    resize(&**file.inode(), credentials, size)
}

/// fallocate(2), within the size limit.
///
/// # Errors
/// `EFBIG`, `ENOSPC`, `EOPNOTSUPP`.
pub fn allocate(file: &File, request: &AllocateRequest) -> Result<()> {
    let end = request.offset.saturating_add(request.len);
    if end > MAX_FILE_SIZE {
        return Err(Errno::EFBIG);
    }
    if request.mode == AllocateMode::Extend && end > file.inode().size() && end > size_limit() {
        return Err(too_big());
    }
    file.inode().allocate(request)
}

/// How many of `wanted` bytes at `offset` the limit of the running process lets a file hold.
///
/// # Errors
/// `EFBIG`, with `SIGXFSZ`, when not one.
pub fn within_size_limit(offset: u64, wanted: usize) -> Result<usize> {
    let limit = size_limit().min(MAX_FILE_SIZE);
    if offset >= limit && wanted > 0 {
        return Err(too_big());
    }
    Ok(usize::try_from(limit - offset.min(limit)).map_or(wanted, |room| room.min(wanted)))
}

/// The mode that a file keeps when somebody without `CAP_FSETID` writes to it.
#[must_use]
pub fn without_set_id(mode: u32) -> u32 {
    let cleared = mode & !S_ISUID;
    // Set-group-id without group execution once meant mandatory locking, and stays.
    if cleared & 0o010 != 0 { cleared & !S_ISGID } else { cleared }
}

/// The largest offset that `loff_t` holds.
pub const MAX_FILE_SIZE: u64 = i64::MAX as u64;

fn resize(inode: &dyn Inode, credentials: &Credentials, size: u64) -> Result<()> {
    if size > inode.size() && size > size_limit() {
        return Err(too_big());
    }
    let mode = inode.ownership().mode;
    let cleared = without_set_id(mode);
    let mode = (cleared != mode && !credentials.may(Capability::Fsetid)).then_some(cleared);
    inode.set_attributes(&SetAttributes { size: Some(size), mode, ..SetAttributes::default() })
}

/// `RLIMIT_FSIZE` of the running process; the kernel itself has none.
fn size_limit() -> u64 {
    crate::task::try_current().map_or(INFINITY, |task| task.process().limit(Resource::FSIZE))
}

fn too_big() -> Errno {
    if let Some(task) = crate::task::try_current() {
        // A standard signal always finds room.
        let _ = crate::signal::send_to_process(task.process(), SigInfo::kernel(Signal::SIGXFSZ));
    }
    Errno::EFBIG
}
