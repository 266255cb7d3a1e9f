//! Signal state of one thread, and the pending signals of a process.

use super::SigInfo;
use crate::task::{self, Task};
use abi::Result;
use abi::signal::{SigSet, Signal};
use alloc::boxed::Box;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use kernel_core::sigset::{PendingSignals, QueueFull};
use kernel_sync::{IrqLock, Rank};

/// How an interrupted call goes on when no handler ran (`restart_syscall(2)`).
pub type Restart = Box<dyn FnOnce() -> Result<usize> + Send>;

/// The alternate signal stack (`sigaltstack(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AltStack {
    /// Lowest address.
    pub base: u64,
    /// Bytes; 0 when there is none.
    pub size: u64,
    /// Disarmed while a handler runs on it (`SS_AUTODISARM`).
    pub autodisarm: bool,
}

impl AltStack {
    /// Whether a stack pointer lies on it.
    #[must_use]
    pub const fn contains(&self, rsp: u64) -> bool {
        !self.autodisarm && rsp > self.base && rsp - self.base <= self.size
    }
}

/// The last exception of a thread, for its signal frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fault {
    /// The exception.
    pub vector: u32,
    /// Its error code.
    pub error: u64,
    /// The address of a page fault.
    pub address: u64,
}

/// Signal state of one thread.
pub struct ThreadSignals {
    blocked: AtomicU64,
    /// The mask while sigtimedwait(2) has opened some signals, which still count as blocked when it comes to ignoring.
    waited_for: AtomicU64,
    pub(super) pending: IrqLock<PendingSignals<SigInfo>>,
    /// There may be something to do on the way to user space.
    flag: AtomicBool,
    local: IrqLock<Local>,
}

/// What only the thread itself uses.
#[derive(Default)]
struct Local {
    saved_mask: Option<SigSet>,
    alt_stack: AltStack,
    restart: Option<Restart>,
    fault: Fault,
}

impl Default for ThreadSignals {
    fn default() -> Self {
        Self::with(SigSet::EMPTY, AltStack::default())
    }
}

impl ThreadSignals {
    fn with(blocked: SigSet, alt_stack: AltStack) -> Self {
        Self {
            blocked: AtomicU64::new(blocked.0),
            waited_for: AtomicU64::new(0),
            pending: IrqLock::new(Rank::SIGNAL, PendingSignals::new()),
            flag: AtomicBool::new(false),
            local: IrqLock::new(crate::task::FIELDS, Local { alt_stack, ..Local::default() }),
        }
    }

    /// State of a new thread or process: the same mask, nothing pending; the alternate stack stays behind when the child
    /// runs in the same memory on a stack of its own.
    pub(crate) fn for_child(&self, shares_memory: bool) -> Self {
        let alt_stack = if shares_memory { AltStack::default() } else { self.alt_stack() };
        Self::with(self.blocked(), alt_stack)
    }

    /// Blocked signals.
    #[must_use]
    pub fn blocked(&self) -> SigSet {
        SigSet(self.blocked.load(Ordering::SeqCst))
    }

    /// Blocked signals, and those that sigtimedwait(2) has opened.
    pub(super) fn blocked_or_waited_for(&self) -> SigSet {
        self.blocked() | SigSet(self.waited_for.load(Ordering::Relaxed))
    }

    pub(super) fn set_waited_for(&self, set: SigSet) {
        self.waited_for.store(set.0, Ordering::Relaxed);
    }

    pub(super) fn store_blocked(&self, set: SigSet) {
        self.blocked.store((set & !SigSet::UNBLOCKABLE).0, Ordering::SeqCst);
    }

    /// Signals pending for this thread alone.
    #[must_use]
    pub fn pending_set(&self) -> SigSet {
        self.pending.lock().set()
    }

    /// The alternate stack.
    #[must_use]
    pub fn alt_stack(&self) -> AltStack {
        self.local.lock().alt_stack
    }

    /// Sets the alternate stack.
    pub fn set_alt_stack(&self, stack: AltStack) {
        self.local.lock().alt_stack = stack;
    }

    /// Takes the mask that a call put aside, for the signal frame or for the return.
    pub fn take_saved_mask(&self) -> Option<SigSet> {
        self.local.lock().saved_mask.take()
    }

    /// Says how an interrupted call goes on.
    pub fn set_restart(&self, restart: Restart) {
        let old = self.local.lock().restart.replace(restart);
        drop(old);
    }

    /// How the interrupted call goes on.
    pub fn take_restart(&self) -> Option<Restart> {
        self.local.lock().restart.take()
    }

    /// The last exception.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.local.lock().fault
    }

    /// Notes an exception.
    pub fn set_fault(&self, fault: Fault) {
        self.local.lock().fault = fault;
    }

    pub(crate) fn is_flagged(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    pub(super) fn raise_flag(&self) {
        self.flag.store(true, Ordering::SeqCst);
    }

    pub(crate) fn reset_for_exec(&self) {
        let old = core::mem::take(&mut *self.local.lock());
        drop(old);
    }

    fn save_mask(&self, mask: SigSet) {
        self.local.lock().saved_mask = Some(mask);
    }
}

/// Pending signals of a process, for whichever thread takes them.
pub(crate) struct SharedSignals(IrqLock<PendingSignals<SigInfo>>);

impl Default for SharedSignals {
    fn default() -> Self {
        Self(IrqLock::new(Rank::SIGNAL, PendingSignals::new()))
    }
}

impl SharedSignals {
    /// The pending signals.
    pub(crate) fn set(&self) -> SigSet {
        self.0.lock().set()
    }

    /// Drops all of them.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    pub(super) fn post(&self, info: SigInfo, limit: usize) -> Result<(), QueueFull> {
        self.0.lock().post(info.signal, info, limit)
    }

    pub(super) fn discard(&self, set: SigSet) {
        self.0.lock().discard(set);
    }

    pub(super) fn next(&self, blocked: SigSet) -> Option<Signal> {
        self.0.lock().next(blocked)
    }

    pub(super) fn take(&self, signal: Signal) -> Option<Option<SigInfo>> {
        self.0.lock().take(signal)
    }
}

/// Looks whether a signal, a stop or the end of the process really waits for the thread; the flag then tells the truth.
#[must_use]
pub fn recheck_pending(task: &Task) -> bool {
    let signals = &task.signals;
    if !signals.is_flagged() {
        return false;
    }
    // Cleared before the look, and set by others after they post: nothing that is posted meanwhile is lost.
    signals.flag.store(false, Ordering::SeqCst);
    let open = (signals.pending_set() | task.process().shared.set()) & !signals.blocked();
    let called = task.process().threads.lock().calls_for(task.tid());
    let waits = !open.is_empty() || called;
    if waits {
        signals.raise_flag();
    }
    waits
}

impl Task {
    /// Replaces the signal mask of the running thread.
    pub fn set_blocked(&self, set: SigSet) {
        let newly = set & !self.signals.blocked();
        self.signals.store_blocked(set);
        self.signals.raise_flag();
        if recheck_pending(self) {
            kernel_arch::trap::set_work_pending();
        }
        if !newly.is_empty() && !(self.process().shared.set() & newly).is_empty() {
            super::send::retarget(self.process(), self);
        }
    }
}

/// Replaces the mask for the rest of the running call; the old one comes back when the call returns, after a handler that
/// interrupted it has been entered (`sigsuspend(2)`, `ppoll(2)`).
pub fn set_temporary_mask(set: SigSet) {
    let me = task::current();
    me.signals.save_mask(me.signals.blocked());
    me.set_blocked(set);
    kernel_arch::trap::set_work_pending();
}
