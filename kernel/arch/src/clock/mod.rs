//! Clocks: time since boot, the one-shot timer of each CPU, wall time at boot.
//!
//! Time is the TSC, calibrated against the HPET or the PIT. Where CPUs disagree about the TSC, the HPET is the clock.

mod hpet;
mod pit;
mod rtc;

use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use kernel_core::time::{Duration, Instant};
use kernel_sync::Once;

use crate::{apic, cpu};
pub use rtc::now as rtc;

/// Length of a calibration.
const WINDOW: Duration = Duration::from_millis(10);
/// Readings that two CPUs take to compare their TSCs.
const COMPARISONS: usize = 1000;

struct Rates {
    /// TSC at boot: time 0.
    start: u64,
    /// Nanoseconds per tick, times 2^32.
    nanos_per_tick: u64,
    tsc_khz: u64,
    /// Ticks of the local timer in a millisecond.
    timer_khz: u64,
}

static RATES: Once<Rates> = Once::new();
static TSC_DIFFERS: AtomicBool = AtomicBool::new(false);

/// Calibrates the TSC and the local timer. Interrupts are off.
pub(crate) fn init() {
    hpet::init();
    let start = cpu::rdtsc();
    apic::start_timer(u32::MAX);
    let timer_before = apic::timer_left();
    let (ticks, elapsed) = if hpet::is_present() { hpet::measure(WINDOW) } else { pit::measure(WINDOW) };
    let timer_ticks = u64::from(timer_before - apic::timer_left());
    // The timer ran slightly longer than the window; both readings scale with the TSC that passed.
    let timer_window = cpu::rdtsc() - start;
    apic::start_timer(0);

    let elapsed_nanos = kernel_core::time::nanos(elapsed).max(1);
    let ticks = ticks.max(1);
    let nanos_per_tick = u64::try_from((u128::from(elapsed_nanos) << 32) / u128::from(ticks)).unwrap_or(u64::MAX);
    let tsc_khz = (u128::from(ticks) * 1_000_000 / u128::from(elapsed_nanos)) as u64;
    let timer_khz = (u128::from(timer_ticks) * u128::from(tsc_khz) / u128::from(timer_window.max(1))) as u64;
    RATES.call_once(|| Rates { start, nanos_per_tick, tsc_khz, timer_khz: timer_khz.max(1) });
    log::info!("TSC {}.{:03} MHz by the {}", tsc_khz / 1000, tsc_khz % 1000, if hpet::is_present() { "HPET" } else { "PIT" });
}

/// Time since boot; never goes back on one CPU. Zero before the clocks are set up.
#[must_use]
pub fn now() -> Instant {
    let Some(rates) = RATES.get() else { return Instant::ZERO };
    if TSC_DIFFERS.load(Ordering::Relaxed) && hpet::is_present() {
        return Instant::from_nanos(hpet::nanos());
    }
    let ticks = cpu::rdtsc().saturating_sub(rates.start);
    let nanos = (u128::from(ticks) * u128::from(rates.nanos_per_tick)) >> 32;
    Instant::from_nanos(nanos as u64)
}

/// Lets this CPU's timer go off at `deadline` (at once if it has passed), or not at all. A deadline beyond the timer's
/// range goes off early; the handler sets it again.
pub fn set_timer(deadline: Option<Instant>) {
    let (Some(deadline), Some(rates)) = (deadline, RATES.get()) else {
        apic::start_timer(0);
        return;
    };
    let left = deadline.as_nanos().saturating_sub(now().as_nanos());
    let ticks = u128::from(left) * u128::from(rates.timer_khz) / 1_000_000 + 1;
    apic::start_timer(u32::try_from(ticks).unwrap_or(u32::MAX));
}

/// Cycles of this CPU's time-stamp counter.
#[inline]
#[must_use]
pub fn cycles() -> u64 {
    cpu::rdtsc()
}

/// Ticks of the TSC in a millisecond.
#[must_use]
pub fn tsc_khz() -> u64 {
    RATES.get().map_or(0, |rates| rates.tsc_khz)
}

/// Waits without giving up the CPU.
pub fn spin(length: Duration) {
    let deadline = now() + length;
    while now() < deadline {
        cpu::relax();
    }
}

static LATEST: AtomicU64 = AtomicU64::new(0);
static ARRIVED: AtomicUsize = AtomicUsize::new(0);

/// One side of a comparison of two CPUs' TSCs: each must see its own TSC at or above every reading of the other.
fn compare() {
    // SeqCst on LATEST orders the readings of both sides.
    for _ in 0..COMPARISONS {
        let latest = LATEST.load(Ordering::SeqCst);
        // SAFETY: orders the reading after the load.
        unsafe { core::arch::x86_64::_mm_lfence() };
        let reading = cpu::rdtsc();
        if reading < latest {
            TSC_DIFFERS.store(true, Ordering::Relaxed);
        }
        LATEST.fetch_max(reading, Ordering::SeqCst);
    }
}

fn meet() {
    // Each meeting has two participants, and the count only grows: wait for the other of this pair.
    let ticket = ARRIVED.fetch_add(1, Ordering::SeqCst);
    while ARRIVED.load(Ordering::SeqCst) <= ticket | 1 {
        cpu::relax();
    }
}

/// The boot CPU's side of the comparison with a CPU that starts.
pub(crate) fn compare_as_first() {
    meet();
    compare();
    meet();
}

/// The starting CPU's side.
pub(crate) fn compare_as_second() {
    meet();
    compare();
    meet();
}
