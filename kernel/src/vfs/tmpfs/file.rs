//! Open files of tmpfs: regular files over their page cache, directories.

use super::content::Regular;
use super::inode::{AccessTime, TmpInode};
use crate::credentials::Capability;
use crate::io::{Limited, Sink, Source};
use crate::mm::{Contents, Intent, MapObject, PageCache};
use crate::vfs::attributes::{within_size_limit, without_set_id};
use crate::vfs::file::{File, FileOps, Whence, seek_by_size};
use crate::vfs::inode::Inode;
use crate::vfs::mount::{MountFlags, Path};
use abi::flags::OpenFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use kernel_arch::frame::PageRef;

/// A regular file.
pub(super) struct OpenRegular {
    inode: Arc<TmpInode>,
}

impl OpenRegular {
    pub(super) fn new(inode: Arc<TmpInode>) -> Self {
        Self { inode }
    }

    fn regular(&self) -> Result<&Regular> {
        self.inode.regular().ok_or(Errno::EINVAL)
    }

    /// Writes what is present of `source`, with the file's write lock held for this step.
    fn write_step(&self, file: &File, source: &mut dyn Source, offset: &mut u64, budget: Option<usize>) -> Result<Step> {
        let regular = self.regular()?;
        let _writing = regular.writing.lock();
        if file.flags().contains(OpenFlags::APPEND) {
            *offset = regular.cache.size();
        }
        let budget = match budget {
            Some(left) => left,
            None => within_size_limit(*offset, source.remaining())?,
        };
        let written = regular.cache.write_at(&mut Limited::new(source, budget), *offset)?;
        if written > 0 {
            let keeps = crate::task::try_current().is_none_or(|task| task.credentials().may(Capability::Fsetid));
            self.inode.touch_modified(|mode| if keeps { mode } else { without_set_id(mode) });
        }
        *offset += written as u64;
        Ok(Step { written, budget: budget - written })
    }
}

/// What one step of a write did, and what the size limit still allows.
struct Step {
    written: usize,
    budget: usize,
}

impl FileOps for OpenRegular {
    fn read(&self, file: &File, sink: &mut dyn Sink, offset: &mut u64) -> Result<usize> {
        let regular = self.regular()?;
        let mut total = 0;
        while sink.remaining() > 0 && *offset < regular.cache.size() {
            let count = match regular.cache.read_at(sink, *offset) {
                Ok(count) => count,
                Err(_) if total > 0 => break,
                Err(error) => return Err(error),
            };
            *offset += count as u64;
            total += count;
            if sink.remaining() == 0 || *offset >= regular.cache.size() {
                break;
            }
            match sink.fault_in() {
                Ok(()) => {}
                Err(_) if total > 0 => break,
                Err(error) => return Err(error),
            }
        }
        if let Some(rule) = access_rule(file) {
            self.inode.touch_accessed(rule);
        }
        Ok(total)
    }

    fn write(&self, file: &File, source: &mut dyn Source, offset: &mut u64) -> Result<usize> {
        if source.remaining() == 0 {
            return Ok(0);
        }
        let mut total = 0;
        let mut budget = None;
        loop {
            let step = match self.write_step(file, source, offset, budget) {
                Ok(step) => step,
                Err(_) if total > 0 => return Ok(total),
                Err(error) => return Err(error),
            };
            total += step.written;
            budget = Some(step.budget);
            if source.remaining() == 0 || step.budget == 0 {
                return Ok(total);
            }
            match source.fault_in() {
                Ok(()) => {}
                Err(_) if total > 0 => return Ok(total),
                Err(error) => return Err(error),
            }
        }
    }

    fn seek(&self, _file: &File, offset: i64, whence: Whence, current: u64) -> Result<u64> {
        let cache = &self.regular()?.cache;
        let wanted = match whence {
            Whence::Data => Contents::Data,
            Whence::Hole => Contents::Hole,
            Whence::Set | Whence::Current | Whence::End => return seek_by_size(cache.size(), offset, whence, current),
        };
        let from = u64::try_from(offset).map_err(|_| Errno::ENXIO)?;
        cache.seek(from, wanted).ok_or(Errno::ENXIO)
    }

    fn map_object(&self, file: &File) -> Result<Arc<dyn MapObject>> {
        Ok(Arc::new(Mapping { inode: Arc::clone(&self.inode), path: file.path().clone() }))
    }

    /// Memory is all the storage there is.
    fn sync(&self, _file: &File) -> Result<()> {
        Ok(())
    }
}

/// A directory: its entries are read through the inode.
pub(super) struct OpenDirectory;

impl FileOps for OpenDirectory {
    fn read(&self, _file: &File, _sink: &mut dyn Sink, _offset: &mut u64) -> Result<usize> {
        Err(Errno::EISDIR)
    }

    fn sync(&self, _file: &File) -> Result<()> {
        Ok(())
    }
}

/// When reading through `file` changes the access time; `None` for never.
fn access_rule(file: &File) -> Option<AccessTime> {
    let mount = file.path().mount.flags();
    if file.flags().contains(OpenFlags::NOATIME) || mount.intersects(MountFlags::NOATIME | MountFlags::RDONLY) {
        return None;
    }
    Some(if mount.contains(MountFlags::RELATIME) { AccessTime::WhenStale } else { AccessTime::Always })
}

/// A regular file mapped into memory.
struct Mapping {
    inode: Arc<TmpInode>,
    path: Path,
}

impl MapObject for Mapping {
    fn cache(&self) -> Option<&PageCache> {
        self.inode.page_cache()
    }

    fn path_for_maps(&self) -> Option<Vec<u8>> {
        Some(self.path.display(&crate::vfs::root()))
    }

    fn inode_id(&self) -> (u64, u64) {
        let id = self.inode.id();
        (id.device.raw(), id.number)
    }

    fn page(&self, index: u64, intent: Intent) -> Result<PageRef> {
        let page = self.cache().ok_or(Errno::EFAULT)?.fault(index, intent)?;
        if intent == Intent::Write {
            self.inode.touch_modified(|mode| mode);
        }
        Ok(page)
    }

    fn punch(&self, indices: Range<u64>) -> Result<()> {
        let regular = self.inode.regular().ok_or(Errno::EOPNOTSUPP)?;
        let _writing = regular.writing.lock();
        regular.cache.punch(indices);
        Ok(())
    }
}
