//! syslog(2): the kernel's log.

use abi::{Errno, Result, UserAddr};
use alloc::vec;
use core::sync::atomic::{AtomicU8, Ordering};
use kernel::credentials::{Capability, Credentials};
use kernel::time::Duration;
use kernel::{log as kernel_log, sched, time};

use crate::context::Hybrid;
use crate::user;

/// Actions of syslog(2).
const CLOSE: u32 = 0;
const OPEN: u32 = 1;
const READ: u32 = 2;
const READ_ALL: u32 = 3;
const READ_CLEAR: u32 = 4;
const CLEAR: u32 = 5;
const CONSOLE_OFF: u32 = 6;
const CONSOLE_ON: u32 = 7;
const CONSOLE_LEVEL: u32 = 8;
const SIZE_UNREAD: u32 = 9;
const SIZE_BUFFER: u32 = 10;

/// The level that the console shows when it is off: nothing below an emergency.
const OFF: u8 = 0;
/// How often a reader without lines looks again: lines are logged in contexts that cannot wake it.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The level to come back to, plus one, while the console is off.
static SAVED_LEVEL: AtomicU8 = AtomicU8::new(0);

/// syslog(2).
pub fn syslog(ctx: &Hybrid<'_>, action: u32, buf: UserAddr, len: i32) -> Result<usize> {
    if !matches!(action, READ_ALL | SIZE_BUFFER) {
        require_syslog(&ctx.task().credentials())?;
    }
    match action {
        CLOSE | OPEN => Ok(0),
        READ => {
            let len = buffer_len(buf, len)?;
            wait_for_lines(len)?;
            copy_out(buf, len, kernel_log::read_unread)
        }
        READ_ALL => copy_out(buf, buffer_len(buf, len)?, kernel_log::read_last),
        READ_CLEAR => {
            let count = copy_out(buf, buffer_len(buf, len)?, kernel_log::read_last)?;
            kernel_log::clear();
            Ok(count)
        }
        CLEAR => {
            kernel_log::clear();
            Ok(0)
        }
        CONSOLE_OFF => {
            let saved = kernel_log::level() + 1;
            // A second time, the first level stays saved.
            let _ = SAVED_LEVEL.compare_exchange(0, saved, Ordering::Relaxed, Ordering::Relaxed);
            kernel_log::set_level(OFF);
            Ok(0)
        }
        CONSOLE_ON => {
            if let Some(level) = SAVED_LEVEL.swap(0, Ordering::Relaxed).checked_sub(1) {
                kernel_log::set_level(level);
            }
            Ok(0)
        }
        CONSOLE_LEVEL => {
            let below = u8::try_from(len).ok().filter(|level| (1..=8).contains(level)).ok_or(Errno::EINVAL)?;
            SAVED_LEVEL.store(0, Ordering::Relaxed);
            kernel_log::set_level(below - 1);
            Ok(0)
        }
        SIZE_UNREAD => Ok(kernel_log::unread()),
        SIZE_BUFFER => Ok(kernel_log::RING_SIZE),
        _ => Err(Errno::EINVAL),
    }
}

fn require_syslog(credentials: &Credentials) -> Result<()> {
    credentials.require(Capability::Syslog).or_else(|_| credentials.require(Capability::SysAdmin))
}

fn buffer_len(buf: UserAddr, len: i32) -> Result<usize> {
    if buf.is_null() {
        return Err(Errno::EINVAL);
    }
    usize::try_from(len).map_err(|_| Errno::EINVAL)
}

fn wait_for_lines(len: usize) -> Result<()> {
    while len > 0 && kernel_log::unread() == 0 {
        sched::sleep_until(time::now() + LOOK_AGAIN)?;
    }
    Ok(())
}

fn copy_out(buf: UserAddr, len: usize, read: fn(&mut [u8]) -> usize) -> Result<usize> {
    let mut lines = vec![0; len.min(kernel_log::RING_SIZE)];
    let count = read(&mut lines);
    user::write_bytes(buf, &lines[..count])?;
    Ok(count)
}
