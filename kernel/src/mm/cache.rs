//! The page cache: the pages of one object by index, used by read, write and every mapping alike.
//!
//! A page that is absent reads as zeros. Bytes of the last page beyond the size are zero. Lock: the map of pages
//! (`PAGE_CACHE`); copies to and from user memory happen without it, on a counted page.

use super::object::Intent;
use super::{oom, registry};
use crate::io::{Sink, Source};
use abi::{Errno, Result};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use kernel_arch::frame::PageRef;
use kernel_core::addr::{PAGE_SHIFT, PAGE_SIZE, PAGE_SIZE_U64};
use kernel_sync::{Rank, RwLock};

/// How many pages the objects of a file system may hold together.
#[derive(Debug)]
pub struct PageQuota {
    limit: AtomicUsize,
    used: AtomicUsize,
}

impl PageQuota {
    /// At most `limit` pages.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit: AtomicUsize::new(limit), used: AtomicUsize::new(0) }
    }

    /// Pages that may be held.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Changes the limit; what is held stays.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Pages that are held.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn charge(&self) -> Result<()> {
        let limit = self.limit();
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| (used < limit).then_some(used + 1))
            .map_or(Err(Errno::ENOSPC), |_| Ok(()))
    }

    fn release(&self, pages: usize) {
        self.used.fetch_sub(pages, Ordering::Relaxed);
    }
}

/// The pages of one object.
pub struct PageCache {
    pages: RwLock<BTreeMap<u64, PageRef>>,
    size: AtomicU64,
    mappings: AtomicUsize,
    quota: Option<Arc<PageQuota>>,
}

impl Default for PageCache {
    fn default() -> Self {
        Self::new()
    }
}

impl PageCache {
    /// An empty cache of size 0.
    #[must_use]
    pub fn new() -> Self {
        Self::with_size(0)
    }

    /// An empty cache of a size.
    #[must_use]
    pub fn with_size(size: u64) -> Self {
        Self {
            pages: RwLock::new(Rank::PAGE_CACHE, BTreeMap::new()),
            size: AtomicU64::new(size),
            mappings: AtomicUsize::new(0),
            quota: None,
        }
    }

    /// An empty cache whose pages count towards a quota.
    #[must_use]
    pub fn with_quota(quota: Arc<PageQuota>) -> Self {
        let mut cache = Self::new();
        cache.quota = Some(quota);
        cache
    }

    /// Size of the object in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire) // Pairs with the Release in set_size(): the bytes are there.
    }

    /// Pages that are held.
    #[must_use]
    pub fn resident_pages(&self) -> usize {
        self.pages.read().len()
    }

    /// The page at an index, if it is held.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<PageRef> {
        self.pages.read().get(&index).cloned()
    }

    /// The page at an index, made of zeros if there is none.
    ///
    /// # Errors
    /// `ENOMEM`, `ENOSPC`.
    pub fn get_or_alloc(&self, index: u64) -> Result<PageRef> {
        if let Some(page) = self.get(index) {
            return Ok(page);
        }
        let fresh = oom::alloc_zeroed()?;
        let mut pages = self.pages.write();
        if let Some(page) = pages.get(&index) {
            return Ok(page.clone());
        }
        self.charge()?;
        pages.insert(index, fresh.clone());
        Ok(fresh)
    }

    /// Copies bytes from `offset` on into a sink, up to the end. Less than the sink has room for, before the end, means
    /// that a page of the sink is not present: drop your locks, call its `fault_in`, go on from there.
    ///
    /// # Errors
    /// What the sink says.
    pub fn read_at(&self, sink: &mut dyn Sink, offset: u64) -> Result<usize> {
        let mut done = 0;
        while sink.remaining() > 0 {
            let at = offset + done as u64;
            let left = self.size().saturating_sub(at);
            if left == 0 {
                break;
            }
            let (start, room) = within_page(at);
            let len = room.min(sink.remaining()).min(usize::try_from(left).unwrap_or(usize::MAX));
            let page = self.get(at >> PAGE_SHIFT).unwrap_or_else(PageRef::zero);
            let copied = sink.put_page(&page, start, len)?;
            done += copied;
            if copied < len {
                break;
            }
        }
        Ok(done)
    }

    /// Copies bytes from a source to `offset` on and moves the end where they reach beyond it. The caller keeps other
    /// writers out. Less than the source has means that a page of the source is not present, as in [`Self::read_at`].
    ///
    /// # Errors
    /// `ENOMEM`, `ENOSPC` or `EFBIG` when not one byte was written, and what the source says.
    pub fn write_at(&self, source: &mut dyn Source, offset: u64) -> Result<usize> {
        let mut done = 0;
        while source.remaining() > 0 {
            let at = offset.checked_add(done as u64).ok_or(Errno::EFBIG)?;
            let (start, room) = within_page(at);
            let len = room.min(source.remaining());
            let page = match self.get_or_alloc(at >> PAGE_SHIFT) {
                Ok(page) => page,
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            };
            let copied = source.get_page(&page, start, len)?;
            done += copied;
            self.size.fetch_max(at + copied as u64, Ordering::Release); // Pairs with the Acquire in size().
            if copied < len {
                break;
            }
        }
        Ok(done)
    }

    /// Sets the size. Pages beyond it are freed and leave every mapping; what is added reads as zeros. The caller keeps
    /// writers out.
    pub fn truncate(&self, size: u64) {
        let before = self.size();
        self.size.store(size, Ordering::Release); // Pairs with the Acquire in size().
        if size >= before {
            return;
        }
        let first_gone = size.div_ceil(PAGE_SIZE_U64);
        let removed = {
            let mut pages = self.pages.write();
            if let Some(page) = pages.get(&(size >> PAGE_SHIFT)).filter(|_| !size.is_multiple_of(PAGE_SIZE_U64)) {
                let (start, room) = within_page(size);
                page.fill(start, room, 0);
            }
            pages.split_off(&first_gone)
        };
        self.release(removed.len());
        self.unmap_from_all(first_gone..u64::MAX);
    }

    /// Frees the pages of a range; the size stays.
    pub fn punch(&self, indices: Range<u64>) {
        let removed = {
            let mut pages = self.pages.write();
            let mut middle = pages.split_off(&indices.start);
            let mut tail = middle.split_off(&indices.end.max(indices.start));
            pages.append(&mut tail);
            middle
        };
        self.release(removed.len());
        self.unmap_from_all(indices);
    }

    /// The page for a fault; beyond the end there is none.
    ///
    /// # Errors
    /// `EFAULT` beyond the end, `ENOMEM`, `ENOSPC`.
    pub fn fault(&self, index: u64, _intent: Intent) -> Result<PageRef> {
        if index >= self.size().div_ceil(PAGE_SIZE_U64) {
            return Err(Errno::EFAULT);
        }
        let page = self.get_or_alloc(index)?;
        // A truncation in between has looked through the pages already: do not leave one behind it.
        if index >= self.size().div_ceil(PAGE_SIZE_U64) {
            let removed = self.pages.write().remove(&index);
            self.release(usize::from(removed.is_some()));
            return Err(Errno::EFAULT);
        }
        Ok(page)
    }

    /// Offers the pages of a range that are held, up to the end.
    pub fn resident(&self, indices: Range<u64>, found: &mut dyn FnMut(u64, PageRef)) {
        let end = indices.end.min(self.size().div_ceil(PAGE_SIZE_U64));
        if indices.start >= end {
            return;
        }
        for (index, page) in self.pages.read().range(indices.start..end) {
            found(*index, page.clone());
        }
    }

    /// The first byte at or after `offset` that lies in a held page (`true`) or outside of all (`false`), up to the end.
    #[must_use]
    pub fn seek(&self, offset: u64, wanted: Contents) -> Option<u64> {
        let size = self.size();
        if offset >= size {
            return None;
        }
        let pages = self.pages.read();
        match wanted {
            Contents::Data => {
                let (index, _) = pages.range(offset >> PAGE_SHIFT..).next()?;
                Some((index << PAGE_SHIFT).max(offset)).filter(|at| *at < size)
            }
            Contents::Hole => {
                let mut index = offset >> PAGE_SHIFT;
                while pages.contains_key(&index) {
                    index += 1;
                }
                Some((index << PAGE_SHIFT).max(offset).min(size))
            }
        }
    }

    pub(super) fn mapping_added(&self) {
        self.mappings.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn mapping_removed(&self) {
        self.mappings.fetch_sub(1, Ordering::Relaxed);
    }

    fn unmap_from_all(&self, indices: Range<u64>) {
        if self.mappings.load(Ordering::Relaxed) > 0 {
            registry::unmap_object(self, indices);
        }
    }

    fn charge(&self) -> Result<()> {
        self.quota.as_ref().map_or(Ok(()), |quota| quota.charge())
    }

    fn release(&self, pages: usize) {
        if let Some(quota) = &self.quota {
            quota.release(pages);
        }
    }
}

impl Drop for PageCache {
    fn drop(&mut self) {
        let pages = self.pages.get_mut().len();
        self.release(pages);
    }
}

/// What a seek looks for (`SEEK_DATA`, `SEEK_HOLE`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Contents {
    /// Bytes in a held page.
    Data,
    /// Bytes in none; the end counts as a hole.
    Hole,
}

/// Offset within the page and bytes to its end.
fn within_page(at: u64) -> (usize, usize) {
    let start = (at % PAGE_SIZE_U64) as usize;
    (start, PAGE_SIZE - start)
}
