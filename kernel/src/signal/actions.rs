//! What a process does with each signal (`sigaction(2)`).

use abi::flags::SaFlags;
use abi::signal::{DefaultAction, SigSet, Signal};
use kernel_sync::{IrqLock, Rank};

/// What happens when a signal is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Handler {
    /// The signal's default (`SIG_DFL`).
    #[default]
    Default,
    /// Nothing (`SIG_IGN`).
    Ignore,
    /// The user function at this address.
    User(u64),
}

/// The action for one signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SigAction {
    /// What happens.
    pub handler: Handler,
    /// How.
    pub flags: SaFlags,
    /// Where the handler returns to, with `RESTORER`.
    pub restorer: u64,
    /// Blocked while the handler runs.
    pub mask: SigSet,
}

impl SigAction {
    /// Whether `signal` is thrown away under this action.
    #[must_use]
    pub const fn ignores(&self, signal: Signal) -> bool {
        match self.handler {
            Handler::Ignore => true,
            Handler::User(_) => false,
            Handler::Default => matches!(signal.default_action(), DefaultAction::Ignore | DefaultAction::Continue),
        }
    }
}

/// The actions for all signals; shared by threads, and by processes with `CLONE_SIGHAND`.
pub struct Actions(IrqLock<[SigAction; COUNT]>);

const COUNT: usize = 64;

impl Actions {
    /// Everything by default.
    #[must_use]
    pub fn new() -> Self {
        Self::from([SigAction::default(); COUNT])
    }

    /// The action for `signal`.
    #[must_use]
    pub fn get(&self, signal: Signal) -> SigAction {
        self.0.lock()[index(signal)]
    }

    /// Installs an action; gives the old one back.
    pub fn set(&self, signal: Signal, action: SigAction) -> SigAction {
        core::mem::replace(&mut self.0.lock()[index(signal)], action)
    }

    /// The action for a signal that is being delivered; a one-shot handler is reset.
    pub(super) fn take(&self, signal: Signal) -> SigAction {
        let mut actions = self.0.lock();
        let action = actions[index(signal)];
        if action.flags.contains(SaFlags::RESETHAND) && matches!(action.handler, Handler::User(_)) {
            actions[index(signal)].handler = Handler::Default;
        }
        action
    }

    /// A copy, for fork.
    #[must_use]
    pub(crate) fn copied(&self) -> Self {
        Self::from(*self.0.lock())
    }

    /// A copy with every handler reset; ignored signals stay ignored (`CLONE_CLEAR_SIGHAND`).
    #[must_use]
    pub(crate) fn cleared(&self) -> Self {
        self.after_exec()
    }

    /// What is left after exec: handlers are gone, ignored signals stay ignored.
    #[must_use]
    pub(crate) fn after_exec(&self) -> Self {
        let kept = |action: &SigAction| match action.handler {
            Handler::Ignore => SigAction { handler: Handler::Ignore, ..SigAction::default() },
            Handler::Default | Handler::User(_) => SigAction::default(),
        };
        Self::from(self.0.lock().each_ref().map(kept))
    }

    /// Whether ended children are not to become zombies.
    pub(crate) fn discards_children(&self) -> bool {
        let action = self.get(Signal::SIGCHLD);
        action.handler == Handler::Ignore || action.flags.contains(SaFlags::NOCLDWAIT)
    }

    /// Whether stops of children are not to be signalled.
    pub(crate) fn ignores_child_stops(&self) -> bool {
        self.get(Signal::SIGCHLD).flags.contains(SaFlags::NOCLDSTOP)
    }

    fn from(actions: [SigAction; COUNT]) -> Self {
        Self(IrqLock::new(Rank::SIGNAL, actions))
    }
}

impl Default for Actions {
    fn default() -> Self {
        Self::new()
    }
}

fn index(signal: Signal) -> usize {
    usize::from(signal.number()) - 1
}
