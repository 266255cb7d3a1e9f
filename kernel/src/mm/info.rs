//! What `/proc` and others learn about an address space.

use super::area::{Sharing, Source};
use super::object::SharedAddress;
use super::space::AddressSpace;
use abi::flags::Prot;
use alloc::sync::Arc;
use alloc::vec::Vec;
use kernel_core::addr::{PAGE_SHIFT, VirtAddr, VirtRange};

/// One mapping, as a line of `/proc/PID/maps` shows it.
pub struct AreaInfo {
    /// Where.
    pub range: VirtRange,
    /// Protection.
    pub prot: Prot,
    /// Shared or private.
    pub sharing: Sharing,
    /// Offset into the object in bytes.
    pub offset: u64,
    /// Device number of the object.
    pub device: u64,
    /// Inode number of the object.
    pub inode: u64,
    /// Name of the object.
    pub path: Option<Vec<u8>>,
    /// What it is for, where that is known.
    pub label: Option<AreaLabel>,
}

/// Mappings with a name of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AreaLabel {
    /// What brk(2) manages.
    Heap,
    /// A stack that grows.
    Stack,
}

/// Sizes of a space, in pages.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryUsage {
    /// Mapped.
    pub total: u64,
    /// The most that ever was mapped.
    pub peak: u64,
    /// In memory, of its own.
    pub anonymous: usize,
    /// In memory, of objects.
    pub object: usize,
    /// The most that ever was in memory.
    pub peak_rss: usize,
    /// Private and writable.
    pub data: u64,
    /// Stacks.
    pub stack: u64,
    /// Executable.
    pub text: u64,
    /// Locked.
    pub locked: u64,
}

impl AddressSpace {
    /// Shows every mapping in order.
    pub fn for_each_area(&self, mut show: impl FnMut(AreaInfo)) {
        let layout = self.layout.read();
        let heap = VirtRange::new(layout.brk_start, self.current_brk());
        for (range, area) in layout.areas.iter() {
            let label = match () {
                () if area.flags.contains(super::area::AreaFlags::GROWS_DOWN) => Some(AreaLabel::Stack),
                () if matches!(area.source, Source::Anonymous) && range.overlaps(&heap) => Some(AreaLabel::Heap),
                () => None,
            };
            let mut info = AreaInfo {
                range,
                prot: area.prot,
                sharing: Sharing::Private,
                offset: 0,
                device: 0,
                inode: 0,
                path: None,
                label,
            };
            if let Source::Object { object, first, sharing } = &area.source {
                (info.device, info.inode) = object.object().inode_id();
                info.path = object.object().path_for_maps();
                info.offset = first << PAGE_SHIFT;
                info.sharing = *sharing;
            }
            show(info);
        }
    }

    /// Sizes.
    #[must_use]
    pub fn usage(&self) -> MemoryUsage {
        let (anonymous, object, peak_rss) = self.rss();
        let layout = self.layout.read();
        let executable = layout.areas.iter().filter(|(_, area)| area.prot.contains(Prot::EXEC));
        MemoryUsage {
            total: layout.total_pages,
            peak: layout.peak_pages,
            anonymous,
            object,
            peak_rss,
            data: layout.data_pages,
            stack: layout.stack_pages,
            text: executable.map(|(range, _)| range.pages()).sum(),
            locked: layout.locked_pages,
        }
    }

    /// The place in a shared object that an address shows; `None` for private memory and where nothing is mapped.
    #[must_use]
    pub fn shared_address(&self, at: VirtAddr) -> Option<SharedAddress> {
        let layout = self.layout.read();
        let (range, area) = layout.areas.find(at)?;
        let Source::Object { object, first, sharing: Sharing::Shared } = &area.source else { return None };
        let index = first + ((at.page() - range.start) >> PAGE_SHIFT);
        Some(SharedAddress::new(Arc::clone(object.object()), index, at.page_offset()))
    }
}
