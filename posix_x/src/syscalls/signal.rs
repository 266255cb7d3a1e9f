//! Signals: actions, masks, sending, waiting (`signal(7)`).

use abi::flags::{MaskHow, SaFlags};
use abi::signal::{SigSet, Signal};
use abi::types::{self, StackT, TimeSpec};
use abi::{Errno, Pid, Result, UserPtr};
use kernel::signal::{self, Handler, SigAction, SigInfo};
use kernel::task;
use kernel::time;

use super::time::parse_duration;
use crate::context::{Fast, FastError, Hybrid, Legacy};
use crate::signal as delivery;
use crate::user::UserStruct;

/// rt_sigaction(2).
pub fn rt_sigaction(
    ctx: &Hybrid<'_>,
    number: i32,
    new: UserPtr<types::SigAction>,
    old: UserPtr<types::SigAction>,
    set_size: usize,
) -> Result<usize> {
    check_size(set_size)?;
    let signal = Signal::new(number).ok_or(Errno::EINVAL)?;
    let new = new.non_null().map(UserStruct::get).transpose()?.map(|action| parse_action(&action));
    if new.is_some() && SigSet::UNBLOCKABLE.contains(signal) {
        return Err(Errno::EINVAL);
    }
    let actions = ctx.process().actions();
    let before = match new {
        Some(action) => signal::set_action(ctx.process(), signal, action),
        None => actions.get(signal),
    };
    if let Some(old) = old.non_null() {
        old.put(&describe_action(&before))?;
    }
    Ok(0)
}

/// rt_sigprocmask(2).
pub fn rt_sigprocmask(
    ctx: &Fast<'_>,
    how: u32,
    set: UserPtr<u64>,
    old: UserPtr<u64>,
    set_size: usize,
) -> Result<usize, FastError> {
    check_size(set_size)?;
    let task = ctx.task();
    let before = task.signals.blocked();
    let after = match set.non_null() {
        Some(set) => Some(changed_mask(before, how, ctx.read(set)?)?),
        None => None,
    };
    if let Some(old) = old.non_null() {
        ctx.write(old, before.0)?;
    }
    if let Some(after) = after {
        task.set_blocked(after);
    }
    Ok(0)
}

/// rt_sigprocmask(2) when a page is not present.
pub fn rt_sigprocmask_faulting(
    ctx: &Hybrid<'_>,
    how: u32,
    set: UserPtr<u64>,
    old: UserPtr<u64>,
    set_size: usize,
) -> Result<usize> {
    check_size(set_size)?;
    let task = ctx.task();
    let before = task.signals.blocked();
    let after = set.non_null().map(|set| changed_mask(before, how, set.get()?)).transpose()?;
    if let Some(after) = after {
        task.set_blocked(after);
    }
    if let Some(old) = old.non_null() {
        old.put(&before.0)?;
    }
    Ok(0)
}

/// rt_sigpending(2).
pub fn rt_sigpending(_: &Hybrid<'_>, set: UserPtr<u64>, set_size: usize) -> Result<usize> {
    check_size(set_size)?;
    set.put(&signal::pending().0)?;
    Ok(0)
}

/// rt_sigsuspend(2).
pub fn rt_sigsuspend(_: &Hybrid<'_>, set: UserPtr<u64>, set_size: usize) -> Result<usize> {
    check_size(set_size)?;
    let mask = SigSet(set.get()?);
    signal::set_temporary_mask(mask);
    signal::wait_for_any();
    Err(Errno::RESTARTNOHAND)
}

/// pause(2).
pub fn pause(_: &Hybrid<'_>) -> Result<usize> {
    signal::wait_for_any();
    Err(Errno::RESTARTNOHAND)
}

/// rt_sigtimedwait(2).
pub fn rt_sigtimedwait(
    _: &Hybrid<'_>,
    set: UserPtr<u64>,
    info: UserPtr<types::SigInfo>,
    timeout: UserPtr<TimeSpec>,
    set_size: usize,
) -> Result<usize> {
    check_size(set_size)?;
    let set = SigSet(set.get()?);
    let timeout = timeout.non_null().map(|timeout| parse_duration(&timeout.get()?)).transpose()?;
    let found = signal::wait_for(set, timeout.map(|timeout| time::now() + timeout))?;
    if let Some(info) = info.non_null() {
        info.put(&found.to_abi())?;
    }
    Ok(usize::from(found.signal.number()))
}

/// rt_sigqueueinfo(2).
pub fn rt_sigqueueinfo(ctx: &Hybrid<'_>, pid: Pid, number: i32, info: UserPtr<types::SigInfo>) -> Result<usize> {
    let info: types::SigInfo = info.get()?;
    if forges_origin(&info) && pid != ctx.process().pid() {
        return Err(Errno::EPERM);
    }
    let target = task::find_process(pid).ok_or(Errno::ESRCH)?;
    let signal = parse_number(number)?;
    signal::check_permission(&target, signal)?;
    if let Some(signal) = signal {
        signal::send_to_process(&target, SigInfo::from_abi(signal, &info))?;
    }
    Ok(0)
}

/// rt_tgsigqueueinfo(2).
pub fn rt_tgsigqueueinfo(
    ctx: &Hybrid<'_>,
    pid: Pid,
    tid: Pid,
    number: i32,
    info: UserPtr<types::SigInfo>,
) -> Result<usize> {
    if pid.raw() <= 0 || tid.raw() <= 0 {
        return Err(Errno::EINVAL);
    }
    let info: types::SigInfo = info.get()?;
    if forges_origin(&info) && pid != ctx.process().pid() {
        return Err(Errno::EPERM);
    }
    let signal = parse_number(number)?;
    let info = signal.map(|signal| SigInfo::from_abi(signal, &info));
    signal::send_to_thread_of(Some(pid), tid, info, signal)?;
    Ok(0)
}

/// rt_sigreturn(2).
pub fn rt_sigreturn(ctx: &mut Legacy<'_>) -> Result<usize> {
    let result = delivery::sigreturn(ctx.frame());
    if result.is_err() {
        signal::force(SigInfo::forced(Signal::SIGSEGV));
    }
    Ok(result.unwrap_or(0))
}

/// restart_syscall(2).
pub fn restart_syscall(ctx: &Hybrid<'_>) -> Result<usize> {
    let restart = ctx.task().signals.take_restart().ok_or(Errno::EINTR)?;
    restart()
}

/// sigaltstack(2).
pub fn sigaltstack(ctx: &mut Legacy<'_>, new: UserPtr<StackT>, old: UserPtr<StackT>) -> Result<usize> {
    let rsp = ctx.frame().rsp;
    let before = delivery::describe_stack(&ctx.task().signals.alt_stack(), rsp);
    if let Some(new) = new.non_null() {
        let new: StackT = new.get()?;
        delivery::install_stack(&new, rsp)?;
    }
    if let Some(old) = old.non_null() {
        old.put(&before)?;
    }
    Ok(0)
}

/// kill(2).
pub fn kill(_: &Hybrid<'_>, pid: Pid, number: i32) -> Result<usize> {
    signal::kill(pid.raw(), parse_number(number)?)?;
    Ok(0)
}

/// tgkill(2).
pub fn tgkill(_: &Hybrid<'_>, pid: Pid, tid: Pid, number: i32) -> Result<usize> {
    if pid.raw() <= 0 || tid.raw() <= 0 {
        return Err(Errno::EINVAL);
    }
    let signal = parse_number(number)?;
    signal::send_to_thread_of(Some(pid), tid, signal.map(SigInfo::tkill), signal)?;
    Ok(0)
}

/// tkill(2).
pub fn tkill(_: &Hybrid<'_>, tid: Pid, number: i32) -> Result<usize> {
    if tid.raw() <= 0 {
        return Err(Errno::EINVAL);
    }
    let signal = parse_number(number)?;
    signal::send_to_thread_of(None, tid, signal.map(SigInfo::tkill), signal)?;
    Ok(0)
}

fn check_size(set_size: usize) -> Result<()> {
    if set_size == SigSet::BYTES { Ok(()) } else { Err(Errno::EINVAL) }
}

/// A signal number; 0 asks for the checks only.
fn parse_number(number: i32) -> Result<Option<Signal>> {
    if number == 0 {
        return Ok(None);
    }
    Signal::new(number).map(Some).ok_or(Errno::EINVAL)
}

/// Whether the siginfo claims to come from the kernel or from kill(2).
const fn forges_origin(info: &types::SigInfo) -> bool {
    info.code >= 0 || info.code == linux_raw_sys::general::SI_TKILL
}

fn changed_mask(before: SigSet, how: u32, set: u64) -> Result<SigSet> {
    let set = SigSet(set);
    Ok(match MaskHow::from_raw(how).ok_or(Errno::EINVAL)? {
        MaskHow::Block => before | set,
        MaskHow::Unblock => before & !set,
        MaskHow::Set => set,
    })
}

fn parse_action(action: &types::SigAction) -> SigAction {
    SigAction {
        handler: match action.handler {
            0 => Handler::Default,
            1 => Handler::Ignore,
            address => Handler::User(address),
        },
        // Unknown flags are dropped; programs probe for them by reading back.
        flags: SaFlags::from_bits_truncate(action.flags) - SaFlags::UNSUPPORTED - SaFlags::EXPOSE_TAGBITS,
        restorer: action.restorer,
        mask: SigSet(action.mask) & !SigSet::UNBLOCKABLE,
    }
}

fn describe_action(action: &SigAction) -> types::SigAction {
    types::SigAction {
        handler: match action.handler {
            Handler::Default => 0,
            Handler::Ignore => 1,
            Handler::User(address) => address,
        },
        flags: action.flags.bits(),
        restorer: action.restorer,
        mask: action.mask.0,
    }
}

