//! pipe(2) and pipe2(2).

use abi::flags::OpenFlags;
use abi::{Errno, Result, UserPtr};
use kernel::files::CloseOnExec;
use kernel::pipe;

use crate::context::Hybrid;
use crate::user;

const FLAGS: OpenFlags = OpenFlags::CLOEXEC.union(OpenFlags::NONBLOCK).union(OpenFlags::DIRECT);

/// pipe(2).
pub fn pipe(ctx: &Hybrid<'_>, fds: UserPtr<i32>) -> Result<usize> {
    pipe2(ctx, fds, 0)
}

/// pipe2(2).
pub fn pipe2(ctx: &Hybrid<'_>, fds: UserPtr<i32>, flags: u32) -> Result<usize> {
    let flags = OpenFlags::from_bits(flags).filter(|flags| FLAGS.contains(*flags)).ok_or(Errno::EINVAL)?;
    let task = ctx.task();
    let files = task.files();
    let mark = CloseOnExec::when(flags.contains(OpenFlags::CLOEXEC));
    let (reader, writer) = pipe::pipe(&task.credentials(), flags - OpenFlags::CLOEXEC)?;
    let read = files.insert_file(reader, mark)?;
    let done = files.insert_file(writer, mark).and_then(|write| {
        user::write_slice(fds, &[read, write]).inspect_err(|_| {
            // Another thread may have closed it already.
            let _ = files.close(write);
        })
    });
    if done.is_err() {
        let _ = files.close(read);
    }
    done.map(|()| 0)
}
