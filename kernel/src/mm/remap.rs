//! mremap(2): a mapping grows, shrinks or moves, its pages with it.

use super::area::{Area, AreaFlags, Source};
use super::map::user_range;
use super::space::{AddressSpace, Layout};
use super::{MAX_AREAS, MMAP_MIN};
use abi::flags::MremapFlags;
use abi::{Errno, Result};
use alloc::collections::LinkedList;
use kernel_core::addr::{PAGE_SHIFT, PAGE_SIZE_U64, VirtAddr, VirtRange, page_align_up};
use kernel_core::vma::Segment;

/// The areas that a change removed, dropped after the lock.
type Removed = LinkedList<(VirtRange, Area)>;

/// A checked request.
struct Move {
    old: VirtRange,
    new_len: u64,
    flags: MremapFlags,
    target: VirtAddr,
}

impl AddressSpace {
    /// Changes the length of a mapping and moves it where the flags allow; its address.
    ///
    /// # Errors
    /// `EINVAL`, `EFAULT` (not one mapping), `ENOMEM`, `EAGAIN` (locked memory).
    pub fn remap(&self, old: VirtAddr, old_len: u64, new_len: u64, flags: MremapFlags, target: VirtAddr) -> Result<VirtAddr> {
        let request = check(old, old_len, new_len, flags, target)?;
        let mut removed = Removed::new();
        let mut layout = self.layout.write();
        let result = self.remap_locked(&mut layout, &request, &mut removed);
        let populate = layout.areas.find(old).is_some_and(|(_, area)| area.flags.contains(AreaFlags::LOCKED));
        drop(layout);
        drop(removed);
        if let Ok(start) = result
            && populate
        {
            self.populate(VirtRange::new(start, start + request.new_len));
        }
        result
    }

    fn remap_locked(&self, layout: &mut Layout, request: &Move, removed: &mut Removed) -> Result<VirtAddr> {
        let Move { old, new_len, flags, target } = *request;
        let fixed = flags.contains(MremapFlags::FIXED);
        let keep = flags.contains(MremapFlags::DONTUNMAP);
        let (whole, area) = layout.areas.find(old.start).ok_or(Errno::EFAULT)?;
        let area = area.advanced((old.start - whole.start) >> PAGE_SHIFT);
        if old.is_empty() && !area.is_shared() || keep && !matches!(area.source, Source::Anonymous) {
            return Err(Errno::EINVAL);
        }
        if fixed {
            removed.extend(self.unmap_locked(layout, VirtRange::new(target, target + new_len))?);
        }
        if new_len < old.len() && !old.is_empty() {
            let tail = VirtRange::new(old.start + new_len, old.end);
            removed.extend(self.unmap_locked(layout, tail)?);
        }
        if !fixed && !keep && new_len <= old.len() && !old.is_empty() {
            return Ok(old.start);
        }
        let kept = VirtRange::new(old.start, old.end.min(old.start + new_len));
        if whole.end < kept.end {
            return Err(Errno::EFAULT);
        }
        check_growth(layout, &area, request)?;
        let extension = VirtRange::new(old.end, old.start + new_len.max(old.len()));
        let in_place = !fixed && !keep && !old.is_empty() && whole.end == old.end && layout.areas.is_free(extension);
        if in_place && extension.is_user_pages() {
            layout.insert(extension, area.advanced(old.pages()));
            return Ok(old.start);
        }
        if !flags.contains(MremapFlags::MAYMOVE) {
            return Err(Errno::ENOMEM);
        }
        let start = match fixed {
            true => target,
            false => {
                let top = layout.mmap_top;
                let wished = user_range(target, new_len).filter(|range| keep && !target.is_null() && layout.areas.is_free(*range));
                wished.map(|range| range.start).or_else(|| layout.find_place(new_len, top)).ok_or(Errno::ENOMEM)?
            }
        };
        self.move_area(layout, kept, VirtRange::new(start, start + new_len), area, keep, removed)
    }

    fn move_area(
        &self,
        layout: &mut Layout,
        from: VirtRange,
        to: VirtRange,
        area: Area,
        keep: bool,
        removed: &mut Removed,
    ) -> Result<VirtAddr> {
        if !from.is_empty() {
            self.change_table(|table, gather, _| table.move_range(from, to.start, gather))?;
        }
        if !from.is_empty() && !keep {
            removed.extend(layout.take(from));
        }
        layout.insert(to, area);
        Ok(to.start)
    }
}

fn check(old: VirtAddr, old_len: u64, new_len: u64, flags: MremapFlags, target: VirtAddr) -> Result<Move> {
    let may_move = flags.contains(MremapFlags::MAYMOVE);
    let fixed = flags.contains(MremapFlags::FIXED);
    let keep = flags.contains(MremapFlags::DONTUNMAP);
    let new_len = page_align_up(new_len).filter(|len| *len > 0).ok_or(Errno::EINVAL)?;
    let old = user_range(old, old_len).ok_or(Errno::EINVAL)?;
    if (fixed || keep) && !may_move || keep && old.len() != new_len {
        return Err(Errno::EINVAL);
    }
    if VirtRange::from_len(old.start, new_len).is_none() {
        return Err(Errno::ENOMEM);
    }
    if fixed || keep && !target.is_null() {
        let new = user_range(target, new_len).ok_or(Errno::EINVAL)?;
        let overlaps = new.overlaps(&old) || new.contains(old.start);
        if overlaps || new.start < MMAP_MIN || !target.is_aligned(PAGE_SIZE_U64) {
            return Err(if overlaps { Errno::EINVAL } else { Errno::EPERM });
        }
    }
    Ok(Move { old, new_len, flags, target })
}

fn check_growth(layout: &Layout, area: &Area, request: &Move) -> Result<()> {
    let keep = request.flags.contains(MremapFlags::DONTUNMAP);
    let before = if keep { 0 } else { request.old.len() };
    let pages = request.new_len.saturating_sub(before) >> PAGE_SHIFT;
    if area.flags.contains(AreaFlags::LOCKED) {
        layout.check_locked(pages)?;
    }
    if layout.areas.len() + 2 >= MAX_AREAS || kernel_arch::frame::is_low() {
        return Err(Errno::ENOMEM);
    }
    layout.check_limits(pages, if area.is_data() { pages } else { 0 })
}
