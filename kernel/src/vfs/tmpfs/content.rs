//! The content of a regular file of tmpfs: its pages, and the lock over changes of them.

use crate::mm::{PageCache, PageQuota};
use crate::vfs::attributes::MAX_FILE_SIZE;
use crate::vfs::inode::{AllocateMode, AllocateRequest};
use abi::{Errno, Result};
use alloc::sync::Arc;
use kernel_core::addr::PAGE_SIZE_U64;
use kernel_sync::{Mutex, Rank};

/// The pages of a regular file.
pub struct Regular {
    pub cache: PageCache,
    /// Held over every write and every change of the length.
    pub writing: Mutex<()>,
}

impl Regular {
    /// No pages; those to come count towards `quota`.
    pub fn new(quota: &Arc<PageQuota>) -> Self {
        Self { cache: PageCache::with_quota(Arc::clone(quota)), writing: Mutex::new(Rank::INODE, ()) }
    }

    /// Sets the length.
    pub fn resize(&self, size: u64) -> Result<()> {
        if size > MAX_FILE_SIZE {
            return Err(Errno::EFBIG);
        }
        let _writing = self.writing.lock();
        self.cache.truncate(size);
        Ok(())
    }

    /// fallocate(2), within `quota`: a range that cannot fit takes nothing.
    pub fn allocate(&self, request: &AllocateRequest, quota: &PageQuota) -> Result<()> {
        let end = request.offset.saturating_add(request.len);
        let _writing = self.writing.lock();
        if request.mode == AllocateMode::PunchHole {
            clear(&self.cache, request.offset, end);
            return Ok(());
        }
        let wanted = request.offset / PAGE_SIZE_U64..end.div_ceil(PAGE_SIZE_U64);
        let missing = (wanted.end - wanted.start).saturating_sub(self.cache.resident_pages() as u64);
        if missing > quota.limit().saturating_sub(quota.used()) as u64 {
            return Err(Errno::ENOSPC);
        }
        for index in wanted {
            self.cache.get_or_alloc(index)?;
        }
        if request.mode == AllocateMode::Extend && end > self.cache.size() {
            self.cache.truncate(end);
        }
        Ok(())
    }
}

/// Makes the bytes from `start` to `end` read as zeros; whole pages are freed.
fn clear(cache: &PageCache, start: u64, end: u64) {
    let (first, last) = (start.div_ceil(PAGE_SIZE_U64), end / PAGE_SIZE_U64);
    if first < last {
        cache.punch(first..last);
    }
    let edge = |from: u64, to: u64| {
        if let Some(page) = cache.get(from / PAGE_SIZE_U64).filter(|_| from < to) {
            // Both lie within one page.
            page.fill((from % PAGE_SIZE_U64) as usize, (to - from) as usize, 0);
        }
    };
    edge(start, end.min(first * PAGE_SIZE_U64));
    if last >= first {
        edge(last * PAGE_SIZE_U64, end);
    }
}
