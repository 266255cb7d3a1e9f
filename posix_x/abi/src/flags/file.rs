//! Flags of files: open(2), stat(2), access(2), the `*at` family, poll(2).

use bitflags::bitflags;
use linux_raw_sys::general as raw;

bitflags! {
    /// Flags of open(2), fcntl(F_SETFL) and the calls that make descriptors (`pipe2`, `dup3`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
    pub struct OpenFlags: u32 {
        /// Open for writing only.
        const WRONLY = raw::O_WRONLY;
        /// Open for reading and writing.
        const RDWR = raw::O_RDWR;
        /// Create the file if it does not exist.
        const CREAT = raw::O_CREAT;
        /// Fail if it exists.
        const EXCL = raw::O_EXCL;
        /// Do not make a terminal the controlling one.
        const NOCTTY = raw::O_NOCTTY;
        /// Cut a regular file to length zero.
        const TRUNC = raw::O_TRUNC;
        /// Write at the end.
        const APPEND = raw::O_APPEND;
        /// Do not block.
        const NONBLOCK = raw::O_NONBLOCK;
        /// Synchronous data.
        const DSYNC = raw::O_DSYNC;
        /// Signal-driven I/O.
        const ASYNC = raw::FASYNC;
        /// Direct I/O; packet mode of pipes.
        const DIRECT = raw::O_DIRECT;
        /// Accepted and meaningless on a 64-bit system.
        const LARGEFILE = raw::O_LARGEFILE;
        /// Fail unless it is a directory.
        const DIRECTORY = raw::O_DIRECTORY;
        /// Do not follow a final symbolic link.
        const NOFOLLOW = raw::O_NOFOLLOW;
        /// Do not update the access time.
        const NOATIME = raw::O_NOATIME;
        /// Close on exec.
        const CLOEXEC = raw::O_CLOEXEC;
        /// The bit that `O_SYNC` adds to `O_DSYNC`.
        const SYNC_BIT = raw::__O_SYNC;
        /// Synchronous data and metadata.
        const SYNC = raw::O_SYNC;
        /// A place in the tree only: no I/O.
        const PATH = raw::O_PATH;
        /// The bit that `O_TMPFILE` adds to `O_DIRECTORY`.
        const TMPFILE_BIT = raw::__O_TMPFILE;
        /// An unnamed file in the directory.
        const TMPFILE = raw::O_TMPFILE;
    }
}

impl OpenFlags {
    /// The two bits of the access mode.
    pub const ACCMODE: Self = Self::WRONLY.union(Self::RDWR);
    /// What fcntl(F_SETFL) may change.
    pub const SETTABLE: Self =
        Self::APPEND.union(Self::NONBLOCK).union(Self::ASYNC).union(Self::DIRECT).union(Self::NOATIME);
    /// What only matters while opening, and F_GETFL does not show.
    pub const CREATION: Self = Self::CREAT
        .union(Self::EXCL)
        .union(Self::NOCTTY)
        .union(Self::TRUNC)
        .union(Self::CLOEXEC);

    /// Whether the access mode allows reading (`O_RDONLY` is zero; mode 3 allows neither, as on Linux).
    #[must_use]
    pub const fn readable(self) -> bool {
        matches!(self.bits() & raw::O_ACCMODE, raw::O_RDONLY | raw::O_RDWR) && !self.contains(Self::PATH)
    }

    /// Whether the access mode allows writing.
    #[must_use]
    pub const fn writable(self) -> bool {
        matches!(self.bits() & raw::O_ACCMODE, raw::O_WRONLY | raw::O_RDWR) && !self.contains(Self::PATH)
    }
}

bitflags! {
    /// Descriptor flags of fcntl(F_SETFD).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct FdFlags: u32 {
        /// Close on exec.
        const CLOEXEC = raw::FD_CLOEXEC;
    }

    /// Flags of the `*at` calls. Two meanings share the bit 0x200: `EACCESS` for faccessat, `REMOVEDIR` for unlinkat.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct AtFlags: u32 {
        /// Act on a final symbolic link itself.
        const SYMLINK_NOFOLLOW = raw::AT_SYMLINK_NOFOLLOW;
        /// Follow a final symbolic link (linkat).
        const SYMLINK_FOLLOW = raw::AT_SYMLINK_FOLLOW;
        /// Do not trigger automounts.
        const NO_AUTOMOUNT = raw::AT_NO_AUTOMOUNT;
        /// An empty path means the descriptor itself.
        const EMPTY_PATH = raw::AT_EMPTY_PATH;
        /// Check with the effective ids (faccessat2).
        const EACCESS = raw::AT_EACCESS;
        /// Remove a directory (unlinkat).
        const REMOVEDIR = raw::AT_REMOVEDIR;
        /// statx: always synchronise.
        const STATX_FORCE_SYNC = raw::AT_STATX_FORCE_SYNC;
        /// statx: never synchronise.
        const STATX_DONT_SYNC = raw::AT_STATX_DONT_SYNC;
    }

    /// What access(2) asks for; empty is `F_OK`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Access: u32 {
        /// Read.
        const READ = raw::R_OK;
        /// Write.
        const WRITE = raw::W_OK;
        /// Execute or search.
        const EXECUTE = raw::X_OK;
    }

    /// Permission bits of a file, set-id and sticky bits included; the file type is a [`FileKind`].
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
    pub struct Mode: u32 {
        /// Set user id on execution.
        const SETUID = raw::S_ISUID;
        /// Set group id on execution.
        const SETGID = raw::S_ISGID;
        /// Sticky.
        const STICKY = raw::S_ISVTX;
        /// Owner may read.
        const USER_READ = raw::S_IRUSR;
        /// Owner may write.
        const USER_WRITE = raw::S_IWUSR;
        /// Owner may execute.
        const USER_EXECUTE = raw::S_IXUSR;
        /// Group may read.
        const GROUP_READ = raw::S_IRGRP;
        /// Group may write.
        const GROUP_WRITE = raw::S_IWGRP;
        /// Group may execute.
        const GROUP_EXECUTE = raw::S_IXGRP;
        /// Others may read.
        const OTHER_READ = raw::S_IROTH;
        /// Others may write.
        const OTHER_WRITE = raw::S_IWOTH;
        /// Others may execute.
        const OTHER_EXECUTE = raw::S_IXOTH;
    }

    /// Events of poll(2); epoll(7) uses the same values.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct PollEvents: u16 {
        /// Data to read.
        const IN = raw::POLLIN as u16;
        /// Urgent data.
        const PRI = raw::POLLPRI as u16;
        /// Room to write.
        const OUT = raw::POLLOUT as u16;
        /// An error; always reported.
        const ERR = raw::POLLERR as u16;
        /// Hung up; always reported.
        const HUP = raw::POLLHUP as u16;
        /// Not an open descriptor; always reported.
        const NVAL = raw::POLLNVAL as u16;
        /// Normal data to read.
        const RDNORM = raw::POLLRDNORM as u16;
        /// Priority band data to read.
        const RDBAND = raw::POLLRDBAND as u16;
        /// Room for normal data.
        const WRNORM = raw::POLLWRNORM as u16;
        /// Room for priority band data.
        const WRBAND = raw::POLLWRBAND as u16;
        /// The peer shut down its writing half.
        const RDHUP = raw::POLLRDHUP as u16;
    }

    /// What an epoll(7) item asks for, above the bits of [`PollEvents`].
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct EpollFlags: u32 {
        /// Of several epoll instances, wake not all.
        const EXCLUSIVE = raw::EPOLLEXCLUSIVE;
        /// Keep the machine awake while the event is handled.
        const WAKEUP = raw::EPOLLWAKEUP;
        /// Turn the item off after one report.
        const ONESHOT = raw::EPOLLONESHOT;
        /// Report changes, not states.
        const EDGE = raw::EPOLLET;
        const _ = !0;
    }

    /// Flags of eventfd2(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct EventFdFlags: u32 {
        /// Reads take one.
        const SEMAPHORE = raw::EFD_SEMAPHORE;
        /// Close on exec.
        const CLOEXEC = raw::EFD_CLOEXEC;
        /// Do not wait.
        const NONBLOCK = raw::EFD_NONBLOCK;
    }

    /// Flags of renameat2(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct RenameFlags: u32 {
        /// Fail if the target exists.
        const NOREPLACE = raw::RENAME_NOREPLACE;
        /// Exchange the two.
        const EXCHANGE = raw::RENAME_EXCHANGE;
        /// Leave a whiteout.
        const WHITEOUT = raw::RENAME_WHITEOUT;
    }

    /// What statx(2) asks for and answers.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct StatxMask: u32 {
        /// Everything that stat(2) gives.
        const BASIC_STATS = raw::STATX_BASIC_STATS;
        /// Birth time.
        const BTIME = raw::STATX_BTIME;
        /// Mount id.
        const MNT_ID = raw::STATX_MNT_ID;
    }

    /// Flags of fallocate(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct FallocateFlags: u32 {
        /// Leave the size as it is.
        const KEEP_SIZE = raw::FALLOC_FL_KEEP_SIZE;
        /// Free the range.
        const PUNCH_HOLE = raw::FALLOC_FL_PUNCH_HOLE;
        /// Zero the range.
        const ZERO_RANGE = raw::FALLOC_FL_ZERO_RANGE;
    }

    /// Flags of close_range(2) (`linux/close_range.h`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct CloseRangeFlags: u32 {
        /// Unshare the table first.
        const UNSHARE = 1 << 1;
        /// Mark close-on-exec instead.
        const CLOEXEC = 1 << 2;
    }

    /// Flags of preadv2(2) and pwritev2(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct RwFlags: u32 {
        /// High priority.
        const HIPRI = raw::RWF_HIPRI;
        /// Synchronous data.
        const DSYNC = raw::RWF_DSYNC;
        /// Synchronous data and metadata.
        const SYNC = raw::RWF_SYNC;
        /// Do not block.
        const NOWAIT = raw::RWF_NOWAIT;
        /// Append, whatever the offset.
        const APPEND = raw::RWF_APPEND;
    }
}

/// The type of a file, as in the top bits of `st_mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum FileKind {
    /// Regular file.
    Regular,
    /// Directory.
    Directory,
    /// Symbolic link.
    Symlink,
    /// Character device.
    CharDevice,
    /// Block device.
    BlockDevice,
    /// Pipe with a name.
    Fifo,
    /// Socket.
    Socket,
}

impl FileKind {
    /// The type bits of a `st_mode`; `None` when they name no type.
    #[must_use]
    pub const fn from_mode(mode: u32) -> Option<Self> {
        Some(match mode & raw::S_IFMT {
            raw::S_IFREG => Self::Regular,
            raw::S_IFDIR => Self::Directory,
            raw::S_IFLNK => Self::Symlink,
            raw::S_IFCHR => Self::CharDevice,
            raw::S_IFBLK => Self::BlockDevice,
            raw::S_IFIFO => Self::Fifo,
            raw::S_IFSOCK => Self::Socket,
            _ => return None,
        })
    }

    /// The type bits for a `st_mode`.
    #[must_use]
    pub const fn mode_bits(self) -> u32 {
        match self {
            Self::Regular => raw::S_IFREG,
            Self::Directory => raw::S_IFDIR,
            Self::Symlink => raw::S_IFLNK,
            Self::CharDevice => raw::S_IFCHR,
            Self::BlockDevice => raw::S_IFBLK,
            Self::Fifo => raw::S_IFIFO,
            Self::Socket => raw::S_IFSOCK,
        }
    }

    /// The `d_type` of a directory entry.
    #[must_use]
    pub const fn dirent_type(self) -> u8 {
        (match self {
            Self::Regular => raw::DT_REG,
            Self::Directory => raw::DT_DIR,
            Self::Symlink => raw::DT_LNK,
            Self::CharDevice => raw::DT_CHR,
            Self::BlockDevice => raw::DT_BLK,
            Self::Fifo => raw::DT_FIFO,
            Self::Socket => raw::DT_SOCK,
        }) as u8
    }
}

/// Where lseek(2) counts from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whence {
    /// The start of the file.
    Set,
    /// The current position.
    Current,
    /// The end of the file.
    End,
    /// The next data at or after the offset.
    Data,
    /// The next hole at or after the offset.
    Hole,
}

impl Whence {
    /// Parses the argument of lseek(2).
    #[must_use]
    pub const fn from_raw(raw_whence: u32) -> Option<Self> {
        Some(match raw_whence {
            raw::SEEK_SET => Self::Set,
            raw::SEEK_CUR => Self::Current,
            raw::SEEK_END => Self::End,
            raw::SEEK_DATA => Self::Data,
            raw::SEEK_HOLE => Self::Hole,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_mode_three_allows_neither() {
        assert!(OpenFlags::empty().readable());
        assert!(OpenFlags::RDWR.readable() && OpenFlags::RDWR.writable());
        let neither = OpenFlags::WRONLY | OpenFlags::RDWR;
        assert!(!neither.readable() && !neither.writable());
    }

    #[test]
    fn file_kind_round_trips_through_mode_bits() {
        for kind in [FileKind::Regular, FileKind::Directory, FileKind::Symlink, FileKind::Fifo, FileKind::Socket] {
            assert_eq!(FileKind::from_mode(kind.mode_bits() | 0o755), Some(kind));
        }
        assert_eq!(FileKind::from_mode(0o755), None);
    }
}
