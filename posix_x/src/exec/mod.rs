//! Exec: a process's program is replaced by another (execve(2)).
//!
//! Layers: [`strings`] copies arguments in under their limits; [`program`] finds the file to load, through `#!` lines, and reads
//! its load plans; [`layout`] draws the random places of the new address space; [`load`] builds that space, stack
//! included, while the old one still stands. Everything that can fail for lack of memory or because of the file happens
//! there. Then comes the point of no return: the other threads end, and [`kernel::task::replace_program`] swaps
//! address space, credentials, descriptors and handlers in one go.

mod layout;
mod load;
mod program;
mod strings;

use core::convert::Infallible;

use abi::flags::AtFlags;
use abi::{Errno, Fd, Result};
use elf::stack::StringList;
use kernel::task::{self, ExecImage, Task};
use kernel_arch::trap::UserFrame;
use kernel_arch::{context, cpu, fpu};

use program::{Program, Start};
pub use strings::Arguments;

/// Why exec did not happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExecError {
    /// The old program goes on and sees this error.
    Refused(Errno),
    /// The file passed every check and still cannot be mapped, as when it is cut short: Linux notices once the old
    /// program is gone, and kills the process with `SIGSEGV`.
    Unmappable,
}

impl From<Errno> for ExecError {
    fn from(errno: Errno) -> Self {
        Self::Refused(errno)
    }
}

/// execve(2) and execveat(2) once their arguments are copied: on success the frame is that of the new program.
///
/// # Errors
/// Those of execve(2).
pub fn execute(
    task: &Task,
    frame: &mut UserFrame,
    dir: Fd,
    path: &[u8],
    flags: AtFlags,
    args: Arguments,
) -> Result<(), ExecError> {
    let start = Start::new(task, dir, path, flags)?;
    let program = Program::find(task, start, args)?;
    let (space, entry) = load::build(task, &program).map_err(|errno| match errno {
        Errno::ENOMEM | Errno::E2BIG => ExecError::Refused(errno),
        _ => ExecError::Unmappable,
    })?;
    task::become_only_thread()?;
    task::replace_program(ExecImage {
        space,
        comm: program.comm(),
        exe: Some(program.file.path().clone()),
        command_line: entry.command_line,
        credentials: program.credentials.clone(),
        secure: program.secure,
    })?;
    fpu::reset();
    cpu::set_user_fs(0);
    cpu::set_user_gs(0);
    *frame = UserFrame::start(entry.rip, entry.rsp);
    Ok(())
}

/// Starts the first program on the running kernel thread, which is that of init; returns only when it cannot.
///
/// # Errors
/// Those of execve(2).
pub fn run_init(path: &[u8], argv: &[&[u8]], envp: &[&[u8]]) -> Result<Infallible> {
    let mut args = Arguments { argv: StringList::new(), envp: StringList::new() };
    for arg in argv {
        args.argv.push(arg).map_err(|_| Errno::ENOMEM)?;
    }
    for variable in envp {
        args.envp.push(variable).map_err(|_| Errno::ENOMEM)?;
    }
    let mut frame = UserFrame::default();
    match execute(&task::current(), &mut frame, Fd::CWD, path, AtFlags::empty(), args) {
        Ok(()) => context::enter_user(&frame),
        Err(ExecError::Refused(errno)) => Err(errno),
        Err(ExecError::Unmappable) => Err(Errno::ENOEXEC),
    }
}
