//! Tasks and processes: what runs, what it owns, and how it begins and ends.
//!
//! Layers, bottom up: [`limits`], [`status`] (how a process ended), [`thread`] (one [`Task`]), [`process`] (the thread
//! group), [`tree`] (ids, parents, groups, sessions), [`clone`], [`exec`], [`exit`], [`wait`], [`job`] (groups and
//! sessions as the calls see them).
//!
//! Life of a process: made by `clone`, it is alive while it has threads; when the last one leaves it is a zombie, with
//! its pid and status in the tree, until its parent waits for it. Its threads hold it; the tree holds it until then too.
//!
//! Lock order: the tree (`PROCESS_TREE`), a process (`PROCESS`), pending signals and actions (`SIGNAL`), the fields of a
//! thread (`FIELDS`). All but the last keep interrupts off, so that a terminal's interrupt can send signals.

mod clone;
mod exec;
mod exit;
pub mod job;
pub mod limits;
mod process;
mod status;
mod thread;
mod tree;
mod wait;

pub use abi::Pid;
pub use clone::{CloneRequest, clone_current, spawn_init, spawn_kernel};
pub use exec::{ExecImage, become_only_thread, replace_program};
pub use exit::{exit_group, exit_thread};
pub(crate) use exit::{change_and_report, request_group_exit};
pub(crate) use process::Threads;
pub use process::{CommandLine, CpuTimer, FaultKind, IntervalTimer, Process, ProcessFlag, Remains};
pub use status::{ChildEvent, ExitStatus};
pub use thread::{Comm, Task};
pub use tree::{
    PID_MAX, created_count, find_process, find_task, for_each_process, group_exists, group_members, process_count, process_count_of_user, thread_count,
};
pub use wait::{ChildUsage, WaitReport, WaitRequest, WaitTarget, wait};

pub use crate::sched::{current, try_current};

use kernel_sync::Rank;

/// Rank of the small locks around a thread's or process's handles: inside everything that looks one up.
pub(crate) const FIELDS: Rank = Rank::new(68);
