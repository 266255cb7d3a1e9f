//! Flags of processes and signals: clone(2), wait4(2), sigaction(2), getrandom(2).

use bitflags::bitflags;
use linux_raw_sys::general as raw;

bitflags! {
    /// Flags of clone(2) and clone3(2), without the exit signal in the low byte of the former.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct CloneFlags: u64 {
        /// Share the address space.
        const VM = raw::CLONE_VM as u64;
        /// Share root, working directory and umask.
        const FS = raw::CLONE_FS as u64;
        /// Share the descriptor table.
        const FILES = raw::CLONE_FILES as u64;
        /// Share the signal handlers.
        const SIGHAND = raw::CLONE_SIGHAND as u64;
        /// Give back a pidfd.
        const PIDFD = raw::CLONE_PIDFD as u64;
        /// Trace the child too.
        const PTRACE = raw::CLONE_PTRACE as u64;
        /// Suspend the parent until exec or exit.
        const VFORK = raw::CLONE_VFORK as u64;
        /// The caller's parent becomes the parent.
        const PARENT = raw::CLONE_PARENT as u64;
        /// A thread of the same process.
        const THREAD = raw::CLONE_THREAD as u64;
        /// New mount namespace.
        const NEWNS = raw::CLONE_NEWNS as u64;
        /// Share System V semaphore undo.
        const SYSVSEM = raw::CLONE_SYSVSEM as u64;
        /// Set the thread pointer.
        const SETTLS = raw::CLONE_SETTLS as u64;
        /// Store the id in the parent.
        const PARENT_SETTID = raw::CLONE_PARENT_SETTID as u64;
        /// Clear and wake the word when the thread ends.
        const CHILD_CLEARTID = raw::CLONE_CHILD_CLEARTID as u64;
        /// Ignored since long.
        const DETACHED = raw::CLONE_DETACHED as u64;
        /// No tracer may force PTRACE.
        const UNTRACED = raw::CLONE_UNTRACED as u64;
        /// Store the id in the child.
        const CHILD_SETTID = raw::CLONE_CHILD_SETTID as u64;
        /// New cgroup namespace.
        const NEWCGROUP = raw::CLONE_NEWCGROUP as u64;
        /// New UTS namespace.
        const NEWUTS = raw::CLONE_NEWUTS as u64;
        /// New IPC namespace.
        const NEWIPC = raw::CLONE_NEWIPC as u64;
        /// New user namespace.
        const NEWUSER = raw::CLONE_NEWUSER as u64;
        /// New pid namespace.
        const NEWPID = raw::CLONE_NEWPID as u64;
        /// New network namespace.
        const NEWNET = raw::CLONE_NEWNET as u64;
        /// Share the I/O context.
        const IO = raw::CLONE_IO as u64;
        /// clone3: reset handlers to default.
        const CLEAR_SIGHAND = raw::CLONE_CLEAR_SIGHAND;
        /// clone3: into a cgroup.
        const INTO_CGROUP = raw::CLONE_INTO_CGROUP;
    }

    /// Options of wait4(2) and waitid(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct WaitOptions: u32 {
        /// Do not block.
        const NOHANG = raw::WNOHANG;
        /// Stopped children too (`WUNTRACED` of wait4).
        const STOPPED = raw::WSTOPPED;
        /// Ended children (waitid).
        const EXITED = raw::WEXITED;
        /// Continued children too.
        const CONTINUED = raw::WCONTINUED;
        /// Leave the child waitable.
        const NOWAIT = raw::WNOWAIT;
        /// Children of this thread only.
        const NOTHREAD = raw::__WNOTHREAD;
        /// Any kind of child.
        const ALL = raw::__WALL;
        /// Children that do not send SIGCHLD.
        const CLONE = raw::__WCLONE;
    }

    /// Flags of sigaction(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct SaFlags: u64 {
        /// No SIGCHLD when children stop.
        const NOCLDSTOP = raw::SA_NOCLDSTOP as u64;
        /// Children do not become zombies.
        const NOCLDWAIT = raw::SA_NOCLDWAIT as u64;
        /// Three-argument handler.
        const SIGINFO = raw::SA_SIGINFO as u64;
        /// The caller asks which flags are known; always cleared.
        const UNSUPPORTED = raw::SA_UNSUPPORTED as u64;
        /// Expose tag bits of addresses.
        const EXPOSE_TAGBITS = raw::SA_EXPOSE_TAGBITS as u64;
        /// `sa_restorer` is valid.
        const RESTORER = raw::SA_RESTORER as u64;
        /// On the alternate stack.
        const ONSTACK = raw::SA_ONSTACK as u64;
        /// Restart interrupted calls.
        const RESTART = raw::SA_RESTART as u64;
        /// Do not block the signal in its own handler.
        const NODEFER = raw::SA_NODEFER as u64;
        /// Back to default before the handler runs.
        const RESETHAND = raw::SA_RESETHAND as u64;
    }

    /// Flags of sigaltstack(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct AltStackFlags: u32 {
        /// The thread is on it.
        const ONSTACK = raw::SS_ONSTACK;
        /// There is none.
        const DISABLE = raw::SS_DISABLE;
        /// Disabled while a handler runs on it.
        const AUTODISARM = raw::SS_AUTODISARM;
    }

    /// Flags of getrandom(2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct RandomFlags: u32 {
        /// Do not block.
        const NONBLOCK = raw::GRND_NONBLOCK;
        /// From the random source.
        const RANDOM = raw::GRND_RANDOM;
        /// Even before the generator is seeded.
        const INSECURE = raw::GRND_INSECURE;
    }
}

/// What rt_sigprocmask(2) does with its set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MaskHow {
    /// Adds it to the mask.
    Block,
    /// Takes it out of the mask.
    Unblock,
    /// Replaces the mask.
    Set,
}

impl MaskHow {
    /// Parses the argument of rt_sigprocmask(2).
    #[must_use]
    pub const fn from_raw(how: u32) -> Option<Self> {
        Some(match how {
            raw::SIG_BLOCK => Self::Block,
            raw::SIG_UNBLOCK => Self::Unblock,
            raw::SIG_SETMASK => Self::Set,
            _ => return None,
        })
    }
}
