//! Page faults: what is behind an address is brought in, copied, or refused.

use super::area::{Area, AreaFlags, Sharing, Source};
use super::object::{Intent, MapObject};
use super::space::{AddressSpace, limit};
use super::{STACK_GUARD_GAP, oom};
use crate::task::{self, limits::Resource};
use abi::Errno;
use abi::flags::Prot;
use arrayvec::ArrayVec;
use core::ops::ControlFlow;
use kernel_arch::frame::{OutOfMemory, PageRef};
use kernel_arch::paging::{LEAF_SPAN, PteFlags};
use kernel_core::addr::{PAGE_SHIFT, PAGE_SIZE_U64, VirtAddr, VirtRange};

/// Pages of an object that one fault maps when they are in memory, itself included.
const AROUND: usize = 16;

/// How memory is touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// A read.
    Read,
    /// A write.
    Write,
    /// An instruction fetch.
    Execute,
}

/// Why a fault could not be resolved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultError {
    /// Nothing is mapped there: `SIGSEGV`, `SEGV_MAPERR`.
    NotMapped,
    /// The protection forbids it: `SIGSEGV`, `SEGV_ACCERR`.
    Forbidden,
    /// The object has no such page: `SIGBUS`, `BUS_ADRERR`.
    Bus,
    /// There is no memory.
    OutOfMemory,
}

impl From<OutOfMemory> for FaultError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// Why the attempt did not finish.
enum Failed {
    Fault(FaultError),
    /// Something changed meanwhile.
    Retry,
}

impl<E: Into<FaultError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// A fault of the running thread, in user mode or in a user copy. Out of memory leads to an OOM kill; `OutOfMemory` comes
/// back only when the thread itself is to die, its `SIGKILL` pending.
///
/// # Errors
/// Why it cannot be resolved.
pub fn user_fault(at: VirtAddr, access: Access) -> Result<(), FaultError> {
    let space = task::current().try_address_space().ok_or(FaultError::NotMapped)?;
    loop {
        match space.handle_fault(at, access) {
            Err(FaultError::OutOfMemory) => match oom::relieve() {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(()) => return Err(FaultError::OutOfMemory),
            },
            result => {
                task::current().process().count_fault(task::FaultKind::Minor);
                return result;
            }
        }
    }
}

/// The page-fault hook of the entry code: access bits 1 (write) and 2 (fetch); 0, or the number of the fault.
pub extern "C" fn user_page_fault(address: u64, access: u32) -> u32 {
    let access = match access & 3 {
        0 => Access::Read,
        1 => Access::Write,
        _ => Access::Execute,
    };
    match user_fault(VirtAddr::new(address), access) {
        Ok(()) => 0,
        Err(FaultError::NotMapped) => 1,
        Err(FaultError::Forbidden) => 2,
        Err(FaultError::Bus) => 3,
        Err(FaultError::OutOfMemory) => 4,
    }
}

impl AddressSpace {
    /// Makes an address usable for an access. Works for a space that is not loaded.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn handle_fault(&self, at: VirtAddr, access: Access) -> Result<(), FaultError> {
        if !at.is_user() {
            return Err(FaultError::NotMapped);
        }
        loop {
            let layout = self.layout.read();
            let Some((range, area)) = layout.areas.find(at) else {
                drop(layout);
                self.grow_stack(at)?;
                continue;
            };
            if !permits(area, access) {
                return Err(FaultError::Forbidden);
            }
            let fault = Fault { space: self, at: at.page(), access, range, area };
            match fault.resolve() {
                Ok(()) => return Ok(()),
                Err(Failed::Retry) => {}
                Err(Failed::Fault(error)) => return Err(error),
            }
        }
    }

    /// Grows the stack above an address down to it.
    fn grow_stack(&self, at: VirtAddr) -> Result<(), FaultError> {
        let mut layout = self.layout.write();
        let (range, area) = layout.areas.find_at_or_above(at).ok_or(FaultError::NotMapped)?;
        if range.contains(at) {
            return Ok(());
        }
        if !area.flags.contains(AreaFlags::GROWS_DOWN) {
            return Err(FaultError::NotMapped);
        }
        let (start, area) = (at.page(), area.clone());
        if range.end - start > limit(Resource::STACK) || start < super::MMAP_MIN {
            return Err(FaultError::NotMapped);
        }
        let crowded = layout.areas.find_below(range.start).is_some_and(|(below, neighbour)| {
            let gap = if neighbour.prot.is_empty() || neighbour.flags.contains(AreaFlags::GROWS_DOWN) { 0 } else { STACK_GUARD_GAP };
            start < below.end || start - below.end < gap
        });
        let grown = VirtRange::new(start, range.start);
        let locked = if area.flags.contains(AreaFlags::LOCKED) { grown.pages() } else { 0 };
        if crowded || layout.check_limits(grown.pages(), 0).is_err() || (locked > 0 && layout.check_locked(locked).is_err()) {
            return Err(FaultError::NotMapped);
        }
        layout.grow_down(range, start);
        Ok(())
    }
}

fn permits(area: &Area, access: Access) -> bool {
    match access {
        // On x86 whatever may be written or executed can be read.
        Access::Read => area.prot.intersects(Prot::READ | Prot::WRITE | Prot::EXEC),
        Access::Write => area.prot.contains(Prot::WRITE),
        Access::Execute => area.prot.contains(Prot::EXEC),
    }
}

/// One attempt to resolve a fault, under the read lock of the layout.
struct Fault<'a> {
    space: &'a AddressSpace,
    at: VirtAddr,
    access: Access,
    range: VirtRange,
    area: &'a Area,
}

impl Fault<'_> {
    fn resolve(&self) -> Result<(), Failed> {
        match &self.area.source {
            Source::Anonymous => self.own_page(),
            Source::Object { object, first, sharing } => {
                let index = first + ((self.at - self.range.start) >> PAGE_SHIFT);
                match (sharing, self.access) {
                    (Sharing::Private, Access::Write) => self.private_write(object.object().as_ref(), index),
                    (Sharing::Shared, Access::Write) => self.shared_write(object.object().as_ref(), index),
                    (_, Access::Read | Access::Execute) => self.object_read(object.object().as_ref(), index),
                }
            }
        }
    }

    /// Anonymous memory. Everything happens under the lock of the tables: nothing here sleeps.
    fn own_page(&self) -> Result<(), Failed> {
        let flags = self.area.entry_flags();
        self.space.change_table(|table, gather, count| {
            let now = table.flags(self.at);
            if now.is_empty() && self.access != Access::Write {
                table.map(self.at, PageRef::zero(), flags, gather)?;
                return Ok(());
            }
            if now.is_empty() {
                let dirty = PteFlags::WRITE | PteFlags::DIRTY | PteFlags::ACCESSED;
                table.map(self.at, PageRef::alloc_zeroed()?, flags | dirty, gather)?;
                count.add_anonymous();
                return Ok(());
            }
            if self.access == Access::Write { self.copy_on_write(table, gather, count) } else { self.refresh(table, gather) }
        })
    }

    /// A write to a page that is mapped without write permission: take it over or copy it.
    fn copy_on_write(
        &self,
        table: &mut kernel_arch::paging::TableGuard<'_>,
        gather: &mut kernel_arch::paging::Gather,
        count: &mut super::space::RssChange,
    ) -> Result<(), Failed> {
        if table.reclaim(self.at, gather)? {
            return Ok(());
        }
        let Some(source) = table.query(self.at) else { return Err(Failed::Retry) };
        let copy = if source.page == PageRef::zero() {
            PageRef::alloc_zeroed()?
        } else {
            let copy = PageRef::alloc()?;
            copy.copy_from(&source.page);
            copy
        };
        let flags = (self.area.entry_flags() - PteFlags::OBJECT) | PteFlags::WRITE | PteFlags::DIRTY | PteFlags::ACCESSED;
        if let Some(removed) = table.map(self.at, copy, flags, gather)? {
            count.remove(removed);
        }
        count.add_anonymous();
        Ok(())
    }

    /// The entry permits the access already: another thread was faster, or this CPU remembers an older entry.
    fn refresh(
        &self,
        table: &mut kernel_arch::paging::TableGuard<'_>,
        gather: &mut kernel_arch::paging::Gather,
    ) -> Result<(), Failed> {
        table.permit(self.at, PteFlags::ACCESSED, gather)?;
        Ok(())
    }

    fn object_read(&self, object: &dyn MapObject, index: u64) -> Result<(), Failed> {
        let page = object.page(index, Intent::Read).map_err(page_error)?;
        let mut around: ArrayVec<(u64, PageRef), AROUND> = ArrayVec::new();
        let window = self.window(index);
        object.resident(window.clone(), &mut |found, page| {
            if found != index {
                // The window is no longer than the vector.
                let _ = around.try_push((found, page));
            }
        });
        let flags = self.area.entry_flags();
        self.space.change_table(|table, gather, count| {
            if table.flags(self.at).is_empty() {
                table.map(self.at, page, flags, gather)?;
                count.add_object();
            } else {
                self.refresh(table, gather)?;
            }
            for (found, page) in around {
                let va = if found > index {
                    self.at + ((found - index) << PAGE_SHIFT)
                } else {
                    self.at - ((index - found) << PAGE_SHIFT)
                };
                if table.flags(va).is_empty() {
                    table.map(va, page, flags, gather)?;
                    count.add_object();
                }
            }
            Ok(())
        })
    }

    /// Indices around the faulting one whose addresses lie in the area and the same last-level table.
    fn window(&self, index: u64) -> core::ops::Range<u64> {
        let bytes = AROUND as u64 * PAGE_SIZE_U64;
        let base = self.at.align_down(bytes);
        let start = base.max(self.range.start).max(self.at.align_down(LEAF_SPAN));
        let end = (base + bytes).min(self.range.end);
        let first = index - ((self.at - start) >> PAGE_SHIFT);
        first..first + ((end - start) >> PAGE_SHIFT)
    }

    /// A write to a private mapping of an object: a copy of the page becomes this space's own.
    fn private_write(&self, object: &dyn MapObject, index: u64) -> Result<(), Failed> {
        let mapped = self.space.change_table(|table, gather, count| {
            if table.flags(self.at).is_empty() {
                return Ok(false);
            }
            self.copy_on_write(table, gather, count).map(|()| true)
        })?;
        if mapped {
            return Ok(());
        }
        let original = object.page(index, Intent::Read).map_err(page_error)?;
        let copy = PageRef::alloc()?;
        copy.copy_from(&original);
        let flags = (self.area.entry_flags() - PteFlags::OBJECT) | PteFlags::WRITE | PteFlags::DIRTY | PteFlags::ACCESSED;
        self.space.change_table(|table, gather, count| {
            if !table.flags(self.at).is_empty() {
                return Err(Failed::Retry);
            }
            table.map(self.at, copy, flags, gather)?;
            count.add_anonymous();
            Ok(())
        })
    }

    /// A write to a shared mapping: the object hears of it, and the entry becomes writable.
    fn shared_write(&self, object: &dyn MapObject, index: u64) -> Result<(), Failed> {
        let page = object.page(index, Intent::Write).map_err(page_error)?;
        let flags = self.area.entry_flags() | PteFlags::WRITE;
        self.space.change_table(|table, gather, count| {
            if table.flags(self.at).is_empty() {
                table.map(self.at, page, flags, gather)?;
                count.add_object();
                return Ok(());
            }
            table.permit(self.at, PteFlags::WRITE, gather)?;
            Ok(())
        })
    }
}

fn page_error(error: Errno) -> FaultError {
    if error == Errno::ENOMEM { FaultError::OutOfMemory } else { FaultError::Bus }
}
