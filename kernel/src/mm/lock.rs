//! mlock and its kin: nothing here is ever paged out, so locking brings pages in and counts them.

use super::area::AreaFlags;
use super::map::user_range;
use super::space::AddressSpace;
use abi::{Errno, Result};
use alloc::vec::Vec;
use kernel_core::addr::{PAGE_SIZE_U64, USER_END, VirtAddr, VirtRange};

/// Whether locked pages are brought in at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bring {
    /// Now.
    Now,
    /// When they are touched.
    OnFault,
}

impl AddressSpace {
    /// Locks a range; the bounds are widened to pages.
    ///
    /// # Errors
    /// `ENOMEM` (a hole, or the limit), `EPERM` (a limit of zero), `EINVAL`.
    pub fn lock_range(&self, start: VirtAddr, len: u64, bring: Bring) -> Result<()> {
        let range = widened(start, len)?;
        let mut layout = self.layout.write();
        let fresh: u64 = layout
            .areas
            .overlapping(range)
            .filter(|(_, area)| !area.flags.contains(AreaFlags::LOCKED))
            .filter_map(|(part, _)| part.intersection(&range))
            .map(|part| part.pages())
            .sum();
        layout.check_locked(fresh).map_err(|_| Errno::ENOMEM)?;
        layout.update(range, |area| area.flags |= AreaFlags::LOCKED);
        let covered = layout.areas.covers(range);
        drop(layout);
        if !covered {
            return Err(Errno::ENOMEM);
        }
        if bring == Bring::Now {
            self.populate(range);
        }
        Ok(())
    }

    /// Unlocks a range; the bounds are widened to pages.
    ///
    /// # Errors
    /// `ENOMEM` (a hole), `EINVAL`.
    pub fn unlock_range(&self, start: VirtAddr, len: u64) -> Result<()> {
        let range = widened(start, len)?;
        let mut layout = self.layout.write();
        layout.update(range, |area| area.flags -= AreaFlags::LOCKED);
        if layout.areas.covers(range) { Ok(()) } else { Err(Errno::ENOMEM) }
    }

    /// Locks what is mapped now.
    ///
    /// # Errors
    /// `ENOMEM` (the limit).
    pub fn lock_all(&self, bring: Bring) -> Result<()> {
        let all = VirtRange::new(VirtAddr::new(0), VirtAddr::new(USER_END));
        let mut layout = self.layout.write();
        let fresh = layout.total_pages - layout.locked_pages;
        layout.check_locked(fresh).map_err(|_| Errno::ENOMEM)?;
        layout.update(all, |area| area.flags |= AreaFlags::LOCKED);
        let ranges: Vec<VirtRange> = layout.areas.iter().map(|(range, _)| range).collect();
        drop(layout);
        if bring == Bring::Now {
            ranges.into_iter().for_each(|range| self.populate(range));
        }
        Ok(())
    }

    /// Locks what will be mapped.
    pub fn lock_future(&self) {
        self.layout.write().new_flags |= AreaFlags::LOCKED;
    }

    /// Unlocks everything, mapped now or later.
    pub fn unlock_all(&self) {
        let all = VirtRange::new(VirtAddr::new(0), VirtAddr::new(USER_END));
        let mut layout = self.layout.write();
        layout.new_flags -= AreaFlags::LOCKED;
        layout.update(all, |area| area.flags -= AreaFlags::LOCKED);
    }
}

fn widened(start: VirtAddr, len: u64) -> Result<VirtRange> {
    let len = len.checked_add(start.page_offset() as u64).ok_or(Errno::EINVAL)?;
    if start.checked_add(len).is_none_or(|end| end.checked_add(PAGE_SIZE_U64).is_none()) {
        return Err(Errno::EINVAL);
    }
    user_range(start.page(), len).ok_or(Errno::ENOMEM)
}
