//! From archive entries to files below a root.

use super::{Format, Reader};
use crate::credentials::Credentials;
use crate::io::SliceSource;
use crate::vfs::inode::{DeviceId, FileKind, NodeKind, SetAttributes, Timestamp};
use crate::vfs::lookup::{Follow, LookupContext, lookup};
use crate::vfs::mount::Path;
use crate::vfs::open::open_existing;
use crate::vfs::{File, modify};
use abi::flags::OpenFlags;
use abi::{Errno, Result};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use kernel_core::addr::PAGE_SIZE;
use kernel_core::archive::{ArchiveError, Entry, EntryKind, Input, LinkId};
use kernel_core::path::split_last;

/// Unpacking under way.
pub struct Unpacker {
    context: LookupContext,
    /// Files with several names, by the archive's numbering.
    links: BTreeMap<LinkId, Path>,
    /// Directories whose times are set at the end, when nothing changes them any more.
    directories: Vec<(Path, i64)>,
    buffer: Vec<u8>,
    entries: usize,
    failures: usize,
}

/// Failures that are logged one by one.
const LOGGED_FAILURES: usize = 10;

impl Unpacker {
    pub fn new(root: &Path) -> Self {
        let credentials = Arc::new(Credentials::root());
        Self {
            context: LookupContext { root: root.clone(), cwd: root.clone(), credentials },
            links: BTreeMap::new(),
            directories: Vec::new(),
            buffer: vec![0; PAGE_SIZE],
            entries: 0,
            failures: 0,
        }
    }

    /// Unpacks one archive, up to its trailer.
    pub fn archive(&mut self, format: Format, input: &mut dyn Input) -> Result<(), ArchiveError> {
        let mut reader = Reader::new(format);
        // Numbers of files mean something within one archive only.
        self.links.clear();
        while let Some(entry) = reader.next(input)? {
            self.entries += 1;
            let made = self.make(&entry);
            let content = match made {
                Ok(Some(file)) => self.fill(&mut reader, input, &file)?,
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = content {
                self.report(&entry, error);
            }
        }
        Ok(())
    }

    /// Sets the times of directories and logs the outcome.
    pub fn finish(self) {
        for (place, modified) in &self.directories {
            if let Err(error) = set_time(place, *modified) {
                log::warn!(target: "initramfs", "time of a directory: {error}");
            }
        }
        if self.failures > 0 {
            log::error!(target: "initramfs", "{} of {} entries could not be unpacked", self.failures, self.entries);
        }
        log::info!(target: "initramfs", "{} entries unpacked", self.entries - self.failures);
    }

    fn report(&mut self, entry: &Entry, error: Errno) {
        self.failures += 1;
        if self.failures <= LOGGED_FAILURES {
            log::error!(target: "initramfs", "{}: {error}", String::from_utf8_lossy(&entry.name));
        }
    }

    /// Makes the node; a regular file comes back open for its content.
    fn make(&mut self, entry: &Entry) -> Result<Option<Arc<File>>> {
        if entry.name.is_empty() {
            let root = self.context.root.clone();
            return self.describe(&root, entry).map(|()| None);
        }
        let kind = match &entry.kind {
            EntryKind::Regular => return self.regular(entry),
            EntryKind::HardLink(target) => {
                let target = lookup(&self.context, &self.context.root, target, Follow::No)?;
                return self.another_name(&target, &entry.name).map(|()| None);
            }
            EntryKind::Directory => NodeKind::Directory,
            EntryKind::Symlink(target) => NodeKind::Symlink(target),
            EntryKind::CharDevice(major, minor) => NodeKind::CharDevice(DeviceId::new(*major, *minor)),
            EntryKind::BlockDevice(major, minor) => NodeKind::BlockDevice(DeviceId::new(*major, *minor)),
            EntryKind::Fifo => NodeKind::Fifo,
            EntryKind::Socket => NodeKind::Socket,
        };
        let place = self.node(&entry.name, kind, entry.mode)?;
        self.describe(&place, entry).map(|()| None)
    }

    fn regular(&mut self, entry: &Entry) -> Result<Option<Arc<File>>> {
        let known = entry.link.and_then(|link| self.links.get(&link).cloned());
        let place = match known {
            Some(place) => {
                self.another_name(&place, &entry.name)?;
                place
            }
            None => self.node(&entry.name, NodeKind::Regular, entry.mode)?,
        };
        if let Some(link) = entry.link {
            self.links.insert(link, place.clone());
        }
        self.describe(&place, entry)?;
        if entry.size == 0 {
            return Ok(None);
        }
        open_existing(&self.context, place, OpenFlags::WRONLY).map(Some)
    }

    /// Copies the content; what the archive does wrong is the outer error, what the file system cannot do the inner.
    fn fill(&mut self, reader: &mut Reader, input: &mut dyn Input, file: &File) -> Result<Result<()>, ArchiveError> {
        let modified = file.inode().metadata().modified;
        loop {
            let count = reader.read(input, &mut self.buffer)?;
            if count == 0 {
                break;
            }
            match file.write(&mut SliceSource::new(&self.buffer[..count])) {
                Ok(written) if written == count => {}
                Ok(_) => return Ok(Err(Errno::ENOSPC)),
                Err(error) => return Ok(Err(error)),
            }
        }
        let change = SetAttributes { modified: Some(modified), ..SetAttributes::default() };
        Ok(file.inode().set_attributes(&change))
    }

    /// Makes a node, with the directories above it, in place of what has the name.
    fn node(&self, name: &[u8], kind: NodeKind<'_>, mode: u32) -> Result<Path> {
        let root = &self.context.root;
        match modify::create(&self.context, root, name, kind, mode) {
            Err(Errno::ENOENT) => {
                self.directories_above(name)?;
                modify::create(&self.context, root, name, kind, mode)
            }
            Err(Errno::EEXIST) => {
                let place = lookup(&self.context, root, name, Follow::No)?;
                let is_directory = place.inode().kind() == FileKind::Directory;
                if is_directory && matches!(kind, NodeKind::Directory) {
                    return Ok(place);
                }
                self.remove(name, is_directory)?;
                modify::create(&self.context, root, name, kind, mode)
            }
            result => result,
        }
    }

    fn another_name(&self, target: &Path, name: &[u8]) -> Result<()> {
        let root = &self.context.root;
        match modify::link(&self.context, target, root, name) {
            Err(Errno::ENOENT) => {
                self.directories_above(name)?;
                modify::link(&self.context, target, root, name)
            }
            Err(Errno::EEXIST) => {
                let place = lookup(&self.context, root, name, Follow::No)?;
                if place.inode().id() == target.inode().id() {
                    return Ok(());
                }
                self.remove(name, place.inode().kind() == FileKind::Directory)?;
                modify::link(&self.context, target, root, name)
            }
            result => result,
        }
    }

    fn remove(&self, name: &[u8], is_directory: bool) -> Result<()> {
        if is_directory {
            return modify::rmdir(&self.context, &self.context.root, name);
        }
        modify::unlink(&self.context, &self.context.root, name)
    }

    fn directories_above(&self, name: &[u8]) -> Result<()> {
        let mut missing = Vec::new();
        let mut at = name;
        while let Some((above, _)) = split_last(at).filter(|(above, _)| !above.is_empty()) {
            missing.push(above);
            at = above;
        }
        for above in missing.into_iter().rev() {
            match modify::create(&self.context, &self.context.root, above, NodeKind::Directory, 0o755) {
                Ok(_) | Err(Errno::EEXIST) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn describe(&mut self, place: &Path, entry: &Entry) -> Result<()> {
        let mode = (place.inode().kind() != FileKind::Symlink).then_some(entry.mode);
        let change = SetAttributes { mode, uid: Some(entry.uid), gid: Some(entry.gid), ..SetAttributes::default() };
        place.inode().set_attributes(&change)?;
        if place.inode().kind() == FileKind::Directory {
            self.directories.push((place.clone(), entry.modified));
            return Ok(());
        }
        set_time(place, entry.modified)
    }
}

fn set_time(place: &Path, seconds: i64) -> Result<()> {
    let time = Timestamp { seconds, nanoseconds: 0 };
    place.inode().set_attributes(&SetAttributes { accessed: Some(time), modified: Some(time), ..SetAttributes::default() })
}
