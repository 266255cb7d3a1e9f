//! Identity: who a process is, and the credentials that it acts with (credentials(7), capabilities(7)).

use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::types::{CapData, CapHeader};
use abi::{Errno, Result, UserPtr};
use kernel::credentials::{Capability, CapabilitySet, Credentials, Id, Ids};
use kernel::task;

use crate::context::{Fast, Hybrid};
use crate::user::{self, UserStruct};

/// "Leave this id as it is."
const KEEP: Id = Id::MAX;
/// `NGROUPS_MAX`.
const MAX_GROUPS: usize = 65_536;

/// getpid(2).
pub fn getpid(ctx: &Fast<'_>) -> Result<usize> {
    Ok(ctx.process().pid().raw() as usize)
}

/// getppid(2): 0 when the parent lies outside the process tree.
pub fn getppid(ctx: &Fast<'_>) -> Result<usize> {
    Ok(ctx.process().parent_pid().raw() as usize)
}

/// getuid(2).
pub fn getuid(ctx: &Fast<'_>) -> Result<usize> {
    Ok(ctx.task().credentials().uid() as usize)
}

/// geteuid(2).
pub fn geteuid(ctx: &Fast<'_>) -> Result<usize> {
    Ok(ctx.task().credentials().euid() as usize)
}

/// getgid(2).
pub fn getgid(ctx: &Fast<'_>) -> Result<usize> {
    Ok(ctx.task().credentials().gid() as usize)
}

/// getegid(2).
pub fn getegid(ctx: &Fast<'_>) -> Result<usize> {
    Ok(ctx.task().credentials().egid() as usize)
}

/// setuid(2).
pub fn setuid(ctx: &Hybrid<'_>, uid: u32) -> Result<usize> {
    change(ctx, |new| {
        let ids = set_one(new.user, uid, new.may(Capability::Setuid))?;
        new.change_user(ids);
        Ok(())
    })
}

/// setgid(2).
pub fn setgid(ctx: &Hybrid<'_>, gid: u32) -> Result<usize> {
    change(ctx, |new| {
        new.group = set_one(new.group, gid, new.may(Capability::Setgid))?;
        Ok(())
    })
}

/// setreuid(2).
pub fn setreuid(ctx: &Hybrid<'_>, real: u32, effective: u32) -> Result<usize> {
    change(ctx, |new| {
        let ids = set_two(new.user, real, effective, new.may(Capability::Setuid))?;
        new.change_user(ids);
        Ok(())
    })
}

/// setregid(2).
pub fn setregid(ctx: &Hybrid<'_>, real: u32, effective: u32) -> Result<usize> {
    change(ctx, |new| {
        new.group = set_two(new.group, real, effective, new.may(Capability::Setgid))?;
        Ok(())
    })
}

/// setresuid(2).
pub fn setresuid(ctx: &Hybrid<'_>, real: u32, effective: u32, saved: u32) -> Result<usize> {
    change(ctx, |new| {
        let ids = set_three(new.user, [real, effective, saved], new.may(Capability::Setuid))?;
        new.change_user(ids);
        Ok(())
    })
}

/// setresgid(2).
pub fn setresgid(ctx: &Hybrid<'_>, real: u32, effective: u32, saved: u32) -> Result<usize> {
    change(ctx, |new| {
        new.group = set_three(new.group, [real, effective, saved], new.may(Capability::Setgid))?;
        Ok(())
    })
}

/// getresuid(2).
pub fn getresuid(ctx: &Hybrid<'_>, real: UserPtr<u32>, effective: UserPtr<u32>, saved: UserPtr<u32>) -> Result<usize> {
    put_three(ctx.task().credentials().user, real, effective, saved)
}

/// getresgid(2).
pub fn getresgid(ctx: &Hybrid<'_>, real: UserPtr<u32>, effective: UserPtr<u32>, saved: UserPtr<u32>) -> Result<usize> {
    put_three(ctx.task().credentials().group, real, effective, saved)
}

/// setfsuid(2): answers the old id, changed or not.
pub fn setfsuid(ctx: &Hybrid<'_>, uid: u32) -> Result<usize> {
    let old = ctx.task().credentials();
    if old.user.includes(uid) || old.user.filesystem == uid || old.may(Capability::Setuid) && uid != KEEP {
        let mut new = Credentials::clone(&old);
        new.change_user(Ids { filesystem: uid, ..old.user });
        ctx.task().set_credentials(new);
    }
    Ok(old.user.filesystem as usize)
}

/// setfsgid(2): answers the old id, changed or not.
pub fn setfsgid(ctx: &Hybrid<'_>, gid: u32) -> Result<usize> {
    let old = ctx.task().credentials();
    if old.group.includes(gid) || old.group.filesystem == gid || old.may(Capability::Setgid) && gid != KEEP {
        let mut new = Credentials::clone(&old);
        new.group.filesystem = gid;
        ctx.task().set_credentials(new);
    }
    Ok(old.group.filesystem as usize)
}

/// getgroups(2).
pub fn getgroups(ctx: &Hybrid<'_>, size: i32, list: UserPtr<u32>) -> Result<usize> {
    let size = usize::try_from(size).map_err(|_| Errno::EINVAL)?;
    let credentials = ctx.task().credentials();
    let groups = &credentials.groups;
    if size > 0 {
        if size < groups.len() {
            return Err(Errno::EINVAL);
        }
        user::write_slice(list, groups)?;
    }
    Ok(groups.len())
}

/// setgroups(2).
pub fn setgroups(ctx: &Hybrid<'_>, size: usize, list: UserPtr<u32>) -> Result<usize> {
    ctx.task().credentials().require(Capability::Setgid)?;
    if size > MAX_GROUPS {
        return Err(Errno::EINVAL);
    }
    let mut groups: Vec<Id> = user::read_vec(list, size)?;
    if groups.contains(&KEEP) {
        return Err(Errno::EINVAL);
    }
    groups.sort_unstable();
    change(ctx, |new| {
        new.groups = Arc::from(groups);
        Ok(())
    })
}

/// capget(2).
pub fn capget(ctx: &Hybrid<'_>, header: UserPtr<CapHeader>, data: UserPtr<CapData>) -> Result<usize> {
    let (halves, pid) = match cap_header(header) {
        Err(Errno::EINVAL) if data.is_null() => return Ok(0),
        other => other?,
    };
    let credentials = match pid {
        ..0 => return Err(Errno::EINVAL),
        0 => ctx.task().credentials(),
        pid => task::find_task(abi::Pid(pid)).ok_or(Errno::ESRCH)?.credentials(),
    };
    if data.is_null() {
        return Ok(0);
    }
    let sets = &credentials.capabilities;
    let half = |shift: u32| CapData {
        effective: (sets.effective.0 >> shift) as u32,
        permitted: (sets.permitted.0 >> shift) as u32,
        inheritable: (sets.inheritable.0 >> shift) as u32,
    };
    user::write_slice(data, &[half(0), half(32)][..halves])?;
    Ok(0)
}

/// capset(2): for the calling thread only.
pub fn capset(ctx: &Hybrid<'_>, header: UserPtr<CapHeader>, data: UserPtr<CapData>) -> Result<usize> {
    let (halves, pid) = cap_header(header)?;
    if pid != 0 && pid != ctx.task().tid().raw() {
        return Err(Errno::EPERM);
    }
    let halves: Vec<CapData> = user::read_vec(data, halves)?;
    let join = |part: fn(&CapData) -> u32| {
        let word = |place: usize| halves.get(place).map_or(0, |half| u64::from(part(half)));
        CapabilitySet((word(0) | word(1) << 32) & CapabilitySet::FULL.0)
    };
    let effective = join(|half| half.effective);
    let permitted = join(|half| half.permitted);
    let inheritable = join(|half| half.inheritable);
    change(ctx, |new| {
        let old = new.capabilities;
        let may_inherit = if new.may(Capability::Setpcap) { CapabilitySet::FULL.0 } else { old.inheritable.0 | old.permitted.0 };
        let refused = permitted.0 & !old.permitted.0
            | effective.0 & !permitted.0
            | inheritable.0 & !may_inherit
            | inheritable.0 & !(old.inheritable.0 | old.bounding.0);
        if refused != 0 {
            return Err(Errno::EPERM);
        }
        new.capabilities.effective = effective;
        new.capabilities.permitted = permitted;
        new.capabilities.inheritable = inheritable;
        Ok(())
    })
}

/// Installs what `edit` makes of a copy of the caller's credentials.
fn change(ctx: &Hybrid<'_>, edit: impl FnOnce(&mut Credentials) -> Result<()>) -> Result<usize> {
    let mut new = Credentials::clone(&ctx.task().credentials());
    edit(&mut new)?;
    ctx.task().set_credentials(new);
    Ok(0)
}

/// setuid and setgid: all ids with the capability, else the effective one among real and saved.
fn set_one(old: Ids, id: Id, privileged: bool) -> Result<Ids> {
    if id == KEEP {
        return Err(Errno::EINVAL);
    }
    if privileged {
        return Ok(Ids::all(id));
    }
    if id != old.real && id != old.saved {
        return Err(Errno::EPERM);
    }
    Ok(Ids { effective: id, filesystem: id, ..old })
}

/// setreuid and setregid.
fn set_two(old: Ids, real: Id, effective: Id, privileged: bool) -> Result<Ids> {
    let mut new = old;
    if real != KEEP {
        if real != old.real && real != old.effective && !privileged {
            return Err(Errno::EPERM);
        }
        new.real = real;
    }
    if effective != KEEP {
        if !old.includes(effective) && !privileged {
            return Err(Errno::EPERM);
        }
        new.effective = effective;
    }
    if real != KEEP || effective != KEEP && effective != old.real {
        new.saved = new.effective;
    }
    new.filesystem = new.effective;
    Ok(new)
}

/// setresuid and setresgid.
fn set_three(old: Ids, [real, effective, saved]: [Id; 3], privileged: bool) -> Result<Ids> {
    let allowed = |id| id == KEEP || privileged || old.includes(id);
    if !(allowed(real) && allowed(effective) && allowed(saved)) {
        return Err(Errno::EPERM);
    }
    let pick = |id, kept| if id == KEEP { kept } else { id };
    let effective = pick(effective, old.effective);
    Ok(Ids { real: pick(real, old.real), effective, saved: pick(saved, old.saved), filesystem: effective })
}

fn put_three(ids: Ids, real: UserPtr<u32>, effective: UserPtr<u32>, saved: UserPtr<u32>) -> Result<usize> {
    real.put(&ids.real)?;
    effective.put(&ids.effective)?;
    saved.put(&ids.saved)?;
    Ok(0)
}

/// How many [`CapData`] the header's version means, and its pid. An unknown version is answered with the newest.
fn cap_header(header: UserPtr<CapHeader>) -> Result<(usize, i32)> {
    use abi::raw::general::{
        _LINUX_CAPABILITY_VERSION_1 as VERSION_1, _LINUX_CAPABILITY_VERSION_2 as VERSION_2,
        _LINUX_CAPABILITY_VERSION_3 as VERSION_3,
    };
    let CapHeader { version, pid } = header.get()?;
    match version {
        VERSION_1 => Ok((1, pid)),
        VERSION_2 | VERSION_3 => Ok((2, pid)),
        _ => {
            header.cast::<u32>().put(&VERSION_3)?;
            Err(Errno::EINVAL)
        }
    }
}
