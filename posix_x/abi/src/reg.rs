//! Arguments: from a raw register to a typed claim.
//!
//! A register holds whatever the program put there. These types say what the call takes it for; none of them proves
//! anything about user memory. Narrow integers truncate, as the C prototypes of Linux do.

use core::fmt;
use core::marker::PhantomData;

/// How trace text shows an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Signed decimal.
    Signed,
    /// Unsigned decimal.
    Unsigned,
    /// Hexadecimal: flags and masks.
    Hex,
    /// Octal: file modes.
    Octal,
    /// A file descriptor; `AT_FDCWD` by name.
    Fd,
    /// A user address.
    Address,
    /// The user address of a NUL-terminated string.
    String,
}

/// A type that an argument register converts to.
pub trait FromReg: Sized {
    /// How trace text shows it.
    const FORM: Form;
    /// Reads the register; bits beyond the type's width are dropped, as in C.
    fn from_reg(reg: u64) -> Self;
}

macro_rules! integers {
    ($($type:ty: $form:ident),*) => {
        $(impl FromReg for $type {
            const FORM: Form = Form::$form;
            #[inline(always)]
            fn from_reg(reg: u64) -> Self {
                reg as Self
            }
        })*
    };
}

integers!(i32: Signed, i64: Signed, isize: Signed, u32: Hex, u64: Hex, usize: Unsigned);

/// A file descriptor number as a program names it: any integer, `AT_FDCWD` included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Fd(pub i32);

impl Fd {
    /// "The current directory" in the `*at` calls.
    pub const CWD: Self = Self(linux_raw_sys::general::AT_FDCWD);

    /// The raw number.
    #[must_use]
    pub const fn raw(self) -> i32 {
        self.0
    }

    /// The table slot, when the number is not negative.
    #[must_use]
    pub const fn index(self) -> Option<usize> {
        if self.0 >= 0 { Some(self.0 as usize) } else { None }
    }
}

impl FromReg for Fd {
    const FORM: Form = Form::Fd;
    #[inline(always)]
    fn from_reg(reg: u64) -> Self {
        Self(reg as i32)
    }
}

/// A process, thread, group or session id as a program names it: any integer (0 and negatives have meanings of their own).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pid(pub i32);

impl Pid {
    /// The raw number.
    #[must_use]
    pub const fn raw(self) -> i32 {
        self.0
    }
}

impl FromReg for Pid {
    const FORM: Form = Form::Signed;
    #[inline(always)]
    fn from_reg(reg: u64) -> Self {
        Self(reg as i32)
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A user address without a type: a claim, checked when it is used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UserAddr(pub u64);

impl UserAddr {
    /// The address as an integer.
    #[must_use]
    pub const fn addr(self) -> u64 {
        self.0
    }

    /// Whether this is the null pointer.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The address `bytes` further on; `None` on overflow.
    #[must_use]
    pub const fn checked_add(self, bytes: u64) -> Option<Self> {
        match self.0.checked_add(bytes) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The same address, taken for that of a `T`.
    #[must_use]
    pub const fn cast<T>(self) -> UserPtr<T> {
        UserPtr::new(self.0)
    }
}

impl fmt::Debug for UserAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl FromReg for UserAddr {
    const FORM: Form = Form::Address;
    #[inline(always)]
    fn from_reg(reg: u64) -> Self {
        Self(reg)
    }
}

/// The user address of a NUL-terminated string (a path, a name): a claim, checked when it is read.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct UserStr(pub u64);

impl UserStr {
    /// The address as an integer.
    #[must_use]
    pub const fn addr(self) -> u64 {
        self.0
    }

    /// Whether this is the null pointer.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for UserStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl FromReg for UserStr {
    const FORM: Form = Form::String;
    #[inline(always)]
    fn from_reg(reg: u64) -> Self {
        Self(reg)
    }
}

/// The user address of a `T`, or of an array of them: a claim, checked when it is read or written.
pub struct UserPtr<T> {
    addr: u64,
    pointee: PhantomData<fn() -> T>,
}

impl<T> UserPtr<T> {
    /// The claim that a `T` lies at `addr`.
    #[must_use]
    pub const fn new(addr: u64) -> Self {
        Self { addr, pointee: PhantomData }
    }

    /// The address as an integer.
    #[must_use]
    pub const fn addr(self) -> u64 {
        self.addr
    }

    /// The address without its type.
    #[must_use]
    pub const fn untyped(self) -> UserAddr {
        UserAddr(self.addr)
    }

    /// Whether this is the null pointer.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.addr == 0
    }

    /// The pointer, or `None` when it is null: for arguments that may be left out.
    #[must_use]
    pub const fn non_null(self) -> Option<Self> {
        if self.addr == 0 { None } else { Some(self) }
    }

    /// The same address, taken for that of a `U`.
    #[must_use]
    pub const fn cast<U>(self) -> UserPtr<U> {
        UserPtr::new(self.addr)
    }

    /// The address of element `index` of an array that starts here; `None` on overflow.
    #[must_use]
    pub const fn add(self, index: usize) -> Option<Self> {
        let Some(bytes) = (index as u64).checked_mul(size_of::<T>() as u64) else { return None };
        match self.addr.checked_add(bytes) {
            Some(addr) => Some(Self::new(addr)),
            None => None,
        }
    }
}

impl<T> Clone for UserPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for UserPtr<T> {}

impl<T> PartialEq for UserPtr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.addr == other.addr
    }
}

impl<T> Eq for UserPtr<T> {}

impl<T> fmt::Debug for UserPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.addr)
    }
}

impl<T> FromReg for UserPtr<T> {
    const FORM: Form = Form::Address;
    #[inline(always)]
    fn from_reg(reg: u64) -> Self {
        Self::new(reg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_integers_truncate_like_c() {
        assert_eq!(i32::from_reg(0xffff_ffff_ffff_ffff), -1);
        assert_eq!(Fd::from_reg(0x1_0000_0003), Fd(3));
        assert_eq!(Fd::from_reg(0xffff_ff9c), Fd::CWD);
    }

    #[test]
    fn element_address_overflow_is_none() {
        let base = UserPtr::<u64>::new(u64::MAX - 16);
        assert_eq!(base.add(2).map(UserPtr::addr), Some(u64::MAX));
        assert!(base.add(3).is_none());
        assert!(base.add(usize::MAX).is_none());
    }
}
