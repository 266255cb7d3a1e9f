//! madvise, msync and mincore.

use super::area::{AreaFlags, Source};
use super::map::user_range;
use super::space::AddressSpace;
use abi::flags::{MsyncFlags, Prot};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use kernel_core::addr::{PAGE_SHIFT, PAGE_SIZE_U64, VirtAddr, VirtRange};
use linux_raw_sys::general as raw;

/// What madvise(2) says about a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Advice {
    /// About the order of use, or that it will not be used soon: nothing follows from it here.
    Hint,
    /// It will be used: bring it in.
    WillNeed,
    /// As `WillNeed`, and say so if that fails; for reading.
    PopulateRead,
    /// The same for writing.
    PopulateWrite,
    /// The pages may go; private ones are zeros afterwards.
    DontNeed,
    /// The same, locked ones too.
    DontNeedLocked,
    /// The pages may go when memory is short.
    Free,
    /// The pages of the object may go too.
    Remove,
    /// Not to be copied by fork, or again so.
    Fork(Inherit),
    /// Left out of core files, or not.
    Dump(Inherit),
}

/// What a child, or a core file, gets of a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inherit {
    /// All of it.
    Copy,
    /// Nothing.
    Nothing,
    /// Zeros.
    Zeros,
    /// No longer zeros.
    NotZeros,
}

impl Advice {
    /// Parses the number of madvise(2).
    ///
    /// # Errors
    /// `EINVAL` for one that is unknown, or that needs what this kernel has not (huge pages, merging, poisoning).
    pub fn parse(number: i32) -> Result<Self> {
        Ok(match u32::try_from(number).map_err(|_| Errno::EINVAL)? {
            raw::MADV_NORMAL | raw::MADV_RANDOM | raw::MADV_SEQUENTIAL | raw::MADV_COLD | raw::MADV_PAGEOUT => Self::Hint,
            raw::MADV_WILLNEED => Self::WillNeed,
            raw::MADV_POPULATE_READ => Self::PopulateRead,
            raw::MADV_POPULATE_WRITE => Self::PopulateWrite,
            raw::MADV_DONTNEED => Self::DontNeed,
            raw::MADV_DONTNEED_LOCKED => Self::DontNeedLocked,
            raw::MADV_FREE => Self::Free,
            raw::MADV_REMOVE => Self::Remove,
            raw::MADV_DONTFORK => Self::Fork(Inherit::Nothing),
            raw::MADV_DOFORK => Self::Fork(Inherit::Copy),
            raw::MADV_WIPEONFORK => Self::Fork(Inherit::Zeros),
            raw::MADV_KEEPONFORK => Self::Fork(Inherit::NotZeros),
            raw::MADV_DONTDUMP => Self::Dump(Inherit::Nothing),
            raw::MADV_DODUMP => Self::Dump(Inherit::Copy),
            _ => return Err(Errno::EINVAL),
        })
    }
}

impl AddressSpace {
    /// Follows advice about a range. What is mapped in it is treated even if there are holes.
    ///
    /// # Errors
    /// `EINVAL`, `ENOMEM` (a hole), `EACCES`, `EFAULT`.
    pub fn advise(&self, start: VirtAddr, len: u64, advice: Advice) -> Result<()> {
        let range = user_range(start, len).ok_or(Errno::EINVAL)?;
        if range.is_empty() {
            return Ok(());
        }
        match advice {
            Advice::Fork(_) | Advice::Dump(_) => self.advise_flags(range, advice),
            Advice::Remove => self.punch(range),
            Advice::WillNeed | Advice::Hint => self.require_covered(range),
            Advice::PopulateRead => self.populate_all(range, super::Access::Read),
            Advice::PopulateWrite => self.populate_all(range, super::Access::Write),
            Advice::DontNeed | Advice::DontNeedLocked | Advice::Free => self.discard(range, advice),
        }
    }

    /// Writes the pages of mapped files back.
    ///
    /// # Errors
    /// `EINVAL`, `ENOMEM` (a hole), `EBUSY` (locked), `EIO`.
    pub fn sync(&self, start: VirtAddr, len: u64, flags: MsyncFlags) -> Result<()> {
        if flags.contains(MsyncFlags::ASYNC | MsyncFlags::SYNC) || !start.is_aligned(PAGE_SIZE_U64) {
            return Err(Errno::EINVAL);
        }
        let range = user_range(start, len).ok_or(Errno::ENOMEM)?;
        let mut targets = Vec::new();
        {
            let layout = self.layout.read();
            for (part, area) in layout.areas.overlapping(range) {
                if flags.contains(MsyncFlags::INVALIDATE) && area.flags.contains(AreaFlags::LOCKED) {
                    return Err(Errno::EBUSY);
                }
                if let Source::Object { object, .. } = &area.source
                    && area.is_shared()
                    && let Some(indices) = indices(part, &area.source, range)
                {
                    targets.push((Arc::clone(object.object()), indices));
                }
            }
        }
        if flags.contains(MsyncFlags::SYNC) {
            for (object, indices) in targets {
                object.sync(indices)?;
            }
        }
        self.require_covered(range)
    }

    /// For each page of a range whether it is in memory.
    ///
    /// # Errors
    /// `EINVAL`, `ENOMEM` (a hole).
    pub fn resident(&self, range: VirtRange, report: &mut [u8]) -> Result<()> {
        let layout = self.layout.read();
        if !layout.areas.covers(range) {
            return Err(Errno::ENOMEM);
        }
        report.fill(0);
        let place = |va: VirtAddr| usize::try_from((va - range.start) >> PAGE_SHIFT).unwrap_or(usize::MAX);
        for (part, area) in layout.areas.overlapping(range) {
            let (Source::Object { object, first, .. }, Some(indices)) = (&area.source, indices(part, &area.source, range)) else {
                continue;
            };
            object.object().resident(indices, &mut |index, _page| {
                if let Some(byte) = report.get_mut(place(part.start + ((index - first) << PAGE_SHIFT))) {
                    *byte = 1;
                }
            });
        }
        self.table.lock().for_each(range, |va, _flags| {
            if let Some(byte) = report.get_mut(place(va)) {
                *byte = 1;
            }
        });
        Ok(())
    }

    fn require_covered(&self, range: VirtRange) -> Result<()> {
        if self.layout.read().areas.covers(range) { Ok(()) } else { Err(Errno::ENOMEM) }
    }

    fn advise_flags(&self, range: VirtRange, advice: Advice) -> Result<()> {
        let mut layout = self.layout.write();
        if advice == Advice::Fork(Inherit::Zeros)
            && layout.areas.overlapping(range).any(|(_, area)| !matches!(area.source, Source::Anonymous))
        {
            return Err(Errno::EINVAL);
        }
        layout.update(range, |area| match advice {
            Advice::Fork(Inherit::Nothing) => area.flags |= AreaFlags::DONT_FORK,
            Advice::Fork(Inherit::Copy) => area.flags -= AreaFlags::DONT_FORK,
            Advice::Fork(Inherit::Zeros) => area.flags |= AreaFlags::WIPE_ON_FORK,
            Advice::Fork(Inherit::NotZeros) => area.flags -= AreaFlags::WIPE_ON_FORK,
            Advice::Dump(Inherit::Nothing) => area.flags |= AreaFlags::DONT_DUMP,
            Advice::Dump(_) => area.flags -= AreaFlags::DONT_DUMP,
            Advice::Hint
            | Advice::WillNeed
            | Advice::PopulateRead
            | Advice::PopulateWrite
            | Advice::DontNeed
            | Advice::DontNeedLocked
            | Advice::Free
            | Advice::Remove => {}
        });
        let covered = layout.areas.covers(range);
        drop(layout);
        if covered { Ok(()) } else { Err(Errno::ENOMEM) }
    }

    fn discard(&self, range: VirtRange, advice: Advice) -> Result<()> {
        // The areas are not changed, but no fault may put pages back in between.
        let layout = self.layout.write();
        for (part, area) in layout.areas.overlapping(range) {
            let lazily = advice == Advice::Free;
            let locked = area.flags.contains(AreaFlags::LOCKED) && advice != Advice::DontNeedLocked;
            if locked || lazily && !matches!(area.source, Source::Anonymous) {
                return Err(Errno::EINVAL);
            }
            if let Some(part) = part.intersection(&range) {
                self.zap(part)?;
            }
        }
        if layout.areas.covers(range) { Ok(()) } else { Err(Errno::ENOMEM) }
    }

    fn punch(&self, range: VirtRange) -> Result<()> {
        let mut targets = Vec::new();
        {
            let layout = self.layout.read();
            if !layout.areas.covers(range) {
                return Err(Errno::ENOMEM);
            }
            for (part, area) in layout.areas.overlapping(range) {
                let Source::Object { object, .. } = &area.source else { return Err(Errno::EINVAL) };
                if area.flags.contains(AreaFlags::LOCKED) {
                    return Err(Errno::EINVAL);
                }
                if !area.is_shared() || !area.max_prot.contains(Prot::WRITE) {
                    return Err(Errno::EACCES);
                }
                if let Some(indices) = indices(part, &area.source, range) {
                    targets.push((Arc::clone(object.object()), indices));
                }
            }
        }
        targets.into_iter().try_for_each(|(object, indices)| object.punch(indices))
    }

    fn populate_all(&self, range: VirtRange, access: super::Access) -> Result<()> {
        self.require_covered(range)?;
        let mut at = range.start;
        while at < range.end {
            self.handle_fault(at, access).map_err(|error| match error {
                super::FaultError::OutOfMemory | super::FaultError::NotMapped => Errno::ENOMEM,
                super::FaultError::Forbidden => Errno::EINVAL,
                super::FaultError::Bus => Errno::EFAULT,
            })?;
            at = at + PAGE_SIZE_U64;
        }
        Ok(())
    }
}

/// The object's pages behind the part of `range` that lies in an area.
fn indices(area: VirtRange, source: &Source, range: VirtRange) -> Option<Range<u64>> {
    let Source::Object { first, .. } = source else { return None };
    let part = area.intersection(&range)?;
    let start = first + ((part.start - area.start) >> PAGE_SHIFT);
    Some(start..start + part.pages())
}
