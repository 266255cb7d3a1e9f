//! The HPET: a counter of known rate.

use kernel_core::time::{Duration, Instant, nanos as nanos_of};
use kernel_sync::Once;

use crate::vmap::{self, Mmio};
use crate::{cpu, firmware};

const REGISTERS_SIZE: usize = 0x400;
const CAPABILITIES: usize = 0x00;
const CONFIGURATION: usize = 0x10;
const COUNTER: usize = 0xf0;
const ENABLE: u64 = 1;
const COUNTER_IS_64_BIT: u64 = 1 << 13;
const FEMTOS_PER_NANO: u64 = 1_000_000;
/// Above this the specification forbids the period, so the device is not real.
const LONGEST_PERIOD_FEMTOS: u64 = 100_000_000;

struct Hpet {
    registers: Mmio,
    period_femtos: u64,
}

static HPET: Once<Option<Hpet>> = Once::new();

/// Starts the counter, if there is one of 64 bits.
pub(super) fn init() {
    HPET.call_once(|| {
        let registers = vmap::map_mmio(firmware::get()?.hpet?, REGISTERS_SIZE).ok()?;
        let capabilities = registers.read64(CAPABILITIES);
        let period_femtos = capabilities >> 32;
        if capabilities & COUNTER_IS_64_BIT == 0 || period_femtos == 0 || period_femtos > LONGEST_PERIOD_FEMTOS {
            return None;
        }
        registers.write64(CONFIGURATION, registers.read64(CONFIGURATION) | ENABLE);
        Some(Hpet { registers, period_femtos })
    });
}

fn get() -> Option<&'static Hpet> {
    HPET.get()?.as_ref()
}

pub(super) fn is_present() -> bool {
    get().is_some()
}

/// Nanoseconds since the counter started.
pub(super) fn nanos() -> u64 {
    get().map_or(0, |hpet| hpet.nanos())
}

/// TSC ticks, and the time they took.
pub(super) fn measure(window: Duration) -> (u64, Duration) {
    let Some(hpet) = get() else { return (0, Duration::ZERO) };
    let (tsc_before, before) = hpet.read_both();
    loop {
        let (tsc, now) = hpet.read_both();
        if now - before >= nanos_of(window) {
            return (tsc - tsc_before, Instant::from_nanos(now) - Instant::from_nanos(before));
        }
        cpu::relax();
    }
}

impl Hpet {
    fn nanos(&self) -> u64 {
        let femtos = u128::from(self.registers.read64(COUNTER)) * u128::from(self.period_femtos);
        (femtos / u128::from(FEMTOS_PER_NANO)) as u64
    }

    /// TSC and time of one moment: of a few readings the one that took the least time.
    fn read_both(&self) -> (u64, u64) {
        let mut best = (u64::MAX, 0, 0);
        for _ in 0..4 {
            let before = cpu::rdtsc();
            let nanos = self.nanos();
            let took = cpu::rdtsc() - before;
            if took < best.0 {
                best = (took, before + took / 2, nanos);
            }
        }
        (best.1, best.2)
    }
}
