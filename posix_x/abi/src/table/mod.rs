//! The system-call table: every call once, and what derives from it.
//!
//! [`for_each_syscall!`](crate::for_each_syscall) in `rows.rs` holds the rows and hands them to a callback macro. Here that
//! gives [`Sysno`] and [`ROWS`]; the dispatcher expands the same rows into its tables, so that a missing handler, a wrong
//! argument type or a wrong path does not compile. The constants below refuse a duplicate number and a name that
//! does not belong to its number.

#[cfg(feature = "alloc")]
mod markdown;
mod rows;
pub mod trace;

use crate::native;
use crate::reg::Form;

#[cfg(feature = "alloc")]
pub use markdown::markdown;

/// Slots of a dispatch table; native calls start at [`native::NATIVE_BASE`].
pub const SYSCALLS: usize = native::NATIVE_BASE as usize + 64;

/// What the entry code saves for a call, and what its handler may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Path {
    /// Interrupts off, no blocking, no allocation.
    Fast,
    /// Interrupts on, may block, touches user memory.
    Hybrid,
    /// The full register frame.
    Legacy,
}

/// One argument of a call.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// Its type in the handler's signature.
    pub type_name: &'static str,
    /// How trace text shows it.
    pub form: Form,
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Number in `rax`.
    pub number: usize,
    /// Name as in C.
    pub name: &'static str,
    /// Path it enters on.
    pub path: Path,
    /// Module and function of its handler.
    pub handler: &'static str,
    /// Hybrid handler that a Fast one escalates to.
    pub second: Option<&'static str>,
    /// Arguments in register order.
    pub args: &'static [Arg],
    /// What is not implemented of it.
    pub partial: Option<&'static str>,
}

impl Row {
    /// Whether this is a call of this kernel's own.
    #[must_use]
    pub const fn is_native(&self) -> bool {
        self.number >= native::NATIVE_BASE as usize
    }
}

/// The number of a call in the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Sysno(u16);

impl Sysno {
    /// The call with this number, if the table has one.
    #[must_use]
    pub const fn new(number: usize) -> Option<Self> {
        if number < SYSCALLS && INDEX[number] != NO_ROW { Some(Self(number as u16)) } else { None }
    }

    /// The number in `rax`.
    #[must_use]
    pub const fn number(self) -> usize {
        self.0 as usize
    }

    /// Its row.
    #[must_use]
    pub const fn row(self) -> &'static Row {
        &ROWS[INDEX[self.0 as usize] as usize]
    }
}

/// The row of a call number, if the table has one.
#[must_use]
pub const fn row(number: usize) -> Option<&'static Row> {
    match Sysno::new(number) {
        Some(sysno) => Some(sysno.row()),
        None => None,
    }
}

/// Where the rows find their numbers.
mod numbers {
    pub use crate::native::*;
    pub use linux_raw_sys::general::*;
}

/// What argument types in the rows may name without a path; the dispatcher imports the same.
pub mod args {
    pub use crate::types::*;
    pub use crate::{Fd, FromReg, Pid, UserAddr, UserPtr, UserStr};
}

macro_rules! derive_rows {
    ($(
        $number:ident $name:ident $path:ident $module:ident :: $handler:ident ( $($arg:ident : $type:ty),* )
        $(=> $second_module:ident :: $second:ident)? $(partial $note:literal)? ;
    )*) => {
        /// Every call, in the order of the source.
        pub const ROWS: &[Row] = {
            use args::*;
            &[$(
                Row {
                    number: numbers::$number as usize,
                    name: checked_name(stringify!($number), stringify!($name)),
                    path: Path::$path,
                    handler: concat!(stringify!($module), "::", stringify!($handler)),
                    second: first(&[$(concat!(stringify!($second_module), "::", stringify!($second)))?]),
                    args: &[$(Arg {
                        name: stringify!($arg),
                        type_name: stringify!($type),
                        form: <$type as FromReg>::FORM,
                    }),*],
                    partial: first(&[$($note)?]),
                },
            )*]
        };

        #[expect(non_upper_case_globals, reason = "spelt as in C")]
        impl Sysno {
            $(
                #[doc = concat!("`", stringify!($name), "`.")]
                pub const $name: Self = Self(numbers::$number as u16);
            )*
        }
    };
}

crate::for_each_syscall!(derive_rows);

/// Marks a number without a row in [`INDEX`].
const NO_ROW: u16 = u16::MAX;

/// The place in [`ROWS`] of every number; building it refuses duplicates.
static INDEX: [u16; SYSCALLS] = {
    let mut index = [NO_ROW; SYSCALLS];
    let mut place = 0;
    while place < ROWS.len() {
        let number = ROWS[place].number;
        assert!(number < SYSCALLS, "a call number lies outside the table");
        assert!(index[number] == NO_ROW, "two rows have the same number");
        assert!(ROWS[place].args.len() <= 6, "a call has more than six arguments");
        index[number] = place as u16;
        place += 1;
    }
    index
};

/// `name`, after checking that the constant for its number is `__NR_name`.
const fn checked_name(constant: &'static str, name: &'static str) -> &'static str {
    let (prefix, rest) = constant.as_bytes().split_at(5);
    assert!(matches!(prefix, b"__NR_"), "a number is not an __NR_ constant");
    let bytes = name.as_bytes();
    assert!(rest.len() == bytes.len(), "a row's name is not that of its number");
    let mut i = 0;
    while i < bytes.len() {
        assert!(rest[i] == bytes[i], "a row's name is not that of its number");
        i += 1;
    }
    name
}

const fn first(list: &[&'static str]) -> Option<&'static str> {
    if list.is_empty() { None } else { Some(list[0]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_number() {
        for row in ROWS {
            assert_eq!(Sysno::new(row.number).map(|sysno| sysno.row().name), Some(row.name));
        }
        assert!(Sysno::new(SYSCALLS).is_none());
        assert!(row(usize::MAX).is_none());
    }

    #[test]
    fn only_fast_calls_escalate() {
        for row in ROWS.iter().filter(|row| row.second.is_some()) {
            assert_eq!(row.path, Path::Fast, "{}", row.name);
        }
    }

    #[test]
    fn constants_carry_the_numbers_of_linux() {
        assert_eq!(Sysno::getpid.number(), 39);
        assert_eq!(Sysno::exo_null_fast.number(), 1024);
    }
}
