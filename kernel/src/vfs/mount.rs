//! Mounts: file systems joined into one tree, and paths that name a place in it.
//!
//! Lock: the table is a spin lock of rank `MOUNT`, outer to dentries; look-ups take it only at a dentry that is marked
//! as a mount point.

use super::dentry::{Dentry, Linked};
use super::inode::{DeviceId, Inode};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bitflags::bitflags;
use core::any::Any;
use core::sync::atomic::{AtomicU32, Ordering};
use kernel_sync::{Rank, SpinLock};

/// A mounted instance of a file system.
pub trait FileSystem: Any + Send + Sync {
    /// The type, as mount(2) names it.
    fn kind(&self) -> &'static str;

    /// The device number that `st_dev` shows.
    fn device(&self) -> DeviceId;

    /// The root directory.
    fn root(&self) -> Arc<dyn Inode>;

    /// What statfs(2) tells.
    fn statistics(&self) -> FsStatistics;

    /// Options beyond the mount flags, for `/proc/mounts`; each with a comma before it.
    fn options(&self) -> String {
        String::new()
    }
}

/// What statfs(2) tells about a file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct FsStatistics {
    /// `f_type`.
    pub magic: u64,
    /// Unit of the counts below.
    pub block_size: u64,
    /// Blocks in all.
    pub blocks: u64,
    /// Blocks free.
    pub free_blocks: u64,
    /// Inodes in all.
    pub inodes: u64,
    /// Inodes free.
    pub free_inodes: u64,
}

bitflags! {
    /// What is forbidden below a mount; the bits of mount(2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MountFlags: u32 {
        /// No change.
        const RDONLY = 1;
        /// Set-id bits mean nothing.
        const NOSUID = 2;
        /// Device nodes cannot be opened.
        const NODEV = 4;
        /// Nothing is executed.
        const NOEXEC = 8;
        /// Reading leaves the access time alone.
        const NOATIME = 1024;
        /// Reading directories leaves their access time alone.
        const NODIRATIME = 2048;
        /// Reading sets the access time when it is older than the last change, or a day old.
        const RELATIME = 1 << 21;
    }
}

/// The dentries of a mounted file system, shared by all mounts that show it or parts of it.
struct Tree {
    file_system: Arc<dyn FileSystem>,
    top: Arc<Dentry>,
}

impl Drop for Tree {
    /// Cached names and their parents hold one another.
    fn drop(&mut self) {
        self.top.forget_tree();
    }
}

/// A tree joined to the name space.
pub struct Mount {
    id: u32,
    tree: Arc<Tree>,
    root: Arc<Dentry>,
    source: Vec<u8>,
    flags: AtomicU32,
    /// Where it is mounted; `None` for the root of all and after an unmount.
    attached: SpinLock<Option<Path>>,
}

/// A place in the tree of all mounts.
#[derive(Clone)]
pub struct Path {
    /// The mount.
    pub mount: Arc<Mount>,
    /// The dentry in it.
    pub dentry: Arc<Dentry>,
}

static TABLE: SpinLock<Vec<Arc<Mount>>> = SpinLock::new(Rank::MOUNT, Vec::new());
static NEXT_ID: AtomicU32 = AtomicU32::new(1);
static NEXT_DEVICE: AtomicU32 = AtomicU32::new(1);

/// A device number for a file system without a device.
#[must_use]
pub fn unnamed_device() -> DeviceId {
    DeviceId::new(0, NEXT_DEVICE.fetch_add(1, Ordering::Relaxed))
}

/// Whether an unmount insists that nobody uses the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detach {
    /// `EBUSY` while it is used.
    WhenUnused,
    /// Out of the tree now, gone when the last user ends (`MNT_DETACH`).
    Lazily,
}

impl Mount {
    /// A mount that is in no tree: anonymous objects live on one.
    #[must_use]
    pub fn detached(file_system: Arc<dyn FileSystem>, source: &[u8], flags: MountFlags) -> Arc<Self> {
        let top = Dentry::root(file_system.root());
        let tree = Arc::new(Tree { file_system, top: Arc::clone(&top) });
        Self::with_root(tree, top, source, flags)
    }

    fn with_root(tree: Arc<Tree>, root: Arc<Dentry>, source: &[u8], flags: MountFlags) -> Arc<Self> {
        Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            tree,
            root,
            source: source.to_vec(),
            flags: AtomicU32::new(flags.bits()),
            attached: SpinLock::new(Rank::DENTRY, None),
        })
    }

    /// The number that `/proc/self/mountinfo` shows.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The file system.
    #[must_use]
    pub fn file_system(&self) -> &Arc<dyn FileSystem> {
        &self.tree.file_system
    }

    /// The dentry at the top of the mount.
    #[must_use]
    pub fn root(&self) -> &Arc<Dentry> {
        &self.root
    }

    /// The source that mount(2) named.
    #[must_use]
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// What is forbidden here.
    #[must_use]
    pub fn flags(&self) -> MountFlags {
        MountFlags::from_bits_retain(self.flags.load(Ordering::Relaxed))
    }

    /// Changes what is forbidden (`MS_REMOUNT`).
    pub fn set_flags(&self, flags: MountFlags) {
        self.flags.store(flags.bits(), Ordering::Relaxed);
    }

    /// Where it is mounted.
    #[must_use]
    pub fn attached(&self) -> Option<Path> {
        self.attached.lock().clone()
    }

    /// The path of its top.
    #[must_use]
    pub fn root_path(self: &Arc<Self>) -> Path {
        Path { mount: Arc::clone(self), dentry: Arc::clone(&self.root) }
    }

    /// Checks that the mount takes changes.
    ///
    /// # Errors
    /// `EROFS`.
    pub fn require_writable(&self) -> Result<()> {
        if self.flags().contains(MountFlags::RDONLY) {
            return Err(Errno::EROFS);
        }
        Ok(())
    }
}

impl Path {
    /// The inode here.
    #[must_use]
    pub fn inode(&self) -> &Arc<dyn Inode> {
        self.dentry.inode()
    }

    /// The top of what is mounted here, however often; `self` where nothing is.
    #[must_use]
    pub fn descend(mut self) -> Self {
        while self.dentry.is_mount_point() {
            let Some(mount) = mounted_at(&self) else { break };
            self = mount.root_path();
        }
        self
    }

    /// The directory above, across mounts, not above `root`.
    #[must_use]
    pub fn ascend(mut self, root: &Self) -> Self {
        while self != *root {
            if let Some(parent) = self.dentry.parent().filter(|_| !self.is_mount_root()) {
                return Self { mount: self.mount, dentry: parent }.descend();
            }
            let Some(attached) = self.mount.attached() else { break };
            self = attached;
        }
        self.descend()
    }

    /// Whether this is the top of its mount.
    #[must_use]
    pub fn is_mount_root(&self) -> bool {
        Arc::ptr_eq(&self.dentry, &self.mount.root)
    }

    /// The text of this path as seen from `root`, and whether it lies below it and still exists.
    #[must_use]
    pub fn text(&self, root: &Self) -> PathText {
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut linked = self.dentry.linked();
        let mut at = self.clone();
        let mut reachable = Reachable::Yes;
        while at != *root {
            if at.is_mount_root() {
                let Some(attached) = at.mount.attached() else {
                    reachable = Reachable::No;
                    break;
                };
                at = attached;
                continue;
            }
            let Some(parent) = at.dentry.parent() else {
                reachable = Reachable::No;
                break;
            };
            if at.dentry.linked() == Linked::No {
                linked = Linked::No;
            }
            names.push(at.dentry.name());
            at.dentry = parent;
        }
        let mut text: Vec<u8> = names.iter().rev().flat_map(|name| [b"/", name.as_slice()].concat()).collect();
        if text.is_empty() {
            text.push(b'/');
        }
        PathText { text, reachable, linked }
    }

    /// The text for a link of procfs: ` (deleted)` follows when the name is gone.
    #[must_use]
    pub fn display(&self, root: &Self) -> Vec<u8> {
        let shown = self.text(root);
        let mut text = shown.text;
        if shown.linked == Linked::No {
            text.extend_from_slice(b" (deleted)");
        }
        text
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.mount, &other.mount) && Arc::ptr_eq(&self.dentry, &other.dentry)
    }
}

/// A path as text.
pub struct PathText {
    /// The absolute path.
    pub text: Vec<u8>,
    /// Whether it lies below the root that it was asked for.
    pub reachable: Reachable,
    /// Whether the name still exists.
    pub linked: Linked,
}

/// Whether a path lies below a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachable {
    /// It does.
    Yes,
    /// It lies outside, or on a tree that was unmounted.
    No,
}

/// Makes `file_system` the root of the tree.
pub fn mount_root(file_system: Arc<dyn FileSystem>, source: &[u8]) -> Path {
    let mount = Mount::detached(file_system, source, MountFlags::RELATIME);
    TABLE.lock().push(Arc::clone(&mount));
    mount.root_path()
}

/// Mounts `file_system` on the directory `at`.
///
/// # Errors
/// `ENOENT` when `at` was removed.
pub fn mount_on(at: Path, file_system: Arc<dyn FileSystem>, source: &[u8], flags: MountFlags) -> Result<()> {
    attach(at, Mount::detached(file_system, source, flags))
}

/// Mounts the tree at `from` once more on `at` (`MS_BIND`).
///
/// # Errors
/// `ENOENT` when `at` was removed, `ENOTDIR` when only one of the two is a directory.
pub fn bind(from: &Path, at: Path) -> Result<()> {
    if from.inode().kind() != at.inode().kind() {
        return Err(Errno::ENOTDIR);
    }
    let original = &from.mount;
    let mount = Mount::with_root(Arc::clone(&original.tree), Arc::clone(&from.dentry), &original.source, original.flags());
    attach(at, mount)
}

/// Takes the mount whose top is `at` out of the tree.
///
/// # Errors
/// `EINVAL` when `at` is not the top of a mount, `EBUSY` when it is the root of all, has mounts on it, or is used.
pub fn unmount(at: &Path, how: Detach) -> Result<()> {
    if !at.is_mount_root() {
        return Err(Errno::EINVAL);
    }
    let mut table = TABLE.lock();
    let attached = at.mount.attached().ok_or(Errno::EBUSY)?;
    let carries = |mount: &Arc<Mount>| mount.attached().is_some_and(|on| Arc::ptr_eq(&on.mount, &at.mount));
    if how == Detach::WhenUnused && (table.iter().any(carries) || Arc::strong_count(&at.mount) > USERS_OF_IDLE_MOUNT) {
        return Err(Errno::EBUSY);
    }
    table.retain(|mount| !Arc::ptr_eq(mount, &at.mount));
    drop(table);
    let place = at.mount.attached.lock().take();
    drop(place);
    attached.dentry.remove_mount();
    Ok(())
}

/// Every mount, in the order of mounting.
#[must_use]
pub fn mounts() -> Vec<Arc<Mount>> {
    TABLE.lock().clone()
}

/// An idle mount is held by the table and by the path that names it in the call.
const USERS_OF_IDLE_MOUNT: usize = 2;

fn attach(at: Path, mount: Arc<Mount>) -> Result<()> {
    if at.dentry.linked() == Linked::No {
        return Err(Errno::ENOENT);
    }
    at.dentry.add_mount();
    *mount.attached.lock() = Some(at);
    TABLE.lock().push(mount);
    Ok(())
}

fn mounted_at(path: &Path) -> Option<Arc<Mount>> {
    let table = TABLE.lock();
    table.iter().rev().find(|mount| mount.attached.lock().as_ref() == Some(path)).cloned()
}
