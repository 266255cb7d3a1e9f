//! Random bytes: ChaCha20, seeded from the processor's generator and the jitter of its clock.
//!
//! Each request first replaces the key with output of the old one, so that what was handed out cannot be computed from
//! the state afterwards.

use kernel_arch::dev::entropy;
use kernel_sync::{IrqLock, Rank};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const KEY_SIZE: usize = 32;
/// Requests after which fresh entropy is mixed in.
const RESEED_INTERVAL: u32 = 256;

struct State {
    key: [u8; KEY_SIZE],
    until_reseed: u32,
}

static STATE: IrqLock<State> = IrqLock::new(Rank::DEVICE, State { key: [0; KEY_SIZE], until_reseed: 0 });

/// Fills `bytes` with random ones.
pub fn fill(bytes: &mut [u8]) {
    // A stream of its own for each request: the lock is held for the key only.
    let mut stream = ChaCha20Rng::from_seed(STATE.lock().next_key());
    stream.fill_bytes(bytes);
}

/// A random word.
#[must_use]
pub fn word() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}

/// Stirs bytes in; they cannot make the output easier to guess.
pub fn mix(bytes: &[u8]) {
    STATE.lock().mix(bytes);
}

impl State {
    fn next_key(&mut self) -> [u8; KEY_SIZE] {
        if self.until_reseed == 0 {
            self.until_reseed = RESEED_INTERVAL;
            self.reseed();
        }
        self.until_reseed -= 1;
        self.split()
    }

    /// Replaces the key; gives an independent one.
    fn split(&mut self) -> [u8; KEY_SIZE] {
        let mut stream = ChaCha20Rng::from_seed(self.key);
        let mut given = [0; KEY_SIZE];
        stream.fill_bytes(&mut self.key);
        stream.fill_bytes(&mut given);
        given
    }

    fn reseed(&mut self) {
        const WORDS: usize = 32;
        for _ in 0..WORDS {
            let word = entropy::hardware_word().unwrap_or(0) ^ entropy::jitter_word();
            self.mix(&word.to_ne_bytes());
        }
        self.mix(&kernel_arch::clock::rtc().to_ne_bytes());
    }

    fn mix(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(KEY_SIZE) {
            for (place, byte) in self.key.iter_mut().zip(chunk) {
                *place ^= byte;
            }
            self.split();
        }
    }
}
