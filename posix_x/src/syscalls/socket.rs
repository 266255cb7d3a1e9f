//! Sockets of the local family: make, name, connect, transfer, set.

mod address;
mod control;
mod option;

use abi::flags::OpenFlags;
use abi::signal::Signal;
use abi::types::MsgHdr;
use abi::{Errno, Fd, Result, UserAddr, UserPtr};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kernel::files::{Any, CloseOnExec, FileRef};
use kernel::io::{UserRange, UserSink, UserSource};
use kernel::socket::{Ancillary, Receive, Received, Socket, Target, Waiting};
use kernel::task::Task;
use linux_raw_sys::net as raw;

use crate::capability::{file, ranges, sink, source};
use crate::context::Hybrid;
use crate::user::{self, UserStruct};

/// The bits of a type that are no flags.
const TYPE_MASK: u32 = 0xf;
/// The first number that is no type.
const TYPE_END: u32 = 11;
const TYPE_FLAGS: OpenFlags = OpenFlags::CLOEXEC.union(OpenFlags::NONBLOCK);

/// socket(2).
pub fn socket(ctx: &Hybrid<'_>, family: u32, kind: u32, protocol: u32) -> Result<usize> {
    let flags = check_kind(family, kind, protocol)?;
    install(ctx.task(), Socket::new()?, flags)
}

/// socketpair(2).
pub fn socketpair(ctx: &Hybrid<'_>, family: u32, kind: u32, protocol: u32, fds: UserPtr<i32>) -> Result<usize> {
    let flags = check_kind(family, kind, protocol)?;
    let task = ctx.task();
    let (one, other) = kernel::socket::pair()?;
    let first = install(task, one, flags)?;
    let second = install(task, other, flags);
    let number = |fd: usize| i32::try_from(fd).map_err(|_| Errno::EMFILE);
    let done = second.and_then(|second| {
        let (first, second) = (number(first)?, number(second)?);
        user::write_slice(fds, &[first, second]).inspect_err(|_| {
            // Another thread may have closed it already.
            let _ = task.files().close(second);
        })
    });
    if done.is_err() {
        let _ = task.files().close(number(first)?);
    }
    done.map(|()| 0)
}

/// bind(2).
pub fn bind(ctx: &Hybrid<'_>, fd: Fd, name: UserAddr, len: i32) -> Result<usize> {
    let (file, socket) = find(ctx.task(), fd)?;
    let target = address::read(name, len)?;
    let mode = file.inode().ownership().mode & 0o777 & !ctx.task().fs().umask();
    socket.bind(target, mode)?;
    Ok(0)
}

/// listen(2).
pub fn listen(ctx: &Hybrid<'_>, fd: Fd, backlog: i32) -> Result<usize> {
    let (_, socket) = find(ctx.task(), fd)?;
    socket.listen(backlog)?;
    Ok(0)
}

/// connect(2).
pub fn connect(ctx: &Hybrid<'_>, fd: Fd, name: UserAddr, len: i32) -> Result<usize> {
    let (file, socket) = find(ctx.task(), fd)?;
    let target = destination(name, len)?;
    socket.connect(&target, Waiting::unless(file.is_nonblocking()))?;
    Ok(0)
}

/// accept(2).
pub fn accept(ctx: &Hybrid<'_>, fd: Fd, name: UserAddr, len: UserPtr<i32>) -> Result<usize> {
    accept4(ctx, fd, name, len, 0)
}

/// accept4(2).
pub fn accept4(ctx: &Hybrid<'_>, fd: Fd, name: UserAddr, len: UserPtr<i32>, flags: u32) -> Result<usize> {
    let flags = OpenFlags::from_bits(flags).filter(|flags| TYPE_FLAGS.contains(*flags)).ok_or(Errno::EINVAL)?;
    let task = ctx.task();
    let (file, socket) = find(task, fd)?;
    task.files().require_room()?;
    let accepted = socket.accept(Waiting::unless(file.is_nonblocking()))?;
    let peer = accepted.peer_name().unwrap_or(None);
    let mark = CloseOnExec::when(flags.contains(OpenFlags::CLOEXEC));
    let accepted = accepted.open(flags - OpenFlags::CLOEXEC);
    if !name.is_null() {
        address::write(peer.as_deref(), name, len)?;
    }
    Ok(task.files().insert_file(accepted, mark)? as usize)
}

/// getsockname(2).
pub fn getsockname(ctx: &Hybrid<'_>, fd: Fd, name: UserAddr, len: UserPtr<i32>) -> Result<usize> {
    let (_, socket) = find(ctx.task(), fd)?;
    address::write(socket.name().as_deref(), name, len)?;
    Ok(0)
}

/// getpeername(2).
pub fn getpeername(ctx: &Hybrid<'_>, fd: Fd, name: UserAddr, len: UserPtr<i32>) -> Result<usize> {
    let (_, socket) = find(ctx.task(), fd)?;
    address::write(socket.peer_name()?.as_deref(), name, len)?;
    Ok(0)
}

/// sendto(2).
pub fn sendto(ctx: &Hybrid<'_>, fd: Fd, buf: UserAddr, count: usize, flags: u32, name: UserAddr, len: i32) -> Result<usize> {
    let mut source = source(buf, count)?;
    let (file, socket) = find(ctx.task(), fd)?;
    if !name.is_null() {
        address::read(name, len)?;
        return Err(refuse_name(&socket));
    }
    send(&file, &socket, &mut source, Ancillary::default(), flags)
}

/// sendmsg(2).
pub fn sendmsg(ctx: &Hybrid<'_>, fd: Fd, message: UserPtr<MsgHdr>, flags: u32) -> Result<usize> {
    let (file, socket) = find(ctx.task(), fd)?;
    let header = message.get()?;
    let mut source = UserSource::gathered(vectors(&header)?);
    let ancillary = match header.control_len {
        0 => Ancillary::default(),
        len => control::read(ctx.task(), header.control, len)?,
    };
    if header.name != 0 && header.name_len != 0 {
        return Err(refuse_name(&socket));
    }
    send(&file, &socket, &mut source, ancillary, flags)
}

/// recvfrom(2).
pub fn recvfrom(
    ctx: &Hybrid<'_>,
    fd: Fd,
    buf: UserAddr,
    count: usize,
    flags: u32,
    name: UserAddr,
    len: UserPtr<i32>,
) -> Result<usize> {
    let mut sink = sink(buf, count)?;
    let (file, socket) = find(ctx.task(), fd)?;
    let received = receive(&file, &socket, &mut sink, flags)?;
    if !name.is_null() {
        // A stream does not say where its bytes come from.
        len.get()?;
        len.put(&0)?;
    }
    Ok(received.count)
}

/// recvmsg(2).
pub fn recvmsg(ctx: &Hybrid<'_>, fd: Fd, message: UserPtr<MsgHdr>, flags: u32) -> Result<usize> {
    let (file, socket) = find(ctx.task(), fd)?;
    let mut header = message.get()?;
    let mut sink = UserSink::scattered(vectors(&header)?);
    let received = receive(&file, &socket, &mut sink, flags)?;
    let count = received.count;
    let room = usize::try_from(header.control_len).map_err(|_| Errno::EINVAL)?;
    let place = (if room == 0 { 0 } else { header.control }, room);
    let mark = CloseOnExec::when(flags & raw::MSG_CMSG_CLOEXEC != 0);
    let (used, answer) = control::write(ctx.task(), received, socket.options.passes_credentials(), place, mark)?;
    header.name_len = 0;
    header.control_len = used as u64;
    header.flags = answer | flags & raw::MSG_CMSG_CLOEXEC;
    message.put(&header)?;
    Ok(count)
}

/// shutdown(2).
pub fn shutdown(ctx: &Hybrid<'_>, fd: Fd, how: u32) -> Result<usize> {
    let (_, socket) = find(ctx.task(), fd)?;
    match how {
        0 => socket.shut_down(true, false),
        1 => socket.shut_down(false, true),
        2 => socket.shut_down(true, true),
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}

/// getsockopt(2).
pub fn getsockopt(ctx: &Hybrid<'_>, fd: Fd, level: u32, option: u32, value: UserAddr, len: UserPtr<i32>) -> Result<usize> {
    let (_, socket) = find(ctx.task(), fd)?;
    option::get(&socket, level, option, value, len)?;
    Ok(0)
}

/// setsockopt(2).
pub fn setsockopt(ctx: &Hybrid<'_>, fd: Fd, level: u32, option: u32, value: UserAddr, len: i32) -> Result<usize> {
    let (_, socket) = find(ctx.task(), fd)?;
    option::set(&socket, level, option, value, len)?;
    Ok(0)
}

/// The socket behind `fd`.
fn find(task: &Task, fd: Fd) -> Result<(FileRef<Any>, Arc<Socket>)> {
    let file = file::<Any>(task, fd)?;
    if file.flags().contains(OpenFlags::PATH) {
        return Err(Errno::EBADF);
    }
    let socket = Socket::of(&file)?;
    Ok((file, socket))
}

/// The flags of a new socket, when there are such sockets.
fn check_kind(family: u32, kind: u32, protocol: u32) -> Result<OpenFlags> {
    let flags = OpenFlags::from_bits_retain(kind & !TYPE_MASK);
    if !TYPE_FLAGS.contains(flags) {
        return Err(Errno::EINVAL);
    }
    let kind = kind & TYPE_MASK;
    if family >= raw::AF_MAX {
        return Err(Errno::EAFNOSUPPORT);
    }
    if kind >= TYPE_END {
        return Err(Errno::EINVAL);
    }
    if family != raw::AF_UNIX {
        return Err(Errno::EAFNOSUPPORT);
    }
    if protocol != 0 && protocol != raw::AF_UNIX {
        return Err(Errno::EPROTONOSUPPORT);
    }
    if kind == raw::SOCK_STREAM { Ok(flags) } else { Err(Errno::ESOCKTNOSUPPORT) }
}

fn install(task: &Task, socket: Arc<Socket>, flags: OpenFlags) -> Result<usize> {
    let mark = CloseOnExec::when(flags.contains(OpenFlags::CLOEXEC));
    let file = socket.open(flags - OpenFlags::CLOEXEC);
    Ok(task.files().insert_file(file, mark)? as usize)
}

/// A name to connect to.
fn destination(name: UserAddr, len: i32) -> Result<Target> {
    address::read(name, len)?.ok_or(Errno::EINVAL)
}

/// Why a stream takes no destination.
fn refuse_name(socket: &Socket) -> Errno {
    if socket.peer_name().is_ok() { Errno::EISCONN } else { Errno::EOPNOTSUPP }
}

fn vectors(header: &MsgHdr) -> Result<Vec<UserRange>> {
    let count = usize::try_from(header.iov_len).map_err(|_| Errno::EMSGSIZE)?;
    ranges(UserPtr::new(header.iov), count).map_err(|error| match error {
        Errno::EINVAL if count > IOV_MAX => Errno::EMSGSIZE,
        other => other,
    })
}

const IOV_MAX: usize = 1024;

fn send(file: &FileRef<Any>, socket: &Arc<Socket>, source: &mut UserSource, ancillary: Ancillary, flags: u32) -> Result<usize> {
    if flags & raw::MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let waiting = Waiting::unless(file.is_nonblocking() || flags & raw::MSG_DONTWAIT != 0);
    let sent = socket.send(source, ancillary, waiting);
    if sent == Err(Errno::EPIPE) && flags & raw::MSG_NOSIGNAL == 0 {
        kernel::signal::send_to_current(Signal::SIGPIPE);
    }
    sent
}

fn receive(file: &FileRef<Any>, socket: &Socket, sink: &mut UserSink, flags: u32) -> Result<Received> {
    if flags & raw::MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let how = Receive {
        waiting: Waiting::unless(file.is_nonblocking() || flags & raw::MSG_DONTWAIT != 0),
        peek: flags & raw::MSG_PEEK != 0,
        whole: flags & raw::MSG_WAITALL != 0,
    };
    socket.receive(sink, how)
}
