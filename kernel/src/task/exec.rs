//! What execve(2) does to a process: one thread is left, and it gets another program.

use super::exit::clear_watched_words;
use super::process::CommandLine;
use super::tree::with_tree;
use super::{Pid, ProcessFlag, current};
use crate::credentials::Credentials;
use crate::mm::AddressSpace;
use crate::sched;
use crate::signal;
use crate::vfs::Path;
use abi::signal::Signal;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use kernel_sync::Wait;

/// A program ready to run.
pub struct ExecImage<'a> {
    /// Its memory, with stack and arguments in place.
    pub space: Arc<AddressSpace>,
    /// Its name, cut to 15 bytes.
    pub comm: &'a [u8],
    /// Its file.
    pub exe: Option<Path>,
    /// Where arguments and environment lie.
    pub command_line: CommandLine,
    /// What it acts with.
    pub credentials: Credentials,
    /// Whether it was given rights that its caller lacks (`AT_SECURE`).
    pub secure: bool,
}

/// Ends the other threads of the process and takes over its first thread's id.
///
/// # Errors
/// `RESTARTNOINTR` when the process ends, or another thread execs, first.
pub fn become_only_thread() -> Result<()> {
    let me = current();
    let process = me.process();
    let others = {
        let mut threads = process.threads.lock();
        if threads.exiting.is_some() || threads.survivor.is_some() {
            return Err(Errno::RESTARTNOINTR);
        }
        threads.survivor = Some(me.tid());
        threads.stop.cancel();
        threads.list.clone()
    };
    for task in others.iter().filter(|task| task.tid() != me.tid()) {
        signal::flag_and_wake(task);
    }
    drop(others);
    let alone = || {
        let threads = process.threads.lock();
        (threads.list.len() == 1 || threads.exiting.is_some()).then(|| threads.exiting.is_none())
    };
    // Without a deadline and uninterruptible, the wait ends only with its condition.
    let is_alone = process.threads_changed.wait_until(Wait::UNINTERRUPTIBLE, alone).unwrap_or(false);
    process.threads.lock().survivor = None;
    if !is_alone {
        return Err(Errno::RESTARTNOINTR);
    }
    take_over_id(&me.to_arc(), process.pid());
    Ok(())
}

/// Replaces the running program. Past this, an error can only end the process.
///
/// # Errors
/// `ENOMEM` when the descriptor table cannot be unshared; nothing has changed then.
pub fn replace_program(image: ExecImage<'_>) -> Result<()> {
    let me = current();
    let process = me.process();
    let files = me.files().fork()?;
    clear_watched_words(&me);
    me.set_robust_list(0);
    let old_space = me.replace_space(Some(Arc::clone(&image.space)));
    sched::set_active_space(Some(image.space));
    drop(old_space);
    me.release_vfork_parent();
    files.close_on_exec();
    drop(me.replace_files(Some(files)));
    process.replace_actions(Arc::new(process.actions().after_exec()));
    me.signals.reset_for_exec();
    process.exit_signal.store(i32::from(Signal::SIGCHLD.number()), Ordering::Relaxed);
    if image.secure {
        process.set(ProcessFlag::Secure);
        process.clear(ProcessFlag::Dumpable);
        // 0 is always valid.
        let _ = me.set_parent_death_signal(0);
    } else {
        process.clear(ProcessFlag::Secure);
        process.set(ProcessFlag::Dumpable);
    }
    process.set(ProcessFlag::Executed);
    process.set_exe(image.exe);
    process.set_command_line(image.command_line);
    me.set_comm(image.comm);
    me.set_credentials(image.credentials);
    Ok(())
}

fn take_over_id(me: &Arc<super::Task>, pid: Pid) {
    let old = me.tid();
    if old == pid {
        return;
    }
    with_tree(|tree| {
        tree.remove_task(old);
        me.set_tid(pid);
        tree.add_task(pid, me);
    });
}
