//! What comes with a signal (`sigaction(2)`, `siginfo_t`).

use crate::task::{self, Pid};
use abi::signal::Signal;
use abi::types;
use linux_raw_sys::general as raw;

/// A signal and what comes with it.
#[derive(Clone, Copy, Debug)]
pub struct SigInfo {
    /// The signal.
    pub signal: Signal,
    /// `si_code`: positive from the kernel, else from a process.
    pub code: i32,
    /// `si_errno`.
    pub errno: i32,
    /// The rest.
    pub data: SigData,
}

/// The part of a siginfo that depends on its origin.
#[derive(Clone, Copy, Debug)]
pub enum SigData {
    /// Nothing.
    None,
    /// Who sent it.
    Sender {
        /// Sending process.
        pid: Pid,
        /// Its real user.
        uid: u32,
    },
    /// A child that changed.
    Child {
        /// The child.
        pid: Pid,
        /// Its real user.
        uid: u32,
        /// Exit code or signal.
        status: i32,
        /// User CPU time in clock ticks.
        ticks: u64,
    },
    /// A fault.
    Fault {
        /// The address that faulted.
        address: u64,
    },
    /// As a process composed it (`rt_sigqueueinfo(2)`).
    Raw([u64; 14]),
}

impl SigInfo {
    /// From the kernel, without further information.
    #[must_use]
    pub const fn kernel(signal: Signal) -> Self {
        let data = SigData::Sender { pid: Pid(0), uid: 0 };
        Self { signal, code: raw::SI_KERNEL as i32, errno: 0, data }
    }

    /// From the kernel, for something that the thread itself did and cannot go on from.
    #[must_use]
    pub const fn forced(signal: Signal) -> Self {
        Self::fault(signal, raw::SI_KERNEL as i32, 0)
    }

    /// From the running process by kill(2).
    #[must_use]
    pub fn user(signal: Signal) -> Self {
        Self::from_caller(signal, raw::SI_USER as i32)
    }

    /// From the running process by tgkill(2).
    #[must_use]
    pub fn tkill(signal: Signal) -> Self {
        Self::from_caller(signal, raw::SI_TKILL)
    }

    /// A fault of the running thread at `address`.
    #[must_use]
    pub const fn fault(signal: Signal, code: i32, address: u64) -> Self {
        Self { signal, code, errno: 0, data: SigData::Fault { address } }
    }

    /// A child that changed.
    #[must_use]
    pub const fn child(signal: Signal, code: i32, pid: Pid, uid: u32, status: i32, ticks: u64) -> Self {
        Self { signal, code, errno: 0, data: SigData::Child { pid, uid, status, ticks } }
    }

    fn from_caller(signal: Signal, code: i32) -> Self {
        let me = task::current();
        let data = SigData::Sender { pid: me.process().pid(), uid: me.credentials().uid() };
        Self { signal, code, errno: 0, data }
    }

    /// Whether the kernel raised it because of what the thread itself did.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        matches!(self.data, SigData::Fault { .. })
    }

    /// The `siginfo_t`.
    #[must_use]
    pub fn to_abi(&self) -> types::SigInfo {
        let mut fields = [0; 14];
        match self.data {
            SigData::None => {}
            SigData::Sender { pid, uid } => fields[0] = pair(pid.raw(), uid),
            SigData::Child { pid, uid, status, ticks } => {
                fields[0] = pair(pid.raw(), uid);
                fields[1] = u64::from(status.cast_unsigned());
                fields[2] = ticks;
            }
            SigData::Fault { address } => fields[0] = address,
            SigData::Raw(words) => fields = words,
        }
        types::SigInfo { signo: i32::from(self.signal.number()), errno: self.errno, code: self.code, pad: 0, fields }
    }

    /// A siginfo that a process composed; the signal is the one that the call names.
    #[must_use]
    pub const fn from_abi(signal: Signal, info: &types::SigInfo) -> Self {
        Self { signal, code: info.code, errno: info.errno, data: SigData::Raw(info.fields) }
    }
}

fn pair(low: i32, high: u32) -> u64 {
    u64::from(low.cast_unsigned()) | u64::from(high) << 32
}
