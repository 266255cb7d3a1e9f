//! Reading a directory through an open description: `.` and `..` first, then the file system's own entries.

use super::dentry::Linked;
use super::file::File;
use super::inode::{DirEntry, Emit, FIRST_COOKIE, FileKind};
use abi::{Errno, Result};

/// Gives entries from the position on until `emit` is full; the position follows. `emit` must not touch user memory.
///
/// # Errors
/// `ENOTDIR`; `ENOENT` when the directory was removed.
pub fn read_directory(file: &File, emit: &mut dyn FnMut(&DirEntry<'_>) -> Emit) -> Result<()> {
    if !file.is_directory() {
        return Err(Errno::ENOTDIR);
    }
    let dentry = &file.path().dentry;
    file.with_position(|position| {
        let _stable = dentry.directory_lock().lock();
        if dentry.linked() == Linked::No {
            return Err(Errno::ENOENT);
        }
        let own = file.inode().id().number;
        while *position < FIRST_COOKIE {
            let above = || dentry.parent().map_or(own, |parent| parent.inode().id().number);
            let (name, number): (&[u8], u64) = if *position == 0 { (b".", own) } else { (b"..", above()) };
            let entry = DirEntry { name, number, kind: FileKind::Directory, next: *position + 1 };
            if emit(&entry) == Emit::Full {
                return Ok(());
            }
            *position = entry.next;
        }
        let from = *position;
        file.inode().read_directory(from, &mut |entry| {
            let taken = emit(entry);
            if taken == Emit::Taken {
                *position = entry.next;
            }
            taken
        })
    })
}
