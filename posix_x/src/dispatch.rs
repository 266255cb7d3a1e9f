//! Dispatch: the rows of the system-call table as entries for the CPU.
//!
//! Every row becomes an `extern "C"` function that turns registers into the handler's arguments and its result into what
//! `rax` shall hold. A Fast row without a second handler takes one that returns `Result<usize>`, so it cannot escalate; with
//! a second handler it returns `Result<usize, FastError>`.

use abi::table::args::*;
use abi::table::{SYSCALLS, Sysno};
use abi::{Errno, FromReg, Result};
use kernel_arch::syscall::{self, ESCALATE, SyscallEntry, SyscallTable};
use kernel_arch::trap::{self, UserFrame};

use kernel::mm::oom;

use crate::context::{Fast, FastError, Hybrid, Legacy};
use crate::syscalls;

const _: () = assert!(SYSCALLS == syscall::SYSCALLS, "the entry code and the table disagree on its size");

/// Calls `$f` with a context and as many of the registers as it has arguments.
macro_rules! invoke {
    ($f:path; ($($done:expr),*); ($($reg:ident)*);) => { $f($($done),*) };
    ($f:path; ($($done:expr),*); ($reg:ident $($regs:ident)*); ($type:ty) $(($types:ty))*) => {
        invoke!($f; ($($done,)* <$type as FromReg>::from_reg($reg)); ($($regs)*); $(($types))*)
    };
}

/// One entry function.
macro_rules! entry {
    (Fast $name:ident $handler:path; $(($type:ty))*) => {
        pub extern "C" fn $name(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> i64 {
            let _ = [a, b, c, d, e, f];
            Errno::encode(invoke!($handler; (&Fast::enter()); (a b c d e f); $(($type))*))
        }
    };
    (Escalating $name:ident $handler:path; $(($type:ty))*) => {
        pub extern "C" fn $name(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> i64 {
            let _ = [a, b, c, d, e, f];
            finish_escalating(invoke!($handler; (&Fast::enter()); (a b c d e f); $(($type))*))
        }
    };
    (Hybrid $row:ident $name:ident $handler:path; $(($type:ty))*) => {
        pub extern "C" fn $name(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> i64 {
            let _ = [a, b, c, d, e, f];
            if const { makes_objects(Sysno::$row) } && oom::require_memory().is_err() {
                return Errno::encode(Err(Errno::ENOMEM));
            }
            finish(invoke!($handler; (&Hybrid::enter()); (a b c d e f); $(($type))*))
        }
    };
    (Legacy $row:ident $name:ident $handler:path; $(($type:ty))*) => {
        pub extern "C" fn $name(frame: &mut UserFrame) -> i64 {
            let UserFrame { rdi: a, rsi: b, rdx: c, r10: d, r8: e, r9: f, .. } = *frame;
            let _ = [a, b, c, d, e, f];
            if const { makes_objects(Sysno::$row) } && oom::require_memory().is_err() {
                return Errno::encode(Err(Errno::ENOMEM));
            }
            finish(invoke!($handler; (&mut Legacy::enter(frame)); (a b c d e f); $(($type))*))
        }
    };
}

/// The entry functions of one row, in a module of its name.
macro_rules! row {
    (Fast $name:ident $handler:path; $(($type:ty))* => $second:path) => {
        pub mod $name {
            use super::super::*;
            entry!(Escalating first $handler; $(($type))*);
            entry!(Hybrid $name second $second; $(($type))*);
            pub const ENTRY: SyscallEntry = SyscallEntry::fast_with(first, second);
        }
    };
    (Fast $name:ident $handler:path; $(($type:ty))*) => {
        pub mod $name {
            use super::super::*;
            entry!(Fast first $handler; $(($type))*);
            pub const ENTRY: SyscallEntry = SyscallEntry::fast(first);
        }
    };
    (Hybrid $name:ident $handler:path; $(($type:ty))*) => {
        pub mod $name {
            use super::super::*;
            entry!(Hybrid $name first $handler; $(($type))*);
            pub const ENTRY: SyscallEntry = SyscallEntry::hybrid(first);
        }
    };
    (Legacy $name:ident $handler:path; $(($type:ty))*) => {
        pub mod $name {
            use super::super::*;
            entry!(Legacy $name first $handler; $(($type))*);
            pub const ENTRY: SyscallEntry = SyscallEntry::legacy(first);
        }
    };
}

macro_rules! table {
    ($(
        $number:ident $name:ident $path:ident $module:ident :: $handler:ident ( $($arg:ident : $type:ty),* )
        $(=> $second_module:ident :: $second:ident)? $(partial $note:literal)? ;
    )*) => {
        mod rows {
            $(row!($path $name syscalls::$module::$handler; $(($type))* $(=> syscalls::$second_module::$second)?);)*
        }

        /// The table that every process starts with.
        pub static TABLE: SyscallTable = {
            let mut entries = [SyscallEntry::NONE; SYSCALLS];
            $(entries[Sysno::$name.number()] = rows::$name::ENTRY;)*
            SyscallTable::new(entries)
        };
    };
}

abi::for_each_syscall!(table);

/// Whether a call leaves objects in the kernel, or needs many while it lasts: such a call fails early when memory is short,
/// so that every other call, and the end of a process, finds some.
const fn makes_objects(call: Sysno) -> bool {
    matches!(
        call,
        Sysno::open | Sysno::openat | Sysno::creat | Sysno::dup | Sysno::dup2 | Sysno::dup3 | Sysno::fcntl | Sysno::flock
            | Sysno::pipe | Sysno::pipe2 | Sysno::mkdir | Sysno::mkdirat | Sysno::mknod | Sysno::mknodat
            | Sysno::symlink | Sysno::symlinkat | Sysno::link | Sysno::linkat | Sysno::rename | Sysno::renameat
            | Sysno::renameat2 | Sysno::mount | Sysno::chdir | Sysno::stat | Sysno::lstat | Sysno::newfstatat
            | Sysno::statx | Sysno::access | Sysno::faccessat | Sysno::faccessat2 | Sysno::readlink | Sysno::readlinkat
            | Sysno::fork | Sysno::vfork | Sysno::clone | Sysno::clone3 | Sysno::execve | Sysno::execveat
            | Sysno::mmap | Sysno::mprotect | Sysno::mremap | Sysno::madvise | Sysno::brk | Sysno::mlock
            | Sysno::mlock2 | Sysno::mlockall | Sysno::poll | Sysno::ppoll | Sysno::select | Sysno::pselect6
            | Sysno::rt_sigqueueinfo | Sysno::rt_tgsigqueueinfo | Sysno::setgroups | Sysno::getcwd
            | Sysno::sendfile | Sysno::copy_file_range | Sysno::setrlimit | Sysno::setitimer
            | Sysno::eventfd | Sysno::eventfd2 | Sysno::epoll_create | Sysno::epoll_create1 | Sysno::epoll_ctl
            | Sysno::socket | Sysno::socketpair | Sysno::bind | Sysno::listen | Sysno::connect | Sysno::accept
            | Sysno::accept4 | Sysno::sendto | Sysno::sendmsg
    )
}

/// What `rax` shall hold. A restart code must not reach the program: the slow way out, which signal delivery takes,
/// turns it into a restart or `EINTR`.
fn finish(result: Result<usize>) -> i64 {
    if result.is_err_and(Errno::is_restart) {
        trap::set_work_pending();
    }
    Errno::encode(result)
}

fn finish_escalating(result: Result<usize, FastError>) -> i64 {
    match result {
        Ok(value) => Errno::encode(Ok(value)),
        Err(FastError::Errno(errno)) => Errno::encode(Err(errno)),
        Err(FastError::Escalate) => ESCALATE,
    }
}
