//! Permission checks: mode bits against credentials, and the capabilities that override them.

use super::inode::{FileKind, Inode, Ownership, S_ISVTX};
use crate::credentials::{Capability, Credentials};
use abi::{Errno, Result};
use bitflags::bitflags;

bitflags! {
    /// What a caller wants to do with a file; the bits of one octal digit of a mode.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Wanted: u32 {
        /// Execute, or search a directory.
        const EXECUTE = 1;
        /// Change.
        const WRITE = 2;
        /// Read.
        const READ = 4;
    }
}

/// Checks `wanted` for an inode of `kind` with this owner, group and mode.
///
/// # Errors
/// `EACCES`.
pub fn check(ownership: Ownership, kind: FileKind, credentials: &Credentials, wanted: Wanted) -> Result<()> {
    let shift = if credentials.fsuid() == ownership.uid {
        6
    } else if credentials.in_group(ownership.gid) {
        3
    } else {
        0
    };
    let granted = Wanted::from_bits_truncate(ownership.mode >> shift);
    if granted.contains(wanted) || overrides(ownership, kind, credentials, wanted) {
        return Ok(());
    }
    Err(Errno::EACCES)
}

/// As [`check`], for an inode.
///
/// # Errors
/// `EACCES`.
pub fn check_inode(inode: &dyn Inode, credentials: &Credentials, wanted: Wanted) -> Result<()> {
    check(inode.ownership(), inode.kind(), credentials, wanted)
}

/// Checks that the caller owns the inode or may act as its owner.
///
/// # Errors
/// `EPERM`.
pub fn check_owner(ownership: Ownership, credentials: &Credentials) -> Result<()> {
    if credentials.fsuid() == ownership.uid || credentials.may(Capability::Fowner) {
        return Ok(());
    }
    Err(Errno::EPERM)
}

/// The sticky rule: who may remove `victim` from `directory`.
///
/// # Errors
/// `EPERM`.
pub fn check_sticky(directory: Ownership, victim: Ownership, credentials: &Credentials) -> Result<()> {
    if directory.mode & S_ISVTX == 0 || credentials.fsuid() == directory.uid {
        return Ok(());
    }
    check_owner(victim, credentials)
}

fn overrides(ownership: Ownership, kind: FileKind, credentials: &Credentials, wanted: Wanted) -> bool {
    let directory = kind == FileKind::Directory;
    let executable = directory || ownership.mode & 0o111 != 0;
    if credentials.may(Capability::DacOverride) && (executable || !wanted.contains(Wanted::EXECUTE)) {
        return true;
    }
    let harmless = wanted == Wanted::READ || (directory && !wanted.contains(Wanted::WRITE));
    harmless && credentials.may(Capability::DacReadSearch)
}
