//! What a futex word is known by: equal keys, same word.

use super::{BUCKETS, Word};
use crate::mm::SharedAddress;
use crate::task;
use abi::{Errno, Result};
use alloc::sync::Arc;
use kernel_core::addr::{USER_END, VirtAddr};
use kernel_sync::Rank;

/// Rank of a waiter's key: inside its bucket.
pub(super) const RANK: Rank = Rank::new(67);

/// Who may share a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Threads of one address space only (`FUTEX_PRIVATE_FLAG`).
    Private,
    /// Whoever has mapped the memory.
    Shared,
}

/// The identity of a word.
#[derive(Clone)]
pub(super) enum Key {
    /// An address in one address space, which the waiting thread keeps alive.
    Private {
        space: usize,
        address: u64,
    },
    Shared(Arc<SharedAddress>),
}

impl Key {
    /// The key of a word of the running process.
    pub(super) fn of(word: Word) -> Result<Self> {
        if !word.address.is_multiple_of(4) {
            return Err(Errno::EINVAL);
        }
        if word.address >= USER_END {
            return Err(Errno::EFAULT);
        }
        let space = task::current().try_address_space().ok_or(Errno::EFAULT)?;
        let private = Self::Private { space: Arc::as_ptr(&space).addr(), address: word.address };
        match word.scope {
            Scope::Private => Ok(private),
            Scope::Shared => {
                let shared = space.shared_address(VirtAddr::new(word.address));
                Ok(shared.map_or(private, |shared| Self::Shared(Arc::new(shared))))
            }
        }
    }

    fn parts(&self) -> (bool, usize, u64) {
        match self {
            Self::Private { space, address } => (false, *space, *address),
            Self::Shared(shared) => {
                let offset = u64::try_from(shared.offset).unwrap_or(0);
                (true, shared.identity(), shared.index << kernel_core::addr::PAGE_SHIFT | offset)
            }
        }
    }

    pub(super) fn bucket(&self) -> usize {
        let (_, space, address) = self.parts();
        let mixed = (space as u64 >> 6 ^ address >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        usize::from((mixed >> 56).to_le_bytes()[0]) % BUCKETS
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}
