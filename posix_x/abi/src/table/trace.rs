//! Trace text: a call and its result, as strace(1) writes them, from registers alone.

use core::fmt::{self, Write};

use super::{Arg, row};
use crate::errno::Errno;
use crate::reg::{Fd, Form, FromReg};

/// Writes `name(arg, …)` for a call number and its six argument registers; `syscall_N(…)` for an unknown number.
///
/// # Errors
/// Whatever the writer reports.
pub fn write_call(out: &mut impl Write, number: usize, regs: &[u64; 6]) -> fmt::Result {
    let Some(row) = row(number) else {
        return write!(out, "syscall_{number}({:#x}, {:#x}, {:#x})", regs[0], regs[1], regs[2]);
    };
    write!(out, "{}(", row.name)?;
    for (place, (arg, reg)) in row.args.iter().zip(regs).enumerate() {
        if place > 0 {
            out.write_str(", ")?;
        }
        write_arg(out, arg, *reg)?;
    }
    out.write_char(')')
}

/// Writes ` = value` or ` = -1 ENAME` for what the call left in `rax`.
///
/// # Errors
/// Whatever the writer reports.
pub fn write_result(out: &mut impl Write, rax: i64) -> fmt::Result {
    match Errno::decode(rax) {
        Ok(value) if value < 1 << 32 => write!(out, " = {value}"),
        Ok(value) => write!(out, " = {value:#x}"),
        Err(error) => write!(out, " = -1 {error}"),
    }
}

fn write_arg(out: &mut impl Write, arg: &Arg, reg: u64) -> fmt::Result {
    match arg.form {
        Form::Signed => write!(out, "{}", if arg.type_name == "i64" { reg as i64 } else { i64::from(reg as i32) }),
        Form::Unsigned => write!(out, "{reg}"),
        Form::Hex => write!(out, "{:#x}", if arg.type_name == "u32" { u64::from(reg as u32) } else { reg }),
        Form::Octal => write!(out, "0{:o}", reg as u32),
        Form::Fd if Fd::from_reg(reg) == Fd::CWD => out.write_str("AT_FDCWD"),
        Form::Fd => write!(out, "{}", reg as i32),
        Form::Address | Form::String if reg == 0 => out.write_str("NULL"),
        Form::Address | Form::String => write!(out, "{reg:#x}"),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::table::Sysno;
    use std::string::String;

    #[test]
    fn known_calls_show_their_name_and_unknown_ones_their_number() {
        let mut text = String::new();
        write_call(&mut text, Sysno::getpid.number(), &[0; 6]).unwrap();
        write_result(&mut text, 12).unwrap();
        assert_eq!(text, "getpid() = 12");
        text.clear();
        write_call(&mut text, 999, &[1, 2, 3, 4, 5, 6]).unwrap();
        write_result(&mut text, -38).unwrap();
        assert_eq!(text, "syscall_999(0x1, 0x2, 0x3) = -1 ENOSYS");
    }
}
