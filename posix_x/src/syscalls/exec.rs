//! execve(2) and execveat(2).

use alloc::vec;
use abi::flags::AtFlags;
use abi::{Errno, Fd, Result, UserPtr, UserStr};
use kernel::task;

use crate::context::Legacy;
use crate::exec::{self, Arguments};
use crate::user::{self, Terminated};

/// Longest path, its NUL included.
const PATH_MAX: usize = 4096;

/// execve(2).
pub fn execve(ctx: &mut Legacy<'_>, path: UserStr, argv: UserPtr<u64>, envp: UserPtr<u64>) -> Result<usize> {
    execveat(ctx, Fd::CWD, path, argv, envp, 0)
}

/// execveat(2).
pub fn execveat(
    ctx: &mut Legacy<'_>,
    dir: Fd,
    path: UserStr,
    argv: UserPtr<u64>,
    envp: UserPtr<u64>,
    flags: u32,
) -> Result<usize> {
    let flags = AtFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    let mut name = vec![0; PATH_MAX];
    let (len, Terminated::Yes) = user::read_str(path, &mut name)? else {
        return Err(Errno::ENAMETOOLONG);
    };
    let args = Arguments::read(ctx.process(), argv, envp)?;
    exec::execute(&task::current(), ctx.frame(), dir, &name[..len], flags, args)?;
    Ok(0)
}
