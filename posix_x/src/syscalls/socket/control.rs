//! Control messages: descriptors (`SCM_RIGHTS`) and credentials (`SCM_CREDENTIALS`) beside the bytes.

use abi::types::{CMsgHdr, UCred};
use abi::{Errno, Result, UserAddr};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use kernel::credentials::Capability;
use kernel::files::{Any, CloseOnExec};
use kernel::socket::{Ancillary, Identity, Received, Rights, SCM_MAX_FD};
use kernel::task::Task;
use linux_raw_sys::net::{MSG_CTRUNC, SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET};
use zerocopy::{FromBytes, IntoBytes};

use crate::user;

const HEADER: usize = size_of::<CMsgHdr>();
/// Control messages begin at multiples of this.
const ALIGN: usize = 8;
/// Most bytes of control messages in one call (Linux `optmem_max`).
const CONTROL_MAX: usize = 20480;

/// What sendmsg(2) sends beside the bytes.
///
/// # Errors
/// `EINVAL`, `EBADF`, `EPERM` for credentials of others, `ENOBUFS` for too many bytes, `EFAULT`.
pub fn read(task: &Task, at: u64, len: u64) -> Result<Ancillary> {
    let len = usize::try_from(len).ok().filter(|&len| len <= CONTROL_MAX).ok_or(Errno::ENOBUFS)?;
    let mut bytes = vec![0; len];
    user::read_bytes(UserAddr(at), &mut bytes)?;
    let mut ancillary = Ancillary::default();
    let mut rest = &bytes[..];
    while rest.len() >= HEADER {
        let header = CMsgHdr::read_from_bytes(&rest[..HEADER]).map_err(|_| Errno::EINVAL)?;
        let whole = usize::try_from(header.len).ok().filter(|len| (HEADER..=rest.len()).contains(len)).ok_or(Errno::EINVAL)?;
        let data = &rest[HEADER..whole];
        if header.level.cast_unsigned() == SOL_SOCKET {
            match header.kind {
                SCM_RIGHTS => read_rights(task, data, &mut ancillary.rights)?,
                SCM_CREDENTIALS => ancillary.sender = Some(read_credentials(task, data)?),
                _ => return Err(Errno::EINVAL),
            }
        }
        rest = rest.get(whole.next_multiple_of(ALIGN)..).unwrap_or_default();
    }
    Ok(ancillary)
}

/// Writes what came beside the bytes; the bytes written, and `MSG_CTRUNC` when not all fitted.
///
/// # Errors
/// `EFAULT`.
pub fn write(
    task: &Task,
    received: Received,
    passes_credentials: bool,
    (at, len): (u64, usize),
    mark: CloseOnExec,
) -> Result<(usize, u32)> {
    if at == 0 {
        let lost = passes_credentials || !received.rights.is_empty();
        return Ok((0, if lost { MSG_CTRUNC } else { 0 }));
    }
    let (mut used, mut flags) = (0, 0);
    if passes_credentials {
        let Identity { pid, uid, gid } = received.sender.unwrap_or(Identity::UNKNOWN);
        let credentials = UCred { pid, uid, gid };
        if len < HEADER {
            flags |= MSG_CTRUNC;
        } else {
            let data = credentials.as_bytes();
            let fits = data.len().min(len - HEADER);
            if fits < data.len() {
                flags |= MSG_CTRUNC;
            }
            put(at, SCM_CREDENTIALS, &data[..fits])?;
            used = (HEADER + fits).next_multiple_of(ALIGN).min(len);
        }
    }
    if !received.rights.is_empty() {
        let room = (len - used).saturating_sub(HEADER) / size_of::<i32>();
        let fds = install(task, &received.rights, room, mark);
        if fds.len() < received.rights.len() {
            flags |= MSG_CTRUNC;
        }
        if !fds.is_empty() {
            let written = put(at + used as u64, SCM_RIGHTS, fds.as_bytes());
            if let Err(error) = written {
                for fd in fds {
                    // Another thread may have closed it already.
                    let _ = task.files().close(fd);
                }
                return Err(error);
            }
            used = (used + HEADER + size_of_val(&fds[..])).next_multiple_of(ALIGN).min(len);
        }
    }
    Ok((used, flags))
}

fn put(at: u64, kind: u32, data: &[u8]) -> Result<()> {
    let header = CMsgHdr { len: (HEADER + data.len()) as u64, level: SOL_SOCKET.cast_signed(), kind };
    user::write_bytes(UserAddr(at), header.as_bytes())?;
    user::write_bytes(UserAddr(at.saturating_add(HEADER as u64)), data)
}

/// Descriptors for as many capabilities as there is room for.
fn install(task: &Task, rights: &Rights, room: usize, mark: CloseOnExec) -> Vec<i32> {
    let files = task.files();
    rights.iter().take(room).map_while(|capability| files.insert(Arc::clone(capability), mark, 0).ok()).collect()
}

fn read_rights(task: &Task, data: &[u8], rights: &mut Rights) -> Result<()> {
    let files = task.files();
    let fds = data.chunks_exact(size_of::<i32>());
    if rights.len() + fds.len() > SCM_MAX_FD {
        return Err(Errno::EINVAL);
    }
    for fd in fds {
        let fd = i32::read_from_bytes(fd).map_err(|_| Errno::EINVAL)?;
        rights.push(Arc::clone(files.get::<Any>(fd)?.capability()));
    }
    Ok(())
}

fn read_credentials(task: &Task, data: &[u8]) -> Result<Identity> {
    let shown = UCred::read_from_bytes(data).map_err(|_| Errno::EINVAL)?;
    let own = task.credentials();
    let pid = shown.pid == task.process().pid().raw() || own.may(Capability::SysAdmin);
    let uid = own.user.includes(shown.uid) || own.may(Capability::Setuid);
    let gid = own.group.includes(shown.gid) || own.may(Capability::Setgid);
    if !(pid && uid && gid) {
        return Err(Errno::EPERM);
    }
    Ok(Identity { pid: shown.pid, uid: shown.uid, gid: shown.gid })
}
