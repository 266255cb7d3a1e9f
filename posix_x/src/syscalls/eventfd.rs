//! eventfd(2).

use abi::flags::{EventFdFlags, OpenFlags};
use abi::{Errno, Result};
use kernel::events::eventfd::{self, Take};
use kernel::files::CloseOnExec;

use super::file::number;
use crate::context::Hybrid;

/// eventfd(2) without flags.
pub fn eventfd(ctx: &Hybrid<'_>, count: u32) -> Result<usize> {
    eventfd2(ctx, count, 0)
}

/// eventfd(2).
pub fn eventfd2(ctx: &Hybrid<'_>, count: u32, flags: u32) -> Result<usize> {
    let flags = EventFdFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    let take = if flags.contains(EventFdFlags::SEMAPHORE) { Take::One } else { Take::All };
    let status = if flags.contains(EventFdFlags::NONBLOCK) { OpenFlags::NONBLOCK } else { OpenFlags::empty() };
    let mark = CloseOnExec::when(flags.contains(EventFdFlags::CLOEXEC));
    let files = ctx.task().files();
    files.require_room()?;
    number(files.insert_file(eventfd::open(count, take, status), mark))
}
