//! Resource limits: getrlimit(2), setrlimit(2), prlimit(2).

use alloc::sync::Arc;

use abi::types::RLimit;
use abi::{Errno, Pid, Result, UserPtr};
use kernel::credentials::{Capability, Credentials};
use kernel::task::limits::{Limit, Resource};
use kernel::task::{self, Process, Task};

use crate::context::{Fast, FastError, Hybrid};
use crate::user::UserStruct;

/// The most descriptors that a limit may allow (`/proc/sys/fs/nr_open`).
const MAX_DESCRIPTORS: u64 = 1 << 20;

/// getrlimit(2).
pub fn getrlimit(ctx: &Fast<'_>, resource: u32, old: UserPtr<RLimit>) -> Result<usize, FastError> {
    let limit = read(ctx.process(), Resource::parse(resource)?);
    ctx.write(old.cast::<[u64; 2]>(), [limit.soft, limit.hard])?;
    Ok(0)
}

/// getrlimit(2) when the page is not present.
pub fn getrlimit_faulting(ctx: &Hybrid<'_>, resource: u32, old: UserPtr<RLimit>) -> Result<usize> {
    old.put(&read(ctx.process(), Resource::parse(resource)?))?;
    Ok(0)
}

/// setrlimit(2).
pub fn setrlimit(ctx: &Hybrid<'_>, resource: u32, new: UserPtr<RLimit>) -> Result<usize> {
    let new = new.get()?;
    write(ctx.process(), Resource::parse(resource)?, new, &ctx.task().credentials())?;
    Ok(0)
}

/// prlimit(2).
pub fn prlimit64(
    ctx: &Hybrid<'_>,
    pid: Pid,
    resource: u32,
    new: UserPtr<RLimit>,
    old: UserPtr<RLimit>,
) -> Result<usize> {
    let new = new.non_null().map(UserStruct::get).transpose()?;
    let target = target(ctx, pid)?;
    let resource = Resource::parse(resource)?;
    let before = read(&target, resource);
    if let Some(new) = new {
        write(&target, resource, new, &ctx.task().credentials())?;
    }
    if let Some(old) = old.non_null() {
        old.put(&before)?;
    }
    Ok(0)
}

/// The process that `pid` names, if the caller may see and set its limits.
fn target(ctx: &Hybrid<'_>, pid: Pid) -> Result<Arc<Process>> {
    if pid.raw() == 0 {
        return Ok(Arc::clone(ctx.process()));
    }
    let task: Arc<Task> = task::find_task(pid).ok_or(Errno::ESRCH)?;
    let (mine, theirs) = (ctx.task().credentials(), task.credentials());
    let same = |theirs: kernel::credentials::Ids, id| theirs.real == id && theirs.effective == id && theirs.saved == id;
    let allowed = same(theirs.user, mine.uid()) && same(theirs.group, mine.gid());
    if !allowed && !Arc::ptr_eq(task.process(), ctx.process()) {
        mine.require(Capability::SysResource)?;
    }
    Ok(Arc::clone(task.process()))
}

fn read(process: &Process, resource: Resource) -> RLimit {
    let Limit { soft, hard } = process.limits().get(resource);
    RLimit { soft, hard }
}

fn write(process: &Process, resource: Resource, new: RLimit, credentials: &Credentials) -> Result<()> {
    if new.soft > new.hard {
        return Err(Errno::EINVAL);
    }
    if resource == Resource::NOFILE && new.hard > MAX_DESCRIPTORS {
        return Err(Errno::EPERM);
    }
    if new.hard > read(process, resource).hard {
        credentials.require(Capability::SysResource)?;
    }
    process.set_limit(resource, Limit { soft: new.soft, hard: new.hard });
    Ok(())
}
