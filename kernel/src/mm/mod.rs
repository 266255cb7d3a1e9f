//! Memory of user programs: address spaces, demand paging, the page cache, and what happens when memory runs out.
//!
//! Layers: [`PageCache`] (the pages of one object) and [`MapObject`] (what can be mapped), `area` (one mapping),
//! [`AddressSpace`] with its operations in a file each (`map`, `remap`, `brk`, `advise`, `lock`, `fault`, `access`), [`oom`].
//!
//! Life of a page: a fault takes it from the frame allocator or a page cache and puts it into the page tables; fork shares
//! the tables; the first write copies it; unmapping gives it to a gather, which drops it after the flush.
//!
//! Lock order: an inode (outside), the list of areas of a space (`ADDRESS_SPACE`, sleeping: faults read, changes write), a
//! page cache (`PAGE_CACHE`, sleeping), the page tables of a space (`PAGE_TABLE`, spinning). A truncation takes the
//! pages out of the cache first and then out of each space under its write lock, so that a fault that still found
//! the page has mapped it before and the truncation sees it.

mod access;
mod advise;
mod area;
mod brk;
mod cache;
mod fault;
mod info;
mod lock;
mod map;
mod object;
pub mod oom;
mod registry;
mod remap;
mod space;

pub use advise::{Advice, Inherit};
pub use area::Sharing;
pub use cache::{Contents, PageCache, PageQuota};
pub use fault::{Access, FaultError, user_fault, user_page_fault};
pub use info::{AreaInfo, AreaLabel, MemoryUsage};
pub use lock::Bring;
pub use map::{Backing, MapRequest};
pub use object::{Intent, MapObject, SharedAddress, shared_memory};
pub use space::AddressSpace;

/// The frames in numbers, after the heap gave back what it only caches: equal states give equal numbers.
#[must_use]
pub fn frame_stats() -> kernel_arch::frame::FrameStats {
    kernel_arch::heap::trim_everywhere();
    kernel_arch::frame::stats()
}

/// No mapping begins below, so that a null pointer with an offset faults (Linux `vm.mmap_min_addr`).
pub const MMAP_MIN: kernel_core::addr::VirtAddr = kernel_core::addr::VirtAddr::new(64 << 10);
/// The most areas of one space (Linux `vm.max_map_count`).
pub const MAX_AREAS: usize = 65_530;
/// Bytes below a growing stack that stay free of other mappings.
pub const STACK_GUARD_GAP: u64 = 1 << 20;
