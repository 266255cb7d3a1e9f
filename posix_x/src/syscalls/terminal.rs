//! ioctl(2): the commands that every descriptor has; the others are the file's.

use abi::flags::{FileKind, OpenFlags};
use abi::{Fd, Result};
use kernel::files::{CloseOnExec, Control};
use kernel::ioctl as argument_of;
use kernel::vfs::File;
use linux_raw_sys::ioctl::{FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX, FIONREAD};

use crate::context::Hybrid;

/// ioctl(2).
pub fn ioctl(ctx: &Hybrid<'_>, fd: Fd, command: u32, argument: u64) -> Result<usize> {
    let file = ctx.task().files().get::<Control>(fd.raw())?;
    match command {
        FIOCLEX => mark(ctx, fd, CloseOnExec::Yes),
        FIONCLEX => mark(ctx, fd, CloseOnExec::No),
        FIONBIO => set_flag(&file, OpenFlags::NONBLOCK, argument),
        FIOASYNC => set_flag(&file, OpenFlags::ASYNC, argument),
        FIONREAD if file.inode().kind() == FileKind::Regular => {
            let left = file.inode().size().saturating_sub(file.position());
            argument_of::put_count(argument, usize::try_from(left).unwrap_or(usize::MAX))
        }
        _ => file.ops().ioctl(&file, command, argument),
    }
}

fn mark(ctx: &Hybrid<'_>, fd: Fd, mark: CloseOnExec) -> Result<usize> {
    ctx.task().files().set_close_on_exec(fd.raw(), mark)?;
    Ok(0)
}

fn set_flag(file: &File, flag: OpenFlags, argument: u64) -> Result<usize> {
    let on = argument_of::get_i32(argument)? != 0;
    file.set_flags(if on { flag } else { OpenFlags::empty() }, flag)?;
    Ok(0)
}
