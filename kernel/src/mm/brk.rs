//! The heap that brk(2) moves the end of.

use super::area::{Area, AreaFlags, Source};
use super::space::{AddressSpace, Layout, limit};
use crate::task::limits::Resource;
use abi::flags::Prot;
use core::sync::atomic::Ordering;
use kernel_arch::frame;
use kernel_core::addr::{PAGE_SIZE_U64, USER_END, VirtAddr, VirtRange};

impl AddressSpace {
    /// The end of the heap.
    #[must_use]
    pub fn current_brk(&self) -> VirtAddr {
        VirtAddr::new(self.brk.load(Ordering::Relaxed))
    }

    /// Moves the end of the heap; where it is afterwards, unchanged when that is not possible.
    pub fn set_brk(&self, end: VirtAddr) -> VirtAddr {
        let mut layout = self.layout.write();
        let current = self.current_brk();
        if end < layout.brk_start || end.as_u64() > USER_END {
            return current;
        }
        let (old_top, new_top) = (current.align_up(PAGE_SIZE_U64), end.align_up(PAGE_SIZE_U64));
        let mut removed = alloc::collections::LinkedList::new();
        let mut added = None;
        if new_top < old_top {
            match self.unmap_locked(&mut layout, VirtRange::new(new_top, old_top)) {
                Ok(areas) => removed = areas,
                Err(_) => return current,
            }
        } else if new_top > old_top {
            match grow(&mut layout, end, VirtRange::new(old_top, new_top)) {
                Some(range) => added = range,
                None => return current,
            }
        }
        self.brk.store(end.as_u64(), Ordering::Relaxed);
        drop(layout);
        drop(removed);
        if let Some(locked) = added {
            self.populate(locked);
        }
        end
    }
}

/// Adds a range to the heap; `None` when it cannot be, else the range if its pages are to be brought in.
fn grow(layout: &mut Layout, end: VirtAddr, range: VirtRange) -> Option<Option<VirtRange>> {
    let flags = layout.new_flags;
    let within = end - layout.brk_start <= limit(Resource::DATA);
    let pages = range.pages();
    if !within || frame::is_low() || pages > frame::total() as u64 || !layout.areas.is_free(range) {
        return None;
    }
    layout.check_limits(pages, pages).ok()?;
    let locked = flags.contains(AreaFlags::LOCKED);
    if locked {
        layout.check_locked(pages).ok()?;
    }
    let prot = Prot::READ | Prot::WRITE;
    layout.insert(range, Area { prot, max_prot: prot | Prot::EXEC, flags, source: Source::Anonymous });
    Some(locked.then_some(range))
}
