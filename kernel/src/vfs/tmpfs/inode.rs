//! Inodes of tmpfs.

use super::Shared;
use super::content::Regular;
use super::directory::Directory;
use super::file::{OpenDirectory, OpenRegular};
use crate::mm::PageCache;
use crate::pipe::Fifo;
use crate::vfs::device;
use crate::vfs::file::{FileOps, OpenRequest};
use crate::vfs::inode::{
    AllocateRequest, DeviceId, DirEntry, Emit, FileKind, Inode, InodeId, LinkTarget, Metadata, NewNode, NodeKind,
    Ownership, RenameMode, SetAttributes, Timestamp,
};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::Ordering;
use kernel_core::addr::PAGE_SIZE_U64;
use kernel_sync::{Rank, SpinLock};

/// A file, directory, link or node.
pub struct TmpInode {
    shared: Arc<Shared>,
    number: u64,
    attributes: SpinLock<Attributes>,
    body: Body,
}

struct Attributes {
    mode: u32,
    uid: u32,
    gid: u32,
    links: u32,
    accessed: Timestamp,
    modified: Timestamp,
    changed: Timestamp,
    created: Timestamp,
    /// It has no name yet, and may get one (`O_TMPFILE`).
    unnamed: bool,
}

enum Body {
    Regular(Regular),
    Directory(SpinLock<Directory>),
    Symlink(Box<[u8]>),
    Fifo(Arc<Fifo>),
    Socket,
    CharDevice(DeviceId),
    BlockDevice(DeviceId),
}

/// What a directory entry adds to the length of a directory, as on Linux.
const ENTRY_SIZE: u64 = 20;
/// `.` and `..`.
const OWN_ENTRIES: u64 = 2;

impl TmpInode {
    /// The root of a new instance.
    pub(super) fn root(shared: &Arc<Shared>, node: &NewNode<'_>) -> Arc<Self> {
        let number = shared.next_number.fetch_add(1, Ordering::Relaxed);
        shared.used_inodes.fetch_add(1, Ordering::Relaxed);
        Self::with_number(shared, node, number)
    }

    fn new(shared: &Arc<Shared>, node: &NewNode<'_>) -> Result<Arc<Self>> {
        Ok(Self::with_number(shared, node, shared.take_inode()?))
    }

    fn with_number(shared: &Arc<Shared>, node: &NewNode<'_>, number: u64) -> Arc<Self> {
        let now = crate::vfs::now();
        let attributes = Attributes {
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            links: if matches!(node.kind, NodeKind::Directory) { 2 } else { 1 },
            accessed: now,
            modified: now,
            changed: now,
            created: now,
            unnamed: false,
        };
        let body = match node.kind {
            NodeKind::Regular => Body::Regular(Regular::new(&shared.quota)),
            NodeKind::Directory => Body::Directory(SpinLock::new(Rank::DENTRY, Directory::new())),
            NodeKind::Symlink(target) => Body::Symlink(target.into()),
            NodeKind::Fifo => Body::Fifo(Fifo::new()),
            NodeKind::Socket => Body::Socket,
            NodeKind::CharDevice(id) => Body::CharDevice(id),
            NodeKind::BlockDevice(id) => Body::BlockDevice(id),
        };
        Arc::new(Self { shared: Arc::clone(shared), number, attributes: SpinLock::new(Rank::DENTRY, attributes), body })
    }

    pub(super) fn regular(&self) -> Option<&Regular> {
        match &self.body {
            Body::Regular(regular) => Some(regular),
            _ => None,
        }
    }

    /// Marks the content written now, with the mode that remains.
    pub(super) fn touch_modified(&self, mode: impl FnOnce(u32) -> u32) {
        let now = crate::vfs::now();
        let mut attributes = self.attributes.lock();
        attributes.modified = now;
        attributes.changed = now;
        attributes.mode = mode(attributes.mode);
    }

    /// Marks the content read now, where relatime says so.
    pub(super) fn touch_accessed(&self, rule: AccessTime) {
        let now = crate::vfs::now();
        let mut attributes = self.attributes.lock();
        let stale = attributes.accessed <= attributes.modified
            || attributes.accessed <= attributes.changed
            || now.seconds - attributes.accessed.seconds >= DAY;
        if rule == AccessTime::Always || stale {
            attributes.accessed = now;
        }
    }

    fn directory(&self) -> Result<&SpinLock<Directory>> {
        match &self.body {
            Body::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn child(&self, name: &[u8]) -> Result<Arc<Self>> {
        self.directory()?.lock().get(name).ok_or(Errno::ENOENT)
    }

    fn entries(&self) -> usize {
        self.directory().map_or(0, |directory| directory.lock().len())
    }

    fn add_links(&self, count: i32) {
        let now = crate::vfs::now();
        let mut attributes = self.attributes.lock();
        attributes.links = attributes.links.saturating_add_signed(count);
        attributes.changed = now;
    }

    /// The links that losing one name takes: a directory loses `.` with it.
    fn lose_name(&self) {
        self.add_links(if self.is_directory() { -2 } else { -1 });
    }

    fn is_directory(&self) -> bool {
        matches!(self.body, Body::Directory(_))
    }

    fn resize(&self, size: u64) -> Result<()> {
        self.regular().ok_or(Errno::EINVAL)?.resize(size)?;
        self.touch_modified(|mode| mode);
        Ok(())
    }
}

/// When a read changes the access time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessTime {
    /// When it is older than the last change, or a day old.
    WhenStale,
    /// Each time.
    Always,
}

const DAY: i64 = 24 * 60 * 60;

impl Inode for TmpInode {
    fn id(&self) -> InodeId {
        InodeId { device: self.shared.device, number: self.number }
    }

    fn kind(&self) -> FileKind {
        match &self.body {
            Body::Regular(_) => FileKind::Regular,
            Body::Directory(_) => FileKind::Directory,
            Body::Symlink(_) => FileKind::Symlink,
            Body::Fifo(_) => FileKind::Fifo,
            Body::Socket => FileKind::Socket,
            Body::CharDevice(_) => FileKind::CharDevice,
            Body::BlockDevice(_) => FileKind::BlockDevice,
        }
    }

    fn metadata(&self) -> Metadata {
        let size = self.size();
        let blocks = self.regular().map_or(0, |regular| regular.cache.resident_pages() as u64 * (PAGE_SIZE_U64 / 512));
        let rdev = match self.body {
            Body::CharDevice(id) | Body::BlockDevice(id) => id,
            _ => DeviceId::default(),
        };
        let attributes = self.attributes.lock();
        Metadata {
            id: self.id(),
            kind: self.kind(),
            mode: attributes.mode,
            links: attributes.links,
            uid: attributes.uid,
            gid: attributes.gid,
            rdev,
            size,
            blocks,
            block_size: 4096,
            accessed: attributes.accessed,
            modified: attributes.modified,
            changed: attributes.changed,
            created: attributes.created,
        }
    }

    fn ownership(&self) -> Ownership {
        let attributes = self.attributes.lock();
        Ownership { mode: attributes.mode, uid: attributes.uid, gid: attributes.gid }
    }

    fn size(&self) -> u64 {
        match &self.body {
            Body::Regular(regular) => regular.cache.size(),
            Body::Directory(directory) => (directory.lock().len() as u64 + OWN_ENTRIES) * ENTRY_SIZE,
            Body::Symlink(target) => target.len() as u64,
            Body::Fifo(_) | Body::Socket | Body::CharDevice(_) | Body::BlockDevice(_) => 0,
        }
    }

    fn lookup(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        Ok(self.child(name)?)
    }

    fn create(&self, name: &[u8], node: &NewNode<'_>) -> Result<Arc<dyn Inode>> {
        let directory = self.directory()?;
        let inode = Self::new(&self.shared, node)?;
        directory.lock().insert(name, Arc::clone(&inode));
        if inode.is_directory() {
            self.add_links(1);
        }
        self.touch_modified(|mode| mode);
        Ok(inode)
    }

    fn create_unnamed(&self, node: &NewNode<'_>) -> Result<Arc<dyn Inode>> {
        self.directory()?;
        let inode = Self::new(&self.shared, node)?;
        {
            let mut attributes = inode.attributes.lock();
            attributes.links = 0;
            attributes.unnamed = true;
        }
        Ok(inode)
    }

    fn link(&self, name: &[u8], target: &Arc<dyn Inode>) -> Result<()> {
        let directory = self.directory()?;
        let target = Arc::downcast::<Self>(Arc::clone(target) as Arc<dyn Any + Send + Sync>).map_err(|_| Errno::EXDEV)?;
        {
            let mut attributes = target.attributes.lock();
            if attributes.links == 0 && !attributes.unnamed {
                return Err(Errno::ENOENT);
            }
            attributes.unnamed = false;
        }
        target.add_links(1);
        directory.lock().insert(name, target);
        self.touch_modified(|mode| mode);
        Ok(())
    }

    fn unlink(&self, name: &[u8]) -> Result<()> {
        let removed = self.directory()?.lock().remove(name).ok_or(Errno::ENOENT)?;
        removed.lose_name();
        self.touch_modified(|mode| mode);
        Ok(())
    }

    fn rmdir(&self, name: &[u8]) -> Result<()> {
        let victim = self.child(name)?;
        if victim.entries() > 0 {
            return Err(Errno::ENOTEMPTY);
        }
        let removed = self.directory()?.lock().remove(name);
        drop(removed);
        victim.lose_name();
        self.add_links(-1);
        self.touch_modified(|mode| mode);
        Ok(())
    }

    fn rename(&self, old: &[u8], directory: &dyn Inode, new: &[u8], mode: RenameMode) -> Result<()> {
        let directory = (directory as &dyn Any).downcast_ref::<Self>().ok_or(Errno::EXDEV)?;
        let source = self.child(old)?;
        let target = directory.directory()?.lock().get(new);
        let crosses = !core::ptr::eq(self, directory);
        match (mode, &target) {
            (RenameMode::Exchange, None) => return Err(Errno::ENOENT),
            (RenameMode::Exchange, Some(target)) => {
                let displaced = directory.directory()?.lock().insert(new, Arc::clone(&source));
                let replaced = self.directory()?.lock().insert(old, Arc::clone(target));
                drop((displaced, replaced));
                if crosses && source.is_directory() != target.is_directory() {
                    let gain = if source.is_directory() { 1 } else { -1 };
                    directory.add_links(gain);
                    self.add_links(-gain);
                }
                target.add_links(0);
            }
            (RenameMode::Replace, target) => {
                if target.as_ref().is_some_and(|target| target.entries() > 0) {
                    return Err(Errno::ENOTEMPTY);
                }
                let displaced = directory.directory()?.lock().insert(new, Arc::clone(&source));
                let moved = self.directory()?.lock().remove(old);
                drop((displaced, moved));
                if source.is_directory() {
                    self.add_links(-1);
                    directory.add_links(1);
                }
                if let Some(target) = target {
                    target.lose_name();
                    if target.is_directory() {
                        directory.add_links(-1);
                    }
                }
            }
        }
        source.add_links(0);
        self.touch_modified(|mode| mode);
        if crosses {
            directory.touch_modified(|mode| mode);
        }
        Ok(())
    }

    fn read_directory(&self, cookie: u64, emit: &mut dyn FnMut(&DirEntry<'_>) -> Emit) -> Result<()> {
        self.directory()?.lock().read(cookie, emit);
        Ok(())
    }

    fn read_link(&self) -> Result<LinkTarget> {
        match &self.body {
            Body::Symlink(target) => Ok(LinkTarget::Path(target.to_vec())),
            _ => Err(Errno::EINVAL),
        }
    }

    fn open(self: Arc<Self>, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        match &self.body {
            Body::Regular(_) => Ok(Arc::new(OpenRegular::new(self))),
            Body::Directory(_) => Ok(Arc::new(OpenDirectory)),
            Body::Fifo(fifo) => fifo.open(request),
            Body::CharDevice(id) => device::open(FileKind::CharDevice, *id, request),
            Body::BlockDevice(id) => device::open(FileKind::BlockDevice, *id, request),
            Body::Symlink(_) => Err(Errno::ELOOP),
            Body::Socket => Err(Errno::ENXIO),
        }
    }

    fn set_attributes(&self, change: &SetAttributes) -> Result<()> {
        if let Some(size) = change.size {
            self.resize(size)?;
        }
        let now = crate::vfs::now();
        let mut attributes = self.attributes.lock();
        attributes.mode = change.mode.unwrap_or(attributes.mode);
        attributes.uid = change.uid.unwrap_or(attributes.uid);
        attributes.gid = change.gid.unwrap_or(attributes.gid);
        attributes.accessed = change.accessed.unwrap_or(attributes.accessed);
        attributes.modified = change.modified.unwrap_or(attributes.modified);
        attributes.changed = now;
        Ok(())
    }

    fn allocate(&self, request: &AllocateRequest) -> Result<()> {
        self.regular().ok_or(Errno::ENODEV)?.allocate(request, &self.shared.quota)?;
        self.touch_modified(|mode| mode);
        Ok(())
    }

    fn page_cache(&self) -> Option<&PageCache> {
        self.regular().map(|regular| &regular.cache)
    }
}

impl Drop for TmpInode {
    /// Ends a tree without recursion, as it may be deeper than the kernel stack, and without memory: the way back up lies in
    /// the directories themselves.
    fn drop(&mut self) {
        self.shared.return_inode();
        let Body::Directory(directory) = &mut self.body else { return };
        let top = directory.get_mut();
        while let Some(child) = top.pop() {
            let mut at = Some(child);
            while let Some(mut here) = at.take() {
                let Some(directory) = ending(&mut here) else { continue };
                match directory.pop() {
                    Some(mut below) => {
                        if let Some(deeper) = ending(&mut below) {
                            deeper.above = Some(here);
                            at = Some(below);
                        } else {
                            at = Some(here);
                        }
                    }
                    None => at = directory.above.take(),
                }
            }
        }
    }
}

/// The entries of a directory that nobody else refers to.
fn ending(inode: &mut Arc<TmpInode>) -> Option<&mut Directory> {
    match &mut Arc::get_mut(inode)?.body {
        Body::Directory(directory) => Some(directory.get_mut()),
        _ => None,
    }
}
