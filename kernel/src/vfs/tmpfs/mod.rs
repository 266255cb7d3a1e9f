//! tmpfs: a file system that is its own cache; files are page caches, directories are maps.
//!
//! Layers: the instance with its limits (here), [`inode`], [`content`] (pages), [`directory`] (names with stable cookies),
//! [`file`] (open regular files and directories).
//!
//! Lock order: the VFS's directory lock (`INODE`), or a file's write lock (`INODE`); the page cache (`PAGE_CACHE`); then
//! attributes or names (`DENTRY`, never both).

mod content;
mod directory;
mod file;
mod inode;

pub use inode::TmpInode;

use super::inode::{DeviceId, Inode, NewNode, NodeKind};
use super::mount::{FileSystem, FsStatistics, unnamed_device};
use crate::mm::PageQuota;
use abi::{Errno, Result};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use kernel_core::addr::PAGE_SIZE;

/// `f_type` of tmpfs.
const MAGIC: u64 = 0x0102_1994;

/// One instance.
pub struct TmpFs {
    kind: &'static str,
    shared: Arc<Shared>,
    root: Arc<TmpInode>,
}

/// What the inodes of an instance share.
pub struct Shared {
    device: DeviceId,
    quota: Arc<PageQuota>,
    max_inodes: u64,
    used_inodes: AtomicU64,
    next_number: AtomicU64,
}

/// The limits and the root of a new instance.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Pages of content.
    pub max_pages: u64,
    /// Inodes.
    pub max_inodes: u64,
    /// Mode of the root.
    pub mode: u32,
    /// Owner of the root.
    pub uid: u32,
    /// Group of the root.
    pub gid: u32,
}

impl Options {
    /// Half of the memory, one inode per page of it, a root that everybody may write to, as Linux has it.
    #[must_use]
    pub fn standard() -> Self {
        let half = half_of_memory();
        Self { max_pages: half, max_inodes: half, mode: 0o1777, uid: 0, gid: 0 }
    }

    /// Those of the data argument of mount(2): `size=64M,nr_inodes=1k,mode=0755,uid=0,gid=0`.
    ///
    /// # Errors
    /// `EINVAL` for an unknown option or a value that is no number.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let mut options = Self::standard();
        for option in text.split(|&byte| byte == b',').filter(|option| !option.is_empty()) {
            let mut parts = option.splitn(2, |&byte| byte == b'=');
            let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let value = core::str::from_utf8(value).map_err(|_| Errno::EINVAL)?;
            match name {
                b"size" => options.max_pages = size(value, PAGE_SIZE as u64)?,
                b"nr_blocks" => options.max_pages = size(value, 1)?,
                b"nr_inodes" => options.max_inodes = size(value, 1)?,
                b"mode" => options.mode = u32::from_str_radix(value, 8).map_err(|_| Errno::EINVAL)? & 0o7777,
                b"uid" => options.uid = value.parse().map_err(|_| Errno::EINVAL)?,
                b"gid" => options.gid = value.parse().map_err(|_| Errno::EINVAL)?,
                _ => return Err(Errno::EINVAL),
            }
        }
        Ok(options)
    }
}

impl TmpFs {
    /// An empty instance; `kind` is what mount(2) calls it.
    #[must_use]
    pub fn new(kind: &'static str, options: Options) -> Arc<Self> {
        let shared = Arc::new(Shared {
            device: unnamed_device(),
            quota: Arc::new(PageQuota::new(usize::try_from(options.max_pages).unwrap_or(usize::MAX))),
            max_inodes: options.max_inodes,
            used_inodes: AtomicU64::new(0),
            next_number: AtomicU64::new(1),
        });
        let node = NewNode { kind: NodeKind::Directory, mode: options.mode, uid: options.uid, gid: options.gid };
        let root = TmpInode::root(&shared, &node);
        Arc::new(Self { kind, shared, root })
    }
}

impl Shared {
    /// Counts one more inode and numbers it; none when only the kernel's reserve of memory is left.
    fn take_inode(&self) -> Result<u64> {
        if kernel_arch::frame::is_low() {
            return Err(Errno::ENOMEM);
        }
        let max = self.max_inodes;
        let room = |used: u64| (used < max).then_some(used + 1);
        self.used_inodes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).map_err(|_| Errno::ENOSPC)?;
        Ok(self.next_number.fetch_add(1, Ordering::Relaxed))
    }

    fn return_inode(&self) {
        self.used_inodes.fetch_sub(1, Ordering::Relaxed);
    }
}

impl FileSystem for TmpFs {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn device(&self) -> DeviceId {
        self.shared.device
    }

    fn root(&self) -> Arc<dyn Inode> {
        Arc::clone(&self.root) as Arc<dyn Inode>
    }

    fn statistics(&self) -> FsStatistics {
        let shared = &self.shared;
        let (limit, used) = (shared.quota.limit() as u64, shared.quota.used() as u64);
        let inodes = shared.used_inodes.load(Ordering::Relaxed);
        FsStatistics {
            magic: MAGIC,
            block_size: PAGE_SIZE as u64,
            blocks: limit,
            free_blocks: limit.saturating_sub(used),
            inodes: shared.max_inodes,
            free_inodes: shared.max_inodes.saturating_sub(inodes),
        }
    }

    fn options(&self) -> String {
        format!(",size={}k,nr_inodes={}", self.shared.quota.limit() * (PAGE_SIZE / 1024), self.shared.max_inodes)
    }
}

fn half_of_memory() -> u64 {
    kernel_arch::frame::total() as u64 / 2
}

/// A number with `k`, `m`, `g` or `%` (of memory) behind it, in units of `unit` bytes, rounded up.
fn size(text: &str, unit: u64) -> Result<u64> {
    let text = text.trim();
    let (digits, scale) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1 << 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1 << 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 1 << 30),
        Some(b'%') => {
            let percent: u64 = text[..text.len() - 1].parse().map_err(|_| Errno::EINVAL)?;
            return half_of_memory().checked_mul(percent).map(|pages| pages / 50).ok_or(Errno::EINVAL);
        }
        _ => (text, 1),
    };
    let number: u64 = digits.parse().map_err(|_| Errno::EINVAL)?;
    number.checked_mul(scale).map(|bytes| bytes.div_ceil(unit)).ok_or(Errno::EINVAL)
}
