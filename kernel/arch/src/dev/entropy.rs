//! Randomness that the processor offers: RDSEED and RDRAND, and the jitter of its clock.

use crate::clock;

/// A random word of the processor's generator, if it has one that works.
#[must_use]
pub fn hardware_word() -> Option<u64> {
    const TRIES: usize = 16;
    let generator = x86_64::instructions::random::RdRand::new()?;
    (0..TRIES).find_map(|_| generator.get_u64())
}

/// A word of which a bit or two is uncertain: the time that a memory-bound loop took.
#[must_use]
pub fn jitter_word() -> u64 {
    let start = clock::cycles();
    let mut word = start;
    for turn in 0..64u64 {
        word = word.rotate_left(7) ^ clock::cycles().wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ turn);
        core::hint::black_box(&mut word);
    }
    word ^ clock::cycles().wrapping_sub(start)
}
