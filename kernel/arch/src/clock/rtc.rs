//! The real-time clock: wall time, in whole seconds.

use x86_64::instructions::port::Port;

use crate::{cpu, firmware};

const INDEX: u16 = 0x70;
const DATA: u16 = 0x71;
const STATUS_A: u8 = 0x0a;
const STATUS_B: u8 = 0x0b;
const UPDATING: u8 = 0x80;
const BINARY: u8 = 4;
const HOURS_OF_24: u8 = 2;
const AFTERNOON: u8 = 0x80;
const SECONDS_PER_DAY: u64 = 86_400;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Reading {
    second: u8,
    minute: u8,
    hour: u8,
    day: u8,
    month: u8,
    year: u8,
    century: u8,
}

/// Seconds since 1970-01-01 00:00:00 UTC by the CMOS clock.
#[must_use]
pub fn now() -> u64 {
    let mut reading = read();
    loop {
        let again = read();
        if again == reading {
            break;
        }
        reading = again;
    }
    let status = cmos(STATUS_B);
    let number = |value: u8| if status & BINARY != 0 { value } else { (value >> 4) * 10 + (value & 0xf) };
    let afternoon = status & HOURS_OF_24 == 0 && reading.hour & AFTERNOON != 0;
    let mut hour = number(reading.hour & !AFTERNOON);
    if status & HOURS_OF_24 == 0 {
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    let century = match number(reading.century) {
        century @ 19..=22 => u64::from(century),
        _ => 20,
    };
    let year = century * 100 + u64::from(number(reading.year));
    let days = days_since_1970(year, u64::from(number(reading.month)), u64::from(number(reading.day)));
    days * SECONDS_PER_DAY
        + u64::from(hour) * 3600
        + u64::from(number(reading.minute)) * 60
        + u64::from(number(reading.second))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar from 1970 on.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    // Years that start in March have the leap day at their end.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days_to_month = (153 * month + 2) / 5;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + days_to_month + day.max(1) - 1;
    days.saturating_sub(719_468)
}

fn read() -> Reading {
    while cmos(STATUS_A) & UPDATING != 0 {
        cpu::relax();
    }
    let century = firmware::get().and_then(|firmware| firmware.century_register).unwrap_or(0x32);
    Reading {
        second: cmos(0),
        minute: cmos(2),
        hour: cmos(4),
        day: cmos(7),
        month: cmos(8),
        year: cmos(9),
        century: cmos(century),
    }
}

fn cmos(register: u8) -> u8 {
    // SAFETY: the ports are the CMOS clock's; only the boot CPU reads it, once.
    unsafe {
        Port::new(INDEX).write(register);
        Port::new(DATA).read()
    }
}
