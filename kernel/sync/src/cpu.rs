//! Which CPU runs this code. On the host every thread is a CPU of its own while it lives.

/// The most CPUs that the kernel uses.
pub const MAX_CPUS: usize = 32;

/// The index of the running CPU, below [`MAX_CPUS`].
///
/// On the target it is the `u32` at `gs:[8]`; `arch` points GS at a boot block before the first call.
#[cfg(target_os = "none")]
#[inline(always)]
pub fn id() -> usize {
    let id: u32;
    // SAFETY: GS points at a per-CPU block whose second word's low half is the CPU's index from the first Rust
    // instruction on; reading it has no side effect.
    unsafe {
        core::arch::asm!("mov {0:e}, gs:[8]", out(reg) id, options(nostack, preserves_flags, readonly));
    }
    id as usize
}

/// The index of the running CPU, below [`MAX_CPUS`]. Each host thread holds one index until it ends; a thread that
/// finds none free waits for one.
#[cfg(not(target_os = "none"))]
pub fn id() -> usize {
    host::id()
}

#[cfg(not(target_os = "none"))]
mod host {
    use super::MAX_CPUS;
    use core::sync::atomic::{AtomicU32, Ordering};

    static TAKEN: AtomicU32 = AtomicU32::new(0);

    struct Claim(usize);

    impl Claim {
        fn take() -> Self {
            loop {
                let taken = TAKEN.load(Ordering::Relaxed);
                let free = taken.trailing_ones() as usize;
                if free == MAX_CPUS {
                    std::thread::yield_now();
                    continue;
                }
                // Acquire pairs with the Release in drop(): the last owner's writes to its per-CPU data are visible.
                let claimed =
                    TAKEN.compare_exchange(taken, taken | 1 << free, Ordering::Acquire, Ordering::Relaxed);
                if claimed.is_ok() {
                    return Self(free);
                }
            }
        }
    }

    impl Drop for Claim {
        fn drop(&mut self) {
            // Release pairs with the Acquire in take().
            TAKEN.fetch_and(!(1 << self.0), Ordering::Release);
        }
    }

    std::thread_local! { static CLAIM: Claim = Claim::take(); }

    pub fn id() -> usize {
        CLAIM.with(|claim| claim.0)
    }
}
