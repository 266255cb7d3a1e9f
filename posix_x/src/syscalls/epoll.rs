//! epoll(7).

use abi::flags::{EpollFlags, OpenFlags};
use abi::types::{EpollEvent, TimeSpec};
use abi::{Errno, Fd, Result, UserPtr};
use kernel::events::epoll::{self, Change, Interest};
use kernel::files::{CloseOnExec, Poll};
use kernel::poll::Timeout;
use kernel::task::Task;
use linux_raw_sys::general as raw;

use super::file::number;
use super::poll::{after_ms, read_timespec, set_mask};
use crate::capability::file;
use crate::context::Hybrid;
use crate::user::UserStruct;

/// The most events of one call.
const EVENTS_MAX: usize = i32::MAX as usize / size_of::<EpollEvent>();

/// epoll_create(2); the size says nothing, but must be one.
pub fn epoll_create(ctx: &Hybrid<'_>, size: i32) -> Result<usize> {
    if size <= 0 {
        return Err(Errno::EINVAL);
    }
    epoll_create1(ctx, 0)
}

/// epoll_create1(2).
pub fn epoll_create1(ctx: &Hybrid<'_>, flags: u32) -> Result<usize> {
    let flags = OpenFlags::from_bits(flags).filter(|flags| OpenFlags::CLOEXEC.contains(*flags)).ok_or(Errno::EINVAL)?;
    let mark = CloseOnExec::when(flags.contains(OpenFlags::CLOEXEC));
    let files = ctx.task().files();
    files.require_room()?;
    number(files.insert_file(epoll::open(OpenFlags::empty()), mark))
}

/// epoll_ctl(2).
pub fn epoll_ctl(ctx: &Hybrid<'_>, epoll: Fd, operation: u32, fd: Fd, event: UserPtr<EpollEvent>) -> Result<usize> {
    let change = match operation {
        raw::EPOLL_CTL_DEL => Some(Change::Remove),
        _ => {
            let event = event.get()?;
            let data = u64::from(event.data[0]) | u64::from(event.data[1]) << 32;
            let interest = Interest { flags: EpollFlags::from_bits_retain(event.events), data };
            match operation {
                raw::EPOLL_CTL_ADD => Some(Change::Add(interest)),
                raw::EPOLL_CTL_MOD => Some(Change::Modify(interest)),
                _ => None,
            }
        }
    };
    let set = file::<Poll>(ctx.task(), epoll)?;
    let target = file::<Poll>(ctx.task(), fd)?;
    epoll::check_target(&target)?;
    let instance = epoll::of(&set)?;
    if core::ptr::eq::<kernel::vfs::File>(&*set, &*target) {
        return Err(Errno::EINVAL);
    }
    instance.change(fd.raw(), target.file(), change.ok_or(Errno::EINVAL)?)?;
    Ok(0)
}

/// epoll_wait(2).
pub fn epoll_wait(
    ctx: &Hybrid<'_>,
    epoll: Fd,
    events: UserPtr<EpollEvent>,
    count: i32,
    timeout_ms: i32,
) -> Result<usize> {
    wait(ctx.task(), epoll, events, count, after_ms(timeout_ms))
}

/// epoll_pwait(2).
pub fn epoll_pwait(
    ctx: &Hybrid<'_>,
    epoll: Fd,
    events: UserPtr<EpollEvent>,
    count: i32,
    timeout_ms: i32,
    mask: UserPtr<u64>,
    set_size: usize,
) -> Result<usize> {
    set_mask(mask, set_size)?;
    wait(ctx.task(), epoll, events, count, after_ms(timeout_ms))
}

/// epoll_pwait2(2).
pub fn epoll_pwait2(
    ctx: &Hybrid<'_>,
    epoll: Fd,
    events: UserPtr<EpollEvent>,
    count: i32,
    timeout: UserPtr<TimeSpec>,
    mask: UserPtr<u64>,
    set_size: usize,
) -> Result<usize> {
    let timeout = read_timespec(timeout)?;
    set_mask(mask, set_size)?;
    wait(ctx.task(), epoll, events, count, timeout)
}

fn wait(task: &Task, epoll: Fd, events: UserPtr<EpollEvent>, count: i32, timeout: Timeout) -> Result<usize> {
    let limit = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
    if limit == 0 || limit > EVENTS_MAX {
        return Err(Errno::EINVAL);
    }
    let set = file::<Poll>(task, epoll)?;
    let instance = epoll::of(&set)?;
    instance.wait(limit, timeout, |index, found, data| {
        let to = events.add(index).ok_or(Errno::EFAULT)?;
        to.put(&EpollEvent { events: found, data: [data as u32, (data >> 32) as u32] })
    })
}
