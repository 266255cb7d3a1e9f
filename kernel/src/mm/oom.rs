//! When memory runs out: caches give back what they can, then the largest process dies.

use crate::task::{self, Process};
use crate::{sched, signal};
use abi::signal::Signal;
use alloc::sync::Arc;
use core::ops::ControlFlow;
use core::sync::atomic::{AtomicI32, Ordering};
use core::time::Duration;
use kernel_arch::frame::{self, OutOfMemory, PageRef};
use kernel_arch::{heap, vmap};
use kernel_sync::{Rank, SpinLock};

/// Frees pages of a cache if it can; how many.
pub type Shrink = fn() -> usize;

const MAX_SHRINKERS: usize = 8;
static SHRINKERS: SpinLock<arrayvec::ArrayVec<Shrink, MAX_SHRINKERS>> =
    SpinLock::new(Rank::new(75), arrayvec::ArrayVec::new_const());
/// The process that was killed last; it may not have noticed yet.
static VICTIM: AtomicI32 = AtomicI32::new(0);
/// How long a thread waits for the memory of a dying process before it looks again.
const PATIENCE: Duration = Duration::from_millis(5);

/// Registers a cache that can shrink. Called without locks.
pub fn register(shrink: Shrink) {
    let refused = SHRINKERS.lock().try_push(shrink).is_err();
    assert!(!refused, "too many shrinkers");
}

/// Asks every cache for memory. How many frames were gained; the caller holds no spin lock.
pub fn reclaim() -> usize {
    let before = frame::stats().free;
    vmap::trim_stacks();
    let shrinkers = SHRINKERS.lock().clone();
    for shrink in shrinkers {
        shrink();
    }
    heap::trim();
    frame::stats().free.saturating_sub(before)
}

/// Refuses a call that makes kernel objects when they would eat into what work that cannot fail lives on.
///
/// # Errors
/// `ENOMEM`. The caller holds no lock.
pub fn require_memory() -> abi::Result<()> {
    if frame::is_scarce() {
        reclaim();
        if frame::is_scarce() {
            return Err(abi::Errno::ENOMEM);
        }
    }
    Ok(())
}

/// Refuses one call that would make kernel objects of `bytes` in all when there is no room for them.
///
/// # Errors
/// `ENOMEM`. The caller holds no lock.
pub fn require_room(bytes: usize) -> abi::Result<()> {
    if !frame::has_room(bytes) {
        reclaim();
        if !frame::has_room(bytes) {
            return Err(abi::Errno::ENOMEM);
        }
    }
    Ok(())
}

/// A zeroed page, after a reclaim if need be. The caller holds no spin lock.
pub(super) fn alloc_zeroed() -> Result<PageRef, OutOfMemory> {
    PageRef::alloc_zeroed().or_else(|out| if reclaim() > 0 { PageRef::alloc_zeroed() } else { Err(out) })
}

/// Makes memory for a fault that found none: `Continue` asks to try again, `Break` says that the running process dies.
pub(super) fn relieve() -> ControlFlow<()> {
    let me = task::current();
    if is_dying(me.process()) {
        return ControlFlow::Break(());
    }
    // A reclaim that only trims what was parked would go on forever while somebody else takes it: kill when it is little.
    if reclaim() > 0 && !frame::is_low() {
        return ControlFlow::Continue(());
    }
    match victim() {
        Some(victim) if is_dying(&victim) => sched::sleep(PATIENCE),
        Some(victim) => kill(&victim),
        None => {
            log::error!("out of memory, and no process can be killed");
            sched::sleep(PATIENCE);
        }
    }
    if is_dying(me.process()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn is_dying(process: &Process) -> bool {
    process.is_exiting() || VICTIM.load(Ordering::Relaxed) == process.pid().raw()
}

fn kill(victim: &Arc<Process>) {
    let name = victim.main_thread().map(|task| task.comm());
    let name = name.as_ref().map_or("?", |name| core::str::from_utf8(name).unwrap_or("?"));
    log::warn!("out of memory: killed process {} ({name}), {} KiB resident", victim.pid().raw(), rss_of(victim) * 4);
    VICTIM.store(victim.pid().raw(), Ordering::Relaxed);
    // SIGKILL cannot find a full queue.
    let _ = signal::send_to_process(victim, signal::SigInfo::kernel(Signal::SIGKILL));
}

/// The process with the largest resident set; init is spared while there is another.
fn victim() -> Option<Arc<Process>> {
    let mut largest: Option<(usize, Arc<Process>)> = None;
    task::for_each_process(|process| {
        let weight = if process.is_init() { rss_of(process).min(1) } else { rss_of(process) };
        if weight > 0 && largest.as_ref().is_none_or(|(most, _)| weight > *most) {
            largest = Some((weight, Arc::clone(process)));
        }
    });
    largest.map(|(_, process)| process)
}

fn rss_of(process: &Process) -> usize {
    process.main_thread().and_then(|task| task.try_address_space()).map_or(0, |space| space.rss_pages())
}
