//! `/proc/PID/fd` and `/proc/PID/fdinfo`: the descriptors of a process.

use super::process::Subject;
use super::text::{Text, put};
use crate::files::{Any, FileTable};
use crate::vfs::anonymous;
use crate::vfs::file::File;
use crate::vfs::inode::LinkTarget;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Which of the two directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// `fd`: links to what is open.
    Links,
    /// `fdinfo`: position and flags.
    Details,
}

/// The numbers that are open.
pub fn open(subject: Subject) -> Result<Vec<usize>> {
    Ok(table(subject)?.open_descriptors())
}

/// The description behind a number.
pub fn file(subject: Subject, fd: i32) -> Result<Arc<File>> {
    let found = table(subject)?.get::<Any>(fd).map_err(|_| Errno::ENOENT)?;
    Ok(Arc::clone(found.file()))
}

/// Where the link of a number leads.
pub fn follow(subject: Subject, fd: i32) -> Result<LinkTarget> {
    subject.require_inspectable()?;
    let file = file(subject, fd)?;
    let place = file.path().clone();
    let text = if anonymous::is_anonymous(&place) { place.dentry.name() } else { place.display(&crate::vfs::root()) };
    Ok(LinkTarget::Object(place, text))
}

/// Permission bits of a link: what the description can do.
pub fn link_mode(subject: Subject, fd: i32) -> u32 {
    let Ok(file) = file(subject, fd) else { return 0 };
    let read = if file.is_readable() { 0o400 } else { 0 };
    let write = if file.is_writable() { 0o200 } else { 0 };
    read | write | 0o100
}

/// The text of `fdinfo`.
pub fn details(subject: Subject, fd: i32, text: &mut Text) -> Result<()> {
    subject.require_inspectable()?;
    let file = file(subject, fd)?;
    put!(text, "pos:\t{}\nflags:\t0{:o}\n", file.position(), file.flags().bits());
    put!(text, "mnt_id:\t{}\nino:\t{}\n", file.path().mount.id(), file.inode().id().number);
    Ok(())
}

fn table(subject: Subject) -> Result<Arc<FileTable>> {
    subject.task()?.try_files().ok_or(Errno::ENOENT)
}
