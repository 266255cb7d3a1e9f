//! Nodes of procfs: what each name leads to.

use super::INSTANCE;
use super::descriptors::{self, Listing};
use super::process::{self, Link, ProcessFile, Subject};
use super::text::{Producer, TextFile};
use super::tree::{self, Entry, What};
use crate::task::{self, Pid};
use crate::vfs::file::{File, FileOps, OpenRequest};
use crate::vfs::inode::{
    Caching, DeviceId, DirEntry, Emit, FIRST_COOKIE, FileKind, Inode, InodeId, LinkTarget, Metadata, SetAttributes,
};
use crate::vfs::mount::FileSystem;
use abi::{Errno, Result};
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use core::str;

/// A node.
pub struct ProcInode {
    node: Node,
}

#[derive(Clone, Copy)]
pub enum Node {
    /// Something that is always there.
    Fixed(&'static Entry),
    /// The directory of a process or thread.
    Subject(Subject),
    /// `/proc/PID/task`.
    Threads(Pid),
    /// A file of a process or thread.
    File(Subject, &'static ProcessFile),
    /// A link of a process or thread.
    Link(Subject, Link),
    /// `fd` or `fdinfo`.
    Descriptors(Subject, Listing),
    /// An entry of `fd` or `fdinfo`.
    Descriptor(Subject, Listing, i32),
}

impl ProcInode {
    pub fn root() -> Arc<Self> {
        Self::new(Node::Fixed(&tree::ROOT))
    }

    pub fn new(node: Node) -> Arc<Self> {
        Arc::new(Self { node })
    }

    /// A number that is the same each time the node is made.
    fn number(&self) -> u64 {
        const PER_SUBJECT: u64 = 1 << 24;
        let of = |subject: Subject, local: u64| {
            let thread = u64::from(subject.tid.is_some());
            (1 + (u64::from(subject.id().raw().unsigned_abs()) << 1 | thread)) * PER_SUBJECT + local
        };
        match self.node {
            Node::Fixed(entry) => tree::number(entry),
            Node::Subject(subject) => of(subject, 0),
            Node::Threads(pid) => of(Subject::process(pid), 1),
            Node::File(subject, file) => of(subject, 16 + process::index_of(file)),
            Node::Link(subject, link) => of(subject, 2 + link as u64),
            Node::Descriptors(subject, listing) => of(subject, 8 + listing as u64),
            Node::Descriptor(subject, listing, fd) => {
                of(subject, (1 << 22) * (1 + listing as u64) + u64::from(fd.unsigned_abs()))
            }
        }
    }

    fn mode(&self) -> u32 {
        match self.node {
            Node::Fixed(entry) => entry.mode(),
            Node::Subject(_) | Node::Threads(_) => 0o555,
            Node::File(_, file) => file.mode,
            Node::Link(..) => 0o777,
            Node::Descriptors(..) => 0o500,
            Node::Descriptor(subject, Listing::Links, fd) => descriptors::link_mode(subject, fd),
            Node::Descriptor(_, Listing::Details, _) => 0o400,
        }
    }

    fn subject(&self) -> Option<Subject> {
        match self.node {
            Node::Fixed(_) => None,
            Node::Threads(pid) => Some(Subject::process(pid)),
            Node::Subject(subject)
            | Node::File(subject, _)
            | Node::Link(subject, _)
            | Node::Descriptors(subject, _)
            | Node::Descriptor(subject, _, _) => Some(subject),
        }
    }

    fn child(&self, name: &[u8]) -> Result<Node> {
        match self.node {
            Node::Fixed(entry) => {
                let What::Directory(entries) = entry.what else { return Err(Errno::ENOTDIR) };
                if let Some(found) = entries.iter().find(|entry| entry.name.as_bytes() == name) {
                    return Ok(Node::Fixed(found));
                }
                if core::ptr::eq(entry, &raw const tree::ROOT) {
                    return Ok(Node::Subject(Subject::find(number(name).ok_or(Errno::ENOENT)?)?));
                }
                Err(Errno::ENOENT)
            }
            Node::Subject(subject) => subject_child(subject, name),
            Node::Threads(pid) => {
                let tid = Pid(number(name).ok_or(Errno::ENOENT)?);
                let task = task::find_task(tid).filter(|task| task.process().pid() == pid).ok_or(Errno::ENOENT)?;
                Ok(Node::Subject(Subject { pid, tid: Some(task.tid()) }))
            }
            Node::Descriptors(subject, listing) => {
                let fd = number(name).ok_or(Errno::ENOENT)?;
                descriptors::file(subject, fd)?;
                Ok(Node::Descriptor(subject, listing, fd))
            }
            Node::File(..) | Node::Link(..) | Node::Descriptor(..) => Err(Errno::ENOTDIR),
        }
    }
}

impl Inode for ProcInode {
    fn id(&self) -> InodeId {
        InodeId { device: INSTANCE.device(), number: self.number() }
    }

    fn kind(&self) -> FileKind {
        match self.node {
            Node::Fixed(entry) => match entry.what {
                What::Directory(_) => FileKind::Directory,
                What::Text(_) | What::Setting(..) => FileKind::Regular,
                What::Link(_) => FileKind::Symlink,
            },
            Node::Subject(_) | Node::Threads(_) | Node::Descriptors(..) => FileKind::Directory,
            Node::File(..) | Node::Descriptor(_, Listing::Details, _) => FileKind::Regular,
            Node::Link(..) | Node::Descriptor(_, Listing::Links, _) => FileKind::Symlink,
        }
    }

    fn metadata(&self) -> Metadata {
        let now = crate::vfs::now();
        let (uid, gid) = self.subject().map_or((0, 0), Subject::owner);
        let links = match self.node {
            Node::Subject(_) => 9,
            Node::Fixed(_) | Node::Threads(_) | Node::Descriptors(..) if self.kind() == FileKind::Directory => 2,
            _ => 1,
        };
        Metadata {
            id: self.id(),
            kind: self.kind(),
            mode: self.mode(),
            links,
            uid,
            gid,
            rdev: DeviceId::default(),
            size: if self.kind() == FileKind::Symlink && matches!(self.node, Node::Descriptor(..)) { 64 } else { 0 },
            blocks: 0,
            block_size: 1024,
            accessed: now,
            modified: now,
            changed: now,
            created: now,
        }
    }

    fn caching(&self) -> Caching {
        Caching::Forbidden
    }

    fn lookup(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        Ok(Self::new(self.child(name)?))
    }

    fn read_directory(&self, cookie: u64, emit: &mut dyn FnMut(&DirEntry<'_>) -> Emit) -> Result<()> {
        let mut give = |cookie: u64, name: &[u8], node: Node| {
            let inode = Self { node };
            emit(&DirEntry { name, number: inode.number(), kind: inode.kind(), next: cookie + 1 }) == Emit::Taken
        };
        match self.node {
            Node::Fixed(entry) => {
                let What::Directory(entries) = entry.what else { return Err(Errno::ENOTDIR) };
                for (at, found) in (FIRST_COOKIE..).zip(entries).filter(|(at, _)| *at >= cookie) {
                    if !give(at, found.name.as_bytes(), Node::Fixed(found)) {
                        return Ok(());
                    }
                }
                if core::ptr::eq(entry, &raw const tree::ROOT) {
                    read_processes(cookie, &mut give);
                }
            }
            Node::Subject(subject) => read_subject(subject, cookie, &mut give),
            Node::Threads(pid) => {
                let process = task::find_process(pid).ok_or(Errno::ENOENT)?;
                let mut tids: alloc::vec::Vec<i32> = process.threads().iter().map(|task| task.tid().raw()).collect();
                tids.sort_unstable();
                for tid in tids {
                    let at = NUMBERED + u64::from(tid.unsigned_abs());
                    let node = Node::Subject(Subject { pid, tid: Some(Pid(tid)) });
                    if at >= cookie && !give(at, tid.to_string().as_bytes(), node) {
                        break;
                    }
                }
            }
            Node::Descriptors(subject, listing) => {
                for fd in descriptors::open(subject)? {
                    let at = NUMBERED + fd as u64;
                    let Ok(fd) = i32::try_from(fd) else { break };
                    if at >= cookie && !give(at, fd.to_string().as_bytes(), Node::Descriptor(subject, listing, fd)) {
                        break;
                    }
                }
            }
            Node::File(..) | Node::Link(..) | Node::Descriptor(..) => return Err(Errno::ENOTDIR),
        }
        Ok(())
    }

    fn read_link(&self) -> Result<LinkTarget> {
        match self.node {
            Node::Fixed(entry) => match entry.what {
                What::Link(target) => target().map(LinkTarget::Path),
                What::Directory(_) | What::Text(_) | What::Setting(..) => Err(Errno::EINVAL),
            },
            Node::Link(subject, link) => process::follow(subject, link),
            Node::Descriptor(subject, Listing::Links, fd) => descriptors::follow(subject, fd),
            _ => Err(Errno::EINVAL),
        }
    }

    fn open(self: Arc<Self>, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        match self.node {
            Node::Fixed(entry) => match entry.what {
                What::Directory(_) => Ok(Arc::new(OpenDirectory)),
                What::Text(produce) => Ok(Arc::new(TextFile::new(Producer::System(produce), None))),
                What::Setting(produce, set) => Ok(Arc::new(TextFile::new(Producer::System(produce), Some(set)))),
                What::Link(_) => Err(Errno::ELOOP),
            },
            Node::Subject(subject) => {
                subject.require_alive()?;
                Ok(Arc::new(OpenDirectory))
            }
            Node::Descriptors(subject, _) => {
                subject.require_inspectable()?;
                Ok(Arc::new(OpenDirectory))
            }
            Node::Threads(_) => Ok(Arc::new(OpenDirectory)),
            Node::File(subject, file) => {
                if file.private {
                    subject.require_inspectable()?;
                }
                Ok(Arc::new(TextFile::new(Producer::Process(subject, file.produce), None)))
            }
            Node::Descriptor(subject, Listing::Details, fd) => Ok(Arc::new(TextFile::new(Producer::Descriptor(subject, fd), None))),
            Node::Link(..) | Node::Descriptor(_, Listing::Links, _) => Err(Errno::ELOOP),
        }
    }

    /// Truncation by `O_TRUNC` means nothing here; everything else is refused.
    fn set_attributes(&self, change: &SetAttributes) -> Result<()> {
        if change.size.is_some() && change.mode.is_none() && change.uid.is_none() && change.gid.is_none() {
            return Ok(());
        }
        Err(Errno::EPERM)
    }
}

/// Cookies of numbered entries start here; those of names lie below.
const NUMBERED: u64 = 1 << 16;

type Give<'a> = dyn FnMut(u64, &[u8], Node) -> bool + 'a;

fn read_processes(cookie: u64, give: &mut Give<'_>) {
    let mut pids = alloc::vec::Vec::new();
    task::for_each_process(|process| pids.push(process.pid()));
    for pid in pids {
        let at = NUMBERED + u64::from(pid.raw().unsigned_abs());
        if at >= cookie && !give(at, pid.raw().to_string().as_bytes(), Node::Subject(Subject::process(pid))) {
            return;
        }
    }
}

/// The entries of a process or thread that are no files: name and node.
fn special(subject: Subject) -> impl Iterator<Item = (&'static str, Node)> {
    let links = Link::ALL.iter().map(move |&(name, link)| (name, Node::Link(subject, link)));
    let listings = [("fd", Listing::Links), ("fdinfo", Listing::Details)];
    let listings = listings.into_iter().map(move |(name, listing)| (name, Node::Descriptors(subject, listing)));
    let threads = subject.tid.is_none().then_some(("task", Node::Threads(subject.pid)));
    links.chain(listings).chain(threads)
}

fn subject_child(subject: Subject, name: &[u8]) -> Result<Node> {
    subject.require_alive()?;
    if let Some(file) = process::FILES.iter().find(|file| file.name.as_bytes() == name) {
        return Ok(Node::File(subject, file));
    }
    special(subject).find(|(special, _)| special.as_bytes() == name).map(|(_, node)| node).ok_or(Errno::ENOENT)
}

fn read_subject(subject: Subject, cookie: u64, give: &mut Give<'_>) {
    let files = process::FILES.iter().map(|file| (file.name, Node::File(subject, file)));
    for (at, (name, node)) in (FIRST_COOKIE..).zip(files.chain(special(subject))) {
        if at >= cookie && !give(at, name.as_bytes(), node) {
            return;
        }
    }
}

/// A decimal number without sign or leading zeros.
fn number(name: &[u8]) -> Option<i32> {
    let value: i32 = str::from_utf8(name).ok()?.parse().ok()?;
    (format!("{value}").as_bytes() == name && value >= 0).then_some(value)
}

struct OpenDirectory;

impl FileOps for OpenDirectory {
    fn read(&self, _file: &File, _sink: &mut dyn crate::io::Sink, _offset: &mut u64) -> Result<usize> {
        Err(Errno::EISDIR)
    }
}
