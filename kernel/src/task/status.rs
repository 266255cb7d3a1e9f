//! How a process ended or changed, as `wait(2)` reports it.

use abi::signal::Signal;
use linux_raw_sys::general as raw;

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitStatus {
    /// It called exit with this code.
    Exited(u8),
    /// This signal killed it.
    Killed(Signal),
}

/// What a wait reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChildEvent {
    /// It ended.
    Ended(ExitStatus),
    /// This signal stopped it.
    Stopped(Signal),
    /// `SIGCONT` continued it.
    Continued,
}

impl ChildEvent {
    /// The status word of `wait4(2)`.
    #[must_use]
    pub const fn wait_status(self) -> i32 {
        match self {
            Self::Ended(ExitStatus::Exited(code)) => (code as i32) << 8,
            Self::Ended(ExitStatus::Killed(signal)) => signal.number() as i32,
            Self::Stopped(signal) => (signal.number() as i32) << 8 | 0x7f,
            Self::Continued => 0xffff,
        }
    }

    /// `si_code` and `si_status` of `SIGCHLD` and `waitid(2)`.
    #[must_use]
    pub const fn code_and_status(self) -> (i32, i32) {
        match self {
            Self::Ended(ExitStatus::Exited(code)) => (raw::CLD_EXITED as i32, code as i32),
            Self::Ended(ExitStatus::Killed(signal)) => (raw::CLD_KILLED as i32, signal.number() as i32),
            Self::Stopped(signal) => (raw::CLD_STOPPED as i32, signal.number() as i32),
            Self::Continued => (raw::CLD_CONTINUED as i32, Signal::SIGCONT.number() as i32),
        }
    }
}
