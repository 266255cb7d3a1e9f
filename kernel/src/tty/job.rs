//! Who may use a terminal: controlling terminals, background processes (POSIX.1-2024 chapter 11).

use super::{State, Tty, send};
use crate::credentials::Capability;
use crate::task::{self, Pid, Task, job};
use abi::signal::Signal;
use abi::{Errno, Result};
use alloc::sync::Arc;

impl Tty {
    /// Stops the process if it is in the background of this, its controlling terminal: `SIGTTIN` for a read,
    /// `SIGTTOU` for a write or a change.
    ///
    /// # Errors
    /// `RESTARTSYS` once the signal is sent; `EIO` when it would not stop the process and the process may not go on.
    pub(super) fn check_foreground(self: &Arc<Self>, task: &Task, signal: Signal) -> Result<()> {
        let process = task.process();
        if !process.tty().is_some_and(|tty| Arc::ptr_eq(&tty, self)) {
            return Ok(());
        }
        let group = process.group();
        if self.foreground().is_none_or(|foreground| foreground == group) {
            return Ok(());
        }
        let ignored = task.signals.blocked().contains(signal) || process.actions().get(signal).ignores(signal);
        match signal {
            Signal::SIGTTIN if ignored => return Err(Errno::EIO),
            Signal::SIGTTOU if ignored => return Ok(()),
            _ => {}
        }
        if job::is_orphaned(group) {
            return Err(Errno::EIO);
        }
        send(group, signal);
        Err(Errno::RESTARTSYS)
    }

    /// Makes it the controlling terminal of the running process's session, if it may be: an open without `O_NOCTTY`.
    pub(super) fn acquire_if_free(self: &Arc<Self>) {
        let task = task::current();
        let process = task.process();
        if process.is_session_leader() && process.tty().is_none() && self.session().is_none() {
            self.give_to_session(&task);
        }
    }

    /// `TIOCSCTTY`.
    ///
    /// # Errors
    /// `EPERM`: not a session leader, has a terminal, or it controls another session and is not stolen by root.
    pub(super) fn acquire(self: &Arc<Self>, task: &Task, steal: bool) -> Result<()> {
        let process = task.process();
        let mine = process.tty().is_some_and(|tty| Arc::ptr_eq(&tty, self));
        if process.is_session_leader() && mine && self.session() == Some(process.session()) {
            return Ok(());
        }
        if !process.is_session_leader() || process.tty().is_some() {
            return Err(Errno::EPERM);
        }
        if let Some(other) = self.session() {
            if !steal || !task.credentials().may(Capability::SysAdmin) {
                return Err(Errno::EPERM);
            }
            job::release_terminal(other);
        }
        self.give_to_session(task);
        Ok(())
    }

    fn give_to_session(self: &Arc<Self>, task: &Task) {
        let process = task.process();
        let mut state = self.state.lock();
        state.session = Some(process.session());
        state.foreground = Some(process.group());
        drop(state);
        job::acquire_terminal(process, self);
    }

    /// `TIOCNOTTY`: the process gives its terminal up; a session leader takes it away from the session.
    ///
    /// # Errors
    /// `ENOTTY` when it is not the controlling terminal of the process.
    pub(super) fn give_up(self: &Arc<Self>, task: &Task) -> Result<()> {
        let process = task.process();
        self.require_controlling(task)?;
        if !process.is_session_leader() {
            job::give_up_terminal(process);
            return Ok(());
        }
        let foreground = {
            let mut state = self.state.lock();
            state.session = None;
            state.foreground.take()
        };
        job::release_terminal(process.session());
        if let Some(group) = foreground {
            send(group, Signal::SIGHUP);
            send(group, Signal::SIGCONT);
        }
        Ok(())
    }

    /// `TIOCSPGRP`.
    ///
    /// # Errors
    /// `ENOTTY`, `EINVAL`, `EPERM` for a group of another session, and those of a background process.
    pub(super) fn set_foreground(self: &Arc<Self>, task: &Task, group: Pid) -> Result<()> {
        self.require_controlling(task)?;
        self.check_foreground(task, Signal::SIGTTOU)?;
        let session = task.process().session();
        if self.session() != Some(session) {
            return Err(Errno::ENOTTY);
        }
        if group.raw() < 0 {
            return Err(Errno::EINVAL);
        }
        if !task::group_exists(group) {
            return Err(Errno::ESRCH);
        }
        if !job::group_in_session(group, session) {
            return Err(Errno::EPERM);
        }
        self.state.lock().foreground = Some(group);
        Ok(())
    }

    /// # Errors
    /// `ENOTTY` when it is not the controlling terminal of the process.
    pub(super) fn require_controlling(self: &Arc<Self>, task: &Task) -> Result<()> {
        let mine = task.process().tty().is_some_and(|tty| Arc::ptr_eq(&tty, self));
        if mine { Ok(()) } else { Err(Errno::ENOTTY) }
    }
}

impl State {
    /// The foreground group as `TIOCGPGRP` tells it: 0 for none.
    pub(super) fn foreground_number(&self) -> i32 {
        self.foreground.map_or(0, Pid::raw)
    }
}
