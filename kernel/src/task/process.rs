//! One process: a thread group, what its threads share, and its accounts.
//!
//! Parent, group and session are written under the tree's lock and read without it.

use super::limits::{Limit, Limits, Resource};
use super::status::ExitStatus;
use super::{FIELDS, Pid, Task};
use crate::signal::{Actions, SharedSignals, StopState};
use crate::time::{Instant, now};
use crate::tty::Tty;
use crate::vfs::Path;
use abi::signal::Signal;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use kernel_sync::{IrqLock, Once, Rank, SpinLock, WaitQueue};

mod accounts;
mod timers;

pub use accounts::FaultKind;
pub use timers::{CpuTimer, IntervalTimer};
use timers::Timers;

/// One process.
pub struct Process {
    pid: Pid,
    parent: AtomicI32,
    group: AtomicI32,
    session: AtomicI32,
    pub(super) exit_signal: AtomicI32,
    pub(crate) threads: IrqLock<Threads>,
    /// Pending signals of the process.
    pub(crate) shared: SharedSignals,
    actions: IrqLock<Arc<Actions>>,
    limits: IrqLock<Limits>,
    /// Woken when a child ends, stops or continues.
    pub(super) children_changed: WaitQueue,
    /// Woken when a thread leaves.
    pub(super) threads_changed: WaitQueue,
    flags: AtomicU32,
    exe: SpinLock<Option<Path>>,
    command_line: SpinLock<CommandLine>,
    terminal: IrqLock<Option<Arc<Tty>>>,
    cpu_ns: AtomicU64,
    /// CPU time at which a timer or limit is due, or `u64::MAX`.
    cpu_due_ns: AtomicU64,
    timers: Timers,
    pub(super) children_cpu_ns: AtomicU64,
    minor_faults: AtomicU64,
    major_faults: AtomicU64,
    remains: IrqLock<Remains>,
    started: Instant,
}

/// The threads of a process and what has been decided about them.
pub(crate) struct Threads {
    pub(crate) list: Vec<Arc<Task>>,
    /// How the process ends, once that is decided.
    pub(crate) exiting: Option<ExitStatus>,
    /// The thread that must stay while the others end, for exec.
    pub(crate) survivor: Option<Pid>,
    pub(crate) stop: StopState,
}

/// Where a process's arguments and environment lie in its memory, for `/proc`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// First byte of the arguments.
    pub arguments_start: u64,
    /// Past their last byte.
    pub arguments_end: u64,
    /// First byte of the environment.
    pub environment_start: u64,
    /// Past its last byte.
    pub environment_end: u64,
    /// First byte of the stack's contents.
    pub stack_start: u64,
}

/// A yes-or-no property of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum ProcessFlag {
    /// It has called exec since its fork.
    Executed = 1,
    /// Orphans among its descendants become its children (`PR_SET_CHILD_SUBREAPER`).
    Subreaper = 2,
    /// Others of its user may inspect it (`PR_SET_DUMPABLE`).
    Dumpable = 4,
    /// Exec grants no privileges (`PR_SET_NO_NEW_PRIVS`).
    NoNewPrivileges = 8,
    /// It exec'd a set-id program.
    Secure = 16,
}

/// What a new process starts with.
pub(super) struct NewProcess {
    pub pid: Pid,
    pub parent: Pid,
    pub group: Pid,
    pub session: Pid,
    pub exit_signal: Option<Signal>,
    pub actions: Arc<Actions>,
}

impl Process {
    /// A process without threads.
    pub(super) fn new(new: &NewProcess, model: Option<&Process>) -> Arc<Self> {
        let flags = model.map_or(ProcessFlag::Dumpable as u32, |model| {
            let inherited = ProcessFlag::Dumpable as u32 | ProcessFlag::NoNewPrivileges as u32 | ProcessFlag::Secure as u32;
            model.flags.load(Ordering::Relaxed) & inherited
        });
        Arc::new(Self {
            pid: new.pid,
            parent: AtomicI32::new(new.parent.raw()),
            group: AtomicI32::new(new.group.raw()),
            session: AtomicI32::new(new.session.raw()),
            exit_signal: AtomicI32::new(new.exit_signal.map_or(0, |signal| i32::from(signal.number()))),
            threads: IrqLock::new(
                Rank::PROCESS,
                Threads { list: Vec::new(), exiting: None, survivor: None, stop: StopState::default() },
            ),
            shared: SharedSignals::default(),
            actions: IrqLock::new(FIELDS, Arc::clone(&new.actions)),
            limits: IrqLock::new(FIELDS, model.map_or(Limits::INITIAL, |model| *model.limits.lock())),
            children_changed: WaitQueue::new(),
            threads_changed: WaitQueue::new(),
            flags: AtomicU32::new(flags),
            exe: SpinLock::new(FIELDS, model.and_then(Process::exe)),
            command_line: SpinLock::new(FIELDS, model.map_or_else(CommandLine::default, Process::command_line)),
            terminal: IrqLock::new(FIELDS, model.and_then(Process::tty)),
            cpu_ns: AtomicU64::new(0),
            cpu_due_ns: AtomicU64::new(u64::MAX),
            timers: Timers::new(),
            children_cpu_ns: AtomicU64::new(0),
            minor_faults: AtomicU64::new(0),
            major_faults: AtomicU64::new(0),
            remains: IrqLock::new(FIELDS, Remains::default()),
            started: now(),
        })
    }

    /// The process of all kernel threads: pid 0, in no tree.
    pub(crate) fn kernel() -> &'static Arc<Process> {
        static KERNEL: Once<Arc<Process>> = Once::new();
        KERNEL.call_once(|| {
            let none = Pid(0);
            let actions = Arc::new(Actions::new());
            Process::new(
                &NewProcess { pid: none, parent: none, group: none, session: none, exit_signal: None, actions },
                None,
            )
        })
    }

    /// Process id.
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// The parent's pid; 0 for init.
    #[must_use]
    pub fn parent_pid(&self) -> Pid {
        Pid(self.parent.load(Ordering::Relaxed))
    }

    /// The parent.
    #[must_use]
    pub fn parent(&self) -> Option<Arc<Process>> {
        super::find_process(self.parent_pid())
    }

    /// Process group id.
    #[must_use]
    pub fn group(&self) -> Pid {
        Pid(self.group.load(Ordering::Relaxed))
    }

    /// Session id.
    #[must_use]
    pub fn session(&self) -> Pid {
        Pid(self.session.load(Ordering::Relaxed))
    }

    pub(super) fn set_parent(&self, pid: Pid) {
        self.parent.store(pid.raw(), Ordering::Relaxed);
    }

    pub(super) fn set_group(&self, pid: Pid) {
        self.group.store(pid.raw(), Ordering::Relaxed);
    }

    pub(super) fn set_session(&self, pid: Pid) {
        self.session.store(pid.raw(), Ordering::Relaxed);
    }

    /// Whether it leads its session.
    #[must_use]
    pub fn is_session_leader(&self) -> bool {
        self.session() == self.pid
    }

    /// Whether it is the first process, which signals do not kill.
    #[must_use]
    pub const fn is_init(&self) -> bool {
        self.pid.raw() == 1
    }

    /// Its threads.
    #[must_use]
    pub fn threads(&self) -> Vec<Arc<Task>> {
        self.threads.lock().list.clone()
    }

    /// How many threads it has; 0 for a zombie.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        self.threads.lock().list.len()
    }

    /// The first thread, while it lives; else any other.
    #[must_use]
    pub fn main_thread(&self) -> Option<Arc<Task>> {
        let threads = self.threads.lock();
        threads.list.iter().find(|task| task.tid() == self.pid).or(threads.list.first()).cloned()
    }

    /// Whether its end has been decided.
    #[must_use]
    pub fn is_exiting(&self) -> bool {
        self.threads.lock().exiting.is_some()
    }

    /// Whether it ended and waits to be waited for.
    #[must_use]
    pub fn is_zombie(&self) -> bool {
        let threads = self.threads.lock();
        threads.exiting.is_some() && threads.list.is_empty()
    }

    /// Name and user of its last thread, once that has ended.
    #[must_use]
    pub fn remains(&self) -> Remains {
        self.remains.lock().clone()
    }

    pub(super) fn set_remains(&self, remains: Remains) {
        *self.remains.lock() = remains;
    }

    /// Its real user.
    #[must_use]
    pub fn owner(&self) -> u32 {
        self.main_thread().map_or_else(|| self.remains.lock().uid, |task| task.credentials().uid())
    }

    /// Whether job control has stopped it.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.threads.lock().stop.is_complete()
    }

    /// The signal handlers, perhaps shared with other processes.
    #[must_use]
    pub fn actions(&self) -> Arc<Actions> {
        Arc::clone(&self.actions.lock())
    }

    pub(super) fn replace_actions(&self, actions: Arc<Actions>) {
        let old = core::mem::replace(&mut *self.actions.lock(), actions);
        drop(old);
    }

    /// The resource limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        *self.limits.lock()
    }

    /// The soft limit of `resource`.
    #[must_use]
    pub fn limit(&self, resource: Resource) -> u64 {
        self.limits.lock().get(resource).soft
    }

    /// Replaces one limit and gives the old one back; rights have been checked.
    pub fn set_limit(&self, resource: Resource, limit: Limit) -> Limit {
        let old = {
            let mut limits = self.limits.lock();
            let old = limits.get(resource);
            limits.set(resource, limit);
            old
        };
        if resource == Resource::CPU {
            self.rearm_cpu_timers();
            crate::sched::review_timers(self);
        }
        old
    }

    /// Whether the property holds.
    #[must_use]
    pub fn has(&self, flag: ProcessFlag) -> bool {
        self.flags.load(Ordering::Relaxed) & flag as u32 != 0
    }

    /// Makes the property hold.
    pub fn set(&self, flag: ProcessFlag) {
        self.flags.fetch_or(flag as u32, Ordering::Relaxed);
    }

    /// Makes the property not hold.
    pub fn clear(&self, flag: ProcessFlag) {
        self.flags.fetch_and(!(flag as u32), Ordering::Relaxed);
    }

    /// The program that it runs.
    #[must_use]
    pub fn exe(&self) -> Option<Path> {
        self.exe.lock().clone()
    }

    pub(super) fn set_exe(&self, exe: Option<Path>) {
        let old = core::mem::replace(&mut *self.exe.lock(), exe);
        drop(old);
    }

    /// Where its arguments and environment lie.
    #[must_use]
    pub fn command_line(&self) -> CommandLine {
        *self.command_line.lock()
    }

    pub(super) fn set_command_line(&self, command_line: CommandLine) {
        *self.command_line.lock() = command_line;
    }

    /// The controlling terminal.
    #[must_use]
    pub fn tty(&self) -> Option<Arc<Tty>> {
        self.terminal.lock().clone()
    }

    /// Installs a controlling terminal, or takes it away.
    pub(super) fn set_tty(&self, tty: Option<Arc<Tty>>) {
        let old = core::mem::replace(&mut *self.terminal.lock(), tty);
        drop(old);
    }

    /// When the process was created.
    #[must_use]
    pub const fn started(&self) -> Instant {
        self.started
    }
}

/// What is left of a process that ended, for `ps`.
#[derive(Clone, Debug, Default)]
pub struct Remains {
    /// The name of its last thread.
    pub comm: super::Comm,
    /// Real user.
    pub uid: u32,
    /// Real group.
    pub gid: u32,
}
