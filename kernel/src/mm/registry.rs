//! All address spaces, for the rare case that an object shrinks under its mappings.

use super::cache::PageCache;
use super::space::AddressSpace;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use kernel_sync::{Rank, SpinLock};

/// Inside everything that creates or drops a space.
const REGISTRY: Rank = Rank::new(73);

static SPACES: SpinLock<BTreeMap<u64, Weak<AddressSpace>>> = SpinLock::new(REGISTRY, BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A space's place in the list; it leaves when this is dropped.
pub(super) struct Entry(u64);

impl Entry {
    /// A place for a space that is being made.
    pub fn new(space: Weak<AddressSpace>) -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        SPACES.lock().insert(id, space);
        Self(id)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let space = SPACES.lock().remove(&self.0);
        drop(space);
    }
}

/// Takes pages of an object out of every space that maps it.
pub(super) fn unmap_object(cache: &PageCache, indices: Range<u64>) {
    let spaces: Vec<Arc<AddressSpace>> = SPACES.lock().values().filter_map(Weak::upgrade).collect();
    for space in spaces {
        space.unmap_object(cache, indices.clone());
    }
}
