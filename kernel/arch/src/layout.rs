//! Where things lie in the upper half of every address space.

use kernel_core::addr::{PhysAddr, VirtAddr};

/// Virtual address of physical address 0 in the kernel image's mapping.
pub const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;
/// Start of the direct map: RAM at `DIRECT_MAP + physical address`.
pub const DIRECT_MAP: u64 = 0xffff_8880_0000_0000;
/// Bytes that the boot page tables map directly; boot data beyond it cannot be read.
pub const EARLY_MAPPED: u64 = 4 << 30;
/// Page that the trampoline for starting further CPUs is copied to; below 1 MiB, which is never allocated.
pub const TRAMPOLINE: u64 = 0x8000;

/// The direct-map address of a RAM address.
#[must_use]
pub const fn direct(address: PhysAddr) -> VirtAddr {
    VirtAddr::new(DIRECT_MAP + address.as_u64())
}

/// The physical address of something in the kernel image (code or static data).
#[must_use]
pub const fn image_phys(address: VirtAddr) -> PhysAddr {
    PhysAddr::new(address.as_u64().wrapping_sub(KERNEL_BASE))
}
