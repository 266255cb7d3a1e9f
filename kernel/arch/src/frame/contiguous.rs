//! Physically contiguous memory, for DMA.

use super::meta::Kind;
use super::{OutOfMemory, Purpose};
use crate::paging::direct_ptr;
use core::ptr::NonNull;
use kernel_core::addr::{Frame, PAGE_SIZE, PhysAddr};

/// A zeroed block of 2^order frames, freed when dropped.
#[derive(Debug)]
pub struct ContiguousFrames {
    first: Frame,
    order: u8,
}

impl ContiguousFrames {
    /// A block of 2^`order` frames of zeros.
    pub fn alloc(order: u8) -> Result<Self, OutOfMemory> {
        let first = super::alloc_block(order, Kind::Block, Purpose::User)?;
        let block = Self { first, order };
        // SAFETY: the block is RAM in the direct map and was just allocated.
        unsafe { block.as_ptr().as_ptr().write_bytes(0, block.len()) };
        Ok(block)
    }

    /// The first byte's physical address.
    #[must_use]
    pub fn start(&self) -> PhysAddr {
        self.first.start()
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        PAGE_SIZE << self.order
    }

    /// Never: a block has at least one frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The first byte's address in the direct map.
    #[must_use]
    pub fn as_ptr(&self) -> NonNull<u8> {
        NonNull::new(direct_ptr(self.first.start())).expect("the direct map does not start at zero")
    }

    /// Gives up the handle; [`ContiguousFrames::from_raw`] with the same values makes it again.
    #[must_use]
    pub fn into_raw(self) -> (PhysAddr, u8) {
        let this = core::mem::ManuallyDrop::new(self);
        (this.start(), this.order)
    }

    /// Makes the handle of a block again.
    ///
    /// # Safety
    /// The values came from [`ContiguousFrames::into_raw`] and were not used for this before.
    #[must_use]
    pub unsafe fn from_raw(start: PhysAddr, order: u8) -> Self {
        Self { first: start.frame(), order }
    }
}

impl Drop for ContiguousFrames {
    fn drop(&mut self) {
        super::free_block(self.first, self.order);
    }
}
