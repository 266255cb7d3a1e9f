//! Descriptors in flight: capabilities that a message carries.
//!
//! Closing one may close a socket whose messages carry more, and so on; so those that nobody took are put on a list that one
//! thread works off, and the kernel stack stays shallow.

use super::REGISTRY_RANK;
use crate::files::Capability;
use alloc::sync::Arc;
use alloc::vec::Vec;
use kernel_sync::SpinLock;

/// Most descriptors in one message (`SCM_MAX_FD`).
pub const SCM_MAX_FD: usize = 253;

/// Capabilities under way.
#[derive(Default)]
pub struct Rights(Vec<Arc<Capability>>);

impl Rights {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds one.
    pub fn push(&mut self, capability: Arc<Capability>) {
        self.0.push(capability);
    }

    /// The capabilities.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Capability>> {
        self.0.iter()
    }

    /// The same again, as peeking takes them.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Capabilities to let go.
struct Leaving {
    waiting: Vec<Arc<Capability>>,
    /// A thread works the list off.
    busy: bool,
}

static LEAVING: SpinLock<Leaving> = SpinLock::new(REGISTRY_RANK, Leaving { waiting: Vec::new(), busy: false });

impl Drop for Rights {
    fn drop(&mut self) {
        if self.0.is_empty() {
            return;
        }
        {
            let mut leaving = LEAVING.lock();
            leaving.waiting.append(&mut self.0);
            if core::mem::replace(&mut leaving.busy, true) {
                return;
            }
        }
        loop {
            let next = {
                let mut leaving = LEAVING.lock();
                let next = leaving.waiting.pop();
                leaving.busy = next.is_some();
                next
            };
            match next {
                Some(capability) => drop(capability),
                None => break,
            }
        }
    }
}
