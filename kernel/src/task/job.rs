//! Job control: process groups, sessions and their controlling terminals (`setpgid(2)`, `setsid(2)`, `tty_ioctl(4)`).

use super::tree::{Tree, with_tree};
use super::{Pid, Process, ProcessFlag, current};
use crate::signal::{self, SigInfo};
use crate::tty::Tty;
use abi::signal::Signal;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Moves a process into a group; 0 stands for the caller, and for the process's own pid as group.
///
/// # Errors
/// `EINVAL` for a negative group, `ESRCH` for a process that is neither the caller nor its child, `EACCES` for a child
/// that has exec'd, `EPERM` for a session leader, another session, or a group that does not exist in the session.
pub fn set_group(pid: Pid, group: Pid) -> Result<()> {
    if group.raw() < 0 {
        return Err(Errno::EINVAL);
    }
    let me = current();
    let me = me.process();
    with_tree(|tree| {
        let pid = if pid == Pid(0) { me.pid() } else { pid };
        let target = tree.process(pid).filter(|_| pid.raw() > 0).cloned().ok_or(Errno::ESRCH)?;
        if target.pid() != me.pid() {
            check_child(me, &target)?;
        }
        if target.is_session_leader() {
            return Err(Errno::EPERM);
        }
        let group = if group == Pid(0) { pid } else { group };
        if group != pid && !tree.members(group).any(|member| member.session() == me.session()) {
            return Err(Errno::EPERM);
        }
        if group != target.group() {
            tree.change_group(&target, group);
        }
        Ok(())
    })
}

fn check_child(me: &Process, target: &Process) -> Result<()> {
    if target.parent_pid() != me.pid() {
        return Err(Errno::ESRCH);
    }
    if target.session() != me.session() {
        return Err(Errno::EPERM);
    }
    if target.has(ProcessFlag::Executed) {
        return Err(Errno::EACCES);
    }
    Ok(())
}

/// Makes the caller the leader of a new session and group, without a terminal.
///
/// # Errors
/// `EPERM` when a group already bears its pid.
pub fn new_session() -> Result<Pid> {
    let me = current();
    let me = me.process();
    with_tree(|tree| {
        if me.is_session_leader() || tree.has_group(me.pid()) {
            return Err(Errno::EPERM);
        }
        tree.change_session(me, me.pid());
        tree.change_group(me, me.pid());
        Ok(())
    })?;
    me.set_tty(None);
    Ok(me.pid())
}

/// Whether a group exists in a session, as a foreground group must.
#[must_use]
pub fn group_in_session(group: Pid, session: Pid) -> bool {
    with_tree(|tree| tree.members(group).any(|member| member.session() == session))
}

/// Whether nobody in its session could continue the group if it stopped.
#[must_use]
pub fn is_orphaned(group: Pid) -> bool {
    with_tree(|tree: &mut Tree| tree.is_orphaned(group, None))
}

/// Makes `tty` the controlling terminal of the session that `leader` leads.
pub fn acquire_terminal(leader: &Process, tty: &Arc<Tty>) {
    for member in session_members(leader.session()) {
        member.set_tty(Some(Arc::clone(tty)));
    }
}

/// Takes the controlling terminal away from every process of a session.
pub fn release_terminal(session: Pid) {
    for member in session_members(session) {
        member.set_tty(None);
    }
}

/// Takes the controlling terminal away from one process (`TIOCNOTTY`).
pub fn give_up_terminal(process: &Process) {
    process.set_tty(None);
}

/// The leader of a session ends: its terminal is nobody's, and the foreground group is told.
pub(super) fn leader_exits(leader: &Process) {
    let Some(tty) = leader.tty() else { return };
    let foreground = tty.disassociate();
    release_terminal(leader.session());
    if let Some(group) = foreground {
        for signal in [Signal::SIGHUP, Signal::SIGCONT] {
            // The group may have ended by now.
            let _ = signal::send_to_group(group, SigInfo::kernel(signal));
        }
    }
}

fn session_members(session: Pid) -> Vec<Arc<Process>> {
    with_tree(|tree| tree.processes().filter(|process| process.session() == session).cloned().collect())
}
