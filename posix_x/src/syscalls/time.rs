//! Clocks, sleeping, interval timers (`time(7)`).

use abi::types::{ITimerVal, TimeSpec, TimeVal};
use abi::{Errno, Result, UserAddr, UserPtr};
use kernel::sched;
use kernel::task::{CpuTimer, IntervalTimer, Process};
use kernel::time::{self, ClockId, Duration, Instant, Sleepable};
use alloc::boxed::Box;
use alloc::sync::Arc;
use linux_raw_sys::general as raw;

use crate::context::{Fast, FastError, Hybrid};
use crate::user::UserStruct;

const NANOS: i64 = 1_000_000_000;
const MICROS: i64 = 1_000_000;

/// clock_gettime(2).
pub fn clock_gettime(ctx: &Fast<'_>, clock: i32, to: UserPtr<TimeSpec>) -> Result<usize, FastError> {
    let spec = timespec(ClockId::parse(clock)?.now()?);
    ctx.write(to.cast::<[i64; 2]>(), [spec.seconds, spec.nanoseconds])?;
    Ok(0)
}

/// clock_gettime(2) when the page is not present.
pub fn clock_gettime_faulting(_: &Hybrid<'_>, clock: i32, to: UserPtr<TimeSpec>) -> Result<usize> {
    to.put(&timespec(ClockId::parse(clock)?.now()?))?;
    Ok(0)
}

/// clock_settime(2).
pub fn clock_settime(_: &Hybrid<'_>, clock: i32, from: UserPtr<TimeSpec>) -> Result<usize> {
    if !ClockId::parse(clock)?.settable {
        return Err(Errno::EINVAL);
    }
    time::set_wall(parse_duration(&from.get()?)?)?;
    Ok(0)
}

/// clock_getres(2).
pub fn clock_getres(_: &Hybrid<'_>, clock: i32, to: UserPtr<TimeSpec>) -> Result<usize> {
    let resolution = ClockId::parse(clock)?.resolution();
    if let Some(to) = to.non_null() {
        to.put(&timespec(resolution))?;
    }
    Ok(0)
}

/// nanosleep(2).
pub fn nanosleep(ctx: &Hybrid<'_>, request: UserPtr<TimeSpec>, remainder: UserPtr<TimeSpec>) -> Result<usize> {
    let length = parse_duration(&request.get()?)?;
    sleep_relative(ctx, time::now() + length, remainder)
}

/// clock_nanosleep(2).
pub fn clock_nanosleep(
    ctx: &Hybrid<'_>,
    clock: i32,
    flags: i32,
    request: UserPtr<TimeSpec>,
    remainder: UserPtr<TimeSpec>,
) -> Result<usize> {
    const ABSOLUTE: i32 = 1;
    let clock = ClockId::parse(clock)?;
    match clock.sleep {
        Sleepable::Yes => {}
        Sleepable::Unsupported => return Err(Errno::EOPNOTSUPP),
        Sleepable::Invalid => return Err(Errno::EINVAL),
    }
    let request = parse_duration(&request.get()?)?;
    let is_absolute = flags & ABSOLUTE != 0;
    if clock.instant_at(Duration::ZERO).is_none() {
        let target = if is_absolute { request } else { clock.now()?.saturating_add(request) };
        return sleep_on_cpu_time(&clock, target);
    }
    match clock.instant_at(request).filter(|_| is_absolute) {
        Some(deadline) => sched::sleep_until(deadline).map_err(|_| Errno::RESTARTNOHAND).map(|()| 0),
        None => sleep_relative(ctx, time::now() + request, remainder),
    }
}

/// gettimeofday(2).
pub fn gettimeofday(ctx: &Fast<'_>, to: UserPtr<TimeVal>, zone: UserPtr<u64>) -> Result<usize, FastError> {
    if let Some(to) = to.non_null() {
        let now = timeval(time::wall_now());
        ctx.write(to.cast::<[i64; 2]>(), [now.seconds, now.microseconds])?;
    }
    if let Some(zone) = zone.non_null() {
        ctx.write(zone, 0)?;
    }
    Ok(0)
}

/// gettimeofday(2) when a page is not present.
pub fn gettimeofday_faulting(_: &Hybrid<'_>, to: UserPtr<TimeVal>, zone: UserPtr<u64>) -> Result<usize> {
    if let Some(to) = to.non_null() {
        to.put(&timeval(time::wall_now()))?;
    }
    if let Some(zone) = zone.non_null() {
        zone.put(&0)?;
    }
    Ok(0)
}

/// settimeofday(2). The zone is ignored: the kernel keeps UTC.
pub fn settimeofday(_: &Hybrid<'_>, from: UserPtr<TimeVal>, _zone: UserAddr) -> Result<usize> {
    if let Some(from) = from.non_null() {
        time::set_wall(parse_timeval(&from.get()?)?)?;
    }
    Ok(0)
}

/// time(2).
pub fn time(ctx: &Fast<'_>, to: UserPtr<i64>) -> Result<usize, FastError> {
    let seconds = time::wall_now().as_secs();
    if let Some(to) = to.non_null() {
        ctx.write(to, seconds.cast_signed())?;
    }
    usize::try_from(seconds).map_err(|_| FastError::Errno(Errno::EOVERFLOW))
}

/// time(2) when the page is not present.
pub fn time_faulting(_: &Hybrid<'_>, to: UserPtr<i64>) -> Result<usize> {
    let seconds = time::wall_now().as_secs();
    if let Some(to) = to.non_null() {
        to.put(&seconds.cast_signed())?;
    }
    usize::try_from(seconds).map_err(|_| Errno::EOVERFLOW)
}

/// alarm(2).
pub fn alarm(ctx: &Hybrid<'_>, seconds: u32) -> Result<usize> {
    let new = IntervalTimer { value: Duration::from_secs(u64::from(seconds)), interval: Duration::ZERO };
    let left = ctx.process().set_real_timer(new).value;
    // Rounded to the nearest second, and up to 1 while there is anything left.
    let rounded = left.saturating_add(Duration::from_millis(500)).as_secs();
    let seconds = if left > Duration::ZERO { rounded.max(1) } else { 0 };
    usize::try_from(seconds).map_err(|_| Errno::EOVERFLOW)
}

/// getitimer(2).
pub fn getitimer(ctx: &Hybrid<'_>, which: u32, to: UserPtr<ITimerVal>) -> Result<usize> {
    let now = Which::parse(which)?.get(ctx.process());
    to.put(&itimerval(now))?;
    Ok(0)
}

/// setitimer(2).
pub fn setitimer(ctx: &Hybrid<'_>, which: u32, new: UserPtr<ITimerVal>, old: UserPtr<ITimerVal>) -> Result<usize> {
    let which = Which::parse(which)?;
    let new = match new.non_null() {
        Some(new) => {
            let new: ITimerVal = new.get()?;
            IntervalTimer { value: parse_timeval(&new.value)?, interval: parse_timeval(&new.interval)? }
        }
        // As on Linux: no new value stops the timer.
        None => IntervalTimer::default(),
    };
    let before = which.set(ctx.process(), new);
    if let Some(old) = old.non_null() {
        old.put(&itimerval(before))?;
    }
    Ok(0)
}

/// A length of time, or a time since a clock's zero, from a program.
///
/// # Errors
/// `EINVAL` when negative or not normalised.
pub fn parse_duration(spec: &TimeSpec) -> Result<Duration> {
    if !(0..NANOS).contains(&spec.nanoseconds) {
        return Err(Errno::EINVAL);
    }
    let seconds = u64::try_from(spec.seconds).map_err(|_| Errno::EINVAL)?;
    Ok(Duration::new(seconds, u32::try_from(spec.nanoseconds).map_err(|_| Errno::EINVAL)?))
}

/// The `timespec` of a length of time.
#[must_use]
pub fn timespec(time: Duration) -> TimeSpec {
    TimeSpec {
        seconds: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        nanoseconds: i64::from(time.subsec_nanos()),
    }
}

/// The `timeval` of a length of time, cut to microseconds.
#[must_use]
pub fn timeval(time: Duration) -> TimeVal {
    TimeVal {
        seconds: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        microseconds: i64::from(time.subsec_micros()),
    }
}

fn parse_timeval(value: &TimeVal) -> Result<Duration> {
    if !(0..MICROS).contains(&value.microseconds) {
        return Err(Errno::EINVAL);
    }
    parse_duration(&TimeSpec { seconds: value.seconds, nanoseconds: value.microseconds * 1000 })
}

fn itimerval(timer: IntervalTimer) -> ITimerVal {
    ITimerVal { interval: timeval(timer.interval), value: timeval(timer.value) }
}

/// Sleeps to `deadline`; interrupted, it says how long was left and how to go on.
fn sleep_relative(ctx: &Hybrid<'_>, deadline: Instant, remainder: UserPtr<TimeSpec>) -> Result<usize> {
    let result = finish_sleep(deadline, remainder);
    if result == Err(Errno::RESTART_RESTARTBLOCK) {
        ctx.task().signals.set_restart(resume_sleep(deadline, remainder));
    }
    result
}

fn resume_sleep(deadline: Instant, remainder: UserPtr<TimeSpec>) -> kernel::signal::Restart {
    Box::new(move || {
        let result = finish_sleep(deadline, remainder);
        if result == Err(Errno::RESTART_RESTARTBLOCK) {
            kernel::task::current().signals.set_restart(resume_sleep(deadline, remainder));
        }
        result
    })
}

fn finish_sleep(deadline: Instant, remainder: UserPtr<TimeSpec>) -> Result<usize> {
    if sched::sleep_until(deadline).is_ok() {
        return Ok(0);
    }
    if let Some(remainder) = remainder.non_null() {
        remainder.put(&timespec(deadline - time::now()))?;
    }
    Err(Errno::RESTART_RESTARTBLOCK)
}

/// Sleeps until a CPU-time clock shows `target`: looked at again whenever it could have got there.
fn sleep_on_cpu_time(clock: &ClockId, target: Duration) -> Result<usize> {
    let cpus = sched::online_cpus().count_ones();
    loop {
        let left = target.saturating_sub(clock.now()?);
        if left == Duration::ZERO {
            return Ok(0);
        }
        let pause = (left / cpus).max(Duration::from_micros(100));
        sched::sleep_until(time::now() + pause).map_err(|_| Errno::RESTARTNOHAND)?;
    }
}

/// A timer of `setitimer(2)`.
#[derive(Clone, Copy)]
enum Which {
    Real,
    Cpu(CpuTimer),
}

impl Which {
    fn parse(which: u32) -> Result<Self> {
        Ok(match which {
            raw::ITIMER_REAL => Self::Real,
            raw::ITIMER_VIRTUAL => Self::Cpu(CpuTimer::Virtual),
            raw::ITIMER_PROF => Self::Cpu(CpuTimer::Profiling),
            _ => return Err(Errno::EINVAL),
        })
    }

    fn get(self, process: &Process) -> IntervalTimer {
        match self {
            Self::Real => process.real_timer(),
            Self::Cpu(timer) => process.cpu_timer(timer),
        }
    }

    fn set(self, process: &Arc<Process>, new: IntervalTimer) -> IntervalTimer {
        match self {
            Self::Real => process.set_real_timer(new),
            Self::Cpu(timer) => process.set_cpu_timer(timer, new),
        }
    }
}
