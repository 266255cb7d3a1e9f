//! Changes of the tree: create, link, unlink, rename, with the checks of POSIX and the sticky rule.
//!
//! Locks: the directory that changes; for a rename between two directories first the one rename lock, then both
//! directories, an ancestor before what lies below it, else in order of address.

use super::dentry::{Dentry, Linked};
use super::inode::{Caching, FileKind, NewNode, NodeKind, RenameMode, S_ISGID};
use super::lookup::{LookupContext, Needs, lookup_entry};
use super::mount::Path;
use super::permission::{self, Wanted};
use crate::credentials::Capability;
use abi::{Errno, Result};
use alloc::sync::Arc;
use kernel_core::path::NAME_MAX;
use kernel_sync::{Mutex, MutexGuard, Rank};

static RENAME: Mutex<()> = Mutex::new(Rank::RENAME, ());

/// mknod(2), mkdir(2) and symlink(2): makes the node that `text` names.
///
/// # Errors
/// `EEXIST`, `ENOENT`, `EPERM` for a device without `CAP_MKNOD`, and those of the walk.
pub fn create(context: &LookupContext, start: &Path, text: &[u8], kind: NodeKind<'_>, mode: u32) -> Result<Path> {
    if matches!(kind, NodeKind::CharDevice(_) | NodeKind::BlockDevice(_)) && !context.credentials.may(Capability::Mknod) {
        return Err(Errno::EPERM);
    }
    let (directory, name, needs) = lookup_entry(context, start, text)?.name_or(Errno::EEXIST)?;
    if needs == Needs::Directory && !matches!(kind, NodeKind::Directory) {
        let exists = directory.dentry.lookup(&name).is_ok();
        return Err(if exists { Errno::EEXIST } else { Errno::ENOENT });
    }
    create_in(context, &directory, &name, kind, mode)
}

/// Makes a node called `name` in `directory`.
///
/// # Errors
/// `EEXIST`, `ENAMETOOLONG`, `EACCES`, `EROFS`, `ENOENT` when the directory was removed, and what the file system says.
pub fn create_in(context: &LookupContext, directory: &Path, name: &[u8], kind: NodeKind<'_>, mode: u32) -> Result<Path> {
    if name.len() > NAME_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    let _changing = directory.dentry.directory_lock().lock();
    require_absent(&directory.dentry, name)?;
    require_changeable(context, directory)?;
    let inode = directory.inode().create(name, &new_node(context, directory, kind, mode))?;
    let dentry = directory.dentry.attach(name, inode);
    Ok(Path { mount: Arc::clone(&directory.mount), dentry })
}

/// Owner and mode of a node made in `directory`: a set-group-id directory hands its group down.
#[must_use]
pub fn new_node<'a>(context: &LookupContext, directory: &Path, kind: NodeKind<'a>, mode: u32) -> NewNode<'a> {
    let parent = directory.inode().ownership();
    let inherits = parent.mode & S_ISGID != 0;
    let is_directory = matches!(kind, NodeKind::Directory);
    NewNode {
        kind,
        mode: if inherits && is_directory { mode | S_ISGID } else { mode },
        uid: context.credentials.fsuid(),
        gid: if inherits { parent.gid } else { context.credentials.fsgid() },
    }
}

/// link(2): gives `target` the name `text`.
///
/// # Errors
/// `EXDEV`, `EPERM` for a directory, `EEXIST`, `ENOENT` when `target` has no name left.
pub fn link(context: &LookupContext, target: &Path, start: &Path, text: &[u8]) -> Result<()> {
    let (directory, name, needs) = lookup_entry(context, start, text)?.name_or(Errno::EEXIST)?;
    if name.len() > NAME_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    let _changing = directory.dentry.directory_lock().lock();
    require_absent(&directory.dentry, &name)?;
    if needs == Needs::Directory {
        return Err(Errno::ENOENT);
    }
    if !Arc::ptr_eq(&target.mount, &directory.mount) {
        return Err(Errno::EXDEV);
    }
    require_changeable(context, &directory)?;
    if target.inode().kind() == FileKind::Directory {
        return Err(Errno::EPERM);
    }
    directory.inode().link(&name, target.inode())?;
    directory.dentry.attach(&name, Arc::clone(target.inode()));
    Ok(())
}

/// unlink(2): removes the name of something that is no directory.
///
/// # Errors
/// `EISDIR`, `ENOENT`, `EACCES`, `EPERM`, `EBUSY`.
pub fn unlink(context: &LookupContext, start: &Path, text: &[u8]) -> Result<()> {
    let (directory, name, needs) = lookup_entry(context, start, text)?.name_or(Errno::EISDIR)?;
    let _changing = directory.dentry.directory_lock().lock();
    let victim = find(&directory.dentry, &name)?;
    let is_directory = victim.inode().kind() == FileKind::Directory;
    if needs == Needs::Directory {
        return Err(if is_directory { Errno::EISDIR } else { Errno::ENOTDIR });
    }
    require_removable(context, &directory, &victim)?;
    if is_directory {
        return Err(Errno::EISDIR);
    }
    if victim.is_mount_point() {
        return Err(Errno::EBUSY);
    }
    directory.inode().unlink(&name)?;
    directory.dentry.detach(&name);
    Ok(())
}

/// rmdir(2): removes an empty directory.
///
/// # Errors
/// `ENOTDIR`, `ENOTEMPTY`, `EINVAL` for `.`, `EBUSY` for `/` and mount points, `EACCES`, `EPERM`.
pub fn rmdir(context: &LookupContext, start: &Path, text: &[u8]) -> Result<()> {
    let entry = lookup_entry(context, start, text)?;
    let refusal = match last_is_dot(text) {
        DotEnd::Current => Errno::EINVAL,
        DotEnd::Parent => Errno::ENOTEMPTY,
        DotEnd::Neither => Errno::EBUSY,
    };
    let (directory, name, _) = entry.name_or(refusal)?;
    let _changing = directory.dentry.directory_lock().lock();
    let victim = find(&directory.dentry, &name)?;
    require_removable(context, &directory, &victim)?;
    if victim.inode().kind() != FileKind::Directory {
        return Err(Errno::ENOTDIR);
    }
    if victim.is_mount_point() {
        return Err(Errno::EBUSY);
    }
    directory.inode().rmdir(&name)?;
    directory.dentry.detach(&name);
    Ok(())
}

/// What rename does when the new name exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced.
    Replace,
    /// `EEXIST` (`RENAME_NOREPLACE`).
    Refuse,
    /// Both are exchanged (`RENAME_EXCHANGE`).
    Exchange,
}

/// rename(2): moves `old_text` to `new_text`.
///
/// # Errors
/// Those of renameat2(2).
pub fn rename(context: &LookupContext, old: (&Path, &[u8]), new: (&Path, &[u8]), existing: Existing) -> Result<()> {
    let (old_directory, old_name, old_needs) = lookup_entry(context, old.0, old.1)?.name_or(Errno::EBUSY)?;
    let refusal = if existing == Existing::Refuse { Errno::EEXIST } else { Errno::EBUSY };
    let (new_directory, new_name, new_needs) = lookup_entry(context, new.0, new.1)?.name_or(refusal)?;
    if !Arc::ptr_eq(&old_directory.mount, &new_directory.mount) {
        return Err(Errno::EXDEV);
    }
    if new_name.len() > NAME_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    let _locks = lock_directories(&old_directory.dentry, &new_directory.dentry);
    let source = find(&old_directory.dentry, &old_name)?;
    let target = match find(&new_directory.dentry, &new_name) {
        Ok(target) => Some(target),
        Err(Errno::ENOENT) => None,
        Err(error) => return Err(error),
    };
    match (existing, &target) {
        (Existing::Refuse, Some(_)) => return Err(Errno::EEXIST),
        (Existing::Exchange, None) => return Err(Errno::ENOENT),
        _ => {}
    }
    let source_is_directory = source.inode().kind() == FileKind::Directory;
    let slash_on_file = old_needs == Needs::Directory || (new_needs == Needs::Directory && existing != Existing::Exchange);
    if slash_on_file && !source_is_directory {
        return Err(Errno::ENOTDIR);
    }
    if source.is_ancestor_of(&new_directory.dentry) {
        return Err(Errno::EINVAL);
    }
    if let Some(target) = &target {
        if target.is_ancestor_of(&old_directory.dentry) {
            return Err(if existing == Existing::Exchange { Errno::EINVAL } else { Errno::ENOTEMPTY });
        }
        // Two names of one file: nothing to do.
        if existing != Existing::Exchange && target.inode().id() == source.inode().id() {
            return Ok(());
        }
    }
    require_removable(context, &old_directory, &source)?;
    match &target {
        Some(target) => {
            require_removable(context, &new_directory, target)?;
            if existing == Existing::Replace {
                require_same_type(&source, target)?;
            }
        }
        None => require_changeable(context, &new_directory)?,
    }
    let moves_parent = source_is_directory && !Arc::ptr_eq(&old_directory.dentry, &new_directory.dentry);
    if moves_parent {
        // `..` of the moved directory changes.
        context.require(&Path { mount: Arc::clone(&old_directory.mount), dentry: Arc::clone(&source) }, Wanted::WRITE)?;
    }
    if source.is_mount_point() || target.as_ref().is_some_and(|target| target.is_mount_point()) {
        return Err(Errno::EBUSY);
    }
    let mode = if existing == Existing::Exchange { RenameMode::Exchange } else { RenameMode::Replace };
    old_directory.inode().rename(&old_name, &**new_directory.inode(), &new_name, mode)?;
    match mode {
        RenameMode::Replace => old_directory.dentry.relocate(&old_name, &new_directory.dentry, &new_name),
        RenameMode::Exchange => old_directory.dentry.exchange(&old_name, &new_directory.dentry, &new_name),
    }
    Ok(())
}


/// The locks of a rename; released together.
struct RenameLocks<'a> {
    _both: (MutexGuard<'a, ()>, Option<MutexGuard<'a, ()>>),
    _rename: Option<MutexGuard<'static, ()>>,
}

fn lock_directories<'a>(old: &'a Arc<Dentry>, new: &'a Arc<Dentry>) -> RenameLocks<'a> {
    if Arc::ptr_eq(old, new) {
        return RenameLocks { _both: (old.directory_lock().lock(), None), _rename: None };
    }
    let rename = RENAME.lock();
    let (first, second) = Mutex::lock_pair(old.directory_lock(), new.directory_lock());
    RenameLocks { _both: (first, Some(second)), _rename: Some(rename) }
}

fn find(directory: &Arc<Dentry>, name: &[u8]) -> Result<Arc<Dentry>> {
    if name.len() > NAME_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    directory.lookup_locked(name)
}

fn require_absent(directory: &Arc<Dentry>, name: &[u8]) -> Result<()> {
    if directory.inode().caching() == Caching::Forbidden {
        // Nothing can be created here: the name is just not there, as Linux's procfs says.
        return directory.lookup_locked(name).and(Err(Errno::EEXIST));
    }
    match directory.lookup_locked(name) {
        Ok(_) => Err(Errno::EEXIST),
        Err(Errno::ENOENT) if directory.linked() == Linked::Yes => Ok(()),
        Err(error) => Err(error),
    }
}

/// The right to add a name.
fn require_changeable(context: &LookupContext, directory: &Path) -> Result<()> {
    directory.mount.require_writable()?;
    context.require(directory, Wanted::WRITE | Wanted::EXECUTE)
}

/// The right to remove a name.
fn require_removable(context: &LookupContext, directory: &Path, victim: &Arc<Dentry>) -> Result<()> {
    require_changeable(context, directory)?;
    permission::check_sticky(directory.inode().ownership(), victim.inode().ownership(), &context.credentials)
}

fn require_same_type(source: &Arc<Dentry>, target: &Arc<Dentry>) -> Result<()> {
    let (from, to) = (source.inode().kind(), target.inode().kind());
    match (from == FileKind::Directory, to == FileKind::Directory) {
        (true, false) => Err(Errno::ENOTDIR),
        (false, true) => Err(Errno::EISDIR),
        (true, true) | (false, false) => Ok(()),
    }
}

/// Whether a path ends in `.` or `..`.
enum DotEnd {
    Current,
    Parent,
    Neither,
}

fn last_is_dot(text: &[u8]) -> DotEnd {
    match kernel_core::path::split_last(text) {
        Some((_, b".")) => DotEnd::Current,
        Some((_, b"..")) => DotEnd::Parent,
        _ => DotEnd::Neither,
    }
}
