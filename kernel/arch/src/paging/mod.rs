//! Page tables in memory: the kernel's own, each user address space's, and the flushes that changes need.
//!
//! Layers: [`direct_ptr`] (all RAM at one offset), `memory` (tables as `kernel_core::pagetable` sees them), `kernel`
//! (direct map, image and vmap area), [`UserTable`] (one address space), [`Gather`] (what a change leaves behind, freed
//! after the flush), `tlb` (local flush and shootdown).
//!
//! Upper-half top-level entries are made once at boot; every user tree copies them, so kernel mappings appear in all.
//! Lock order: a user tree's lock (`Rank::PAGE_TABLE`), then the frame allocator. A gather flushes and frees when it is
//! dropped: drop the tree's lock first. A full gather flushes early, with the lock held; other CPUs answer because
//! that lock leaves interrupts on.

mod gather;
mod kernel;
mod memory;
#[cfg(feature = "ktest")]
pub mod tests;
mod tlb;
mod user;

pub use gather::Gather;
pub use kernel::kernel_root;
pub(crate) use kernel::{init, map_kernel, unmap_kernel};
pub use kernel_core::pagetable::{LEAF_SPAN, PteFlags};
pub(crate) use tlb::flush_kernel;
pub use tlb::leave_user;
pub use user::{Mapping, Removed, TableGuard, UserTable};

use kernel_core::addr::{PhysAddr, VirtAddr};

pub use crate::layout::direct;
use crate::layout::{DIRECT_MAP, KERNEL_BASE, image_phys};

/// Length of the direct map: 4 TiB.
const DIRECT_MAP_LEN: u64 = 4 << 40;
/// Where kernel stacks and device registers are mapped: 512 GiB from here.
pub const VMAP: u64 = 0xffff_c900_0000_0000;

/// The address of RAM in the direct map as a pointer. Only RAM that the boot map listed may be accessed there.
#[must_use]
#[inline]
pub const fn direct_ptr<T>(address: PhysAddr) -> *mut T {
    core::ptr::with_exposed_provenance_mut(direct(address).as_usize())
}

/// The physical address of kernel memory in the direct map, the image, or the vmap area.
#[must_use]
pub fn physical(address: VirtAddr) -> Option<PhysAddr> {
    let at = address.as_u64();
    match at {
        DIRECT_MAP.. if at - DIRECT_MAP < DIRECT_MAP_LEN => Some(PhysAddr::new(at - DIRECT_MAP)),
        KERNEL_BASE.. => Some(image_phys(address)),
        _ => kernel::physical(address),
    }
}
