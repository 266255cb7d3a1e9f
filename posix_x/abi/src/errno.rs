//! Errno: the one error type towards user space, a positive Linux error number.

use core::fmt;

use linux_raw_sys::errno;

/// An error number: positive, 1..=4095, as `errno` shows it to a program.
///
/// Numbers from 512 are the kernel's own (see [`Errno::RESTARTSYS`]) and never reach user space.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(u16);

/// The result of anything that can fail with an error number.
pub type Result<T, E = Errno> = core::result::Result<T, E>;

impl Errno {
    /// `EAGAIN` by its other name.
    pub const EWOULDBLOCK: Self = Self::EAGAIN;
    /// `EOPNOTSUPP` by its other name.
    pub const ENOTSUP: Self = Self::EOPNOTSUPP;

    /// Interrupted by a signal: restart when the handler has `SA_RESTART`, else `EINTR`.
    pub const RESTARTSYS: Self = Self(512);
    /// Interrupted by a signal: restart in any case.
    pub const RESTARTNOINTR: Self = Self(513);
    /// Interrupted by a signal: restart when no handler runs, else `EINTR`.
    pub const RESTARTNOHAND: Self = Self(514);
    /// Interrupted by a signal: continue with the thread's restart block when no handler runs, else `EINTR`.
    pub const RESTART_RESTARTBLOCK: Self = Self(516);

    /// The positive number.
    #[must_use]
    pub const fn raw(self) -> u16 {
        self.0
    }

    /// The error with this number, when it lies in 1..=4095.
    #[must_use]
    pub const fn from_raw(number: i64) -> Option<Self> {
        if number >= 1 && number <= 4095 { Some(Self(number as u16)) } else { None }
    }

    /// What a system call returns in `rax`: the value, or the negated error number. Nothing else negates one.
    #[must_use]
    pub const fn encode(result: Result<usize>) -> i64 {
        match result {
            Ok(value) => value as i64,
            Err(error) => -(error.0 as i64),
        }
    }

    /// The inverse of [`Errno::encode`], for a value found in `rax`.
    pub const fn decode(rax: i64) -> Result<usize> {
        match Self::from_raw(rax.wrapping_neg()) {
            Some(error) => Err(error),
            None => Ok(rax as usize),
        }
    }

    /// Whether this is one of the kernel's own restart codes.
    #[must_use]
    pub const fn is_restart(self) -> bool {
        matches!(self.0, 512..=514 | 516)
    }
}

macro_rules! errors {
    ($($name:ident)*) => {
        impl Errno {
            $(
                #[doc = concat!("`", stringify!($name), "` of `errno(3)`.")]
                pub const $name: Self = Self(errno::$name as u16);
            )*

            /// The symbolic name; `None` for a number that Linux does not name.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    Self::RESTARTSYS => Some("ERESTARTSYS"),
                    Self::RESTARTNOINTR => Some("ERESTARTNOINTR"),
                    Self::RESTARTNOHAND => Some("ERESTARTNOHAND"),
                    Self::RESTART_RESTARTBLOCK => Some("ERESTART_RESTARTBLOCK"),
                    Self(_) => None,
                }
            }
        }
    };
}

errors! {
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY
    EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK
    EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT
    EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT EBFONT ENOSTR ENODATA ETIME
    ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ
    EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK
    EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT
    EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS
    EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY
    EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY
    EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl core::error::Error for Errno {}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;

    #[test]
    fn encoding_negates_errors_and_keeps_values() {
        assert_eq!(Errno::encode(Ok(7)), 7);
        assert_eq!(Errno::encode(Err(Errno::ENOENT)), -2);
        assert_eq!(Errno::decode(-2), Err(Errno::ENOENT));
        assert_eq!(Errno::decode(-4096), Ok((-4096_i64) as usize));
        assert_eq!(Errno::decode(i64::MIN), Ok(i64::MIN as usize));
    }

    #[test]
    fn debug_prints_the_symbolic_name() {
        assert_eq!(format!("{:?}", Errno::EINVAL), "EINVAL");
        assert_eq!(format!("{:?}", Errno::RESTARTSYS), "ERESTARTSYS");
    }
}
