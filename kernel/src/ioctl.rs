//! Arguments of ioctl(2): values behind user addresses, copied once.

use abi::{Errno, Result};
use kernel_arch::user;
use kernel_core::addr::VirtAddr;

/// Copies `N` bytes in.
///
/// # Errors
/// `EFAULT`.
pub fn get<const N: usize>(argument: u64) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    user::copy_in(&mut bytes, VirtAddr::new(argument)).map_err(|_| Errno::EFAULT)?;
    Ok(bytes)
}

/// Copies an `int` in.
///
/// # Errors
/// `EFAULT`.
pub fn get_i32(argument: u64) -> Result<i32> {
    get(argument).map(i32::from_ne_bytes)
}

/// Copies bytes out; the answer of an ioctl that has no other.
///
/// # Errors
/// `EFAULT`.
pub fn put(argument: u64, bytes: &[u8]) -> Result<usize> {
    user::copy_out(VirtAddr::new(argument), bytes).map_err(|_| Errno::EFAULT)?;
    Ok(0)
}

/// Copies an `int` out.
///
/// # Errors
/// `EFAULT`.
pub fn put_i32(argument: u64, value: i32) -> Result<usize> {
    put(argument, &value.to_ne_bytes())
}

/// Copies a count out as an `int`.
///
/// # Errors
/// `EFAULT`.
pub fn put_count(argument: u64, count: usize) -> Result<usize> {
    put_i32(argument, i32::try_from(count).unwrap_or(i32::MAX))
}
