//! Inodes: what a file system offers for one file, whatever its names.
//!
//! The VFS calls the directory operations with that directory's lock held, so a file system sees at most one
//! change of a directory at a time. The defaults answer what Linux answers for a file that lacks the operation.

use super::file::{FileOps, OpenRequest};
use super::mount::Path;
use crate::mm::PageCache;
pub use abi::flags::FileKind;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;

/// Set-user-id bit.
pub const S_ISUID: u32 = 0o4000;
/// Set-group-id bit.
pub const S_ISGID: u32 = 0o2000;
/// Sticky bit.
pub const S_ISVTX: u32 = 0o1000;
/// The bits that chmod(2) changes.
pub const MODE_BITS: u32 = 0o7777;

/// A device number, packed as Linux user space packs it (`dev_t` of 64 bits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(u64);

impl DeviceId {
    /// From major and minor numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32) -> Self {
        let (major, minor) = (major as u64, minor as u64);
        Self((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & !0xff) << 12) | ((major & !0xfff) << 32))
    }

    /// From the number that user space passes.
    #[must_use]
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The number that user space sees.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// The driver.
    #[must_use]
    pub const fn major(self) -> u32 {
        (((self.0 >> 8) & 0xfff) | ((self.0 >> 32) & 0xffff_f000)) as u32
    }

    /// The device of that driver.
    #[must_use]
    pub const fn minor(self) -> u32 {
        ((self.0 & 0xff) | ((self.0 >> 12) & 0xffff_ff00)) as u32
    }
}

/// A point of wall-clock time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanoseconds: u32,
}

/// What identifies an inode while it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InodeId {
    /// The file system.
    pub device: DeviceId,
    /// The number within it.
    pub number: u64,
}

/// What stat(2) tells.
#[derive(Clone, Copy, Debug)]
pub struct Metadata {
    /// File system and inode number.
    pub id: InodeId,
    /// Type.
    pub kind: FileKind,
    /// Permission bits with set-id and sticky bits.
    pub mode: u32,
    /// Names.
    pub links: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The device that a device node names.
    pub rdev: DeviceId,
    /// Length in bytes.
    pub size: u64,
    /// Storage in units of 512 bytes.
    pub blocks: u64,
    /// Preferred transfer size.
    pub block_size: u32,
    /// Last read.
    pub accessed: Timestamp,
    /// Last write.
    pub modified: Timestamp,
    /// Last change of the inode.
    pub changed: Timestamp,
    /// Creation.
    pub created: Timestamp,
}

/// Owner, group and mode: what a permission check looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// Permission bits with set-id and sticky bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// A change of attributes; `None` leaves one as it is. Permission has been checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetAttributes {
    /// New mode bits.
    pub mode: Option<u32>,
    /// New owner.
    pub uid: Option<u32>,
    /// New group.
    pub gid: Option<u32>,
    /// New length.
    pub size: Option<u64>,
    /// New time of last read.
    pub accessed: Option<Timestamp>,
    /// New time of last write.
    pub modified: Option<Timestamp>,
}

/// What a new node is.
#[derive(Clone, Copy, Debug)]
pub enum NodeKind<'a> {
    /// An empty regular file.
    Regular,
    /// An empty directory.
    Directory,
    /// A symbolic link to this path.
    Symlink(&'a [u8]),
    /// A named pipe.
    Fifo,
    /// A socket's name.
    Socket,
    /// A character device.
    CharDevice(DeviceId),
    /// A block device.
    BlockDevice(DeviceId),
}

impl NodeKind<'_> {
    /// The type of the file that it makes.
    #[must_use]
    pub const fn file_kind(&self) -> FileKind {
        match self {
            Self::Regular => FileKind::Regular,
            Self::Directory => FileKind::Directory,
            Self::Symlink(_) => FileKind::Symlink,
            Self::Fifo => FileKind::Fifo,
            Self::Socket => FileKind::Socket,
            Self::CharDevice(_) => FileKind::CharDevice,
            Self::BlockDevice(_) => FileKind::BlockDevice,
        }
    }
}

/// A node to create.
#[derive(Clone, Copy, Debug)]
pub struct NewNode<'a> {
    /// What it is.
    pub kind: NodeKind<'a>,
    /// Mode bits, umask applied.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// What a rename does when the new name exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameMode {
    /// Replaces it.
    Replace,
    /// `RENAME_EXCHANGE`: both keep existing under each other's name.
    Exchange,
}

/// One entry of a directory.
#[derive(Clone, Copy, Debug)]
pub struct DirEntry<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The inode number.
    pub number: u64,
    /// The type.
    pub kind: FileKind,
    /// Where reading goes on after this entry; grows, and stays valid while the directory changes.
    pub next: u64,
}

/// Whether the reader of a directory takes more entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emit {
    /// The entry was taken.
    Taken,
    /// The entry did not fit; stop before it.
    Full,
}

/// The first cookie of a file system's own entries; `.` and `..` come before, from the VFS.
pub const FIRST_COOKIE: u64 = 2;

/// Where a symbolic link leads.
pub enum LinkTarget {
    /// To a path, walked from the link's directory.
    Path(Vec<u8>),
    /// To an object, with the text that readlink(2) shows (procfs links).
    Object(Path, Vec<u8>),
}

/// Whether the names of a directory may be cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Only the VFS changes them.
    Allowed,
    /// They come and go by themselves (procfs).
    Forbidden,
}

/// A file, directory, link or node of a file system.
pub trait Inode: Any + Send + Sync {
    /// File system and number.
    fn id(&self) -> InodeId;

    /// The type; it never changes.
    fn kind(&self) -> FileKind;

    /// Everything that stat(2) tells.
    fn metadata(&self) -> Metadata;

    /// Owner, group, mode.
    fn ownership(&self) -> Ownership {
        let metadata = self.metadata();
        Ownership { mode: metadata.mode, uid: metadata.uid, gid: metadata.gid }
    }

    /// The length in bytes.
    fn size(&self) -> u64 {
        self.metadata().size
    }

    /// Whether the VFS may cache the names in this directory.
    fn caching(&self) -> Caching {
        Caching::Allowed
    }

    /// The inode that `name` names here.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`.
    fn lookup(&self, _name: &[u8]) -> Result<Arc<dyn Inode>> {
        Err(Errno::ENOTDIR)
    }

    /// Creates a node under a name that does not exist.
    ///
    /// # Errors
    /// `ENOSPC`, `ENOMEM`, `EPERM` where the file system has no such nodes.
    fn create(&self, _name: &[u8], _node: &NewNode<'_>) -> Result<Arc<dyn Inode>> {
        Err(Errno::EPERM)
    }

    /// Creates a regular file without a name (`O_TMPFILE`).
    ///
    /// # Errors
    /// `EOPNOTSUPP` where there is no such thing, `ENOSPC`, `ENOMEM`.
    fn create_unnamed(&self, _node: &NewNode<'_>) -> Result<Arc<dyn Inode>> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Gives `target`, of the same file system and no directory, one more name.
    ///
    /// # Errors
    /// `EMLINK`, `ENOSPC`, `EPERM`.
    fn link(&self, _name: &[u8], _target: &Arc<dyn Inode>) -> Result<()> {
        Err(Errno::EPERM)
    }

    /// Removes the name of something that is no directory.
    ///
    /// # Errors
    /// `ENOENT`, `EPERM`.
    fn unlink(&self, _name: &[u8]) -> Result<()> {
        Err(Errno::EPERM)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `ENOTEMPTY`, `ENOENT`, `EPERM`.
    fn rmdir(&self, _name: &[u8]) -> Result<()> {
        Err(Errno::EPERM)
    }

    /// Renames `old` here to `new` in `directory`, a directory of the same file system. Types have been checked.
    ///
    /// # Errors
    /// `ENOTEMPTY`, `ENOENT`, `EPERM`.
    fn rename(&self, _old: &[u8], _directory: &dyn Inode, _new: &[u8], _mode: RenameMode) -> Result<()> {
        Err(Errno::EPERM)
    }

    /// Gives entries from `cookie` (at least [`FIRST_COOKIE`]) on until `emit` is full.
    ///
    /// # Errors
    /// `ENOTDIR`.
    fn read_directory(&self, _cookie: u64, _emit: &mut dyn FnMut(&DirEntry<'_>) -> Emit) -> Result<()> {
        Err(Errno::ENOTDIR)
    }

    /// Where this link leads.
    ///
    /// # Errors
    /// `EINVAL` when it is no link.
    fn read_link(&self) -> Result<LinkTarget> {
        Err(Errno::EINVAL)
    }

    /// The operations of an open file description on this inode. Permission has been checked.
    ///
    /// # Errors
    /// `ENXIO` for a node without a driver, and what the driver says.
    fn open(self: Arc<Self>, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>>;

    /// Changes attributes; a new size truncates.
    ///
    /// # Errors
    /// `EPERM`, `EINVAL` for a size of something that has none, `EFBIG`, `ENOMEM`.
    fn set_attributes(&self, _change: &SetAttributes) -> Result<()> {
        Err(Errno::EPERM)
    }

    /// Sees to it that a range has storage, as fallocate(2) mode 0, or punches it out.
    ///
    /// # Errors
    /// `EOPNOTSUPP`, `ENODEV`, `ENOSPC`.
    fn allocate(&self, _request: &AllocateRequest) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// The pages of a regular file.
    fn page_cache(&self) -> Option<&PageCache> {
        None
    }
}

/// What fallocate(2) asks for.
#[derive(Clone, Copy, Debug)]
pub struct AllocateRequest {
    /// What happens to the range.
    pub mode: AllocateMode,
    /// First byte.
    pub offset: u64,
    /// Bytes; offset and length do not overflow an `i64`.
    pub len: u64,
}

/// The modes of fallocate(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocateMode {
    /// Storage, and the size grows to the end of the range.
    Extend,
    /// Storage; the size stays (`FALLOC_FL_KEEP_SIZE`).
    KeepSize,
    /// The range reads as zeros and gives its storage back (`FALLOC_FL_PUNCH_HOLE`).
    PunchHole,
}
