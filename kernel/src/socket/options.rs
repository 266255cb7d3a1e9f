//! Options that setsockopt(2) sets on any socket.

use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use kernel_core::time::Instant;

/// Buffer size of a new socket, in bytes (Linux `wmem_default`).
pub const BUFFER_DEFAULT: usize = 212_992;
/// The largest value that `SO_SNDBUF` and `SO_RCVBUF` take before they double it (`wmem_max`).
const BUFFER_MAX: usize = 212_992;
/// What the send buffer has at least.
const SEND_MIN: usize = 4608;
/// What the receive buffer has at least.
const RECEIVE_MIN: usize = 2304;

/// Options of one socket.
pub struct Options {
    send_buffer: AtomicUsize,
    receive_buffer: AtomicUsize,
    pass_credentials: AtomicBool,
    /// Nanoseconds; 0: without end.
    send_timeout: AtomicU64,
    receive_timeout: AtomicU64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            send_buffer: AtomicUsize::new(BUFFER_DEFAULT),
            receive_buffer: AtomicUsize::new(BUFFER_DEFAULT),
            pass_credentials: AtomicBool::new(false),
            send_timeout: AtomicU64::new(0),
            receive_timeout: AtomicU64::new(0),
        }
    }
}

impl Options {
    /// `SO_SNDBUF` in bytes.
    #[must_use]
    pub fn send_buffer(&self) -> usize {
        self.send_buffer.load(Ordering::Relaxed)
    }

    /// Sets `SO_SNDBUF`: doubled, within the limits.
    pub fn set_send_buffer(&self, bytes: usize) {
        self.send_buffer.store((bytes.min(BUFFER_MAX) * 2).max(SEND_MIN), Ordering::Relaxed);
    }

    /// `SO_RCVBUF` in bytes.
    #[must_use]
    pub fn receive_buffer(&self) -> usize {
        self.receive_buffer.load(Ordering::Relaxed)
    }

    /// Sets `SO_RCVBUF`: doubled, within the limits. A local socket's messages count for their sender.
    pub fn set_receive_buffer(&self, bytes: usize) {
        self.receive_buffer.store((bytes.min(BUFFER_MAX) * 2).max(RECEIVE_MIN), Ordering::Relaxed);
    }

    /// `SO_PASSCRED`.
    #[must_use]
    pub fn passes_credentials(&self) -> bool {
        self.pass_credentials.load(Ordering::Relaxed)
    }

    /// Sets `SO_PASSCRED`.
    pub fn set_pass_credentials(&self, on: bool) {
        self.pass_credentials.store(on, Ordering::Relaxed);
    }

    /// `SO_SNDTIMEO`; zero: without end.
    #[must_use]
    pub fn send_timeout(&self) -> Duration {
        Duration::from_nanos(self.send_timeout.load(Ordering::Relaxed))
    }

    /// Sets `SO_SNDTIMEO`.
    pub fn set_send_timeout(&self, limit: Duration) {
        self.send_timeout.store(nanoseconds(limit), Ordering::Relaxed);
    }

    /// `SO_RCVTIMEO`; zero: without end.
    #[must_use]
    pub fn receive_timeout(&self) -> Duration {
        Duration::from_nanos(self.receive_timeout.load(Ordering::Relaxed))
    }

    /// Sets `SO_RCVTIMEO`.
    pub fn set_receive_timeout(&self, limit: Duration) {
        self.receive_timeout.store(nanoseconds(limit), Ordering::Relaxed);
    }

    /// When a send that begins now gives up.
    pub(super) fn send_deadline(&self) -> Option<Instant> {
        deadline(self.send_timeout())
    }

    /// When a receive that begins now gives up.
    pub(super) fn receive_deadline(&self) -> Option<Instant> {
        deadline(self.receive_timeout())
    }
}

fn deadline(limit: Duration) -> Option<Instant> {
    (!limit.is_zero()).then(|| crate::time::now() + limit)
}

fn nanoseconds(limit: Duration) -> u64 {
    u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)
}
