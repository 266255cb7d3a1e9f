//! One mapping of an address space: protection, flags, and what is behind it.

use super::object::Mapped;
use super::STACK_GUARD_GAP;
use abi::flags::Prot;
use alloc::sync::Arc;
use bitflags::bitflags;
use kernel_arch::paging::PteFlags;
use kernel_core::vma::Segment;

bitflags! {
    /// Properties of an area.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub(super) struct AreaFlags: u32 {
        /// Grows downwards at a fault below.
        const GROWS_DOWN = 1;
        /// mlock: counted, and present from the start.
        const LOCKED = 1 << 1;
        /// Not copied by fork.
        const DONT_FORK = 1 << 2;
        /// Zeros in a child.
        const WIPE_ON_FORK = 1 << 3;
        /// Left out of core files.
        const DONT_DUMP = 1 << 4;
        /// Not counted against what can be committed.
        const NO_RESERVE = 1 << 5;
    }
}

/// Who sees the writes to a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sharing {
    /// Everyone who maps the object.
    Shared,
    /// This address space only.
    Private,
}

/// What is behind an area.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// Zeros at first.
    Anonymous,
    /// An object, from this page on.
    Object { object: Mapped, first: u64, sharing: Sharing },
}

/// One mapping.
#[derive(Clone, Debug)]
pub(super) struct Area {
    pub prot: Prot,
    /// What mprotect may grant.
    pub max_prot: Prot,
    pub flags: AreaFlags,
    pub source: Source,
}

impl Area {
    pub fn is_shared(&self) -> bool {
        matches!(self.source, Source::Object { sharing: Sharing::Shared, .. })
    }

    /// Whether the pages count as data: private and writable, and no stack.
    pub fn is_data(&self) -> bool {
        !self.is_shared() && self.prot.contains(Prot::WRITE) && !self.flags.contains(AreaFlags::GROWS_DOWN)
    }

    /// Bits of an entry, without write permission.
    pub fn entry_flags(&self) -> PteFlags {
        let mut flags = protect(PteFlags::empty(), self.prot);
        if let Source::Object { sharing, .. } = &self.source {
            flags |= PteFlags::OBJECT;
            if *sharing == Sharing::Shared {
                flags |= PteFlags::SHARED;
            }
        }
        flags
    }
}

/// An entry's bits under a protection. Write permission is never given here: a write fault does.
pub(super) fn protect(old: PteFlags, prot: Prot) -> PteFlags {
    let mut flags = old - (PteFlags::PRESENT | PteFlags::HELD | PteFlags::USER | PteFlags::NO_EXEC);
    flags |= match prot.intersects(Prot::READ | Prot::WRITE | Prot::EXEC) {
        true => PteFlags::PRESENT | PteFlags::USER,
        false => PteFlags::HELD,
    };
    if !prot.contains(Prot::EXEC) {
        flags |= PteFlags::NO_EXEC;
    }
    if !prot.contains(Prot::WRITE) {
        flags -= PteFlags::WRITE;
    }
    flags
}

impl Segment for Area {
    fn advanced(&self, pages: u64) -> Self {
        let mut area = self.clone();
        if let Source::Object { first, .. } = &mut area.source {
            *first += pages;
        }
        area
    }

    fn joins(&self, pages: u64, next: &Self) -> bool {
        if self.prot != next.prot || self.max_prot != next.max_prot || self.flags != next.flags {
            return false;
        }
        match (&self.source, &next.source) {
            (Source::Anonymous, Source::Anonymous) => true,
            (
                Source::Object { object, first, sharing },
                Source::Object { object: other, first: next_first, sharing: other_sharing },
            ) => {
                sharing == other_sharing
                    && first + pages == *next_first
                    && Arc::ptr_eq(object.object(), other.object())
            }
            (Source::Anonymous, Source::Object { .. }) | (Source::Object { .. }, Source::Anonymous) => false,
        }
    }

    fn gap_below(&self) -> u64 {
        if self.flags.contains(AreaFlags::GROWS_DOWN) { STACK_GUARD_GAP } else { 0 }
    }
}
