//! The index of a descriptor table: weak references in small chunks under RCU.
//!
//! A change copies one chunk; readers keep theirs until they are done. Only the holder of the table's lock changes it.

use super::capability::Capability;
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use kernel_sync::rcu::{self, RcuCell};

const CHUNK: usize = 16;

type Entries = [Option<Weak<Capability>>; CHUNK];

/// From slot to capability, read without a lock.
pub struct Index {
    chunks: RcuCell<Vec<Arc<RcuCell<Entries>>>>,
}

impl Index {
    /// Nothing open.
    pub fn new() -> Self {
        Self { chunks: RcuCell::new(Box::new(Vec::new())) }
    }

    /// What `slot` holds, if it is still open.
    pub fn get(&self, slot: usize) -> Option<Arc<Capability>> {
        let guard = rcu::read();
        let chunk = self.chunks.load(&guard).get(slot / CHUNK)?;
        chunk.load(&guard)[slot % CHUNK].as_ref()?.upgrade()
    }

    /// Puts `capability` into `slot`, or empties it. The caller holds the table's lock.
    pub fn set(&self, slot: usize, capability: Option<&Arc<Capability>>) {
        let chunk = self.chunk(slot / CHUNK);
        let mut entries = {
            let guard = rcu::read();
            chunk.load(&guard).clone()
        };
        entries[slot % CHUNK] = capability.map(Arc::downgrade);
        chunk.replace(Box::new(entries));
    }

    /// The chunk `number`, made if it is not there.
    fn chunk(&self, number: usize) -> Arc<RcuCell<Entries>> {
        let mut chunks = {
            let guard = rcu::read();
            let chunks = self.chunks.load(&guard);
            if let Some(chunk) = chunks.get(number) {
                return Arc::clone(chunk);
            }
            chunks.clone()
        };
        chunks.resize_with(number + 1, || Arc::new(RcuCell::new(Box::new([const { None }; CHUNK]))));
        let chunk = Arc::clone(&chunks[number]);
        self.chunks.replace(Box::new(chunks));
        chunk
    }
}
