//! Open file descriptions: what open(2) makes, what dup(2) and fork(2) share.

use super::inode::{FileKind, Inode};
use super::locks;
use super::mount::Path;
use crate::credentials::Credentials;
use crate::io::{Sink, Source};
use crate::mm::MapObject;
use crate::poll::PollTable;
pub use abi::flags::Whence;
use abi::flags::{OpenFlags, PollEvents};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use kernel_sync::{Mutex, Rank};

/// What an inode learns when it is opened.
pub struct OpenRequest<'a> {
    /// The flags of open(2), access mode included.
    pub flags: OpenFlags,
    /// Whose right it is.
    pub credentials: &'a Arc<Credentials>,
}

/// Whether a file has a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Positioning {
    /// Reads and writes move a position that lseek(2) sets.
    Seekable,
    /// A stream: positions mean nothing, `ESPIPE`.
    Stream,
}

/// The operations behind an open file description. The defaults answer what Linux answers for a file that lacks one.
pub trait FileOps: Any + Send + Sync {
    /// Reads into `sink` from `*offset` on and advances it; a stream ignores it. `Ok(0)` is the end.
    ///
    /// # Errors
    /// `EAGAIN`, `EFAULT`, `EIO`; `RESTARTSYS` when a signal came first.
    fn read(&self, _file: &File, _sink: &mut dyn Sink, _offset: &mut u64) -> Result<usize> {
        Err(Errno::EINVAL)
    }

    /// Writes from `source` at `*offset` (at the end with `O_APPEND`) and advances it; a stream ignores it.
    ///
    /// # Errors
    /// `EAGAIN`, `EFAULT`, `ENOSPC`, `EFBIG`, `EPIPE`; `RESTARTSYS` when a signal came first.
    fn write(&self, _file: &File, _source: &mut dyn Source, _offset: &mut u64) -> Result<usize> {
        Err(Errno::EINVAL)
    }

    /// Whether there is a position.
    fn positioning(&self) -> Positioning {
        Positioning::Seekable
    }

    /// The position that a seek leads to, from `current`.
    ///
    /// # Errors
    /// `EINVAL` outside the file, `ENXIO` for data or a hole beyond the end.
    fn seek(&self, file: &File, offset: i64, whence: Whence, current: u64) -> Result<u64> {
        seek_by_size(file.inode().size(), offset, whence, current)
    }

    /// Device control; `argument` is a number or a user address, as the command says.
    ///
    /// # Errors
    /// `ENOTTY` for a command that this file does not know.
    fn ioctl(&self, _file: &File, _command: u32, _argument: u64) -> Result<usize> {
        Err(Errno::ENOTTY)
    }

    /// What is ready; registers with `table` for when that changes.
    fn poll(&self, _file: &File, _table: &mut PollTable<'_>) -> PollEvents {
        PollEvents::IN | PollEvents::OUT | PollEvents::RDNORM | PollEvents::WRNORM
    }

    /// Whether it can be waited for with epoll(7); one that is always ready cannot.
    fn tells_of_events(&self) -> bool {
        true
    }

    /// What mmap(2) maps.
    ///
    /// # Errors
    /// `ENODEV` when the file cannot be mapped.
    fn map_object(&self, _file: &File) -> Result<Arc<dyn MapObject>> {
        Err(Errno::ENODEV)
    }

    /// Waits until what was written is stored.
    ///
    /// # Errors
    /// `EINVAL` when the file has no storage.
    fn sync(&self, _file: &File) -> Result<()> {
        Err(Errno::EINVAL)
    }

    /// Checks new status flags before fcntl(2) sets them.
    ///
    /// # Errors
    /// `EINVAL` for a flag that this file cannot have.
    fn check_flags(&self, _flags: OpenFlags) -> Result<()> {
        Ok(())
    }

    /// The last reference to the description is gone.
    fn release(&self, _file: &File) {}
}

/// An open file description.
pub struct File {
    ops: Arc<dyn FileOps>,
    inode: Arc<dyn Inode>,
    path: Path,
    flags: AtomicU32,
    position: Mutex<u64>,
    /// `F_SETOWN`: a process, or a group as a negative number.
    owner: AtomicI32,
}

impl File {
    /// A description of `ops` on the inode that `path` names.
    #[must_use]
    pub fn new(ops: Arc<dyn FileOps>, inode: Arc<dyn Inode>, path: Path, flags: OpenFlags) -> Arc<Self> {
        let kept = flags - OpenFlags::CREATION;
        Arc::new(Self {
            ops,
            inode,
            path,
            flags: AtomicU32::new(kept.bits()),
            position: Mutex::new(Rank::FILE_POSITION, 0),
            owner: AtomicI32::new(0),
        })
    }

    /// The operations; `Any`, so a driver can find its own type.
    #[must_use]
    pub fn ops(&self) -> &Arc<dyn FileOps> {
        &self.ops
    }

    /// The inode.
    #[must_use]
    pub fn inode(&self) -> &Arc<dyn Inode> {
        &self.inode
    }

    /// The name by which it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Access mode and status flags.
    #[must_use]
    pub fn flags(&self) -> OpenFlags {
        OpenFlags::from_bits_retain(self.flags.load(Ordering::Relaxed))
    }

    /// Whether operations answer `EAGAIN` instead of waiting.
    #[must_use]
    pub fn is_nonblocking(&self) -> bool {
        self.flags().contains(OpenFlags::NONBLOCK)
    }

    /// Sets the flags of `mask` as `flags` has them.
    ///
    /// # Errors
    /// What the file says to them.
    pub fn set_flags(&self, flags: OpenFlags, mask: OpenFlags) -> Result<()> {
        self.ops.check_flags(flags & mask)?;
        let change = |old| Some((old & !mask.bits()) | (flags & mask).bits());
        // The change always applies.
        let _ = self.flags.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
        Ok(())
    }

    /// Whether it can be read.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.flags().readable()
    }

    /// Whether it can be written.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.flags().writable()
    }

    /// Who gets `SIGIO`, as `F_GETOWN` tells it.
    #[must_use]
    pub fn owner(&self) -> i32 {
        self.owner.load(Ordering::Relaxed)
    }

    /// Sets who gets `SIGIO`.
    pub fn set_owner(&self, owner: i32) {
        self.owner.store(owner, Ordering::Relaxed);
    }

    /// read(2): at the position, which advances.
    ///
    /// # Errors
    /// As [`FileOps::read`].
    pub fn read(&self, sink: &mut dyn Sink) -> Result<usize> {
        match self.ops.positioning() {
            Positioning::Stream => self.ops.read(self, sink, &mut 0),
            Positioning::Seekable => self.ops.read(self, sink, &mut self.position.lock()),
        }
    }

    /// write(2): at the position, which advances.
    ///
    /// # Errors
    /// As [`FileOps::write`].
    pub fn write(&self, source: &mut dyn Source) -> Result<usize> {
        match self.ops.positioning() {
            Positioning::Stream => self.ops.write(self, source, &mut 0),
            Positioning::Seekable => self.ops.write(self, source, &mut self.position.lock()),
        }
    }

    /// pread(2): at `offset`.
    ///
    /// # Errors
    /// `ESPIPE` for a stream; as [`FileOps::read`].
    pub fn read_at(&self, sink: &mut dyn Sink, mut offset: u64) -> Result<usize> {
        self.require_seekable()?;
        self.ops.read(self, sink, &mut offset)
    }

    /// pwrite(2): at `offset`.
    ///
    /// # Errors
    /// `ESPIPE` for a stream; as [`FileOps::write`].
    pub fn write_at(&self, source: &mut dyn Source, mut offset: u64) -> Result<usize> {
        self.require_seekable()?;
        self.ops.write(self, source, &mut offset)
    }

    /// lseek(2).
    ///
    /// # Errors
    /// `ESPIPE` for a stream, `EINVAL`, `ENXIO`.
    pub fn seek(&self, offset: i64, whence: Whence) -> Result<u64> {
        self.require_seekable()?;
        let mut position = self.position.lock();
        let target = self.ops.seek(self, offset, whence, *position)?;
        *position = target;
        Ok(target)
    }

    /// The position, for `/proc/PID/fdinfo`.
    #[must_use]
    pub fn position(&self) -> u64 {
        match self.ops.positioning() {
            Positioning::Stream => 0,
            Positioning::Seekable => *self.position.lock(),
        }
    }

    /// Runs `with` on the position, as reading a directory does.
    ///
    /// # Errors
    /// What `with` answers.
    pub fn with_position<R>(&self, with: impl FnOnce(&mut u64) -> Result<R>) -> Result<R> {
        with(&mut self.position.lock())
    }

    /// What is ready now; registers with `table`.
    pub fn poll(&self, table: &mut PollTable<'_>) -> PollEvents {
        self.ops.poll(self, table)
    }

    /// Whether the file is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.inode.kind() == FileKind::Directory
    }

    /// Who holds the locks of this description.
    #[must_use]
    pub fn lock_identity(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    fn require_seekable(&self) -> Result<()> {
        match self.ops.positioning() {
            Positioning::Stream => Err(Errno::ESPIPE),
            Positioning::Seekable => Ok(()),
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        locks::release_description(self.inode.id(), self.lock_identity());
        let ops = Arc::clone(&self.ops);
        ops.release(self);
    }
}

/// The usual seek over a file of `size` bytes without holes.
///
/// # Errors
/// `EINVAL` before the start or beyond `i64::MAX`, `ENXIO` for data or a hole beyond the end.
pub fn seek_by_size(size: u64, offset: i64, whence: Whence, current: u64) -> Result<u64> {
    let base = match whence {
        Whence::Set => 0,
        Whence::Current => current,
        Whence::End => size,
        Whence::Data | Whence::Hole => {
            let from = u64::try_from(offset).map_err(|_| Errno::ENXIO)?;
            if from >= size {
                return Err(Errno::ENXIO);
            }
            return Ok(if whence == Whence::Data { from } else { size });
        }
    };
    let target = base.checked_add_signed(offset).ok_or(Errno::EINVAL)?;
    if i64::try_from(target).is_err() {
        return Err(Errno::EINVAL);
    }
    Ok(target)
}
