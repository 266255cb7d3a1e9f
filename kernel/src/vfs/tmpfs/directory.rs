//! The names of a tmpfs directory, with cookies that stay valid while names come and go.

use super::inode::TmpInode;
use crate::vfs::inode::{DirEntry, Emit, FIRST_COOKIE, Inode};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;

/// Names, by name and by cookie. Trees, as they grow by small pieces, which memory has when it has no large ones.
pub struct Directory {
    by_name: BTreeMap<Box<[u8]>, u64>,
    by_cookie: BTreeMap<u64, (Box<[u8]>, Arc<TmpInode>)>,
    next: u64,
    /// The directory above, while the tree ends (see `TmpInode::drop`).
    pub above: Option<Arc<TmpInode>>,
}

impl Directory {
    /// No names.
    pub fn new() -> Self {
        Self { by_name: BTreeMap::new(), by_cookie: BTreeMap::new(), next: FIRST_COOKIE, above: None }
    }

    pub fn get(&self, name: &[u8]) -> Option<Arc<TmpInode>> {
        let cookie = self.by_name.get(name)?;
        self.by_cookie.get(cookie).map(|(_, inode)| Arc::clone(inode))
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Adds a name, or makes it lead elsewhere; returns what it led to.
    pub fn insert(&mut self, name: &[u8], inode: Arc<TmpInode>) -> Option<Arc<TmpInode>> {
        if let Some(cookie) = self.by_name.get(name) {
            let place = self.by_cookie.get_mut(cookie)?;
            return Some(core::mem::replace(&mut place.1, inode));
        }
        let cookie = self.next;
        self.next += 1;
        self.by_name.insert(name.into(), cookie);
        self.by_cookie.insert(cookie, (name.into(), inode));
        None
    }

    /// Removes a name.
    pub fn remove(&mut self, name: &[u8]) -> Option<Arc<TmpInode>> {
        let cookie = self.by_name.remove(name)?;
        self.by_cookie.remove(&cookie).map(|(_, inode)| inode)
    }

    /// Gives entries from `cookie` on until `emit` is full.
    pub fn read(&self, cookie: u64, emit: &mut dyn FnMut(&DirEntry<'_>) -> Emit) {
        for (&at, (name, inode)) in self.by_cookie.range(cookie..) {
            let entry = DirEntry { name, number: inode.id().number, kind: inode.kind(), next: at + 1 };
            if emit(&entry) == Emit::Full {
                return;
            }
        }
    }

    /// Takes one entry out, for a tree that ends.
    pub fn pop(&mut self) -> Option<Arc<TmpInode>> {
        self.by_name.clear();
        self.by_cookie.pop_first().map(|(_, (_, inode))| inode)
    }
}
