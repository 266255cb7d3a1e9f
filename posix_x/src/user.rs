//! User memory by type: structures, arrays and strings behind the pointers that a program passes.
//!
//! Each function copies once; callers go on with the copy.

use alloc::vec::Vec;

use abi::{Errno, Result, UserAddr, UserPtr, UserStr};
use kernel_arch::user;
use kernel_core::addr::VirtAddr;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Reading and writing the structure that a user pointer names.
pub trait UserStruct<T> {
    /// Copies the structure in.
    ///
    /// # Errors
    /// `EFAULT`.
    fn get(self) -> Result<T>
    where
        T: FromBytes + IntoBytes;

    /// Copies the structure out.
    ///
    /// # Errors
    /// `EFAULT`.
    fn put(self, value: &T) -> Result<()>
    where
        T: IntoBytes + Immutable;
}

impl<T> UserStruct<T> for UserPtr<T> {
    fn get(self) -> Result<T>
    where
        T: FromBytes + IntoBytes,
    {
        let mut value = T::new_zeroed();
        read_bytes(self.untyped(), value.as_mut_bytes())?;
        Ok(value)
    }

    fn put(self, value: &T) -> Result<()>
    where
        T: IntoBytes + Immutable,
    {
        write_bytes(self.untyped(), value.as_bytes())
    }
}

/// Fills `buf` from user memory.
///
/// # Errors
/// `EFAULT`.
pub fn read_bytes(from: UserAddr, buf: &mut [u8]) -> Result<()> {
    user::copy_in(buf, VirtAddr::new(from.addr())).map_err(|_| Errno::EFAULT)
}

/// Copies `bytes` to user memory.
///
/// # Errors
/// `EFAULT`.
pub fn write_bytes(to: UserAddr, bytes: &[u8]) -> Result<()> {
    user::copy_out(VirtAddr::new(to.addr()), bytes).map_err(|_| Errno::EFAULT)
}

/// Copies an array of `count` elements in.
///
/// # Errors
/// `EFAULT`, `ENOMEM`.
pub fn read_vec<T: FromBytes + IntoBytes + Immutable>(from: UserPtr<T>, count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
    values.resize_with(count, T::new_zeroed);
    read_bytes(from.untyped(), values.as_mut_slice().as_mut_bytes())?;
    Ok(values)
}

/// Copies an array out.
///
/// # Errors
/// `EFAULT`.
pub fn write_slice<T: IntoBytes + Immutable>(to: UserPtr<T>, values: &[T]) -> Result<()> {
    write_bytes(to.untyped(), values.as_bytes())
}

/// Copies a NUL-terminated string of at most `buf.len()` bytes in and returns it without its NUL; a longer one comes back
/// cut, and `Terminated::No`.
///
/// # Errors
/// `EFAULT`.
pub fn read_str(from: UserStr, buf: &mut [u8]) -> Result<(usize, Terminated)> {
    let count = user::copy_str(buf, VirtAddr::new(from.addr())).map_err(|_| Errno::EFAULT)?;
    Ok((count, if count < buf.len() { Terminated::Yes } else { Terminated::No }))
}

/// Whether a string ended within the buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Terminated {
    /// Its NUL was found.
    Yes,
    /// The buffer ended first.
    No,
}
