//! The two 8259 interrupt controllers: the fallback where there is no IOAPIC.

use x86_64::instructions::port::Port;

const FIRST_COMMAND: u16 = 0x20;
const FIRST_DATA: u16 = 0x21;
const SECOND_COMMAND: u16 = 0xa0;
const SECOND_DATA: u16 = 0xa1;
const CASCADE: u8 = 2;
const END_OF_INTERRUPT: u8 = 0x20;
const READ_IN_SERVICE: u8 = 0x0b;

/// Moves both controllers' interrupts to `first_vector` and the 15 after it, all lines masked.
pub(crate) fn init(first_vector: u8) {
    for (port, value) in [
        (FIRST_COMMAND, 0x11), // start, cascade, expect four words
        (SECOND_COMMAND, 0x11),
        (FIRST_DATA, first_vector),
        (SECOND_DATA, first_vector + 8),
        (FIRST_DATA, 1 << CASCADE),
        (SECOND_DATA, CASCADE),
        (FIRST_DATA, 1), // 8086 mode
        (SECOND_DATA, 1),
        (FIRST_DATA, 0xff),
        (SECOND_DATA, 0xff),
    ] {
        write(port, value);
    }
}

/// Lets a line through.
pub(crate) fn unmask(line: u8) {
    if line < 8 {
        write(FIRST_DATA, read(FIRST_DATA) & !(1 << line));
    } else {
        write(SECOND_DATA, read(SECOND_DATA) & !(1 << (line - 8)));
        write(FIRST_DATA, read(FIRST_DATA) & !(1 << CASCADE));
    }
}

/// Whether the last line of a controller was signalled without being in service.
pub(crate) fn is_spurious(line: u8) -> bool {
    let command = match line {
        7 => FIRST_COMMAND,
        15 => SECOND_COMMAND,
        _ => return false,
    };
    write(command, READ_IN_SERVICE);
    let spurious = read(command) & 0x80 == 0;
    if spurious && line == 15 {
        write(FIRST_COMMAND, END_OF_INTERRUPT);
    }
    spurious
}

/// Acknowledges a line.
pub(crate) fn end_of_interrupt(line: u8) {
    if line >= 8 {
        write(SECOND_COMMAND, END_OF_INTERRUPT);
    }
    write(FIRST_COMMAND, END_OF_INTERRUPT);
}

fn write(port: u16, value: u8) {
    // SAFETY: the ports are the interrupt controllers', which only this module drives.
    unsafe { Port::new(port).write(value) };
}

fn read(port: u16) -> u8 {
    // SAFETY: as in write().
    unsafe { Port::new(port).read() }
}
