//! Objects that have descriptors but no name in the tree: pipes, event counters and the like.
//!
//! They live on mounts of their own that no path reaches; procfs shows them as `pipe:[12]`.

use super::dentry::Dentry;
use super::file::{File, FileOps, OpenRequest};
use super::inode::{DeviceId, FileKind, Inode, InodeId, Metadata, SetAttributes, Timestamp};
use super::mount::{FileSystem, FsStatistics, Mount, MountFlags, Path, unnamed_device};
use crate::credentials::Credentials;
use crate::pipe::Fifo;
use abi::flags::OpenFlags;
use abi::{Errno, Result};
use alloc::format;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use kernel_sync::{Lazy, Rank, SpinLock};

/// What an anonymous object is.
#[derive(Clone)]
pub enum AnonymousKind {
    /// pipe(2): the pipe, so that `/proc/PID/fd/N` can open it anew.
    Pipe(Arc<Fifo>),
    /// socket(2), socketpair(2).
    Socket,
    /// Anything else, with the name that procfs shows in `anon_inode:[name]`.
    Other(&'static str),
}

static MOUNT: Lazy<Arc<Mount>> = Lazy::new(|| {
    let file_system = Arc::new(AnonymousFs { device: unnamed_device() });
    Mount::detached(file_system, b"anon", MountFlags::empty())
});

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(2);

/// An inode and its place, for one or more descriptions of an anonymous object.
#[must_use]
pub fn place(kind: AnonymousKind, owner: &Credentials) -> Path {
    let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
    let now = super::now();
    let name = match &kind {
        AnonymousKind::Pipe(_) => format!("pipe:[{number}]"),
        AnonymousKind::Socket => format!("socket:[{number}]"),
        AnonymousKind::Other(name) => format!("anon_inode:[{name}]"),
    };
    let mode = if matches!(kind, AnonymousKind::Socket) { 0o777 } else { 0o600 };
    let inode = Arc::new(AnonymousInode {
        id: InodeId { device: MOUNT.file_system().device(), number },
        kind,
        attributes: SpinLock::new(
            Rank::DENTRY,
            Attributes { mode, uid: owner.fsuid(), gid: owner.fsgid(), accessed: now, modified: now, changed: now },
        ),
    });
    Path { mount: Arc::clone(&MOUNT), dentry: Dentry::detached(inode, name.as_bytes()) }
}

impl File {
    /// A description of an object that has no name, in a place of its own.
    #[must_use]
    pub fn anonymous(ops: Arc<dyn FileOps>, kind: AnonymousKind, flags: OpenFlags) -> Arc<Self> {
        let owner = crate::task::current().credentials();
        Self::at(ops, place(kind, &owner), flags)
    }

    /// A description at `place`: the two ends of a pipe share one.
    #[must_use]
    pub fn at(ops: Arc<dyn FileOps>, place: Path, flags: OpenFlags) -> Arc<Self> {
        let inode = Arc::clone(place.inode());
        Self::new(ops, inode, place, flags)
    }
}

/// Whether `path` lies on the mount of anonymous objects, and so has only its own name.
#[must_use]
pub fn is_anonymous(path: &Path) -> bool {
    Arc::ptr_eq(&path.mount, &MOUNT)
}

struct AnonymousInode {
    id: InodeId,
    kind: AnonymousKind,
    attributes: SpinLock<Attributes>,
}

#[derive(Clone, Copy)]
struct Attributes {
    mode: u32,
    uid: u32,
    gid: u32,
    accessed: Timestamp,
    modified: Timestamp,
    changed: Timestamp,
}

impl Inode for AnonymousInode {
    fn id(&self) -> InodeId {
        self.id
    }

    fn kind(&self) -> FileKind {
        match &self.kind {
            AnonymousKind::Pipe(_) => FileKind::Fifo,
            AnonymousKind::Socket => FileKind::Socket,
            AnonymousKind::Other(_) => FileKind::Regular,
        }
    }

    fn metadata(&self) -> Metadata {
        let attributes = *self.attributes.lock();
        Metadata {
            id: self.id,
            kind: self.kind(),
            mode: attributes.mode,
            links: 1,
            uid: attributes.uid,
            gid: attributes.gid,
            rdev: DeviceId::default(),
            size: 0,
            blocks: 0,
            block_size: 4096,
            accessed: attributes.accessed,
            modified: attributes.modified,
            changed: attributes.changed,
            created: attributes.changed,
        }
    }

    /// Through `/proc/PID/fd/N`: only a pipe can be opened anew.
    fn open(self: Arc<Self>, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        match &self.kind {
            AnonymousKind::Pipe(pipe) => pipe.open(request),
            AnonymousKind::Socket | AnonymousKind::Other(_) => Err(Errno::ENXIO),
        }
    }

    fn set_attributes(&self, change: &SetAttributes) -> Result<()> {
        if change.size.is_some() {
            return Err(Errno::EINVAL);
        }
        let now = super::now();
        let mut attributes = self.attributes.lock();
        attributes.mode = change.mode.unwrap_or(attributes.mode);
        attributes.uid = change.uid.unwrap_or(attributes.uid);
        attributes.gid = change.gid.unwrap_or(attributes.gid);
        attributes.accessed = change.accessed.unwrap_or(attributes.accessed);
        attributes.modified = change.modified.unwrap_or(attributes.modified);
        attributes.changed = now;
        Ok(())
    }
}

struct AnonymousFs {
    device: DeviceId,
}

impl FileSystem for AnonymousFs {
    fn kind(&self) -> &'static str {
        "anon_inodefs"
    }

    fn device(&self) -> DeviceId {
        self.device
    }

    fn root(&self) -> Arc<dyn Inode> {
        let now = Timestamp::default();
        let attributes = Attributes { mode: 0o600, uid: 0, gid: 0, accessed: now, modified: now, changed: now };
        Arc::new(AnonymousInode {
            id: InodeId { device: self.device, number: 1 },
            kind: AnonymousKind::Other("root"),
            attributes: SpinLock::new(Rank::DENTRY, attributes),
        })
    }

    fn statistics(&self) -> FsStatistics {
        FsStatistics { magic: 0x0904_1934, block_size: 4096, ..FsStatistics::default() }
    }
}
