//! Names of sockets: paths, abstract names, and who is bound to them.

use super::{REGISTRY_RANK, Socket};
use crate::vfs::inode::{FileKind, InodeId, NodeKind};
use crate::vfs::lookup::{Follow, LookupContext, lookup};
use crate::vfs::mount::Path;
use crate::vfs::permission::Wanted;
use crate::vfs::modify;
use abi::{Errno, Result};
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use kernel_sync::SpinLock;

/// A name as a program gives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// A path.
    Path(Vec<u8>),
    /// The bytes behind a leading NUL.
    Abstract(Vec<u8>),
}

/// The name that a socket is bound to.
pub struct Address {
    target: Target,
    key: Key,
    /// Keeps the inode, and so its number, while the name is in use.
    _place: Option<Path>,
}

/// What names are compared by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Inode(u64, u64),
    Abstract(Vec<u8>),
}

impl Key {
    fn of_inode(id: InodeId) -> Self {
        Self::Inode(id.device.raw(), id.number)
    }
}

static BOUND: SpinLock<BTreeMap<Key, Weak<Socket>>> = SpinLock::new(REGISTRY_RANK, BTreeMap::new());

static NEXT_AUTOMATIC: AtomicU32 = AtomicU32::new(0);
/// Automatic names have five hexadecimal digits.
const AUTOMATIC_NAMES: u32 = 1 << 20;

impl Address {
    /// The name as the program gave it.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Takes an abstract name for `socket`.
    fn bind_abstract(name: Vec<u8>, socket: &Arc<Socket>) -> Result<Self> {
        let key = Key::Abstract(name.clone());
        let mut bound = BOUND.lock();
        if bound.contains_key(&key) {
            return Err(Errno::EADDRINUSE);
        }
        bound.insert(key.clone(), Arc::downgrade(socket));
        Ok(Self { target: Target::Abstract(name), key, _place: None })
    }

    /// Makes the socket file that `path` names, with permission bits `mode`, for `socket`.
    fn bind_path(path: Vec<u8>, mode: u32, socket: &Arc<Socket>) -> Result<Self> {
        let context = LookupContext::current();
        let start = context.cwd.clone();
        let place = modify::create(&context, &start, &path, NodeKind::Socket, mode).map_err(|error| match error {
            Errno::EEXIST => Errno::EADDRINUSE,
            other => other,
        })?;
        let key = Key::of_inode(place.inode().id());
        BOUND.lock().insert(key.clone(), Arc::downgrade(socket));
        Ok(Self { target: Target::Path(path), key, _place: Some(place) })
    }

    /// Binds `socket` to `target`; a socket file gets permission bits `mode`.
    ///
    /// # Errors
    /// `EADDRINUSE`, and for a path those of mknod(2).
    pub(super) fn bind(target: Target, mode: u32, socket: &Arc<Socket>) -> Result<Self> {
        match target {
            Target::Path(path) => Self::bind_path(path, mode, socket),
            Target::Abstract(name) => Self::bind_abstract(name, socket),
        }
    }

    /// Binds `socket` to a free abstract name of five hexadecimal digits.
    ///
    /// # Errors
    /// `ENOSPC` when all are taken.
    pub(super) fn bind_automatic(socket: &Arc<Socket>) -> Result<Self> {
        for _ in 0..AUTOMATIC_NAMES {
            let number = NEXT_AUTOMATIC.fetch_add(1, Ordering::Relaxed) % AUTOMATIC_NAMES;
            match Self::bind_abstract(alloc::format!("{number:05x}").into_bytes(), socket) {
                Err(Errno::EADDRINUSE) => {}
                done => return done,
            }
        }
        Err(Errno::ENOSPC)
    }

    /// Gives the name up; a socket file stays where it is, as unix(7) says.
    pub(super) fn release(&self) {
        let gone = BOUND.lock().remove(&self.key);
        drop(gone);
    }
}

/// The socket bound to `target`.
///
/// # Errors
/// `ECONNREFUSED` when nobody is, `EACCES` without the right to write to the socket file, those of the walk.
pub(super) fn find(target: &Target) -> Result<Arc<Socket>> {
    let key = match target {
        Target::Path(path) => {
            let context = LookupContext::current();
            let start = context.cwd.clone();
            let place = lookup(&context, &start, path, Follow::Yes)?;
            context.require(&place, Wanted::WRITE)?;
            if place.inode().kind() != FileKind::Socket {
                return Err(Errno::ECONNREFUSED);
            }
            Key::of_inode(place.inode().id())
        }
        Target::Abstract(name) => Key::Abstract(name.clone()),
    };
    BOUND.lock().get(&key).and_then(Weak::upgrade).ok_or(Errno::ECONNREFUSED)
}
