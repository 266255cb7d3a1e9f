//! One thread: its registers and stack, its handles on shared things, its signal state.

use super::{FIELDS, Pid, Process};
use crate::credentials::Credentials;
use crate::files::FileTable;
use crate::mm::AddressSpace;
use crate::sched::{self, SchedState, ThreadState};
use crate::signal::ThreadSignals;
use crate::time::{Duration, Instant};
use crate::vfs::FsContext;
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use arrayvec::ArrayVec;
use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use kernel_arch::context::Context;
use kernel_core::sched::{Entity, Nice, Policy};
use kernel_sync::{IrqLock, SpinLock, WaitQueue};

/// The name of a thread, without its NUL (`TASK_COMM_LEN` less one).
pub type Comm = ArrayVec<u8, 15>;

/// One thread.
pub struct Task {
    this: Weak<Task>,
    tid: AtomicI32,
    process: Arc<Process>,
    /// Taken only by `Drop`.
    context: Option<Context>,
    comm: SpinLock<Comm>,
    credentials: IrqLock<Arc<Credentials>>,
    space: SpinLock<Option<Arc<AddressSpace>>>,
    files: SpinLock<Option<Arc<FileTable>>>,
    fs: SpinLock<Option<Arc<FsContext>>>,
    pub(crate) sched: SchedState,
    /// Mask, pending signals, alternate stack.
    pub signals: ThreadSignals,
    /// Cleared and woken when the thread ends (`set_tid_address(2)`).
    clear_child_tid: AtomicU64,
    robust_list: AtomicU64,
    parent_death_signal: AtomicI32,
    pub(super) vfork: SpinLock<Option<Arc<VforkWait>>>,
    started: Instant,
}

/// What a vfork parent waits for: that its child gives up the shared memory.
pub(crate) struct VforkWait {
    done: core::sync::atomic::AtomicBool,
    queue: WaitQueue,
}

impl VforkWait {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { done: core::sync::atomic::AtomicBool::new(false), queue: WaitQueue::new() })
    }

    fn complete(&self) {
        self.done.store(true, Ordering::Release); // Pairs with the Acquire in wait().
        self.queue.wake_all();
    }

    /// Sleeps until the child lets go, or this process has to end.
    pub(super) fn wait(&self) {
        let over = || (self.done.load(Ordering::Acquire) || super::current().process().is_exiting()).then_some(());
        // Without a deadline and uninterruptible, the wait ends only with its condition.
        let _ = self.queue.wait_until(kernel_sync::Wait::UNINTERRUPTIBLE, over);
    }
}

/// What a new thread starts with.
pub(super) struct NewTask {
    pub tid: Pid,
    pub process: Arc<Process>,
    pub context: Context,
    pub comm: Comm,
    pub credentials: Arc<Credentials>,
    pub space: Option<Arc<AddressSpace>>,
    pub files: Option<Arc<FileTable>>,
    pub fs: Option<Arc<FsContext>>,
    pub entity: Entity,
    pub affinity: sched::CpuMask,
    pub signals: ThreadSignals,
}

impl Task {
    pub(super) fn new(new: NewTask) -> Arc<Self> {
        let state = SchedState::new(new.entity, new.affinity);
        Self::build(new, state)
    }

    /// The idle thread of this CPU, around the running boot code.
    pub(crate) fn new_idle(state: SchedState) -> Arc<Self> {
        let mut comm = Comm::new();
        comm.extend(*b"idle");
        let new = NewTask {
            tid: Pid(0),
            process: Arc::clone(Process::kernel()),
            context: Context::idle(),
            comm,
            credentials: Arc::new(Credentials::root()),
            space: None,
            files: None,
            fs: None,
            entity: Entity::new(Policy::Idle, Nice::MAX),
            affinity: sched::CpuMask::MAX,
            signals: ThreadSignals::default(),
        };
        Self::build(new, state)
    }

    fn build(new: NewTask, state: SchedState) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            tid: AtomicI32::new(new.tid.raw()),
            process: new.process,
            context: Some(new.context),
            comm: SpinLock::new(FIELDS, new.comm),
            credentials: IrqLock::new(FIELDS, new.credentials),
            space: SpinLock::new(FIELDS, new.space),
            files: SpinLock::new(FIELDS, new.files),
            fs: SpinLock::new(FIELDS, new.fs),
            sched: state,
            signals: new.signals,
            clear_child_tid: AtomicU64::new(0),
            robust_list: AtomicU64::new(0),
            parent_death_signal: AtomicI32::new(0),
            vfork: SpinLock::new(FIELDS, None),
            started: crate::time::now(),
        })
    }

    /// Thread id; that of a process's first thread is the pid.
    #[must_use]
    pub fn tid(&self) -> Pid {
        Pid(self.tid.load(Ordering::Relaxed))
    }

    pub(super) fn set_tid(&self, tid: Pid) {
        self.tid.store(tid.raw(), Ordering::Relaxed);
    }

    /// The process that the thread belongs to.
    #[must_use]
    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// A counted handle on this thread, for keeping.
    pub(crate) fn weak_self(&self) -> &Weak<Task> {
        &self.this
    }

    pub(crate) fn context(&self) -> &Context {
        let Some(context) = &self.context else { unreachable!("a thread that was dropped runs") };
        context
    }

    /// The name that `ps` shows.
    #[must_use]
    pub fn comm(&self) -> Comm {
        self.comm.lock().clone()
    }

    /// Renames the thread; the name ends at a NUL and is cut to 15 bytes.
    pub fn set_comm(&self, name: &[u8]) {
        *self.comm.lock() = name.iter().copied().take_while(|&byte| byte != 0).take(15).collect();
    }

    /// What the thread acts with.
    #[must_use]
    pub fn credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.credentials.lock())
    }

    /// Installs new credentials for this thread alone, as Linux does; its process's user follows its first thread.
    pub fn set_credentials(&self, credentials: Credentials) {
        let new = Arc::new(credentials);
        let old = core::mem::replace(&mut *self.credentials.lock(), new);
        drop(old);
    }

    /// The address space of a user thread. Panics for a kernel thread.
    #[must_use]
    pub fn address_space(&self) -> Arc<AddressSpace> {
        let Some(space) = self.try_address_space() else { panic!("a kernel thread has no address space") };
        space
    }

    /// The address space; `None` for a kernel thread and one that is ending.
    #[must_use]
    pub fn try_address_space(&self) -> Option<Arc<AddressSpace>> {
        self.space.lock().clone()
    }

    pub(crate) fn space_arc(&self) -> Option<Arc<AddressSpace>> {
        self.try_address_space()
    }

    pub(super) fn replace_space(&self, space: Option<Arc<AddressSpace>>) -> Option<Arc<AddressSpace>> {
        core::mem::replace(&mut *self.space.lock(), space)
    }

    /// The descriptor table.
    ///
    /// Panics for a kernel thread without one.
    #[must_use]
    pub fn files(&self) -> Arc<FileTable> {
        let Some(files) = self.try_files() else { panic!("a thread without descriptors uses one") };
        files
    }

    /// The descriptor table; `None` for a kernel thread and one that is ending.
    #[must_use]
    pub fn try_files(&self) -> Option<Arc<FileTable>> {
        self.files.lock().clone()
    }

    /// Installs a descriptor table and gives the old one back (`unshare`, exec).
    pub fn replace_files(&self, files: Option<Arc<FileTable>>) -> Option<Arc<FileTable>> {
        core::mem::replace(&mut *self.files.lock(), files)
    }

    /// Root, current directory and umask.
    ///
    /// Panics for a kernel thread without them.
    #[must_use]
    pub fn fs(&self) -> Arc<FsContext> {
        let Some(fs) = self.try_fs() else { panic!("a thread without a root directory uses a path") };
        fs
    }

    /// Root, current directory and umask; `None` for a kernel thread and one that is ending.
    #[must_use]
    pub fn try_fs(&self) -> Option<Arc<FsContext>> {
        self.fs.lock().clone()
    }

    /// Installs root, current directory and umask and gives the old ones back.
    pub fn replace_fs(&self, fs: Option<Arc<FsContext>>) -> Option<Arc<FsContext>> {
        core::mem::replace(&mut *self.fs.lock(), fs)
    }

    /// CPU time of the thread.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        if super::try_current().is_some_and(|current| core::ptr::eq(&raw const *current, self)) {
            sched::account_current();
        }
        self.sched.cpu_time()
    }

    /// When the thread was created.
    #[must_use]
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// Where the thread is in its life.
    #[must_use]
    pub fn state(&self) -> ThreadState {
        self.sched.state()
    }

    /// The CPU that it runs on, or ran on last.
    #[must_use]
    pub fn cpu(&self) -> usize {
        self.sched.cpu()
    }

    /// Policy, nice value and burst estimate as they stand.
    #[must_use]
    pub fn scheduling(&self) -> Entity {
        self.sched.entity()
    }

    /// CPUs that the thread may run on.
    #[must_use]
    pub fn affinity(&self) -> sched::CpuMask {
        self.sched.affinity()
    }

    /// Voluntary and involuntary context switches.
    #[must_use]
    pub fn switches(&self) -> (u64, u64) {
        self.sched.switches()
    }

    /// Whether a signal or the end of the process waits for the thread.
    #[must_use]
    pub fn signal_pending(&self) -> bool {
        crate::signal::recheck_pending(self)
    }

    /// Whether the thread should take the slow way back to user space.
    pub(crate) fn has_user_work(&self) -> bool {
        self.signals.is_flagged()
    }

    /// Sets the word that is cleared and woken when the thread ends.
    pub fn set_clear_child_tid(&self, address: u64) {
        self.clear_child_tid.store(address, Ordering::Relaxed);
    }

    /// The word that is cleared and woken when the thread ends, or 0.
    #[must_use]
    pub fn clear_child_tid(&self) -> u64 {
        self.clear_child_tid.load(Ordering::Relaxed)
    }

    /// Sets the head of the robust futex list.
    pub fn set_robust_list(&self, address: u64) {
        self.robust_list.store(address, Ordering::Relaxed);
    }

    /// The head of the robust futex list, or 0.
    #[must_use]
    pub fn robust_list(&self) -> u64 {
        self.robust_list.load(Ordering::Relaxed)
    }

    /// The signal that the thread gets when its parent ends, or 0 (`PR_SET_PDEATHSIG`).
    #[must_use]
    pub fn parent_death_signal(&self) -> i32 {
        self.parent_death_signal.load(Ordering::Relaxed)
    }

    /// Sets the signal that the thread gets when its parent ends.
    ///
    /// # Errors
    /// `EINVAL` for a number that is neither 0 nor a signal.
    pub fn set_parent_death_signal(&self, number: i32) -> Result<()> {
        if number != 0 && abi::signal::Signal::new(number).is_none() {
            return Err(Errno::EINVAL);
        }
        self.parent_death_signal.store(number, Ordering::Relaxed);
        Ok(())
    }

    /// Lets a vfork parent go on.
    pub(super) fn release_vfork_parent(&self) {
        let waiting = self.vfork.lock().take();
        if let Some(waiting) = waiting {
            waiting.complete();
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(context) = self.context.take() {
            sched::bury_context(context);
        }
    }
}
