//! Per-CPU caches of single frames and of frames zeroed ahead of their use.

use super::meta::{META, number};
use super::{BUDDY, COUNTERS, Purpose, RESERVE, page};
use arrayvec::ArrayVec;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use kernel_core::addr::Frame;
use kernel_sync::PerCpuCell;

const SINGLE: usize = 64;
const ZEROED: usize = 32;
const BATCH: usize = SINGLE / 2;

struct Cache {
    single: ArrayVec<u32, SINGLE>,
    zeroed: ArrayVec<u32, ZEROED>,
}

static CACHES: PerCpuCell<Cache> =
    PerCpuCell::new(|_| Cache { single: ArrayVec::new_const(), zeroed: ArrayVec::new_const() });

/// One CPU's numbers: written by that CPU with interrupts off, read by all.
pub(super) struct Counters {
    pub cached: AtomicUsize,
    pub hits: AtomicU64,
    pub misses: AtomicU64,
    pub zeroed_hits: AtomicU64,
    pub zeroed_misses: AtomicU64,
}

impl Counters {
    pub const fn new() -> Self {
        Self {
            cached: AtomicUsize::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            zeroed_hits: AtomicU64::new(0),
            zeroed_misses: AtomicU64::new(0),
        }
    }
}

/// Whether a frame is known to hold zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Zeroed {
    Yes,
    No,
}

/// A count that only this CPU writes, with interrupts off: no locked instruction.
fn bump(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// A single frame.
pub(super) fn take(purpose: Purpose) -> Option<Frame> {
    with(|cache, counters| pop(cache, counters, purpose))
}

/// A single frame that should hold zeros.
pub(super) fn take_zeroed(purpose: Purpose) -> Option<(Frame, Zeroed)> {
    with(|cache, counters| {
        if let Some(number) = cache.zeroed.pop() {
            bump(&counters.zeroed_hits);
            return Some((frame(number), Zeroed::Yes));
        }
        bump(&counters.zeroed_misses);
        Some((pop(cache, counters, purpose)?, Zeroed::No))
    })
}

/// Takes a frame back.
pub(super) fn put(freed: Frame) {
    with(|cache, _| {
        if cache.single.is_full() {
            let mut buddy = BUDDY.lock();
            for number in cache.single.drain(..BATCH) {
                buddy.free(&META, number, 0);
            }
        }
        cache.single.push(number(freed));
    });
}

/// Zeroes one cached frame for later, for an idle CPU. Answers whether there was one to zero and room for it.
pub fn zero_ahead() -> bool {
    let taken = with(|cache, _| if cache.zeroed.is_full() { None } else { cache.single.pop() });
    let Some(taken) = taken else { return false };
    page::zero(frame(taken));
    with(|cache, _| {
        if let Err(full) = cache.zeroed.try_push(taken) {
            BUDDY.lock().free(&META, full.element(), 0);
        }
    });
    true
}

fn frame(number: u32) -> Frame {
    Frame::new(u64::from(number))
}

fn with<R>(f: impl FnOnce(&mut Cache, &Counters) -> R) -> R {
    CACHES.with(|cache| {
        let counters = COUNTERS.get();
        let result = f(cache, counters);
        counters.cached.store(cache.single.len() + cache.zeroed.len(), Ordering::Relaxed);
        result
    })
}

fn pop(cache: &mut Cache, counters: &Counters, purpose: Purpose) -> Option<Frame> {
    if let Some(number) = cache.single.pop() {
        bump(&counters.hits);
        return Some(frame(number));
    }
    bump(&counters.misses);
    refill(cache, purpose);
    cache.single.pop().or_else(|| cache.zeroed.pop()).map(frame)
}

fn refill(cache: &mut Cache, purpose: Purpose) {
    let mut buddy = BUDDY.lock();
    let spare = match purpose {
        Purpose::User => buddy.free_frames().saturating_sub(RESERVE.load(Ordering::Relaxed)),
        // Near the end one frame at a time, so that the last ones are not tied up in one CPU's cache.
        Purpose::Kernel if buddy.free_frames() <= RESERVE.load(Ordering::Relaxed) => 1,
        Purpose::Kernel => BATCH,
    };
    for _ in 0..spare.min(BATCH) {
        let Some(number) = buddy.alloc(&META, 0) else { break };
        cache.single.push(number);
    }
}
