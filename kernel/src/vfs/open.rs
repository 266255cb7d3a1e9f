//! open(2): from a path and flags to an open file description.

use super::dentry::Dentry;
use super::file::{File, FileOps, OpenRequest};
use super::inode::{FileKind, NodeKind, SetAttributes};
use super::lookup::{Follow, Last, LookupContext, Needs, Walk, lookup};
use super::modify;
use super::mount::{MountFlags, Path};
use super::permission::{self, Wanted};
use abi::flags::OpenFlags;
use abi::{Errno, Result};
use alloc::format;
use alloc::sync::Arc;

/// How to open.
#[derive(Clone, Copy, Debug)]
pub struct OpenHow {
    /// The flags of open(2).
    pub flags: OpenFlags,
    /// Mode bits of a file that is created, umask applied.
    pub mode: u32,
}

/// Opens what `text` names, walked from `start` when it is relative.
///
/// # Errors
/// Those of open(2).
pub fn open_at(context: &LookupContext, start: &Path, text: &[u8], how: OpenHow) -> Result<Arc<File>> {
    let flags = how.flags;
    if flags.contains(OpenFlags::PATH) {
        return open_place(context, start, text, flags);
    }
    if flags.contains(OpenFlags::TMPFILE) {
        return open_unnamed(context, start, text, how);
    }
    if flags.contains(OpenFlags::CREAT) {
        return open_or_create(context, start, text, how);
    }
    let place = lookup(context, start, text, follow(flags))?;
    open_existing(context, place, flags)
}

/// Opens a place that is already known, as procfs links and exec do.
///
/// # Errors
/// Those of open(2) for an existing file.
pub fn open_existing(context: &LookupContext, place: Path, flags: OpenFlags) -> Result<Arc<File>> {
    let kind = place.inode().kind();
    let wanted = wanted(flags);
    if flags.contains(OpenFlags::DIRECTORY) && kind != FileKind::Directory {
        return Err(Errno::ENOTDIR);
    }
    match kind {
        FileKind::Symlink => return Err(Errno::ELOOP),
        FileKind::Directory if wanted.contains(Wanted::WRITE) || flags.contains(OpenFlags::CREAT) => return Err(Errno::EISDIR),
        FileKind::Socket => return Err(Errno::ENXIO),
        FileKind::CharDevice | FileKind::BlockDevice if place.mount.flags().contains(MountFlags::NODEV) => return Err(Errno::EACCES),
        _ => {}
    }
    context.require(&place, wanted)?;
    if wanted.contains(Wanted::WRITE) && matches!(kind, FileKind::Regular | FileKind::Directory) {
        place.mount.require_writable()?;
    }
    if flags.contains(OpenFlags::NOATIME) {
        permission::check_owner(place.inode().ownership(), &context.credentials)?;
    }
    let file = describe(context, place, flags)?;
    if flags.contains(OpenFlags::TRUNC) && kind == FileKind::Regular {
        file.inode().set_attributes(&SetAttributes { size: Some(0), ..SetAttributes::default() })?;
    }
    Ok(file)
}

fn open_or_create(context: &LookupContext, start: &Path, text: &[u8], how: OpenHow) -> Result<Arc<File>> {
    let flags = how.flags;
    if flags.contains(OpenFlags::DIRECTORY) {
        return Err(Errno::EINVAL);
    }
    let mut walk = Walk::new(context, start, text)?;
    loop {
        let name = match walk.advance()? {
            Last::Name(name) => name,
            Last::Here | Last::Parent if flags.contains(OpenFlags::EXCL) => return Err(Errno::EEXIST),
            // A procfs link led to an object: it is opened as it is.
            Last::Here if walk.at.inode().kind() != FileKind::Directory => return open_existing(context, walk.at, flags),
            Last::Here | Last::Parent => return Err(Errno::EISDIR),
        };
        if walk.directory == Needs::Directory {
            return Err(Errno::EISDIR);
        }
        match walk.child(&name) {
            Ok(_) if flags.contains(OpenFlags::EXCL) => return Err(Errno::EEXIST),
            Ok(child) if child.inode().kind() == FileKind::Symlink => {
                if flags.contains(OpenFlags::NOFOLLOW) {
                    return Err(Errno::ELOOP);
                }
                walk.enter_link(&child)?;
            }
            Ok(child) => return open_existing(context, child, flags),
            Err(Errno::ENOENT) => match modify::create_in(context, &walk.at, &name, NodeKind::Regular, how.mode) {
                // Created here, so no permission of the new file stands in the way.
                Ok(place) => return describe(context, place, flags),
                Err(Errno::EEXIST) if !flags.contains(OpenFlags::EXCL) => {
                    let child = walk.child(&name)?;
                    return open_existing(context, child, flags);
                }
                Err(error) => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
}

fn open_place(context: &LookupContext, start: &Path, text: &[u8], flags: OpenFlags) -> Result<Arc<File>> {
    let flags = flags & (OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW);
    let place = lookup(context, start, text, follow(flags))?;
    if flags.contains(OpenFlags::DIRECTORY) && place.inode().kind() != FileKind::Directory {
        return Err(Errno::ENOTDIR);
    }
    Ok(File::new(Arc::new(PlaceOnly), Arc::clone(place.inode()), place, flags))
}

fn open_unnamed(context: &LookupContext, start: &Path, text: &[u8], how: OpenHow) -> Result<Arc<File>> {
    if !how.flags.writable() {
        return Err(Errno::EINVAL);
    }
    let directory = lookup(context, start, text, Follow::Yes)?;
    if directory.inode().kind() != FileKind::Directory {
        return Err(Errno::ENOTDIR);
    }
    context.require(&directory, Wanted::WRITE | Wanted::EXECUTE)?;
    directory.mount.require_writable()?;
    let node = modify::new_node(context, &directory, NodeKind::Regular, how.mode);
    let inode = directory.inode().create_unnamed(&node)?;
    let name = format!("#{}", inode.id().number);
    let dentry = Dentry::unnamed(&directory.dentry, inode, name.as_bytes());
    describe(context, Path { mount: directory.mount, dentry }, how.flags)
}

/// The description, once every check has passed.
fn describe(context: &LookupContext, place: Path, flags: OpenFlags) -> Result<Arc<File>> {
    let inode = Arc::clone(place.inode());
    let request = OpenRequest { flags, credentials: &context.credentials };
    let ops = Arc::clone(&inode).open(&request)?;
    Ok(File::new(ops, inode, place, flags))
}

fn follow(flags: OpenFlags) -> Follow {
    if flags.contains(OpenFlags::NOFOLLOW) { Follow::No } else { Follow::Yes }
}

/// What the access mode asks of the file; mode 3 (device control only) asks for both.
fn wanted(flags: OpenFlags) -> Wanted {
    let access = match (flags & OpenFlags::ACCMODE).bits() {
        0 => Wanted::READ,
        1 => Wanted::WRITE,
        _ => Wanted::READ | Wanted::WRITE,
    };
    if flags.contains(OpenFlags::TRUNC) { access | Wanted::WRITE } else { access }
}

/// The operations of an `O_PATH` description: none; its capability holds no right that would reach them.
struct PlaceOnly;

impl FileOps for PlaceOnly {}
