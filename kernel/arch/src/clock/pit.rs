//! The 8254 interval timer's channel 2: a measure of time where there is no HPET.

use kernel_core::time::{Duration, nanos};
use x86_64::instructions::port::Port;

use crate::cpu;

const RATE_HZ: u64 = 1_193_182;
const CHANNEL_2: u16 = 0x42;
const COMMAND: u16 = 0x43;
const CONTROL: u16 = 0x61;
const GATE: u8 = 1;
const SPEAKER: u8 = 2;
const OUTPUT: u8 = 1 << 5;
/// Channel 2, both bytes, mode 0: the output rises when the count ends.
const ONE_SHOT: u8 = 0xb0;

/// TSC ticks, and the time they took. The window is at most 50 ms.
pub(super) fn measure(window: Duration) -> (u64, Duration) {
    let count = nanos(window) * RATE_HZ / 1_000_000_000;
    let [low, high, ..] = count.to_le_bytes();
    let mut control = Port::<u8>::new(CONTROL);
    // SAFETY: the ports are the timer's channel 2 and its gate, which nothing else uses.
    unsafe {
        let idle = control.read() & !(GATE | SPEAKER);
        control.write(idle);
        Port::new(COMMAND).write(ONE_SHOT);
        Port::new(CHANNEL_2).write(low);
        Port::new(CHANNEL_2).write(high);
        control.write(idle | GATE);
        let before = cpu::rdtsc();
        while control.read() & OUTPUT == 0 {
            cpu::relax();
        }
        let ticks = cpu::rdtsc() - before;
        control.write(idle);
        (ticks, Duration::from_nanos(count * 1_000_000_000 / RATE_HZ))
    }
}
