//! prctl(2) and arch_prctl(2): properties of a thread and its process.

use abi::raw::{general, prctl as pr};
use abi::{Errno, Result, UserAddr, UserPtr, UserStr};
use kernel::credentials::{Capability, CapabilitySet, Credentials};
use kernel::task::ProcessFlag;
use kernel_arch::cpu;
use kernel_core::addr::USER_END;

use crate::context::{Fast, FastError, Hybrid};
use crate::user::{self, UserStruct};

/// Bytes of a thread's name, its NUL included (`TASK_COMM_LEN`).
const NAME_LEN: usize = 16;
/// Codes of `asm/prctl.h` beside `ARCH_SET_FS`.
const ARCH_SET_GS: u32 = 0x1001;
const ARCH_GET_FS: u32 = 0x1003;
const ARCH_GET_GS: u32 = 0x1004;

/// prctl(2).
pub fn prctl(ctx: &Hybrid<'_>, option: u32, arg2: u64, arg3: u64, arg4: u64, arg5: u64) -> Result<usize> {
    let unused = |args: &[u64]| if args.iter().all(|arg| *arg == 0) { Ok(()) } else { Err(Errno::EINVAL) };
    match option {
        pr::PR_SET_NAME => set_name(ctx, UserStr(arg2)),
        pr::PR_GET_NAME => get_name(ctx, UserAddr(arg2)),
        pr::PR_SET_PDEATHSIG => {
            ctx.task().set_parent_death_signal(i32::try_from(arg2).map_err(|_| Errno::EINVAL)?)?;
            Ok(0)
        }
        pr::PR_GET_PDEATHSIG => put(arg2, ctx.task().parent_death_signal()),
        pr::PR_SET_DUMPABLE => switch(ctx, ProcessFlag::Dumpable, arg2),
        pr::PR_GET_DUMPABLE => Ok(usize::from(ctx.process().has(ProcessFlag::Dumpable))),
        pr::PR_SET_NO_NEW_PRIVS => {
            unused(&[arg2 ^ 1, arg3, arg4, arg5])?;
            switch(ctx, ProcessFlag::NoNewPrivileges, arg2)
        }
        pr::PR_GET_NO_NEW_PRIVS => {
            unused(&[arg2, arg3, arg4, arg5])?;
            Ok(usize::from(ctx.process().has(ProcessFlag::NoNewPrivileges)))
        }
        pr::PR_SET_CHILD_SUBREAPER => switch(ctx, ProcessFlag::Subreaper, u64::from(arg2 != 0)),
        pr::PR_GET_CHILD_SUBREAPER => put(arg2, i32::from(ctx.process().has(ProcessFlag::Subreaper))),
        pr::PR_SET_KEEPCAPS => set_keep_capabilities(ctx, arg2),
        pr::PR_GET_KEEPCAPS => Ok(usize::from(ctx.task().credentials().keep_capabilities)),
        pr::PR_CAPBSET_READ => {
            let bounding = ctx.task().credentials().capabilities.bounding;
            Ok(usize::from(bounding.0 & capability_bit(arg2)? != 0))
        }
        pr::PR_CAPBSET_DROP => drop_from_bounding(ctx, arg2),
        pr::PR_GET_TID_ADDRESS => {
            UserPtr::<u64>::new(arg2).put(&ctx.task().clear_child_tid())?;
            Ok(0)
        }
        _ => Err(Errno::EINVAL),
    }
}

/// arch_prctl(2).
pub fn arch_prctl(ctx: &Fast<'_>, code: u32, addr: UserPtr<u64>) -> Result<usize, FastError> {
    match code {
        general::ARCH_SET_FS => cpu::set_user_fs(user_base(addr)?),
        ARCH_SET_GS => cpu::set_user_gs(user_base(addr)?),
        ARCH_GET_FS => ctx.write(addr, cpu::user_fs())?,
        ARCH_GET_GS => ctx.write(addr, cpu::user_gs())?,
        _ => return Err(Errno::EINVAL.into()),
    }
    Ok(0)
}

/// arch_prctl(2) when the page is not present.
pub fn arch_prctl_faulting(_: &Hybrid<'_>, code: u32, addr: UserPtr<u64>) -> Result<usize> {
    match code {
        ARCH_GET_FS => addr.put(&cpu::user_fs())?,
        ARCH_GET_GS => addr.put(&cpu::user_gs())?,
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}

/// A segment base must lie in user space.
fn user_base(base: UserPtr<u64>) -> Result<u64> {
    if base.addr() < USER_END { Ok(base.addr()) } else { Err(Errno::EPERM) }
}

fn set_name(ctx: &Hybrid<'_>, name: UserStr) -> Result<usize> {
    let mut buf = [0; NAME_LEN - 1];
    let (len, _) = user::read_str(name, &mut buf)?;
    ctx.task().set_comm(&buf[..len]);
    Ok(0)
}

fn get_name(ctx: &Hybrid<'_>, to: UserAddr) -> Result<usize> {
    let mut buf = [0; NAME_LEN];
    let name = ctx.task().comm();
    buf[..name.len()].copy_from_slice(&name);
    user::write_bytes(to, &buf)?;
    Ok(0)
}

fn switch(ctx: &Hybrid<'_>, flag: ProcessFlag, value: u64) -> Result<usize> {
    match value {
        0 => ctx.process().clear(flag),
        1 => ctx.process().set(flag),
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}

fn set_keep_capabilities(ctx: &Hybrid<'_>, value: u64) -> Result<usize> {
    if value > 1 {
        return Err(Errno::EINVAL);
    }
    let mut new = Credentials::clone(&ctx.task().credentials());
    new.keep_capabilities = value == 1;
    ctx.task().set_credentials(new);
    Ok(0)
}

fn drop_from_bounding(ctx: &Hybrid<'_>, capability: u64) -> Result<usize> {
    let mut new = Credentials::clone(&ctx.task().credentials());
    new.require(Capability::Setpcap)?;
    new.capabilities.bounding.0 &= !capability_bit(capability)?;
    ctx.task().set_credentials(new);
    Ok(0)
}

fn capability_bit(number: u64) -> Result<u64> {
    let bit = u32::try_from(number).ok().and_then(|number| 1_u64.checked_shl(number)).unwrap_or(0);
    if bit & CapabilitySet::FULL.0 == 0 { Err(Errno::EINVAL) } else { Ok(bit) }
}

fn put(to: u64, value: i32) -> Result<usize> {
    UserPtr::<i32>::new(to).put(&value)?;
    Ok(0)
}
