//! New threads and processes (`clone(2)`, `fork(2)`), the first process, and kernel threads.

use super::limits::Resource;
use super::process::NewProcess;
use super::thread::{NewTask, VforkWait};
use super::tree::with_tree;
use super::{Comm, Pid, Process, Task, current};
use crate::credentials::{Capability, Credentials};
use crate::sched::{self, CpuMask};
use crate::signal::{Actions, ThreadSignals};
use abi::flags::CloneFlags;
use abi::signal::Signal;
use abi::{Errno, Result};
use alloc::sync::Arc;
use kernel_arch::context::{Context, UserState};
use kernel_arch::trap::UserFrame;
use kernel_arch::user;
use kernel_core::addr::VirtAddr;
use kernel_core::sched::{Entity, Nice, Policy};

/// What clone(2) asks for, parsed.
#[derive(Clone, Copy, Debug)]
pub struct CloneRequest {
    /// What is shared and set.
    pub flags: CloneFlags,
    /// What the parent gets when the child ends.
    pub exit_signal: Option<Signal>,
    /// The child's stack pointer; 0 keeps the parent's.
    pub stack: u64,
    /// Thread pointer, with `SETTLS`.
    pub tls: u64,
    /// Where the parent's memory gets the id, with `PARENT_SETTID`.
    pub parent_tid: u64,
    /// Where the child's memory gets the id (`CHILD_SETTID`), and the word cleared at its end (`CHILD_CLEARTID`).
    pub child_tid: u64,
}

const UNSUPPORTED: CloneFlags = CloneFlags::NEWNS
    .union(CloneFlags::NEWCGROUP)
    .union(CloneFlags::NEWUTS)
    .union(CloneFlags::NEWIPC)
    .union(CloneFlags::NEWUSER)
    .union(CloneFlags::NEWPID)
    .union(CloneFlags::NEWNET)
    .union(CloneFlags::INTO_CGROUP)
    .union(CloneFlags::PIDFD);

impl CloneRequest {
    /// fork(2).
    #[must_use]
    pub const fn fork() -> Self {
        Self {
            flags: CloneFlags::empty(),
            exit_signal: Some(Signal::SIGCHLD),
            stack: 0,
            tls: 0,
            parent_tid: 0,
            child_tid: 0,
        }
    }

    /// vfork(2).
    #[must_use]
    pub const fn vfork() -> Self {
        Self { flags: CloneFlags::VM.union(CloneFlags::VFORK), ..Self::fork() }
    }

    /// The combinations that clone(2) refuses.
    fn check(&self) -> Result<()> {
        let flags = self.flags;
        let needs = |flag, needed| !flags.contains(flag) || flags.contains(needed);
        if !needs(CloneFlags::THREAD, CloneFlags::SIGHAND)
            || !needs(CloneFlags::SIGHAND, CloneFlags::VM)
            || flags.contains(CloneFlags::FS | CloneFlags::NEWNS)
            || flags.contains(CloneFlags::SIGHAND | CloneFlags::CLEAR_SIGHAND)
        {
            return Err(Errno::EINVAL);
        }
        if flags.intersects(UNSUPPORTED) {
            return Err(Errno::EINVAL);
        }
        // A child of init that becomes init's sibling would have no parent.
        if flags.contains(CloneFlags::PARENT) && current().process().is_init() {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }
}

/// Makes a thread or a process after the running one, whose registers are `frame`. With `VFORK`, returns when the child
/// has given up the shared memory.
///
/// # Errors
/// `EINVAL` for flags that do not go together, `EAGAIN` at a limit, `ENOMEM`.
pub fn clone_current(request: &CloneRequest, frame: &UserFrame) -> Result<Pid> {
    request.check()?;
    let me = current();
    check_process_limit(&me)?;
    sched::reserve_queues(super::thread_count() + 8)?;
    let context = child_context(request, frame)?;
    let parts = Parts::of(&me, request)?;
    let (task, tid) = create(&me, request, context, parts)?;
    store_ids(request, &task, tid);
    let vfork = request.flags.contains(CloneFlags::VFORK).then(VforkWait::new);
    task.vfork.lock().clone_from(&vfork);
    sched::make_runnable(task);
    if let Some(vfork) = vfork {
        vfork.wait();
    }
    Ok(tid)
}

/// Makes the first process: pid 1, in group and session 0 as on Linux, running `entry(argument)` in the kernel.
///
/// # Errors
/// `ENOMEM`.
pub fn spawn_init(entry: fn(usize), argument: usize) -> Result<Pid> {
    sched::reserve_queues(64)?;
    let context = Context::kernel(entry, argument).map_err(|_| Errno::ENOMEM)?;
    let pid = with_tree(super::tree::Tree::free_id)?;
    let process = Process::new(
        &NewProcess {
            pid,
            parent: Pid(0),
            group: Pid(0),
            session: Pid(0),
            exit_signal: Some(Signal::SIGCHLD),
            actions: Arc::new(Actions::new()),
        },
        None,
    );
    let task = Task::new(NewTask {
        tid: pid,
        process: Arc::clone(&process),
        context,
        comm: b"init".iter().copied().collect(),
        credentials: Arc::new(Credentials::root()),
        space: None,
        files: Some(crate::files::FileTable::new()),
        fs: Some(crate::vfs::FsContext::initial()),
        entity: Entity::default(),
        affinity: CpuMask::MAX,
        signals: ThreadSignals::default(),
    });
    process.threads.lock().list.push(Arc::clone(&task));
    with_tree(|tree| {
        tree.add_process(&process);
        tree.add_task(pid, &task);
    });
    sched::make_runnable(task);
    Ok(pid)
}

/// Makes a kernel thread that runs `entry(argument)`, which never returns: it loops, or ends in `exit_thread`.
///
/// # Errors
/// `ENOMEM`.
pub fn spawn_kernel(name: &str, entry: fn(usize), argument: usize) -> Result<()> {
    sched::reserve_queues(64)?;
    let context = Context::kernel(entry, argument).map_err(|_| Errno::ENOMEM)?;
    let process = Process::kernel();
    let task = Task::new(NewTask {
        tid: Pid(0),
        process: Arc::clone(process),
        context,
        comm: name.bytes().take(Comm::new().capacity()).collect(),
        credentials: Arc::new(Credentials::root()),
        space: None,
        files: None,
        fs: None,
        entity: Entity::new(Policy::Normal, Nice::default()),
        affinity: CpuMask::MAX,
        signals: ThreadSignals::default(),
    });
    process.threads.lock().list.push(Arc::clone(&task));
    sched::make_runnable(task);
    Ok(())
}

/// `EAGAIN` when the user has as many threads as `RLIMIT_NPROC` allows; the superuser is exempt.
fn check_process_limit(me: &Task) -> Result<()> {
    let credentials = me.credentials();
    if credentials.uid() == 0 || credentials.may(Capability::SysResource) || credentials.may(Capability::SysAdmin) {
        return Ok(());
    }
    let limit = me.process().limit(Resource::NPROC);
    let count = u64::try_from(super::process_count_of_user(credentials.uid())).unwrap_or(u64::MAX);
    if count >= limit { Err(Errno::EAGAIN) } else { Ok(()) }
}

fn child_context(request: &CloneRequest, frame: &UserFrame) -> Result<Context> {
    let mut registers = *frame;
    registers.rax = 0;
    if request.stack != 0 {
        registers.rsp = request.stack;
    }
    let mut state = UserState::current();
    if request.flags.contains(CloneFlags::SETTLS) {
        if VirtAddr::new(request.tls).as_u64() >= kernel_core::addr::USER_END {
            return Err(Errno::EPERM);
        }
        state.set_fs_base(request.tls);
    }
    Context::user(registers, state).map_err(|_| Errno::ENOMEM)
}

/// What the child shares with the parent, or has a copy of.
struct Parts {
    space: Option<Arc<crate::mm::AddressSpace>>,
    files: Option<Arc<crate::files::FileTable>>,
    fs: Option<Arc<crate::vfs::FsContext>>,
}

impl Parts {
    fn of(me: &Task, request: &CloneRequest) -> Result<Self> {
        let shares = |flag| request.flags.contains(flag);
        let files = me.files();
        let fs = me.fs();
        let files = if shares(CloneFlags::FILES) { files } else { files.fork()? };
        let fs = if shares(CloneFlags::FS) { fs } else { fs.fork() };
        let space = me.address_space();
        let space = if shares(CloneFlags::VM) { space } else { space.fork()? };
        Ok(Self { space: Some(space), files: Some(files), fs: Some(fs) })
    }
}

fn create(me: &Task, request: &CloneRequest, context: Context, parts: Parts) -> Result<(Arc<Task>, Pid)> {
    let flags = request.flags;
    let is_thread = flags.contains(CloneFlags::THREAD);
    let keeps_stack = flags.contains(CloneFlags::VM) && !flags.contains(CloneFlags::VFORK);
    let parent = me.process();
    let actions = if flags.contains(CloneFlags::SIGHAND) {
        parent.actions()
    } else if flags.contains(CloneFlags::CLEAR_SIGHAND) {
        Arc::new(parent.actions().cleared())
    } else {
        Arc::new(parent.actions().copied())
    };
    let tid = with_tree(super::tree::Tree::free_id)?;
    let process = if is_thread {
        Arc::clone(parent)
    } else {
        let above = if flags.contains(CloneFlags::PARENT) { parent.parent_pid() } else { parent.pid() };
        let new = NewProcess {
            pid: tid,
            parent: above,
            group: parent.group(),
            session: parent.session(),
            exit_signal: request.exit_signal,
            actions,
        };
        Process::new(&new, Some(parent))
    };
    let entity = me.scheduling().child();
    let task = Task::new(NewTask {
        tid,
        process: Arc::clone(&process),
        context,
        comm: me.comm(),
        credentials: me.credentials(),
        space: parts.space,
        files: parts.files,
        fs: parts.fs,
        entity,
        affinity: me.affinity(),
        signals: me.signals.for_child(keeps_stack),
    });
    publish(me, request, &task)?;
    Ok((task, tid))
}

/// Makes the child visible, unless the parent has to end or a signal should be handled first.
fn publish(me: &Task, request: &CloneRequest, task: &Arc<Task>) -> Result<()> {
    let is_thread = request.flags.contains(CloneFlags::THREAD);
    let process = task.process();
    with_tree(|tree| {
        let mut threads = process.threads.lock();
        // A process that ends, or execs, takes no new threads.
        if threads.exiting.is_some() || threads.survivor.is_some_and(|survivor| survivor != me.tid()) {
            return Err(Errno::RESTARTNOINTR);
        }
        threads.list.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        threads.list.push(Arc::clone(task));
        drop(threads);
        tree.add_task(task.tid(), task);
        if !is_thread {
            tree.add_process(process);
        }
        Ok(())
    })
}

/// Stores the id where the flags ask for it. The words may be bad: as on Linux, the clone stands all the same.
fn store_ids(request: &CloneRequest, task: &Task, tid: Pid) {
    let bytes = tid.raw().to_le_bytes();
    if request.flags.contains(CloneFlags::PARENT_SETTID) {
        let _ = user::copy_out(VirtAddr::new(request.parent_tid), &bytes);
    }
    if request.flags.contains(CloneFlags::CHILD_SETTID)
        && let Some(space) = task.try_address_space()
    {
        let _ = space.write_bytes(VirtAddr::new(request.child_tid), &bytes);
    }
    if request.flags.contains(CloneFlags::CHILD_CLEARTID) {
        task.set_clear_child_tid(request.child_tid);
    }
}
