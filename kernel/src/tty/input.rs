//! The thread that carries input: device interrupts note which terminals have bytes, it does the rest.

use super::Tty;
use crate::time::Duration;
use crate::vfs::DeviceId;
use abi::Result;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use kernel_sync::{Once, Wait, WaitQueue};

const MAX_TERMINALS: usize = 64;

static TERMINALS: [Once<Arc<Tty>>; MAX_TERMINALS] = [const { Once::new() }; MAX_TERMINALS];
/// Terminals with input, as bits of their places.
static PENDING: AtomicU64 = AtomicU64::new(0);
static WORK: WaitQueue = WaitQueue::new();

/// Adds a terminal; its device may announce input from now on.
pub fn add(tty: &Arc<Tty>) {
    for place in &TERMINALS {
        let mut taken = false;
        place.call_once(|| {
            taken = true;
            tty.clone()
        });
        if taken {
            return;
        }
    }
    log::error!("{}: too many terminals", tty.name());
}

/// Every terminal.
pub fn terminals() -> impl Iterator<Item = &'static Arc<Tty>> {
    TERMINALS.iter().map_while(Once::get)
}

/// The terminal with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Arc<Tty>> {
    terminals().find(|tty| tty.name() == name)
}

/// Waits until every terminal has sent what was written to it, but no longer than `limit`: before the machine stops.
pub fn drain_all(limit: Duration) {
    let deadline = crate::time::now() + limit;
    while terminals().any(|tty| tty.port.unsent() > 0) && crate::time::now() < deadline {
        crate::sched::sleep(Duration::from_millis(1));
    }
}

/// Says that the device of a terminal has bytes. From any context.
pub fn announce(id: DeviceId) {
    let Some(place) = terminals().position(|tty| tty.id() == id) else { return };
    // Release pairs with the Acquire in carry().
    PENDING.fetch_or(1 << place, Ordering::Release);
    WORK.wake_one();
}

/// Starts the thread.
///
/// # Errors
/// `ENOMEM`.
pub fn start() -> Result<()> {
    crate::task::spawn_kernel("tty", carry, 0)
}

fn carry(_: usize) {
    loop {
        let pending = WORK.wait_until(Wait::UNINTERRUPTIBLE, || {
            // Acquire pairs with the Release in announce().
            let pending = PENDING.swap(0, Ordering::Acquire);
            (pending != 0).then_some(pending)
        });
        let pending = pending.unwrap_or(0);
        for (place, tty) in terminals().enumerate() {
            if pending & 1 << place != 0 {
                tty.receive();
            }
        }
    }
}
