//! `struct sockaddr_un`: from and to user memory.

use abi::{Errno, Result, UserAddr, UserPtr};
use alloc::vec::Vec;
use kernel::socket::{Address, Target};
use linux_raw_sys::net::AF_UNIX;

use crate::user::{self, UserStruct};

/// Bytes of the family in front of the name.
const FAMILY_LEN: usize = 2;
/// Bytes of a name (`sun_path`).
const PATH_LEN: usize = 108;
/// The largest address that any family has (`struct sockaddr_storage`).
const STORAGE_LEN: i32 = 128;

/// A local address as a program gives it: none without a name.
///
/// # Errors
/// `EINVAL` for another family or a length that no local address has, `EFAULT`.
pub fn read(at: UserAddr, len: i32) -> Result<Option<Target>> {
    let Some(len) = usize::try_from(len).ok().filter(|_| len <= STORAGE_LEN) else { return Err(Errno::EINVAL) };
    let mut bytes = [0; STORAGE_LEN as usize];
    user::read_bytes(at, &mut bytes[..len])?;
    let family = u16::from_ne_bytes([bytes[0], bytes[1]]);
    if !(FAMILY_LEN..=FAMILY_LEN + PATH_LEN).contains(&len) || u32::from(family) != AF_UNIX {
        return Err(Errno::EINVAL);
    }
    let name = &bytes[FAMILY_LEN..len];
    Ok(match name.first() {
        None => None,
        Some(0) => Some(Target::Abstract(name[1..].to_vec())),
        Some(_) => Some(Target::Path(name.split(|&byte| byte == 0).next().unwrap_or_default().to_vec())),
    })
}

/// Writes `address` to `at`, cut to `*len` bytes; `*len` becomes its whole length.
///
/// # Errors
/// `EINVAL` for a negative length, `EFAULT`.
pub fn write(address: Option<&Address>, at: UserAddr, len: UserPtr<i32>) -> Result<()> {
    let room = usize::try_from(len.get()?).map_err(|_| Errno::EINVAL)?;
    let bytes = encode(address);
    user::write_bytes(at, &bytes[..bytes.len().min(room)])?;
    len.put(&i32::try_from(bytes.len()).map_err(|_| Errno::EINVAL)?)
}

fn encode(address: Option<&Address>) -> Vec<u8> {
    let family = u16::try_from(AF_UNIX).unwrap_or_default();
    let mut bytes = family.to_ne_bytes().to_vec();
    match address.map(Address::target) {
        None => {}
        Some(Target::Abstract(name)) => {
            bytes.push(0);
            bytes.extend_from_slice(name);
        }
        Some(Target::Path(path)) => {
            bytes.extend_from_slice(path);
            bytes.push(0);
        }
    }
    bytes
}
