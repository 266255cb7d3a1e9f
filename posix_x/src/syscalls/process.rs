//! Processes: making, ending and waiting for them; groups and sessions; usage and priority.

use abi::flags::{CloneFlags, WaitOptions};
use abi::signal::Signal;
use abi::types::{CloneArgs, RUsage, SigInfo, Tms};
use abi::{Errno, Pid, Result, UserAddr, UserPtr};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kernel::credentials::{Capability, Credentials};
use kernel::sched;
use kernel::task::limits::Resource;
use kernel::task::{self, CloneRequest, ExitStatus, Process, Task, WaitReport, WaitRequest, WaitTarget, job};
use kernel::time::{self, Duration};
use kernel_core::sched::Nice;
use linux_raw_sys::general as raw;
use zerocopy::IntoBytes;

use super::time::timeval;
use crate::context::{Fast, Hybrid, Legacy};
use crate::user::{UserStruct, read_bytes};

/// fork(2).
pub fn fork(ctx: &mut Legacy<'_>) -> Result<usize> {
    start(ctx, &CloneRequest::fork())
}

/// vfork(2).
pub fn vfork(ctx: &mut Legacy<'_>) -> Result<usize> {
    start(ctx, &CloneRequest::vfork())
}

/// clone(2).
pub fn clone(
    ctx: &mut Legacy<'_>,
    flags: u64,
    stack: u64,
    parent_tid: UserAddr,
    child_tid: UserAddr,
    tls: u64,
) -> Result<usize> {
    const SIGNAL_MASK: u64 = 0xff;
    let known = CloneFlags::from_bits_truncate(flags & 0xffff_ffff & !SIGNAL_MASK);
    let request = CloneRequest {
        flags: known,
        exit_signal: Signal::new(i32::try_from(flags & SIGNAL_MASK).map_err(|_| Errno::EINVAL)?),
        stack,
        tls,
        parent_tid: parent_tid.addr(),
        child_tid: child_tid.addr(),
    };
    start(ctx, &request)
}

/// clone3(2).
pub fn clone3(ctx: &mut Legacy<'_>, args: UserAddr, size: usize) -> Result<usize> {
    let args = read_clone_args(args, size)?;
    let flags = CloneFlags::from_bits(args.flags).ok_or(Errno::EINVAL)?;
    if flags.contains(CloneFlags::DETACHED) || args.set_tid_size != 0 || args.set_tid != 0 {
        return Err(Errno::EINVAL);
    }
    let signal = i32::try_from(args.exit_signal).map_err(|_| Errno::EINVAL)?;
    if signal != 0 && (Signal::new(signal).is_none() || flags.intersects(CloneFlags::THREAD | CloneFlags::PARENT)) {
        return Err(Errno::EINVAL);
    }
    if (args.stack == 0) != (args.stack_size == 0) {
        return Err(Errno::EINVAL);
    }
    let request = CloneRequest {
        flags,
        exit_signal: Signal::new(signal),
        stack: args.stack.checked_add(args.stack_size).ok_or(Errno::EINVAL)?,
        tls: args.tls,
        parent_tid: args.parent_tid,
        child_tid: args.child_tid,
    };
    start(ctx, &request)
}

/// exit(2).
pub fn exit(_: &mut Legacy<'_>, code: i32) -> Result<usize> {
    task::exit_thread(ExitStatus::Exited(code.to_le_bytes()[0]))
}

/// exit_group(2).
pub fn exit_group(_: &mut Legacy<'_>, code: i32) -> Result<usize> {
    task::exit_group(ExitStatus::Exited(code.to_le_bytes()[0]))
}

/// wait4(2).
pub fn wait4(ctx: &mut Legacy<'_>, pid: Pid, status: UserPtr<i32>, options: u32, usage: UserPtr<RUsage>) -> Result<usize> {
    let allowed = WaitOptions::NOHANG
        | WaitOptions::STOPPED
        | WaitOptions::CONTINUED
        | WaitOptions::NOTHREAD
        | WaitOptions::ALL
        | WaitOptions::CLONE;
    let options = WaitOptions::from_bits(options).filter(|&options| allowed.contains(options)).ok_or(Errno::EINVAL)?;
    let target = match pid.raw() {
        i32::MIN => return Err(Errno::ESRCH),
        -1 => WaitTarget::Any,
        0 => WaitTarget::Group(ctx.process().group()),
        group @ ..=-2 => WaitTarget::Group(Pid(-group)),
        1.. => WaitTarget::Pid(pid),
    };
    let Some(report) = task::wait(&WaitRequest { target, options: options | WaitOptions::EXITED })? else { return Ok(0) };
    if let Some(status) = status.non_null() {
        status.put(&report.event.wait_status())?;
    }
    if let Some(usage) = usage.non_null() {
        usage.put(&child_usage(&report))?;
    }
    id(report.pid)
}

/// waitid(2).
pub fn waitid(
    ctx: &mut Legacy<'_>,
    kind: u32,
    which: i32,
    info: UserPtr<SigInfo>,
    options: u32,
    usage: UserPtr<RUsage>,
) -> Result<usize> {
    let options = WaitOptions::from_bits(options).ok_or(Errno::EINVAL)?;
    if !options.intersects(WaitOptions::EXITED | WaitOptions::STOPPED | WaitOptions::CONTINUED) {
        return Err(Errno::EINVAL);
    }
    const ALL: u32 = 0;
    const PID: u32 = 1;
    const GROUP: u32 = 2;
    let target = match (kind, which) {
        (ALL, _) => WaitTarget::Any,
        (PID, 1..) => WaitTarget::Pid(Pid(which)),
        (GROUP, 1..) => WaitTarget::Group(Pid(which)),
        (GROUP, 0) => WaitTarget::Group(ctx.process().group()),
        _ => return Err(Errno::EINVAL),
    };
    let report = task::wait(&WaitRequest { target, options })?;
    if let Some(usage) = usage.non_null()
        && let Some(report) = &report
    {
        usage.put(&child_usage(report))?;
    }
    if let Some(info) = info.non_null() {
        info.put(&report.map_or_else(SigInfo::default, |report| child_info(&report)))?;
    }
    Ok(0)
}

/// setpgid(2).
pub fn setpgid(_: &Hybrid<'_>, pid: Pid, group: Pid) -> Result<usize> {
    job::set_group(pid, group)?;
    Ok(0)
}

/// getpgid(2).
pub fn getpgid(_: &Hybrid<'_>, pid: Pid) -> Result<usize> {
    id(process_or_self(pid)?.group())
}

/// getpgrp(2).
pub fn getpgrp(ctx: &Fast<'_>) -> Result<usize> {
    id(ctx.process().group())
}

/// setsid(2).
pub fn setsid(_: &Hybrid<'_>) -> Result<usize> {
    id(job::new_session()?)
}

/// getsid(2).
pub fn getsid(_: &Hybrid<'_>, pid: Pid) -> Result<usize> {
    id(process_or_self(pid)?.session())
}

/// getrusage(2).
pub fn getrusage(ctx: &Hybrid<'_>, who: i32, to: UserPtr<RUsage>) -> Result<usize> {
    const SELF: i32 = 0;
    const THREAD: i32 = 1;
    let process = ctx.process();
    let usage = match who {
        SELF => own_usage(process),
        raw::RUSAGE_CHILDREN => RUsage { user: timeval(process.children_cpu_time()), ..RUsage::default() },
        THREAD => {
            let (voluntary, involuntary) = ctx.task().switches();
            RUsage { user: timeval(ctx.task().cpu_time()), ..with_switches(own_usage(process), voluntary, involuntary) }
        }
        _ => return Err(Errno::EINVAL),
    };
    to.put(&usage)?;
    Ok(0)
}

/// times(2).
pub fn times(ctx: &Hybrid<'_>, to: UserPtr<Tms>) -> Result<usize> {
    let ticks = |time: Duration| i64::try_from(time::to_user_ticks(time)).unwrap_or(i64::MAX);
    if let Some(to) = to.non_null() {
        let process = ctx.process();
        let children = ticks(process.children_cpu_time());
        to.put(&Tms { utime: ticks(process.cpu_time()), stime: 0, cutime: children, cstime: 0 })?;
    }
    usize::try_from(time::to_user_ticks(time::now().since_boot())).map_err(|_| Errno::EOVERFLOW)
}

/// getpriority(2): 20 less the nice value, so that it is never negative.
pub fn getpriority(ctx: &Hybrid<'_>, which: u32, who: i32) -> Result<usize> {
    let tasks = tasks_named(ctx.task(), which, who)?;
    let lowest = tasks.iter().map(|task| task.scheduling().nice).min().ok_or(Errno::ESRCH)?;
    usize::try_from(20 - i32::from(lowest.get())).map_err(|_| Errno::EINVAL)
}

/// setpriority(2).
pub fn setpriority(ctx: &Hybrid<'_>, which: u32, who: i32, nice: i32) -> Result<usize> {
    let nice = Nice::clamped(nice);
    let mine = ctx.task().credentials();
    let mut result = Err(Errno::ESRCH);
    for task in tasks_named(ctx.task(), which, who)? {
        let one = may_renice(&mine, &task, nice).map(|()| sched::set_nice(&task, nice));
        if result.is_err() || one.is_err() {
            result = one;
        }
    }
    result.map(|()| 0)
}

fn start(ctx: &mut Legacy<'_>, request: &CloneRequest) -> Result<usize> {
    id(task::clone_current(request, ctx.frame())?)
}

fn id(pid: Pid) -> Result<usize> {
    usize::try_from(pid.raw()).map_err(|_| Errno::ESRCH)
}

/// The structure may be shorter than ours, and longer if the rest is zero.
fn read_clone_args(from: UserAddr, size: usize) -> Result<CloneArgs> {
    const MIN: usize = raw::CLONE_ARGS_SIZE_VER0 as usize;
    const PAGE: usize = 4096;
    let known = size_of::<CloneArgs>();
    if size < MIN {
        return Err(Errno::EINVAL);
    }
    if size > PAGE {
        return Err(Errno::E2BIG);
    }
    let mut args = CloneArgs::default();
    read_bytes(from, &mut args.as_mut_bytes()[..size.min(known)])?;
    let mut rest = [0; PAGE];
    let rest = &mut rest[..size.saturating_sub(known)];
    if !rest.is_empty() {
        read_bytes(from.checked_add(known as u64).ok_or(Errno::EFAULT)?, rest)?;
    }
    if rest.iter().any(|&byte| byte != 0) { Err(Errno::E2BIG) } else { Ok(args) }
}

fn child_usage(report: &WaitReport) -> RUsage {
    let count = |faults: u64| i64::try_from(faults).unwrap_or(i64::MAX);
    RUsage {
        user: timeval(report.usage.cpu),
        minor_faults: count(report.usage.minor_faults),
        major_faults: count(report.usage.major_faults),
        ..RUsage::default()
    }
}

fn child_info(report: &WaitReport) -> SigInfo {
    let (code, status) = report.event.code_and_status();
    // As on Linux, waitid leaves the times at zero.
    kernel::signal::SigInfo::child(Signal::SIGCHLD, code, report.pid, report.uid, status, 0).to_abi()
}

fn own_usage(process: &Process) -> RUsage {
    let (minor, major) = process.faults();
    let (voluntary, involuntary) = process
        .threads()
        .iter()
        .map(|task| task.switches())
        .fold((0, 0), |sum: (u64, u64), one| (sum.0 + one.0, sum.1 + one.1));
    let resident = process.main_thread().and_then(|task| task.try_address_space()).map_or(0, |space| space.rss_pages());
    let usage = RUsage {
        user: timeval(process.cpu_time()),
        max_rss: i64::try_from(resident.saturating_mul(4)).unwrap_or(i64::MAX),
        minor_faults: i64::try_from(minor).unwrap_or(i64::MAX),
        major_faults: i64::try_from(major).unwrap_or(i64::MAX),
        ..RUsage::default()
    };
    with_switches(usage, voluntary, involuntary)
}

fn with_switches(usage: RUsage, voluntary: u64, involuntary: u64) -> RUsage {
    RUsage {
        voluntary_switches: i64::try_from(voluntary).unwrap_or(i64::MAX),
        involuntary_switches: i64::try_from(involuntary).unwrap_or(i64::MAX),
        ..usage
    }
}

fn process_or_self(pid: Pid) -> Result<Arc<Process>> {
    match pid.raw() {
        0 => Ok(Arc::clone(task::current().process())),
        _ => task::find_process(pid).ok_or(Errno::ESRCH),
    }
}

/// The threads that `which` and `who` of getpriority(2) name.
fn tasks_named(me: &Task, which: u32, who: i32) -> Result<Vec<Arc<Task>>> {
    let mut tasks = Vec::new();
    match which {
        raw::PRIO_PROCESS => {
            let tid = if who == 0 { me.tid() } else { Pid(who) };
            tasks.extend(task::find_task(tid));
        }
        raw::PRIO_PGRP => {
            let group = if who == 0 { me.process().group() } else { Pid(who) };
            for process in task::group_members(group) {
                tasks.extend(process.threads());
            }
        }
        raw::PRIO_USER => {
            let uid = if who == 0 { me.credentials().uid() } else { who.cast_unsigned() };
            task::for_each_process(|process| {
                tasks.extend(process.threads().into_iter().filter(|task| task.credentials().uid() == uid));
            });
        }
        _ => return Err(Errno::EINVAL),
    }
    Ok(tasks)
}

/// `EPERM` for another user's thread, `EACCES` for more than the limit allows.
fn may_renice(mine: &Credentials, task: &Task, nice: Nice) -> Result<()> {
    let theirs = task.credentials();
    let may = mine.may(Capability::SysNice);
    if mine.euid() != theirs.uid() && mine.euid() != theirs.euid() && !may {
        return Err(Errno::EPERM);
    }
    let ceiling = task.process().limit(Resource::NICE);
    let wanted = u64::from((20 - i32::from(nice.get())).unsigned_abs());
    if nice < task.scheduling().nice && wanted > ceiling && !may {
        return Err(Errno::EACCES);
    }
    Ok(())
}
