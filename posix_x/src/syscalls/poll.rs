//! Waiting for many descriptors: poll(2), ppoll(2), select(2), pselect6(2).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use abi::flags::PollEvents;
use abi::signal::SigSet;
use abi::types::{MaskArgument, PollFd, TimeSpec, TimeVal};
use abi::{Errno, Result, UserPtr};
use kernel::files::{FileRef, Poll};
use kernel::poll::{self, Entry, Timeout};
use kernel::task::limits::Resource;
use kernel::task::{self, Task};
use kernel::{signal, time};

use crate::context::Hybrid;
use crate::user::{self, UserStruct};

/// Events that poll(2) tells without being asked.
const ALWAYS: PollEvents = PollEvents::ERR.union(PollEvents::HUP).union(PollEvents::NVAL);
/// What makes a descriptor readable, writable and exceptional for select(2).
const READABLE: PollEvents = PollEvents::IN
    .union(PollEvents::RDNORM)
    .union(PollEvents::RDBAND)
    .union(PollEvents::HUP)
    .union(PollEvents::ERR);
const WRITABLE: PollEvents =
    PollEvents::OUT.union(PollEvents::WRNORM).union(PollEvents::WRBAND).union(PollEvents::ERR);
const EXCEPTIONAL: PollEvents = PollEvents::PRI;

const WORD_BITS: usize = u64::BITS as usize;

/// poll(2).
pub fn poll(ctx: &Hybrid<'_>, fds: UserPtr<PollFd>, count: u32, timeout_ms: i32) -> Result<usize> {
    poll_restartable(ctx.task(), fds, count, after_ms(timeout_ms))
}

/// A time-out in milliseconds from now; a negative one waits without end.
pub(super) fn after_ms(timeout_ms: i32) -> Timeout {
    match u64::try_from(timeout_ms) {
        Ok(0) => Timeout::Now,
        Ok(ms) => Timeout::Until(time::now() + Duration::from_millis(ms)),
        Err(_) => Timeout::Never,
    }
}

/// ppoll(2).
pub fn ppoll(
    ctx: &Hybrid<'_>,
    fds: UserPtr<PollFd>,
    count: u32,
    timeout: UserPtr<TimeSpec>,
    mask: UserPtr<u64>,
    set_size: usize,
) -> Result<usize> {
    let limit = read_timespec(timeout)?;
    set_mask(mask, set_size)?;
    let result = poll_once(ctx.task(), fds, count, limit);
    put_remainder(timeout, limit);
    result.map_err(uninterrupted)
}

/// select(2).
pub fn select(
    ctx: &Hybrid<'_>,
    count: i32,
    read: UserPtr<u64>,
    write: UserPtr<u64>,
    except: UserPtr<u64>,
    timeout: UserPtr<TimeVal>,
) -> Result<usize> {
    let limit = match timeout.non_null() {
        None => Timeout::Never,
        Some(timeout) => {
            let given = timeout.get()?;
            let seconds = u64::try_from(given.seconds).map_err(|_| Errno::EINVAL)?;
            let micros = u64::try_from(given.microseconds).map_err(|_| Errno::EINVAL)?;
            deadline(Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros)))
        }
    };
    let result = select_once(ctx.task(), count, [read, write, except], limit);
    if let (Some(timeout), Some(left)) = (timeout.non_null(), remainder(limit)) {
        // As on Linux, a timeout in read-only memory stays as it is.
        let _ = timeout.put(&TimeVal {
            seconds: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            microseconds: i64::from(left.subsec_micros()),
        });
    }
    result.map_err(uninterrupted)
}

/// pselect6(2).
pub fn pselect6(
    ctx: &Hybrid<'_>,
    count: i32,
    read: UserPtr<u64>,
    write: UserPtr<u64>,
    except: UserPtr<u64>,
    timeout: UserPtr<TimeSpec>,
    mask: UserPtr<MaskArgument>,
) -> Result<usize> {
    let limit = read_timespec(timeout)?;
    if let Some(mask) = mask.non_null() {
        let argument = mask.get()?;
        let set_size = usize::try_from(argument.len).map_err(|_| Errno::EINVAL)?;
        set_mask(UserPtr::new(argument.set), set_size)?;
    }
    let result = select_once(ctx.task(), count, [read, write, except], limit);
    put_remainder(timeout, limit);
    result.map_err(uninterrupted)
}

/// A poll(2) that goes on with what is left of its time when a signal without a handler interrupts it.
fn poll_restartable(task: &Task, fds: UserPtr<PollFd>, count: u32, timeout: Timeout) -> Result<usize> {
    let result = poll_once(task, fds, count, timeout);
    if result != Err(Errno::EINTR) {
        return result;
    }
    let again = move || poll_restartable(&task::current(), fds, count, timeout);
    task.signals.set_restart(Box::new(again));
    Err(Errno::RESTART_RESTARTBLOCK)
}

fn poll_once(task: &Task, fds: UserPtr<PollFd>, count: u32, timeout: Timeout) -> Result<usize> {
    let limit = task.process().limit(Resource::NOFILE);
    if u64::from(count) > limit {
        return Err(Errno::EINVAL);
    }
    let mut polled = user::read_vec(fds, usize::try_from(count).map_err(|_| Errno::EINVAL)?)?;
    let mut entries = Vec::new();
    entries.try_reserve_exact(polled.len()).map_err(|_| Errno::ENOMEM)?;
    for poll in polled.iter().filter(|poll| poll.fd >= 0) {
        entries.push(Entry {
            file: task.files().get::<Poll>(poll.fd).ok(),
            wanted: PollEvents::from_bits_retain(poll.events) | ALWAYS,
            found: PollEvents::empty(),
        });
    }
    let ready = poll::wait(&mut entries, timeout)?;
    let mut found = entries.iter().map(|entry| entry.found.bits());
    for poll in &mut polled {
        poll.revents = if poll.fd >= 0 { found.next().unwrap_or(0) } else { 0 };
    }
    user::write_slice(fds, &polled)?;
    Ok(ready)
}

/// The three sets of select(2), read at once.
fn select_once(task: &Task, count: i32, sets: [UserPtr<u64>; 3], timeout: Timeout) -> Result<usize> {
    let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
    let limit = usize::try_from(task.process().limit(Resource::NOFILE)).unwrap_or(usize::MAX);
    let count = count.min(limit);
    let words = count.div_ceil(WORD_BITS);
    let mut bits: [Vec<u64>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    for (bits, set) in bits.iter_mut().zip(sets) {
        *bits = match set.non_null() {
            Some(set) => user::read_vec(set, words)?,
            None => alloc::vec![0; words],
        };
    }
    let Selection { fds, mut entries } = selected(task, count, &bits)?;
    poll::wait(&mut entries, timeout)?;
    let mut total = 0;
    for (class, (bits, set)) in bits.iter_mut().zip(sets).enumerate() {
        let mut answer = alloc::vec![0u64; words];
        for (fd, entry) in fds.iter().zip(&entries) {
            if is_set(bits, *fd) && entry.found.intersects(CLASSES[class]) {
                answer[fd / WORD_BITS] |= 1 << (fd % WORD_BITS);
                total += 1;
            }
        }
        if let Some(set) = set.non_null() {
            user::write_slice(set, &answer)?;
        }
    }
    Ok(total)
}

const CLASSES: [PollEvents; 3] = [READABLE, WRITABLE, EXCEPTIONAL];

/// The descriptors in any of the sets, and beside each what it is waited for.
#[derive(Default)]
struct Selection {
    fds: Vec<usize>,
    entries: Vec<Entry<FileRef<Poll>>>,
}

fn selected(task: &Task, count: usize, bits: &[Vec<u64>; 3]) -> Result<Selection> {
    let mut selection = Selection::default();
    for fd in 0..count {
        let mut wanted = PollEvents::empty();
        for (bits, events) in bits.iter().zip(CLASSES) {
            if is_set(bits, fd) {
                wanted |= events;
            }
        }
        if wanted.is_empty() {
            continue;
        }
        let number = i32::try_from(fd).map_err(|_| Errno::EBADF)?;
        let file = task.files().get::<Poll>(number)?;
        selection.fds.push(fd);
        selection.entries.push(Entry { file: Some(file), wanted, found: PollEvents::empty() });
    }
    Ok(selection)
}

fn is_set(bits: &[u64], fd: usize) -> bool {
    bits.get(fd / WORD_BITS).is_some_and(|word| word & 1 << (fd % WORD_BITS) != 0)
}

/// Installs the mask of the call, if it has one.
///
/// # Errors
/// `EINVAL` for a set of another size, `EFAULT`.
pub(super) fn set_mask(mask: UserPtr<u64>, set_size: usize) -> Result<()> {
    let Some(mask) = mask.non_null() else { return Ok(()) };
    if set_size != SigSet::BYTES {
        return Err(Errno::EINVAL);
    }
    signal::set_temporary_mask(SigSet(mask.get()?));
    Ok(())
}

/// A time-out from now on; none waits without end.
///
/// # Errors
/// `EINVAL`, `EFAULT`.
pub(super) fn read_timespec(timeout: UserPtr<TimeSpec>) -> Result<Timeout> {
    match timeout.non_null() {
        None => Ok(Timeout::Never),
        Some(timeout) => Ok(deadline(super::time::parse_duration(&timeout.get()?)?)),
    }
}

fn deadline(length: Duration) -> Timeout {
    if length.is_zero() { Timeout::Now } else { Timeout::Until(time::now() + length) }
}

fn remainder(timeout: Timeout) -> Option<Duration> {
    match timeout {
        Timeout::Now => Some(Duration::ZERO),
        Timeout::Until(deadline) => Some(deadline - time::now()),
        Timeout::Never => None,
    }
}

fn put_remainder(to: UserPtr<TimeSpec>, timeout: Timeout) {
    if let (Some(to), Some(left)) = (to.non_null(), remainder(timeout)) {
        // As on Linux, a timeout in read-only memory stays as it is.
        let _ = to.put(&TimeSpec {
            seconds: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: i64::from(left.subsec_nanos()),
        });
    }
}

/// These calls restart only when no handler ran.
fn uninterrupted(error: Errno) -> Errno {
    if error == Errno::EINTR { Errno::RESTARTNOHAND } else { error }
}
