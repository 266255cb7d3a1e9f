//! Moving bytes: read(2), write(2) and their families, positions, copies between files.

use alloc::vec;

use abi::flags::{FileKind, OpenFlags, RwFlags, Whence};
use abi::types::IoVec;
use abi::{Errno, Fd, Result, UserAddr, UserPtr};
use kernel::files::{FileRef, Read, Seek, Write};
use kernel::io::{Sink, SliceSink, SliceSource, TRANSFER_MAX, UserSink, UserSource};
use kernel::vfs::File;

use crate::capability::{file, ranges, sink, source};
use crate::context::Hybrid;
use crate::user::UserStruct;

/// read(2).
pub fn read(ctx: &Hybrid<'_>, fd: Fd, buf: UserAddr, count: usize) -> Result<usize> {
    let file = file::<Read>(ctx.task(), fd)?;
    file.read(&mut sink(buf, count)?)
}

/// write(2).
pub fn write(ctx: &Hybrid<'_>, fd: Fd, buf: UserAddr, count: usize) -> Result<usize> {
    let file = file::<Write>(ctx.task(), fd)?;
    file.write(&mut source(buf, count)?)
}

/// pread(2).
pub fn pread64(ctx: &Hybrid<'_>, fd: Fd, buf: UserAddr, count: usize, offset: i64) -> Result<usize> {
    let offset = position(offset)?;
    let file = file::<Read>(ctx.task(), fd)?;
    file.read_at(&mut sink(buf, count)?, offset)
}

/// pwrite(2).
pub fn pwrite64(ctx: &Hybrid<'_>, fd: Fd, buf: UserAddr, count: usize, offset: i64) -> Result<usize> {
    let offset = position(offset)?;
    let file = file::<Write>(ctx.task(), fd)?;
    file.write_at(&mut source(buf, count)?, offset)
}

/// readv(2).
pub fn readv(ctx: &Hybrid<'_>, fd: Fd, iov: UserPtr<IoVec>, count: usize) -> Result<usize> {
    let file = file::<Read>(ctx.task(), fd)?;
    file.read(&mut UserSink::scattered(ranges(iov, count)?))
}

/// writev(2).
pub fn writev(ctx: &Hybrid<'_>, fd: Fd, iov: UserPtr<IoVec>, count: usize) -> Result<usize> {
    let file = file::<Write>(ctx.task(), fd)?;
    file.write(&mut UserSource::gathered(ranges(iov, count)?))
}

/// preadv(2); the upper half of the offset means nothing on a 64-bit system.
pub fn preadv(ctx: &Hybrid<'_>, fd: Fd, iov: UserPtr<IoVec>, count: usize, offset: i64) -> Result<usize> {
    let offset = position(offset)?;
    let file = file::<Read>(ctx.task(), fd)?;
    file.read_at(&mut UserSink::scattered(ranges(iov, count)?), offset)
}

/// pwritev(2).
pub fn pwritev(ctx: &Hybrid<'_>, fd: Fd, iov: UserPtr<IoVec>, count: usize, offset: i64) -> Result<usize> {
    let offset = position(offset)?;
    let file = file::<Write>(ctx.task(), fd)?;
    file.write_at(&mut UserSource::gathered(ranges(iov, count)?), offset)
}

/// preadv2(2).
pub fn preadv2(
    ctx: &Hybrid<'_>,
    fd: Fd,
    iov: UserPtr<IoVec>,
    count: usize,
    offset: i64,
    _offset_high: u64,
    flags: u32,
) -> Result<usize> {
    check_flags(flags)?;
    if offset == AT_POSITION { readv(ctx, fd, iov, count) } else { preadv(ctx, fd, iov, count, offset) }
}

/// pwritev2(2).
pub fn pwritev2(
    ctx: &Hybrid<'_>,
    fd: Fd,
    iov: UserPtr<IoVec>,
    count: usize,
    offset: i64,
    _offset_high: u64,
    flags: u32,
) -> Result<usize> {
    check_flags(flags)?;
    if offset == AT_POSITION { writev(ctx, fd, iov, count) } else { pwritev(ctx, fd, iov, count, offset) }
}

/// lseek(2).
pub fn lseek(ctx: &Hybrid<'_>, fd: Fd, offset: i64, whence: u32) -> Result<usize> {
    let file = file::<Seek>(ctx.task(), fd)?;
    let whence = Whence::from_raw(whence).ok_or(Errno::EINVAL)?;
    let position = file.seek(offset, whence)?;
    usize::try_from(position).map_err(|_| Errno::EOVERFLOW)
}

/// sendfile(2).
pub fn sendfile(ctx: &Hybrid<'_>, to: Fd, from: Fd, offset: UserPtr<i64>, count: usize) -> Result<usize> {
    let input = file::<Read>(ctx.task(), from)?;
    let output = file::<Write>(ctx.task(), to)?;
    if output.flags().contains(OpenFlags::APPEND) {
        return Err(Errno::EINVAL);
    }
    if input.inode().kind() != FileKind::Regular && input.inode().kind() != FileKind::BlockDevice {
        return Err(Errno::EINVAL);
    }
    let input = Cursor::new(&input, offset)?;
    let (copied, end) = copy(&input, count, |bytes, _| output.write(&mut SliceSource::new(bytes)))?;
    input.finish(end)?;
    Ok(copied)
}

/// copy_file_range(2).
pub fn copy_file_range(
    ctx: &Hybrid<'_>,
    from: Fd,
    from_offset: UserPtr<i64>,
    to: Fd,
    to_offset: UserPtr<i64>,
    count: usize,
    flags: u32,
) -> Result<usize> {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let input = file::<Read>(ctx.task(), from)?;
    let output = file::<Write>(ctx.task(), to)?;
    for kind in [input.inode().kind(), output.inode().kind()] {
        match kind {
            FileKind::Regular => {}
            FileKind::Directory => return Err(Errno::EISDIR),
            _ => return Err(Errno::EINVAL),
        }
    }
    if output.flags().contains(OpenFlags::APPEND) {
        return Err(Errno::EBADF);
    }
    let same = input.inode().id() == output.inode().id();
    let input = Cursor::new(&input, from_offset)?;
    let target = Cursor::new(&output, to_offset)?;
    // Bytes that the copy itself appends are not part of it.
    let left = input.file.inode().size().saturating_sub(input.start);
    let count = count.min(usize::try_from(left).unwrap_or(usize::MAX));
    if same && input.start.abs_diff(target.start) < count as u64 {
        return Err(Errno::EINVAL);
    }
    let write = |bytes: &[u8], done: u64| output.write_at(&mut SliceSource::new(bytes), target.start + done);
    let (copied, end) = copy(&input, count, write)?;
    input.finish(end)?;
    target.finish(target.start + copied as u64)?;
    Ok(copied)
}

/// One side of a copy: a file from an offset that the program keeps, or from its own position.
struct Cursor<'a> {
    file: &'a File,
    start: u64,
    offset: UserPtr<i64>,
}

impl<'a> Cursor<'a> {
    fn new<R>(file: &'a FileRef<R>, offset: UserPtr<i64>) -> Result<Self> {
        let start = if offset.is_null() { file.position() } else { position(offset.get()?)? };
        Ok(Self { file, start, offset })
    }

    fn finish(&self, end: u64) -> Result<()> {
        let end = i64::try_from(end).map_err(|_| Errno::EOVERFLOW)?;
        if self.offset.is_null() {
            return self.file.seek(end, Whence::Set).map(|_| ());
        }
        self.offset.put(&end)
    }
}

/// Copies up to `count` bytes through a buffer of a page; how many, and where the input ended.
fn copy(input: &Cursor<'_>, count: usize, mut write: impl FnMut(&[u8], u64) -> Result<usize>) -> Result<(usize, u64)> {
    let count = count.min(TRANSFER_MAX);
    let mut buffer = vec![0; CHUNK];
    let mut done = 0;
    while done < count {
        let len = buffer.len().min(count - done);
        let mut sink = SliceSink::new(&mut buffer[..len]);
        let got = match input.file.read_at(&mut sink, input.start + done as u64) {
            Ok(0) => break,
            Ok(got) => got,
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        };
        debug_assert_eq!(sink.remaining(), len - got);
        match write(&buffer[..got], done as u64) {
            Ok(written) => {
                done += written;
                if written < got {
                    break;
                }
            }
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok((done, input.start + done as u64))
}

const CHUNK: usize = 4096;

/// "At the position", in preadv2(2) and pwritev2(2).
const AT_POSITION: i64 = -1;

fn position(offset: i64) -> Result<u64> {
    u64::try_from(offset).map_err(|_| Errno::EINVAL)
}

/// Everything here is synchronous already; what changes the meaning of a transfer is refused.
fn check_flags(flags: u32) -> Result<()> {
    let flags = RwFlags::from_bits(flags).ok_or(Errno::EOPNOTSUPP)?;
    if flags.intersects(RwFlags::NOWAIT | RwFlags::APPEND) {
        return Err(Errno::EOPNOTSUPP);
    }
    Ok(())
}
