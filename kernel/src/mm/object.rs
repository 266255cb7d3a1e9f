//! What can be mapped, seen from an address space.

use super::cache::PageCache;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use kernel_arch::frame::PageRef;

/// What a page of an object is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Intent {
    /// To be read, or copied for a private mapping.
    Read,
    /// To be written through a shared mapping.
    Write,
}

/// A mappable object: a file's contents, shared anonymous memory, a device.
pub trait MapObject: Send + Sync {
    /// The page cache that holds the pages, for objects that can shrink under their mappings.
    fn cache(&self) -> Option<&PageCache>;

    /// The name that `/proc/PID/maps` shows.
    fn path_for_maps(&self) -> Option<Vec<u8>>;

    /// Device number and inode number that `/proc/PID/maps` shows.
    fn inode_id(&self) -> (u64, u64);

    /// The page at an index. May sleep.
    ///
    /// # Errors
    /// `ENOMEM` when there is no memory; anything else becomes `SIGBUS`, beyond the end for instance.
    fn page(&self, index: u64, intent: Intent) -> Result<PageRef> {
        self.cache().ok_or(Errno::EFAULT)?.fault(index, intent)
    }

    /// Offers pages of a range of indices that are in memory already.
    fn resident(&self, indices: Range<u64>, found: &mut dyn FnMut(u64, PageRef)) {
        if let Some(cache) = self.cache() {
            cache.resident(indices, found);
        }
    }

    /// Writes pages back, up to the device.
    ///
    /// # Errors
    /// `EIO`.
    fn sync(&self, _indices: Range<u64>) -> Result<()> {
        Ok(())
    }

    /// Frees the pages of a range; they read as zeros from then on.
    ///
    /// # Errors
    /// `EOPNOTSUPP` for an object that cannot.
    fn punch(&self, _indices: Range<u64>) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }
}

/// A place in an object that several processes may have mapped: what a shared futex is known by.
pub struct SharedAddress {
    object: Arc<dyn MapObject>,
    /// Page of the object.
    pub index: u64,
    /// Byte in the page.
    pub offset: usize,
}

impl SharedAddress {
    pub(super) fn new(object: Arc<dyn MapObject>, index: u64, offset: usize) -> Self {
        Self { object, index, offset }
    }

    /// A number that is the object's alone as long as this value lives.
    #[must_use]
    pub fn identity(&self) -> usize {
        match self.object.cache() {
            Some(cache) => core::ptr::from_ref(cache).addr(),
            None => Arc::as_ptr(&self.object).cast::<()>().addr(),
        }
    }
}

/// A counted use of an object by an area.
pub(super) struct Mapped(Arc<dyn MapObject>);

impl Mapped {
    pub fn new(object: Arc<dyn MapObject>) -> Self {
        if let Some(cache) = object.cache() {
            cache.mapping_added();
        }
        Self(object)
    }

    pub fn object(&self) -> &Arc<dyn MapObject> {
        &self.0
    }
}

impl Clone for Mapped {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.0))
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if let Some(cache) = self.0.cache() {
            cache.mapping_removed();
        }
    }
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mapped({:p})", Arc::as_ptr(&self.0))
    }
}

/// Zeros of a length in bytes, shared by whoever maps the object (a mapping of `/dev/zero` for instance).
#[must_use]
pub fn shared_memory(len: u64) -> Arc<dyn MapObject> {
    Arc::new(SharedMemory(PageCache::with_size(len)))
}

/// Shared anonymous memory: a page cache without a name.
struct SharedMemory(PageCache);

impl MapObject for SharedMemory {
    fn cache(&self) -> Option<&PageCache> {
        Some(&self.0)
    }

    fn path_for_maps(&self) -> Option<Vec<u8>> {
        Some(b"/dev/zero (deleted)".to_vec())
    }

    fn inode_id(&self) -> (u64, u64) {
        (1, core::ptr::from_ref(self).addr() as u64 >> 6 & 0xffff_ffff)
    }

    fn punch(&self, indices: Range<u64>) -> Result<()> {
        self.0.punch(indices);
        Ok(())
    }
}
