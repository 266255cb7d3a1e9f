//! execve(2) and execveat(2).

use abi::flags::AtFlags;
use abi::signal::Signal;
use abi::{Errno, Fd, Result, UserPtr, UserStr};
use alloc::vec;
use kernel::task::{self, ExitStatus};

use crate::context::Legacy;
use crate::exec::{self, Arguments, ExecError};
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
    match run(ctx, dir, path, argv, envp, flags) {
        Ok(()) => Ok(0),
        Err(ExecError::Refused(errno)) => Err(errno),
        Err(ExecError::Unmappable) => task::exit_group(ExitStatus::Killed(Signal::SIGSEGV)),
    }
}

fn run(
    ctx: &mut Legacy<'_>,
    dir: Fd,
    path: UserStr,
    argv: UserPtr<u64>,
    envp: UserPtr<u64>,
    flags: u32,
) -> Result<(), ExecError> {
    let mut name = vec![0; PATH_MAX];
    let (len, Terminated::Yes) = user::read_str(path, &mut name)? else {
        return Err(Errno::ENAMETOOLONG.into());
    };
    if len == 0 && !AtFlags::from_bits_retain(flags).contains(AtFlags::EMPTY_PATH) {
        return Err(Errno::ENOENT.into());
    }
    let args = Arguments::read(ctx.process(), argv, envp)?;
    let flags = AtFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    exec::execute(&task::current(), ctx.frame(), dir, &name[..len], flags, args)
}
