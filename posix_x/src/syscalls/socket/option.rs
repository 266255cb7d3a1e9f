//! getsockopt(2) and setsockopt(2): the options of level `SOL_SOCKET`.

use abi::types::{TimeVal, UCred};
use abi::{Errno, Result, UserAddr, UserPtr};
use core::time::Duration;
use kernel::socket::Socket;
use linux_raw_sys::net as raw;
use zerocopy::{FromBytes, IntoBytes};

use crate::syscalls::time::timeval;
use crate::user::{self, UserStruct};

const MICROS: i64 = 1_000_000;

/// Reads an option.
///
/// # Errors
/// `ENOPROTOOPT` for an unknown one, `EOPNOTSUPP` for another level, `EINVAL` for a negative length, `EFAULT`.
pub fn get(socket: &Socket, level: u32, option: u32, value: UserAddr, len: UserPtr<i32>) -> Result<()> {
    if level != raw::SOL_SOCKET {
        return Err(Errno::EOPNOTSUPP);
    }
    let room = usize::try_from(len.get()?).map_err(|_| Errno::EINVAL)?;
    let options = &socket.options;
    let number = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let number = match option {
        raw::SO_TYPE => raw::SOCK_STREAM.cast_signed(),
        raw::SO_DOMAIN => raw::AF_UNIX.cast_signed(),
        raw::SO_PROTOCOL => 0,
        raw::SO_ERROR => socket.take_error().map_or(0, |error| i32::from(error.raw())),
        raw::SO_SNDBUF => number(options.send_buffer()),
        raw::SO_RCVBUF => number(options.receive_buffer()),
        raw::SO_PASSCRED => i32::from(options.passes_credentials()),
        raw::SO_ACCEPTCONN => i32::from(socket.is_listening()),
        raw::SO_RCVTIMEO => return put(value, len, room, timeval(options.receive_timeout()).as_bytes()),
        raw::SO_SNDTIMEO => return put(value, len, room, timeval(options.send_timeout()).as_bytes()),
        raw::SO_PEERCRED => {
            let peer = socket.peer_identity();
            return put(value, len, room, UCred { pid: peer.pid, uid: peer.uid, gid: peer.gid }.as_bytes());
        }
        _ => return Err(Errno::ENOPROTOOPT),
    };
    put(value, len, room, number.as_bytes())
}

/// Sets an option.
///
/// # Errors
/// `ENOPROTOOPT` for an unknown or read-only one, `EOPNOTSUPP` for another level, `EINVAL` for a short value, `EDOM`, `EFAULT`.
pub fn set(socket: &Socket, level: u32, option: u32, value: UserAddr, len: i32) -> Result<()> {
    if level != raw::SOL_SOCKET {
        return Err(Errno::EOPNOTSUPP);
    }
    let len = usize::try_from(len).ok().filter(|&len| len >= size_of::<i32>()).ok_or(Errno::EINVAL)?;
    let mut bytes = [0; size_of::<i32>()];
    user::read_bytes(value, &mut bytes)?;
    let number = i32::from_ne_bytes(bytes);
    // A negative size counts as a huge one, as on Linux.
    let size = usize::try_from(number.cast_unsigned()).unwrap_or(usize::MAX);
    let options = &socket.options;
    match option {
        raw::SO_SNDBUF => options.set_send_buffer(size),
        raw::SO_RCVBUF => options.set_receive_buffer(size),
        raw::SO_PASSCRED => options.set_pass_credentials(number != 0),
        raw::SO_RCVTIMEO => options.set_receive_timeout(duration(value, len)?),
        raw::SO_SNDTIMEO => options.set_send_timeout(duration(value, len)?),
        _ => return Err(Errno::ENOPROTOOPT),
    }
    if option == raw::SO_SNDBUF {
        socket.settle();
    }
    Ok(())
}

fn put(value: UserAddr, len: UserPtr<i32>, room: usize, bytes: &[u8]) -> Result<()> {
    let count = bytes.len().min(room);
    user::write_bytes(value, &bytes[..count])?;
    len.put(&i32::try_from(count).map_err(|_| Errno::EINVAL)?)
}

fn duration(value: UserAddr, len: usize) -> Result<Duration> {
    if len < size_of::<TimeVal>() {
        return Err(Errno::EINVAL);
    }
    let mut bytes = [0; size_of::<TimeVal>()];
    user::read_bytes(value, &mut bytes)?;
    let time = TimeVal::read_from_bytes(&bytes).map_err(|_| Errno::EINVAL)?;
    let micros = u32::try_from(time.microseconds).ok().filter(|_| time.microseconds < MICROS).ok_or(Errno::EDOM)?;
    let Ok(seconds) = u64::try_from(time.seconds) else {
        // A time before now: give up at once.
        return Ok(Duration::from_nanos(1));
    };
    Ok(Duration::new(seconds, micros * 1000))
}
