//! Signals: numbers, sets of them, and what each does by default (signal(7)).

use core::fmt;
use core::ops::{BitAnd, BitOr, Not};

use linux_raw_sys::general as raw;

/// A signal number, 1..=64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

/// What a signal does when the process has set no handler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DefaultAction {
    /// Ends the process.
    Terminate,
    /// Ends the process and, where core files exist, dumps it.
    Core,
    /// Nothing.
    Ignore,
    /// Stops the process.
    Stop,
    /// Continues a stopped process.
    Continue,
}

macro_rules! signals {
    ($($name:ident)*) => {
        impl Signal {
            $(
                #[doc = concat!("`", stringify!($name), "` of signal(7).")]
                pub const $name: Self = Self(raw::$name as u8);
            )*

            /// The symbolic name of a standard signal.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    Self(_) => None,
                }
            }
        }
    };
}

signals! {
    SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM
    SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO
    SIGPWR SIGSYS
}

impl Signal {
    /// The first real-time signal, as the kernel counts them.
    pub const RTMIN: Self = Self(raw::SIGRTMIN as u8);
    /// The last signal.
    pub const MAX: Self = Self(raw::_NSIG as u8);

    /// The signal with this number, when it lies in 1..=64.
    #[must_use]
    pub const fn new(number: i32) -> Option<Self> {
        if number >= 1 && number <= raw::_NSIG as i32 { Some(Self(number as u8)) } else { None }
    }

    /// The number, 1..=64.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether it queues and carries a value.
    #[must_use]
    pub const fn is_realtime(self) -> bool {
        self.0 >= Self::RTMIN.0
    }

    /// What it does without a handler.
    #[must_use]
    pub const fn default_action(self) -> DefaultAction {
        match self {
            Self::SIGQUIT | Self::SIGILL | Self::SIGTRAP | Self::SIGABRT | Self::SIGBUS | Self::SIGFPE | Self::SIGSEGV
            | Self::SIGXCPU | Self::SIGXFSZ | Self::SIGSYS => DefaultAction::Core,
            Self::SIGCHLD | Self::SIGURG | Self::SIGWINCH => DefaultAction::Ignore,
            Self::SIGSTOP | Self::SIGTSTP | Self::SIGTTIN | Self::SIGTTOU => DefaultAction::Stop,
            Self::SIGCONT => DefaultAction::Continue,
            Self(_) => DefaultAction::Terminate,
        }
    }

    /// Every signal in ascending order.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=Self::MAX.0).map(Self)
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

/// A set of signals: bit `n - 1` stands for signal `n`, as in the kernel's `sigset_t`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct SigSet(pub u64);

impl SigSet {
    /// No signal.
    pub const EMPTY: Self = Self(0);
    /// Every signal.
    pub const ALL: Self = Self(!0);
    /// `SIGKILL` and `SIGSTOP`, which nothing can block, ignore or catch.
    pub const UNBLOCKABLE: Self = Self::of(Signal::SIGKILL).with(Signal::SIGSTOP);
    /// Signals that an instruction of the thread itself raises.
    pub const SYNCHRONOUS: Self = Self::of(Signal::SIGSEGV)
        .with(Signal::SIGBUS)
        .with(Signal::SIGILL)
        .with(Signal::SIGTRAP)
        .with(Signal::SIGFPE)
        .with(Signal::SIGSYS);
    /// Signals that stop a process by default.
    pub const STOP: Self =
        Self::of(Signal::SIGSTOP).with(Signal::SIGTSTP).with(Signal::SIGTTIN).with(Signal::SIGTTOU);
    /// Bytes of a `sigset_t` at the system-call border.
    pub const BYTES: usize = 8;

    /// The set of one.
    #[must_use]
    pub const fn of(signal: Signal) -> Self {
        Self(1 << (signal.0 - 1))
    }

    /// The set and one more.
    #[must_use]
    pub const fn with(self, signal: Signal) -> Self {
        Self(self.0 | Self::of(signal).0)
    }

    /// The set without one.
    #[must_use]
    pub const fn without(self, signal: Signal) -> Self {
        Self(self.0 & !Self::of(signal).0)
    }

    /// Adds one.
    pub const fn insert(&mut self, signal: Signal) {
        self.0 |= Self::of(signal).0;
    }

    /// Takes one out.
    pub const fn remove(&mut self, signal: Signal) {
        self.0 &= !Self::of(signal).0;
    }

    /// Whether the signal is in the set.
    #[must_use]
    pub const fn contains(self, signal: Signal) -> bool {
        self.0 & Self::of(signal).0 != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The lowest signal in the set.
    #[must_use]
    pub const fn first(self) -> Option<Signal> {
        if self.0 == 0 { None } else { Some(Signal(self.0.trailing_zeros() as u8 + 1)) }
    }

    /// The members in ascending order.
    pub fn iter(self) -> impl Iterator<Item = Signal> {
        let mut rest = self;
        core::iter::from_fn(move || {
            let signal = rest.first()?;
            rest.remove(signal);
            Some(signal)
        })
    }
}

impl BitAnd for SigSet {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for SigSet {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Not for SigSet {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl fmt::Debug for SigSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn numbers_outside_1_to_64_are_no_signals() {
        assert!(Signal::new(0).is_none());
        assert!(Signal::new(65).is_none());
        assert!(Signal::new(-1).is_none());
        assert_eq!(Signal::new(9), Some(Signal::SIGKILL));
        assert_eq!(Signal::new(64), Some(Signal::MAX));
    }

    #[test]
    fn a_set_iterates_in_ascending_order() {
        let set = SigSet::of(Signal::MAX).with(Signal::SIGINT).with(Signal::SIGHUP);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Signal::SIGHUP, Signal::SIGINT, Signal::MAX]);
        assert!(!set.without(Signal::SIGHUP).contains(Signal::SIGHUP));
    }

    #[test]
    fn default_actions_follow_signal_7() {
        assert_eq!(Signal::SIGSEGV.default_action(), DefaultAction::Core);
        assert_eq!(Signal::SIGCHLD.default_action(), DefaultAction::Ignore);
        assert_eq!(Signal::RTMIN.default_action(), DefaultAction::Terminate);
    }
}
