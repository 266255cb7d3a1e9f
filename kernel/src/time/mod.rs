//! Clocks: monotonic time, the wall clock as an offset to it, and CPU time (`clock_gettime(2)`).

use crate::credentials::Capability;
use crate::task::{self, Pid};
use abi::{Errno, Result};
use core::sync::atomic::{AtomicU64, Ordering};
use kernel_core::time::nanos;
pub use kernel_core::time::{Duration, Instant};
use linux_raw_sys::general as raw;

/// Nanoseconds from the epoch to boot.
static BOOT_WALL_NS: AtomicU64 = AtomicU64::new(0);

/// Ticks per second in which `times(2)` and `/proc` count (`sysconf(_SC_CLK_TCK)`).
pub const USER_HZ: u64 = 100;

/// Sets the wall clock from the real-time clock of the machine.
pub fn init() {
    let since_epoch = Duration::from_secs(kernel_arch::clock::rtc());
    BOOT_WALL_NS.store(nanos(since_epoch.saturating_sub(now().since_boot())), Ordering::Relaxed);
}

/// Monotonic time.
#[must_use]
#[inline]
pub fn now() -> Instant {
    kernel_arch::clock::now()
}

/// Wall time since the epoch.
#[must_use]
pub fn wall_now() -> Duration {
    boot_wall() + now().since_boot()
}

/// Wall time at boot, since the epoch.
#[must_use]
pub fn boot_wall() -> Duration {
    Duration::from_nanos(BOOT_WALL_NS.load(Ordering::Relaxed))
}

/// Steps the wall clock.
///
/// # Errors
/// `EPERM` without `CAP_SYS_TIME`; `EINVAL` for a time before boot's own age.
pub fn set_wall(since_epoch: Duration) -> Result<()> {
    task::current().credentials().require(Capability::SysTime)?;
    let boot = since_epoch.checked_sub(now().since_boot()).ok_or(Errno::EINVAL)?;
    BOOT_WALL_NS.store(nanos(boot), Ordering::Relaxed);
    Ok(())
}

/// `duration` in units of [`USER_HZ`].
#[must_use]
pub fn to_user_ticks(duration: Duration) -> u64 {
    nanos(duration) / (kernel_core::time::NANOS_PER_SEC / USER_HZ)
}

/// A clock of `clock_gettime(2)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// `CLOCK_REALTIME` and its kin.
    Realtime,
    /// `CLOCK_TAI`: as the wall clock, no leap seconds are known.
    Tai,
    /// `CLOCK_MONOTONIC`, `_RAW`, `_COARSE`, `CLOCK_BOOTTIME`.
    Monotonic,
    /// CPU time of a process.
    ProcessCpu(Pid),
    /// CPU time of a thread.
    ThreadCpu(Pid),
}

/// A clock id, and the clock it names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockId {
    /// The clock that it reads.
    pub clock: Clock,
    /// Whether time-outs can be set on it.
    pub sleep: Sleepable,
    /// Whether `clock_settime` knows it.
    pub settable: bool,
    /// Whether it is one of the coarse clocks.
    pub coarse: bool,
}

/// What `clock_nanosleep(2)` answers for a clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sleepable {
    /// It sleeps.
    Yes,
    /// `EOPNOTSUPP`.
    Unsupported,
    /// `EINVAL`.
    Invalid,
}

impl ClockId {
    /// Parses a `clockid_t`.
    ///
    /// # Errors
    /// `EINVAL` for an unknown clock or a CPU clock of no process.
    pub fn parse(id: i32) -> Result<Self> {
        if id < 0 {
            return Self::parse_cpu(id);
        }
        let plain = |clock, sleep| Ok(Self { clock, sleep, settable: false, coarse: false });
        match u32::try_from(id).map_err(|_| Errno::EINVAL)? {
            raw::CLOCK_REALTIME => Ok(Self { clock: Clock::Realtime, sleep: Sleepable::Yes, settable: true, coarse: false }),
            raw::CLOCK_REALTIME_ALARM => plain(Clock::Realtime, Sleepable::Yes),
            raw::CLOCK_REALTIME_COARSE => {
                Ok(Self { clock: Clock::Realtime, sleep: Sleepable::Unsupported, settable: false, coarse: true })
            }
            raw::CLOCK_MONOTONIC | raw::CLOCK_BOOTTIME | raw::CLOCK_BOOTTIME_ALARM => plain(Clock::Monotonic, Sleepable::Yes),
            raw::CLOCK_MONOTONIC_RAW => plain(Clock::Monotonic, Sleepable::Unsupported),
            raw::CLOCK_MONOTONIC_COARSE => {
                Ok(Self { clock: Clock::Monotonic, sleep: Sleepable::Unsupported, settable: false, coarse: true })
            }
            raw::CLOCK_TAI => plain(Clock::Tai, Sleepable::Yes),
            raw::CLOCK_PROCESS_CPUTIME_ID => plain(Clock::ProcessCpu(task::current().process().pid()), Sleepable::Yes),
            raw::CLOCK_THREAD_CPUTIME_ID => plain(Clock::ThreadCpu(task::current().tid()), Sleepable::Invalid),
            _ => Err(Errno::EINVAL),
        }
    }

    /// `clock_getcpuclockid(3)` ids: the complement of the pid above three bits of kind.
    fn parse_cpu(id: i32) -> Result<Self> {
        const PER_THREAD: i32 = 4;
        const SCHED: i32 = 2;
        if id & 3 > SCHED {
            return Err(Errno::EINVAL);
        }
        let pid = !(id >> 3);
        let clock = if id & PER_THREAD != 0 {
            let tid = if pid == 0 { task::current().tid() } else { Pid(pid) };
            Clock::ThreadCpu(tid)
        } else {
            Clock::ProcessCpu(if pid == 0 { task::current().process().pid() } else { Pid(pid) })
        };
        let found = Self { clock, sleep: Sleepable::Yes, settable: false, coarse: false };
        found.now().map(|_| found)
    }

    /// The time on this clock, since its zero.
    ///
    /// # Errors
    /// `EINVAL` when the process or thread is gone.
    pub fn now(&self) -> Result<Duration> {
        match self.clock {
            Clock::Realtime | Clock::Tai => Ok(wall_now()),
            Clock::Monotonic => Ok(now().since_boot()),
            Clock::ProcessCpu(pid) => task::find_process(pid).map(|process| process.cpu_time()).ok_or(Errno::EINVAL),
            Clock::ThreadCpu(tid) => task::find_task(tid).map(|task| task.cpu_time()).ok_or(Errno::EINVAL),
        }
    }

    /// The resolution.
    #[must_use]
    pub const fn resolution(&self) -> Duration {
        if self.coarse { Duration::from_millis(4) } else { Duration::from_nanos(1) }
    }

    /// The monotonic instant at which a wall or monotonic clock shows `time`; `None` for CPU clocks.
    #[must_use]
    pub fn instant_at(&self, time: Duration) -> Option<Instant> {
        match self.clock {
            Clock::Realtime | Clock::Tai => Some(Instant::ZERO + time.saturating_sub(boot_wall())),
            Clock::Monotonic => Some(Instant::ZERO + time),
            Clock::ProcessCpu(_) | Clock::ThreadCpu(_) => None,
        }
    }
}
