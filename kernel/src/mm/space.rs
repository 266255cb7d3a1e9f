//! [`AddressSpace`]: the memory of one process.

use super::area::{Area, AreaFlags, Source};
use super::cache::PageCache;
use super::registry;
use crate::task::{self, limits::Resource};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::collections::LinkedList;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use kernel_arch::frame::{self, OutOfMemory};
use kernel_arch::paging::{Gather, Removed, TableGuard, UserTable};
use kernel_core::addr::{PAGE_SHIFT, PAGE_SIZE_U64, USER_END, VirtAddr, VirtRange};
use kernel_core::vma::VmaMap;
use kernel_sync::{Rank, RwLock};

/// The memory of one process, shared by its threads.
pub struct AddressSpace {
    pub(super) layout: RwLock<Layout>,
    pub(super) table: UserTable,
    /// Pages of its own in the tables.
    anonymous: AtomicUsize,
    /// Pages of objects in the tables.
    object: AtomicUsize,
    peak_rss: AtomicUsize,
    /// The end of the heap, also readable without the lock.
    pub(super) brk: AtomicU64,
    /// Dropped before anything else, so that nobody finds a space that is going away.
    _registered: registry::Entry,
}

/// The areas and what is counted about them.
pub(super) struct Layout {
    pub areas: VmaMap<Area>,
    pub brk_start: VirtAddr,
    /// Mappings without an address go below here.
    pub mmap_top: VirtAddr,
    /// `mlockall(MCL_FUTURE)`.
    pub new_flags: AreaFlags,
    pub total_pages: u64,
    pub data_pages: u64,
    pub stack_pages: u64,
    pub locked_pages: u64,
    pub peak_pages: u64,
}

impl AddressSpace {
    /// An empty space.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new() -> Result<Arc<Self>> {
        let layout = Layout {
            areas: VmaMap::new(),
            brk_start: VirtAddr::new(0),
            mmap_top: VirtAddr::new(USER_END - (136 << 20)),
            new_flags: AreaFlags::empty(),
            total_pages: 0,
            data_pages: 0,
            stack_pages: 0,
            locked_pages: 0,
            peak_pages: 0,
        };
        Ok(Self::build(layout, UserTable::new()?))
    }

    /// A copy for a child: areas are copied, page tables shared until one side writes.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn fork(&self) -> Result<Arc<Self>> {
        if frame::is_low() {
            return Err(Errno::ENOMEM);
        }
        // A copied area costs its node of the map, which may be half empty.
        let areas = self.layout.read().areas.len();
        super::oom::require_room(areas.saturating_mul(2 * size_of::<(VirtRange, Area)>()))?;
        let mut table = UserTable::new()?;
        let layout = self.layout.write();
        {
            // The parent's write permission is gone everywhere before the child can look.
            let mut gather = self.table.gather();
            self.table.lock().share_into(&mut table, &mut gather)?;
        }
        let copy = Self::build(layout.for_child(), table);
        copy.anonymous.store(self.anonymous.load(Ordering::Relaxed), Ordering::Relaxed);
        copy.object.store(self.object.load(Ordering::Relaxed), Ordering::Relaxed);
        copy.brk.store(self.brk.load(Ordering::Relaxed), Ordering::Relaxed);
        drop(layout);
        copy.drop_what_fork_leaves_out()?;
        Ok(copy)
    }

    /// In a new child: areas that fork does not copy go, those that it wipes lose their pages.
    fn drop_what_fork_leaves_out(&self) -> Result<()> {
        let mut layout = self.layout.write();
        let special: Vec<(VirtRange, AreaFlags)> = layout
            .areas
            .iter()
            .filter(|(_, area)| area.flags.intersects(AreaFlags::DONT_FORK | AreaFlags::WIPE_ON_FORK))
            .map(|(range, area)| (range, area.flags))
            .collect();
        for (range, flags) in special {
            self.zap(range)?;
            if flags.contains(AreaFlags::DONT_FORK) {
                drop(layout.take(range));
            }
        }
        if layout.locked_pages > 0 {
            let all = VirtRange::new(VirtAddr::new(0), VirtAddr::new(USER_END));
            layout.update(all, |area| area.flags -= AreaFlags::LOCKED);
        }
        Ok(())
    }

    /// Makes this CPU use the space.
    #[inline]
    pub fn activate(&self) {
        self.table.activate();
    }

    /// Makes this CPU use no space at all.
    pub fn deactivate() {
        kernel_arch::paging::leave_user();
    }

    /// Where the heap begins; it is empty at first. For exec.
    pub fn set_brk_start(&self, start: VirtAddr) {
        let start = start.align_up(PAGE_SIZE_U64);
        self.layout.write().brk_start = start;
        self.brk.store(start.as_u64(), Ordering::Relaxed);
    }

    /// Mappings without an address go below here. For exec.
    pub fn set_mmap_top(&self, top: VirtAddr) {
        self.layout.write().mmap_top = top.page();
    }

    /// Pages in memory.
    #[must_use]
    pub fn rss_pages(&self) -> usize {
        self.anonymous.load(Ordering::Relaxed) + self.object.load(Ordering::Relaxed)
    }

    /// Pages in memory: its own, those of objects, and the most there ever were.
    pub(super) fn rss(&self) -> (usize, usize, usize) {
        let (anonymous, object) = (self.anonymous.load(Ordering::Relaxed), self.object.load(Ordering::Relaxed));
        (anonymous, object, self.peak_rss.load(Ordering::Relaxed).max(anonymous + object))
    }

    /// Mapped pages, in memory or not.
    #[must_use]
    pub fn total_pages(&self) -> u64 {
        self.layout.read().total_pages
    }

    /// Takes the pages of a range out of the tables; the areas stay.
    pub(super) fn zap(&self, range: VirtRange) -> Result<(), OutOfMemory> {
        self.change_table(|table, gather, count| table.unmap(range, gather, |removed| count.remove(removed)))
    }

    /// Runs a change of the page tables: flushes and frees afterwards, and corrects the counts.
    pub(super) fn change_table<R>(
        &self,
        change: impl FnOnce(&mut TableGuard<'_>, &mut Gather, &mut RssChange) -> R,
    ) -> R {
        let mut gather = self.table.gather();
        let mut count = RssChange::default();
        let result = change(&mut self.table.lock(), &mut gather, &mut count);
        self.count(count);
        result
    }

    fn count(&self, change: RssChange) {
        // Wrapping arithmetic: a removal is the addition of a negative number.
        if change.anonymous != 0 {
            self.anonymous.fetch_add(change.anonymous.cast_unsigned(), Ordering::Relaxed);
        }
        if change.object != 0 {
            self.object.fetch_add(change.object.cast_unsigned(), Ordering::Relaxed);
        }
        if change.anonymous < 0 || change.object < 0 {
            // The peak is taken when it ends, so that faults need not look.
            let before = self.rss_pages().saturating_add_signed(-(change.anonymous + change.object));
            self.peak_rss.fetch_max(before, Ordering::Relaxed);
        }
    }

    /// Takes pages of an object, which are gone, out of this space.
    pub(super) fn unmap_object(&self, cache: &PageCache, indices: Range<u64>) {
        let layout = self.layout.write();
        for (range, area) in layout.areas.iter() {
            let Source::Object { object, first, .. } = &area.source else { continue };
            if !object.object().cache().is_some_and(|other| core::ptr::eq(other, cache)) {
                continue;
            }
            let from = indices.start.max(*first) - first;
            let to = indices.end.saturating_sub(*first).min(range.pages());
            if from >= to {
                continue;
            }
            let part = VirtRange::new(range.start + (from << PAGE_SHIFT), range.start + (to << PAGE_SHIFT));
            if self.zap_object(part).is_err() {
                log::error!("no memory to take a truncated file out of {part:?}");
            }
        }
    }

    /// As [`Self::zap`], but what a private mapping has copied stays.
    fn zap_object(&self, range: VirtRange) -> Result<(), OutOfMemory> {
        let mut pages = Vec::new();
        self.table.lock().for_each(range, |va, flags| {
            if flags.contains(kernel_arch::paging::PteFlags::OBJECT) {
                pages.push(va);
            }
        });
        self.change_table(|table, gather, count| {
            for va in pages {
                table.unmap(VirtRange::new(va, va + PAGE_SIZE_U64), gather, |removed| count.remove(removed))?;
            }
            Ok(())
        })
    }

    fn build(layout: Layout, table: UserTable) -> Arc<Self> {
        Arc::new_cyclic(|weak| Self {
            layout: RwLock::new(Rank::ADDRESS_SPACE, layout),
            table,
            anonymous: AtomicUsize::new(0),
            object: AtomicUsize::new(0),
            peak_rss: AtomicUsize::new(0),
            brk: AtomicU64::new(0),
            _registered: registry::Entry::new(weak.clone()),
        })
    }
}

impl Layout {
    fn for_child(&self) -> Self {
        Self { areas: self.areas.clone(), new_flags: AreaFlags::empty(), ..*self }
    }

    /// Adds an area where none is, and counts it.
    pub fn insert(&mut self, range: VirtRange, area: Area) {
        let pages = range.pages();
        self.total_pages += pages;
        self.peak_pages = self.peak_pages.max(self.total_pages);
        self.count_area(&area, pages, u64::wrapping_add);
        self.areas.insert(range, area);
    }

    /// Takes a range out, and answers with what was there, to be dropped after the lock.
    #[must_use = "objects should be dropped after the lock is released"]
    pub fn take(&mut self, range: VirtRange) -> LinkedList<(VirtRange, Area)> {
        let removed = self.areas.remove(range);
        for (part, area) in &removed {
            self.total_pages -= part.pages();
            self.count_area(area, part.pages(), u64::wrapping_sub);
        }
        removed
    }

    /// Moves the start of a growing stack down.
    pub fn grow_down(&mut self, range: VirtRange, start: VirtAddr) {
        let Some(area) = self.areas.find(range.start).map(|(_, area)| area.clone()) else { return };
        let pages = VirtRange::new(start, range.start).pages();
        self.total_pages += pages;
        self.peak_pages = self.peak_pages.max(self.total_pages);
        self.count_area(&area, pages, u64::wrapping_add);
        self.areas.grow_down(range.start, start);
    }

    /// Changes areas and counts anew.
    pub fn update(&mut self, range: VirtRange, mut change: impl FnMut(&mut Area)) {
        let mut before = Counts::default();
        let mut after = Counts::default();
        self.areas.update(range, |part, area| {
            before.add(area, part.pages());
            change(area);
            after.add(area, part.pages());
        });
        self.data_pages = self.data_pages - before.data + after.data;
        self.stack_pages = self.stack_pages - before.stack + after.stack;
        self.locked_pages = self.locked_pages - before.locked + after.locked;
    }

    /// Whether `pages` more stay within `RLIMIT_AS`, and within `RLIMIT_DATA` if they are data.
    pub fn check_limits(&self, pages: u64, data: u64) -> Result<()> {
        if self.total_pages.saturating_add(pages) > limit(Resource::AS) >> PAGE_SHIFT {
            return Err(Errno::ENOMEM);
        }
        if data > 0 && self.data_pages.saturating_add(data) > limit(Resource::DATA) >> PAGE_SHIFT {
            return Err(Errno::ENOMEM);
        }
        Ok(())
    }

    fn count_area(&mut self, area: &Area, pages: u64, count: impl Fn(u64, u64) -> u64) {
        let mut counts = Counts::default();
        counts.add(area, pages);
        self.data_pages = count(self.data_pages, counts.data);
        self.stack_pages = count(self.stack_pages, counts.stack);
        self.locked_pages = count(self.locked_pages, counts.locked);
    }
}

/// Pages by what they count as.
#[derive(Default)]
struct Counts {
    data: u64,
    stack: u64,
    locked: u64,
}

impl Counts {
    fn add(&mut self, area: &Area, pages: u64) {
        if area.is_data() {
            self.data += pages;
        }
        if area.flags.contains(AreaFlags::GROWS_DOWN) {
            self.stack += pages;
        }
        if area.flags.contains(AreaFlags::LOCKED) {
            self.locked += pages;
        }
    }
}

/// What a change of the tables did to the resident set.
#[derive(Default)]
pub(super) struct RssChange {
    anonymous: isize,
    object: isize,
}

impl RssChange {
    pub fn remove(&mut self, removed: Removed) {
        match removed {
            Removed::Anonymous => self.anonymous -= 1,
            Removed::Object => self.object -= 1,
            Removed::Zero => {}
        }
    }

    pub fn add_anonymous(&mut self) {
        self.anonymous += 1;
    }

    pub fn add_object(&mut self) {
        self.object += 1;
    }
}

/// A soft limit of the running process; kernel threads have none.
pub(super) fn limit(resource: Resource) -> u64 {
    task::try_current().map_or(u64::MAX, |task| task.process().limit(resource))
}
