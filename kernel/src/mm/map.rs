//! mmap, munmap and mprotect.

use super::area::{self, Area, AreaFlags, Sharing, Source};
use super::object::{MapObject, Mapped, shared_memory};
use super::space::{AddressSpace, Layout, limit};
use super::{MAX_AREAS, MMAP_MIN};
use crate::task::limits::Resource;
use abi::flags::{MapFlags, Prot};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::collections::LinkedList;
use kernel_arch::frame;
use kernel_core::addr::{PAGE_SHIFT, PAGE_SIZE_U64, USER_END, VirtAddr, VirtRange, page_align_up};

/// What a mapping shall show.
pub enum Backing {
    /// Zeros, private.
    Anonymous,
    /// Zeros, shared with children.
    SharedAnonymous,
    /// An object from a page on.
    Object {
        /// The object.
        object: Arc<dyn MapObject>,
        /// Its page at the start of the mapping.
        first_page: u64,
        /// Whether writes reach it.
        sharing: Sharing,
    },
}

/// A mapping to make (mmap(2)).
pub struct MapRequest {
    /// Where, as a wish or with `FIXED` an order.
    pub hint: VirtAddr,
    /// Bytes; rounded up to pages.
    pub len: u64,
    /// Protection.
    pub prot: Prot,
    /// What mprotect may grant later.
    pub max_prot: Prot,
    /// `FIXED`, `FIXED_NOREPLACE`, `GROWSDOWN`, `LOCKED`, `POPULATE`, `NORESERVE`, `LOW_32BIT` count.
    pub flags: MapFlags,
    /// What is behind it.
    pub backing: Backing,
}

impl AddressSpace {
    /// Makes a mapping; its address.
    ///
    /// # Errors
    /// `EINVAL`, `ENOMEM`, `EEXIST`, `EPERM` (below the lowest address), `EOVERFLOW`, `EAGAIN` (locked memory).
    pub fn map(&self, request: &MapRequest) -> Result<VirtAddr> {
        if request.len == 0 {
            return Err(Errno::EINVAL);
        }
        let len = page_align_up(request.len).filter(|len| *len <= USER_END).ok_or(Errno::ENOMEM)?;
        let pages = len >> PAGE_SHIFT;
        check_memory(request, pages)?;
        let mut area = new_area(request, len)?;
        let removed;
        let range;
        {
            let mut layout = self.layout.write();
            area.flags |= layout.new_flags;
            range = place(&mut layout, request, len)?;
            let data = if area.is_data() { pages } else { 0 };
            let replaced: u64 = layout.areas.overlapping(range).filter_map(|(r, _)| r.intersection(&range)).map(|r| r.pages()).sum();
            layout.check_limits(pages.saturating_sub(replaced), data)?;
            if area.flags.contains(AreaFlags::LOCKED) {
                layout.check_locked(pages)?;
            }
            if layout.areas.len() >= MAX_AREAS {
                return Err(Errno::ENOMEM);
            }
            removed = if replaced > 0 { self.unmap_locked(&mut layout, range)? } else { LinkedList::new() };
            layout.insert(range, area.clone());
        }
        drop(removed);
        if area.flags.contains(AreaFlags::LOCKED) || request.flags.contains(MapFlags::POPULATE) {
            self.populate(range);
        }
        Ok(range.start)
    }

    /// Removes whatever is mapped in a range.
    ///
    /// # Errors
    /// `EINVAL`, `ENOMEM`.
    pub fn unmap(&self, start: VirtAddr, len: u64) -> Result<()> {
        let range = user_range(start, len).ok_or(Errno::EINVAL)?;
        if range.is_empty() {
            return Err(Errno::EINVAL);
        }
        let mut layout = self.layout.write();
        let removed = self.unmap_locked(&mut layout, range)?;
        drop(layout);
        drop(removed);
        Ok(())
    }

    /// Changes the protection of a range.
    ///
    /// # Errors
    /// `EINVAL`, `ENOMEM` (a hole; what lies before it is changed), `EACCES`.
    pub fn protect(&self, start: VirtAddr, len: u64, prot: Prot) -> Result<()> {
        if !start.is_aligned(PAGE_SIZE_U64) {
            return Err(Errno::EINVAL);
        }
        let len = page_align_up(len).ok_or(Errno::ENOMEM)?;
        let mut range = VirtRange::from_len(start, len).filter(VirtRange::is_user_pages).ok_or(Errno::ENOMEM)?;
        if range.is_empty() {
            return Ok(());
        }
        let mut layout = self.layout.write();
        if prot.contains(Prot::GROWSDOWN) {
            let (area_range, area) = layout.areas.find_at_or_above(start).ok_or(Errno::ENOMEM)?;
            if !area.flags.contains(AreaFlags::GROWS_DOWN) || area_range.start >= range.end {
                return Err(Errno::EINVAL);
            }
            range = VirtRange::new(area_range.start, range.end);
        }
        let prot = prot & (Prot::READ | Prot::WRITE | Prot::EXEC);
        let (covered, outcome) = layout.permitted(range, prot);
        if covered.is_empty() {
            return outcome;
        }
        if layout.areas.len() + 2 > MAX_AREAS {
            return Err(Errno::ENOMEM);
        }
        layout.check_limits(0, layout.new_data_pages(covered, prot))?;
        self.change_table(|table, gather, _| table.protect(covered, gather, |flags| area::protect(flags, prot)))?;
        layout.update(covered, |area| area.prot = prot);
        outcome
    }

    /// Takes a range out of tables and areas; the removed areas are to be dropped after the lock.
    pub(super) fn unmap_locked(&self, layout: &mut Layout, range: VirtRange) -> Result<LinkedList<(VirtRange, Area)>> {
        let Some((first, _)) = layout.areas.overlapping(range).next() else { return Ok(LinkedList::new()) };
        let splits = first.start < range.start && first.end > range.end;
        if splits && layout.areas.len() >= MAX_AREAS {
            return Err(Errno::ENOMEM);
        }
        let hull = layout.areas.hull_without(range);
        self.change_table(|table, gather, count| {
            table.unmap(range, gather, |removed| count.remove(removed))?;
            table.free_tables(hull, gather);
            Ok::<(), frame::OutOfMemory>(())
        })?;
        Ok(layout.take(range))
    }

    /// Brings the pages of a range in, as far as there is memory; what cannot be had faults later.
    pub(super) fn populate(&self, range: VirtRange) {
        let mut at = range.start;
        while at < range.end {
            let Some(access) = self.layout.read().areas.find(at).and_then(|(_, area)| populate_access(area)) else {
                return;
            };
            if self.handle_fault(at, access).is_err() {
                return;
            }
            at = at + PAGE_SIZE_U64;
        }
    }
}

impl Layout {
    /// Checks mprotect's permission from the start of a range: what it may change, and what it answers in the end.
    fn permitted(&self, range: VirtRange, prot: Prot) -> (VirtRange, Result<()>) {
        let mut reached = range.start;
        let mut outcome = Ok(());
        for (part, area) in self.areas.overlapping(range) {
            if part.start > reached {
                break;
            }
            if !area.max_prot.contains(prot) {
                outcome = Err(Errno::EACCES);
                break;
            }
            reached = part.end.min(range.end);
        }
        if reached < range.end && outcome.is_ok() {
            outcome = Err(Errno::ENOMEM);
        }
        (VirtRange::new(range.start, reached), outcome)
    }

    /// Pages of a range that a protection turns into data.
    fn new_data_pages(&self, range: VirtRange, prot: Prot) -> u64 {
        self.areas
            .overlapping(range)
            .filter(|(_, area)| !area.is_data() && Area { prot, ..(*area).clone() }.is_data())
            .filter_map(|(part, _)| part.intersection(&range))
            .map(|part| part.pages())
            .sum()
    }
}

/// A page-aligned range of user space; the length is rounded up.
pub(super) fn user_range(start: VirtAddr, len: u64) -> Option<VirtRange> {
    if !start.is_aligned(PAGE_SIZE_U64) {
        return None;
    }
    VirtRange::from_len(start, page_align_up(len)?).filter(VirtRange::is_user_pages)
}

/// How populating touches an area; `None` where nothing may.
fn populate_access(area: &Area) -> Option<super::Access> {
    if area.prot.contains(Prot::WRITE) && !area.is_shared() {
        Some(super::Access::Write)
    } else if area.prot.contains(Prot::READ) {
        Some(super::Access::Read)
    } else if area.prot.contains(Prot::EXEC) {
        Some(super::Access::Execute)
    } else {
        None
    }
}

/// Refuses what obviously cannot be had (the heuristic of `vm.overcommit_memory` 0), and growth when memory is low.
fn check_memory(request: &MapRequest, pages: u64) -> Result<()> {
    if frame::is_low() {
        super::oom::reclaim();
        if frame::is_low() {
            return Err(Errno::ENOMEM);
        }
    }
    let committed = match request.backing {
        Backing::Anonymous | Backing::Object { sharing: Sharing::Private, .. } => request.prot.contains(Prot::WRITE),
        Backing::SharedAnonymous => true,
        Backing::Object { sharing: Sharing::Shared, .. } => false,
    };
    let total = frame::total() as u64;
    if committed && !request.flags.contains(MapFlags::NORESERVE) && pages > total {
        return Err(Errno::ENOMEM);
    }
    Ok(())
}

fn new_area(request: &MapRequest, len: u64) -> Result<Area> {
    let mut flags = AreaFlags::empty();
    for (asked, kept) in [
        (MapFlags::GROWSDOWN, AreaFlags::GROWS_DOWN),
        (MapFlags::LOCKED, AreaFlags::LOCKED),
        (MapFlags::NORESERVE, AreaFlags::NO_RESERVE),
    ] {
        if request.flags.contains(asked) {
            flags |= kept;
        }
    }
    let source = match &request.backing {
        Backing::Anonymous => Source::Anonymous,
        _ if flags.contains(AreaFlags::GROWS_DOWN) => return Err(Errno::EINVAL),
        Backing::SharedAnonymous => {
            Source::Object { object: Mapped::new(shared_memory(len)), first: 0, sharing: Sharing::Shared }
        }
        Backing::Object { object, first_page, sharing } => {
            let end = first_page.checked_add(len >> PAGE_SHIFT).ok_or(Errno::EOVERFLOW)?;
            if end > u64::MAX >> PAGE_SHIFT {
                return Err(Errno::EOVERFLOW);
            }
            Source::Object { object: Mapped::new(Arc::clone(object)), first: *first_page, sharing: *sharing }
        }
    };
    Ok(Area {
        prot: request.prot & (Prot::READ | Prot::WRITE | Prot::EXEC),
        max_prot: request.max_prot,
        flags,
        source,
    })
}

/// Where the mapping goes.
fn place(layout: &mut Layout, request: &MapRequest, len: u64) -> Result<VirtRange> {
    let fixed = request.flags.intersects(MapFlags::FIXED | MapFlags::FIXED_NOREPLACE);
    if fixed {
        if !request.hint.is_aligned(PAGE_SIZE_U64) {
            return Err(Errno::EINVAL);
        }
        let range = user_range(request.hint, len).ok_or(Errno::ENOMEM)?;
        if range.start < MMAP_MIN {
            return Err(Errno::EPERM);
        }
        if request.flags.contains(MapFlags::FIXED_NOREPLACE) && layout.areas.overlapping(range).next().is_some() {
            return Err(Errno::EEXIST);
        }
        return Ok(range);
    }
    let hint = request.hint.page().max(MMAP_MIN);
    if !request.hint.is_null()
        && let Some(range) = user_range(hint, len).filter(|range| layout.areas.is_free(*range))
    {
        return Ok(range);
    }
    let top = match request.flags.contains(MapFlags::LOW_32BIT) {
        true => VirtAddr::new(1 << 31),
        false => layout.mmap_top,
    };
    layout.find_place(len, top).and_then(|at| VirtRange::from_len(at, len)).ok_or(Errno::ENOMEM)
}

impl Layout {
    /// A free place below `top`, or failing that anywhere in user space (not for the low 2 GiB).
    pub fn find_place(&mut self, len: u64, top: VirtAddr) -> Option<VirtAddr> {
        let below = VirtRange::new(MMAP_MIN, top);
        self.areas.find_gap(len, below).or_else(|| self.areas.find_gap_up(len, below)).or_else(|| {
            let above = VirtRange::new(top, VirtAddr::new(USER_END));
            (top == self.mmap_top).then(|| self.areas.find_gap_up(len, above)).flatten()
        })
    }

    /// Whether `pages` more may be locked.
    pub fn check_locked(&self, pages: u64) -> Result<()> {
        let allowed = limit(Resource::MEMLOCK) >> PAGE_SHIFT;
        let privileged = crate::task::try_current()
            .is_some_and(|task| task.credentials().may(crate::credentials::Capability::IpcLock));
        if !privileged && self.locked_pages.saturating_add(pages) > allowed {
            return Err(Errno::EAGAIN);
        }
        Ok(())
    }
}
