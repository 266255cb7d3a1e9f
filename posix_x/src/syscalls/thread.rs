//! Threads: identity, futexes, and how they are scheduled.

use abi::types::TimeSpec;
use abi::{Errno, Pid, Result, UserAddr, UserPtr};
use alloc::sync::Arc;
use kernel::credentials::Capability;
use kernel::futex::{self, Scope, WakeOp, Word};
use kernel::sched;
use kernel::task::limits::Resource;
use kernel::task::{self, Task};
use kernel::time::{self, ClockId, Duration, Instant};
use kernel_core::sched::{Policy, ROUND_ROBIN_SLICE, RtPriority};
use linux_raw_sys::general as raw;

use super::time::{parse_duration, timespec};
use crate::context::{Fast, Hybrid};
use crate::user::{UserStruct, read_bytes, write_bytes};

/// gettid(2).
pub fn gettid(ctx: &Fast<'_>) -> Result<usize> {
    usize::try_from(ctx.task().tid().raw()).map_err(|_| Errno::ESRCH)
}

/// set_tid_address(2).
pub fn set_tid_address(ctx: &Fast<'_>, address: UserAddr) -> Result<usize> {
    ctx.task().set_clear_child_tid(address.addr());
    gettid(ctx)
}

/// set_robust_list(2).
pub fn set_robust_list(ctx: &Fast<'_>, head: UserAddr, size: usize) -> Result<usize> {
    if size != ROBUST_LIST_HEAD {
        return Err(Errno::EINVAL);
    }
    ctx.task().set_robust_list(head.addr());
    Ok(0)
}

/// get_robust_list(2).
pub fn get_robust_list(ctx: &Hybrid<'_>, pid: Pid, head: UserPtr<u64>, size: UserPtr<usize>) -> Result<usize> {
    let task = task_or_self(pid)?;
    let (mine, theirs) = (ctx.task().credentials(), task.credentials());
    if mine.euid() != theirs.euid() && !mine.may(Capability::SysPtrace) {
        return Err(Errno::EPERM);
    }
    size.put(&ROBUST_LIST_HEAD)?;
    head.put(&task.robust_list())?;
    Ok(0)
}

/// futex(2).
pub fn futex(
    ctx: &Hybrid<'_>,
    address: UserAddr,
    operation: u32,
    value: u32,
    timeout: UserPtr<TimeSpec>,
    address2: UserAddr,
    value3: u32,
) -> Result<usize> {
    let command = operation & !(raw::FUTEX_PRIVATE_FLAG | raw::FUTEX_CLOCK_REALTIME);
    let scope = if operation & raw::FUTEX_PRIVATE_FLAG == 0 { Scope::Shared } else { Scope::Private };
    let word = Word { address: address.addr(), scope };
    let second = Word { address: address2.addr(), scope };
    let count = |number: u32| if number.cast_signed() < 0 { 0 } else { number as usize };
    // These commands take a count where others take the time-out.
    let value2 = || count(u32::try_from(timeout.addr() & 0xffff_ffff).unwrap_or(0));
    let realtime = operation & raw::FUTEX_CLOCK_REALTIME != 0;
    match command {
        raw::FUTEX_WAIT if realtime => Err(Errno::ENOSYS),
        raw::FUTEX_WAIT => {
            let deadline = relative_deadline(timeout)?;
            wait(ctx, word, value, futex::MATCH_ANY, deadline)
        }
        raw::FUTEX_WAIT_BITSET => {
            let clock = if realtime { raw::CLOCK_REALTIME } else { raw::CLOCK_MONOTONIC };
            wait(ctx, word, value, value3, absolute_deadline(clock, timeout)?)
        }
        raw::FUTEX_WAKE => futex::wake(word, count(value), futex::MATCH_ANY),
        raw::FUTEX_WAKE_BITSET => futex::wake(word, count(value), value3),
        raw::FUTEX_REQUEUE | raw::FUTEX_CMP_REQUEUE => {
            if value.cast_signed() < 0 || (timeout.addr() as u32).cast_signed() < 0 {
                return Err(Errno::EINVAL);
            }
            let expected = (command == raw::FUTEX_CMP_REQUEUE).then_some(value3);
            let (woken, moved) = futex::requeue(word, second, count(value), value2(), expected)?;
            Ok(if expected.is_some() { woken + moved } else { woken })
        }
        raw::FUTEX_WAKE_OP => futex::wake_op(word, second, count(value), value2(), &parse_wake_op(value3)?),
        _ => Err(Errno::ENOSYS),
    }
}

/// sched_yield(2).
pub fn sched_yield(_: &Hybrid<'_>) -> Result<usize> {
    sched::yield_now();
    Ok(0)
}

/// sched_setaffinity(2).
pub fn sched_setaffinity(ctx: &Hybrid<'_>, pid: Pid, size: usize, mask: UserAddr) -> Result<usize> {
    let mut bytes = [0; 8];
    let length = size.min(bytes.len());
    read_bytes(mask, &mut bytes[..length])?;
    let task = task_or_self(pid)?;
    require_same_user(ctx.task(), &task)?;
    sched::set_affinity(&task, u64::from_le_bytes(bytes))?;
    Ok(0)
}

/// sched_getaffinity(2): the number of bytes written.
pub fn sched_getaffinity(_: &Hybrid<'_>, pid: Pid, size: usize, mask: UserAddr) -> Result<usize> {
    const WORD: usize = size_of::<u64>();
    if size < WORD || !size.is_multiple_of(WORD) {
        return Err(Errno::EINVAL);
    }
    let allowed = task_or_self(pid)?.affinity() & sched::online_cpus();
    write_bytes(mask, &allowed.to_le_bytes())?;
    Ok(WORD)
}

/// sched_getscheduler(2).
pub fn sched_getscheduler(_: &Hybrid<'_>, pid: Pid) -> Result<usize> {
    let policy = task_or_self(pid)?.scheduling().policy;
    Ok(policy_number(policy) as usize)
}

/// sched_getparam(2).
pub fn sched_getparam(_: &Hybrid<'_>, pid: Pid, to: UserPtr<i32>) -> Result<usize> {
    let priority = task_or_self(pid)?.scheduling().policy.rt_priority();
    to.put(&priority.map_or(0, |priority| i32::from(priority.get())))?;
    Ok(0)
}

/// sched_setscheduler(2).
pub fn sched_setscheduler(ctx: &Hybrid<'_>, pid: Pid, policy: u32, param: UserPtr<i32>) -> Result<usize> {
    let policy = parse_policy(policy & !raw::SCHED_RESET_ON_FORK, param.get()?)?;
    set_policy(ctx.task(), pid, policy)
}

/// sched_setparam(2).
pub fn sched_setparam(ctx: &Hybrid<'_>, pid: Pid, param: UserPtr<i32>) -> Result<usize> {
    let number = policy_number(task_or_self(pid)?.scheduling().policy);
    let policy = parse_policy(number, param.get()?)?;
    set_policy(ctx.task(), pid, policy)
}

/// sched_get_priority_max(2).
pub fn sched_get_priority_max(_: &Fast<'_>, policy: u32) -> Result<usize> {
    priority_range(policy).map(|range| range.1)
}

/// sched_get_priority_min(2).
pub fn sched_get_priority_min(_: &Fast<'_>, policy: u32) -> Result<usize> {
    priority_range(policy).map(|range| range.0)
}

/// sched_rr_get_interval(2).
pub fn sched_rr_get_interval(_: &Hybrid<'_>, pid: Pid, to: UserPtr<TimeSpec>) -> Result<usize> {
    let entity = task_or_self(pid)?.scheduling();
    let slice = match entity.policy {
        Policy::RoundRobin(_) => ROUND_ROBIN_SLICE,
        Policy::Fifo(_) => Duration::ZERO,
        Policy::Normal | Policy::Batch | Policy::Idle => entity.class().quantum(),
    };
    to.put(&timespec(slice))?;
    Ok(0)
}

const ROBUST_LIST_HEAD: usize = size_of::<raw::robust_list_head>();

fn task_or_self(pid: Pid) -> Result<Arc<Task>> {
    match pid.raw() {
        0 => Ok(task::current().to_arc()),
        1.. => task::find_task(pid).ok_or(Errno::ESRCH),
        _ => Err(Errno::EINVAL),
    }
}

/// Waits; one with a deadline goes on with what is left of it after a signal without a handler.
fn wait(ctx: &Hybrid<'_>, word: Word, expected: u32, bits: u32, deadline: Option<Instant>) -> Result<usize> {
    let result = futex::wait(word, expected, bits, deadline);
    if result == Err(Errno::RESTARTSYS) && deadline.is_some() {
        ctx.task().signals.set_restart(resume_wait(word, expected, bits, deadline));
        return Err(Errno::RESTART_RESTARTBLOCK);
    }
    result.map(|()| 0)
}

fn resume_wait(word: Word, expected: u32, bits: u32, deadline: Option<Instant>) -> kernel::signal::Restart {
    alloc::boxed::Box::new(move || {
        let result = futex::wait(word, expected, bits, deadline);
        if result == Err(Errno::RESTARTSYS) {
            task::current().signals.set_restart(resume_wait(word, expected, bits, deadline));
            return Err(Errno::RESTART_RESTARTBLOCK);
        }
        result.map(|()| 0)
    })
}

fn relative_deadline(timeout: UserPtr<TimeSpec>) -> Result<Option<Instant>> {
    let Some(timeout) = timeout.non_null() else { return Ok(None) };
    Ok(Some(time::now() + parse_duration(&timeout.get()?)?))
}

fn absolute_deadline(clock: u32, timeout: UserPtr<TimeSpec>) -> Result<Option<Instant>> {
    let Some(timeout) = timeout.non_null() else { return Ok(None) };
    let at = parse_duration(&timeout.get()?)?;
    let clock = ClockId::parse(clock.cast_signed())?;
    Ok(clock.instant_at(at))
}

/// The operation word of `FUTEX_WAKE_OP`: operation, comparison, and a signed operand of 12 bits for each.
fn parse_wake_op(word: u32) -> Result<WakeOp> {
    let signed = |bits: u32| ((bits << 20).cast_signed() >> 20).cast_unsigned();
    let mut operand = signed(word >> 12 & 0xfff);
    let operation = word >> 28 & 0xf;
    if operation & raw::FUTEX_OP_OPARG_SHIFT != 0 {
        operand = 1u32.checked_shl(operand & 31).unwrap_or(0);
    }
    let operation: fn(u32, u32) -> u32 = match operation & 7 {
        raw::FUTEX_OP_SET => |_, operand| operand,
        raw::FUTEX_OP_ADD => u32::wrapping_add,
        raw::FUTEX_OP_OR => |old, operand| old | operand,
        raw::FUTEX_OP_ANDN => |old, operand| old & !operand,
        raw::FUTEX_OP_XOR => |old, operand| old ^ operand,
        _ => return Err(Errno::ENOSYS),
    };
    let comparison: fn(u32, u32) -> bool = match word >> 24 & 0xf {
        raw::FUTEX_OP_CMP_EQ => |old, other| old == other,
        raw::FUTEX_OP_CMP_NE => |old, other| old != other,
        raw::FUTEX_OP_CMP_LT => |old, other| old.cast_signed() < other.cast_signed(),
        raw::FUTEX_OP_CMP_LE => |old, other| old.cast_signed() <= other.cast_signed(),
        raw::FUTEX_OP_CMP_GT => |old, other| old.cast_signed() > other.cast_signed(),
        raw::FUTEX_OP_CMP_GE => |old, other| old.cast_signed() >= other.cast_signed(),
        _ => return Err(Errno::ENOSYS),
    };
    Ok(WakeOp { operation, operand, comparison, comparand: signed(word & 0xfff) })
}

fn policy_number(policy: Policy) -> u32 {
    match policy {
        Policy::Normal => raw::SCHED_NORMAL,
        Policy::Batch => raw::SCHED_BATCH,
        Policy::Idle => raw::SCHED_IDLE,
        Policy::Fifo(_) => raw::SCHED_FIFO,
        Policy::RoundRobin(_) => raw::SCHED_RR,
    }
}

fn parse_policy(number: u32, priority: i32) -> Result<Policy> {
    let realtime = u8::try_from(priority).ok().and_then(RtPriority::new);
    match (number, realtime) {
        (raw::SCHED_FIFO, Some(priority)) => Ok(Policy::Fifo(priority)),
        (raw::SCHED_RR, Some(priority)) => Ok(Policy::RoundRobin(priority)),
        (raw::SCHED_NORMAL, None) if priority == 0 => Ok(Policy::Normal),
        (raw::SCHED_BATCH, None) if priority == 0 => Ok(Policy::Batch),
        (raw::SCHED_IDLE, None) if priority == 0 => Ok(Policy::Idle),
        _ => Err(Errno::EINVAL),
    }
}

fn priority_range(policy: u32) -> Result<(usize, usize)> {
    match policy {
        raw::SCHED_FIFO | raw::SCHED_RR => Ok((1, 99)),
        raw::SCHED_NORMAL | raw::SCHED_BATCH | raw::SCHED_IDLE => Ok((0, 0)),
        _ => Err(Errno::EINVAL),
    }
}

fn set_policy(me: &Task, pid: Pid, policy: Policy) -> Result<usize> {
    let task = task_or_self(pid)?;
    require_same_user(me, &task)?;
    let ceiling = task.process().limit(Resource::RTPRIO);
    let wanted = policy.rt_priority().map_or(0, |priority| u64::from(priority.get()));
    if wanted > ceiling && !me.credentials().may(Capability::SysNice) {
        return Err(Errno::EPERM);
    }
    sched::set_policy(&task, policy);
    Ok(0)
}

fn require_same_user(me: &Task, other: &Task) -> Result<()> {
    let (mine, theirs) = (me.credentials(), other.credentials());
    if mine.euid() == theirs.euid() || mine.euid() == theirs.uid() || mine.may(Capability::SysNice) {
        return Ok(());
    }
    Err(Errno::EPERM)
}
