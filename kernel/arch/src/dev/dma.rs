//! Memory and addresses for virtio devices: the `Hal` of `virtio-drivers`.

use crate::frame::ContiguousFrames;
use crate::{paging, vmap};
use core::ptr::NonNull;
use kernel_core::addr::{PhysAddr, VirtAddr};
use virtio_drivers::{BufferDirection, Hal};

/// DMA on a machine whose devices see physical addresses.
pub struct DirectDma;

// SAFETY: memory comes from the frame allocator, zeroed, exclusive and aligned; addresses are translated, not moved.
unsafe impl Hal for DirectDma {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (u64, NonNull<u8>) {
        let Ok(block) = ContiguousFrames::alloc(order_of(pages)) else { return (0, NonNull::dangling()) };
        let pointer = block.as_ptr();
        (block.into_raw().0.as_u64(), pointer)
    }

    unsafe fn dma_dealloc(address: u64, _pointer: NonNull<u8>, pages: usize) -> i32 {
        // SAFETY: the caller gives back a block of dma_alloc(), which made it of this order and gave its handle up.
        drop(unsafe { ContiguousFrames::from_raw(PhysAddr::new(address), order_of(pages)) });
        0
    }

    unsafe fn mmio_phys_to_virt(address: u64, size: usize) -> NonNull<u8> {
        let registers = vmap::map_mmio(PhysAddr::new(address), size).expect("room for a device's registers");
        NonNull::new(registers.start().as_u64() as *mut u8).expect("registers are not at zero")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> u64 {
        let address = VirtAddr::new(buffer.cast::<u8>().as_ptr() as u64);
        paging::physical(address).expect("a buffer in kernel memory").as_u64()
    }

    unsafe fn unshare(_address: u64, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}

fn order_of(pages: usize) -> u8 {
    u8::try_from(pages.next_power_of_two().trailing_zeros()).unwrap_or(u8::MAX)
}
