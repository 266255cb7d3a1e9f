//! ioctl(2) of terminals (ioctl_tty(2)).

use super::file::TtyFile;
use super::{WindowSize, send};
use crate::credentials::Capability;
use crate::task::{self, Pid};
use crate::{ioctl, tty::Tty};
use abi::signal::Signal;
use abi::{Errno, Result};
use alloc::sync::Arc;
use kernel_core::termios::{Control, Termios};
use linux_raw_sys::general as raw;
use linux_raw_sys::ioctl as number;

/// When new settings apply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Apply {
    Now,
    AfterOutput,
    /// After output, and what was typed is thrown away.
    AfterOutputFlushInput,
}

impl TtyFile {
    pub(super) fn control(&self, command: u32, argument: u64) -> Result<usize> {
        let tty = &self.tty;
        let task = task::current();
        match command {
            number::TCGETS => {
                let termios = *tty.state.lock().discipline.termios();
                ioctl::put(argument, &termios.to_bytes())
            }
            number::TCSETS => self.set_termios(argument, Apply::Now),
            number::TCSETSW => self.set_termios(argument, Apply::AfterOutput),
            number::TCSETSF => self.set_termios(argument, Apply::AfterOutputFlushInput),
            number::TIOCGWINSZ => {
                let size = tty.state.lock().size;
                ioctl::put(argument, &size.to_bytes())
            }
            number::TIOCSWINSZ => {
                set_size(tty, WindowSize::from_bytes(ioctl::get(argument)?));
                Ok(0)
            }
            number::TIOCGPGRP => {
                tty.require_controlling(&task)?;
                let group = tty.state.lock().foreground_number();
                ioctl::put_i32(argument, group)
            }
            number::TIOCSPGRP => {
                tty.set_foreground(&task, Pid(ioctl::get_i32(argument)?))?;
                Ok(0)
            }
            number::TIOCGSID => {
                tty.require_controlling(&task)?;
                let session = tty.session().ok_or(Errno::ENOTTY)?;
                ioctl::put_i32(argument, session.raw())
            }
            number::TIOCSCTTY => tty.acquire(&task, argument == 1).map(|()| 0),
            number::TIOCNOTTY => tty.give_up(&task).map(|()| 0),
            number::FIONREAD => {
                let count = tty.state.lock().discipline.readable();
                ioctl::put_count(argument, count)
            }
            number::TIOCOUTQ => ioctl::put_count(argument, tty.port.unsent()),
            // A break is not sent; with an argument TCSBRK is tcdrain(3).
            number::TCSBRK | number::TCSBRKP => {
                tty.check_foreground(&task, Signal::SIGTTOU)?;
                self.drain().map(|()| 0)
            }
            number::TCXONC => {
                tty.check_foreground(&task, Signal::SIGTTOU)?;
                flow(tty, argument)
            }
            number::TCFLSH => {
                tty.check_foreground(&task, Signal::SIGTTOU)?;
                flush(tty, argument)
            }
            number::TIOCEXCL | number::TIOCNXCL => {
                tty.state.lock().exclusive = command == number::TIOCEXCL;
                Ok(0)
            }
            number::TIOCGEXCL => {
                let exclusive = tty.state.lock().exclusive;
                ioctl::put_i32(argument, i32::from(exclusive))
            }
            number::TIOCVHANGUP => {
                task.credentials().require(Capability::SysAdmin)?;
                hang_up(tty);
                Ok(0)
            }
            _ => Err(Errno::ENOTTY),
        }
    }

    fn set_termios(&self, argument: u64, apply: Apply) -> Result<usize> {
        let termios = Termios::from_bytes(&ioctl::get(argument)?);
        self.tty.check_foreground(&task::current(), Signal::SIGTTOU)?;
        if apply != Apply::Now {
            self.drain()?;
        }
        let mut state = self.tty.state.lock();
        if apply == Apply::AfterOutputFlushInput {
            state.discipline.flush_input();
        }
        state.discipline.set_termios(termios);
        drop(state);
        self.tty.unthrottle();
        // Another mode may make what is there readable, and restart stopped output.
        self.tty.readable.wake_all();
        self.tty.writable.wake_all();
        Ok(0)
    }
}

fn set_size(tty: &Arc<Tty>, size: WindowSize) {
    let mut state = tty.state.lock();
    let changed = core::mem::replace(&mut state.size, size) != size;
    let foreground = state.foreground;
    drop(state);
    if let (true, Some(group)) = (changed, foreground) {
        send(group, Signal::SIGWINCH);
    }
}

fn flow(tty: &Tty, action: u64) -> Result<usize> {
    let action = u32::try_from(action).map_err(|_| Errno::EINVAL)?;
    match action {
        raw::TCOOFF | raw::TCOON => {
            tty.state.lock().discipline.set_stopped(action == raw::TCOOFF);
            tty.writable.wake_all();
        }
        raw::TCIOFF | raw::TCION => {
            let control = if action == raw::TCIOFF { Control::Stop } else { Control::Start };
            let byte = tty.state.lock().discipline.termios().character(control);
            if byte != 0 {
                tty.port.write(&[byte]);
            }
        }
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}

fn flush(tty: &Tty, queue: u64) -> Result<usize> {
    let queue = u32::try_from(queue).map_err(|_| Errno::EINVAL)?;
    if queue > raw::TCIOFLUSH {
        return Err(Errno::EINVAL);
    }
    if queue != raw::TCOFLUSH {
        tty.state.lock().discipline.flush_input();
        tty.unthrottle();
    }
    if queue != raw::TCIFLUSH {
        tty.port.discard_output();
        tty.writable.wake_all();
    }
    Ok(0)
}

fn hang_up(tty: &Tty) {
    let session = tty.session();
    let foreground = tty.disassociate();
    if let Some(session) = session {
        task::job::release_terminal(session);
        send(session, Signal::SIGHUP);
        send(session, Signal::SIGCONT);
    }
    if let Some(group) = foreground {
        send(group, Signal::SIGHUP);
        send(group, Signal::SIGCONT);
    }
}
