//! Dentries: names in memory, and the cache of look-ups that they form.
//!
//! A dentry joins a name in a parent to an inode. A directory holds the dentries of its children strongly and a
//! child its parent, so a path stays whole while any part of it is used; removing the name cuts the link downwards.
//! That a name does not exist is remembered in the parent ([`kernel_core::dcache`]), not as a dentry.

use super::inode::{Caching, Inode};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use kernel_core::dcache::{Cached, Children};
use kernel_sync::{Mutex, Rank, SpinLock};

/// A name and what it names.
pub struct Dentry {
    inode: Arc<dyn Inode>,
    place: SpinLock<Place>,
    children: SpinLock<Children<Arc<Dentry>>>,
    /// Held over every change of this directory, and over look-ups that ask the file system.
    directory: Mutex<()>,
    /// Mounts on this dentry.
    mounts: AtomicU32,
}

struct Place {
    parent: Option<Arc<Dentry>>,
    name: Box<[u8]>,
    linked: Linked,
}

/// Whether a dentry still is what its name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// The name leads here.
    Yes,
    /// The name was removed.
    No,
}

/// Hits and misses of the cache since boot.
#[derive(Clone, Copy, Debug, Default)]
pub struct CacheStatistics {
    /// Names found.
    pub hits: u64,
    /// Names known not to exist.
    pub negative_hits: u64,
    /// Names asked of the file system.
    pub misses: u64,
}

static HITS: AtomicU64 = AtomicU64::new(0);
static NEGATIVE_HITS: AtomicU64 = AtomicU64::new(0);
static MISSES: AtomicU64 = AtomicU64::new(0);

/// How the cache has done since boot.
#[must_use]
pub fn cache_statistics() -> CacheStatistics {
    CacheStatistics {
        hits: HITS.load(Ordering::Relaxed),
        negative_hits: NEGATIVE_HITS.load(Ordering::Relaxed),
        misses: MISSES.load(Ordering::Relaxed),
    }
}

impl Dentry {
    /// The root of a tree.
    #[must_use]
    pub fn root(inode: Arc<dyn Inode>) -> Arc<Self> {
        Self::new(inode, None, b"/", Linked::Yes)
    }

    /// A dentry outside every directory, for anonymous objects and files without a name.
    #[must_use]
    pub fn detached(inode: Arc<dyn Inode>, name: &[u8]) -> Arc<Self> {
        Self::new(inode, None, name, Linked::Yes)
    }

    /// A removed dentry below `parent`: an unnamed file (`O_TMPFILE`).
    #[must_use]
    pub fn unnamed(parent: &Arc<Self>, inode: Arc<dyn Inode>, name: &[u8]) -> Arc<Self> {
        Self::new(inode, Some(Arc::clone(parent)), name, Linked::No)
    }

    fn new(inode: Arc<dyn Inode>, parent: Option<Arc<Self>>, name: &[u8], linked: Linked) -> Arc<Self> {
        Arc::new(Self {
            inode,
            place: SpinLock::new(Rank::DENTRY, Place { parent, name: name.into(), linked }),
            children: SpinLock::new(Rank::DENTRY, Children::new()),
            directory: Mutex::new(Rank::INODE, ()),
            mounts: AtomicU32::new(0),
        })
    }

    /// What the name leads to.
    #[must_use]
    pub fn inode(&self) -> &Arc<dyn Inode> {
        &self.inode
    }

    /// The directory that holds the name; `None` at a root.
    #[must_use]
    pub fn parent(&self) -> Option<Arc<Self>> {
        self.place.lock().parent.clone()
    }

    /// The last component.
    #[must_use]
    pub fn name(&self) -> Vec<u8> {
        self.place.lock().name.to_vec()
    }

    /// Whether the name still leads here.
    #[must_use]
    pub fn linked(&self) -> Linked {
        self.place.lock().linked
    }

    /// The lock over changes of this directory.
    #[must_use]
    pub fn directory_lock(&self) -> &Mutex<()> {
        &self.directory
    }

    /// The child called `name`, from the cache or the file system.
    ///
    /// # Errors
    /// `ENOENT`, and what the file system says.
    pub fn lookup(self: &Arc<Self>, name: &[u8]) -> Result<Arc<Self>> {
        if self.inode.caching() == Caching::Forbidden {
            let inode = self.inode.lookup(name)?;
            return Ok(Self::new(inode, Some(Arc::clone(self)), name, Linked::Yes));
        }
        if let Some(known) = self.cached(name) {
            return known;
        }
        let _directory = self.directory.lock();
        self.lookup_locked(name)
    }

    /// As [`Dentry::lookup`], by a caller that holds the directory lock.
    ///
    /// # Errors
    /// As [`Dentry::lookup`].
    pub fn lookup_locked(self: &Arc<Self>, name: &[u8]) -> Result<Arc<Self>> {
        if self.inode.caching() == Caching::Forbidden {
            let inode = self.inode.lookup(name)?;
            return Ok(Self::new(inode, Some(Arc::clone(self)), name, Linked::Yes));
        }
        if let Some(known) = self.cached(name) {
            return known;
        }
        MISSES.fetch_add(1, Ordering::Relaxed);
        if self.linked() == Linked::No {
            return Err(Errno::ENOENT);
        }
        match self.inode.lookup(name) {
            Ok(inode) => Ok(self.attach(name, inode)),
            Err(Errno::ENOENT) => {
                self.children.lock().insert_absent(name);
                Err(Errno::ENOENT)
            }
            Err(error) => Err(error),
        }
    }

    /// Records, with the directory lock held, that `name` now leads to `inode`.
    pub fn attach(self: &Arc<Self>, name: &[u8], inode: Arc<dyn Inode>) -> Arc<Self> {
        let child = Self::new(inode, Some(Arc::clone(self)), name, Linked::Yes);
        if self.inode.caching() == Caching::Allowed {
            self.children.lock().insert(name, Arc::clone(&child));
        }
        child
    }

    /// Records, with the directory lock held, that `name` leads nowhere any more.
    pub fn detach(&self, name: &[u8]) {
        let gone = self.children.lock().remove(name);
        if let Some(gone) = &gone {
            gone.place.lock().linked = Linked::No;
        }
    }

    /// Moves `child` from `old` here to `new` in `directory`, with both directory locks held; what `new` led to is cut off.
    pub fn relocate(&self, old: &[u8], directory: &Arc<Self>, new: &[u8]) {
        let moved = self.children.lock().remove(old);
        directory.detach(new);
        if let Some(moved) = moved {
            moved.settle(directory, new);
        }
    }

    /// Exchanges `old` here and `new` in `directory`, with both directory locks held.
    pub fn exchange(self: &Arc<Self>, old: &[u8], directory: &Arc<Self>, new: &[u8]) {
        let first = self.children.lock().remove(old);
        let second = directory.children.lock().remove(new);
        if let Some(first) = first {
            first.settle(directory, new);
        }
        if let Some(second) = second {
            second.settle(self, old);
        }
    }

    fn settle(self: Arc<Self>, directory: &Arc<Self>, name: &[u8]) {
        let old_parent = {
            let mut place = self.place.lock();
            place.name = name.into();
            place.parent.replace(Arc::clone(directory))
        };
        drop(old_parent);
        directory.children.lock().insert(name, self);
    }

    /// Whether `self` is `other` or lies above it within the tree.
    #[must_use]
    pub fn is_ancestor_of(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        let mut at = Some(Arc::clone(other));
        while let Some(dentry) = at {
            if Arc::ptr_eq(self, &dentry) {
                return true;
            }
            at = dentry.parent();
        }
        false
    }

    /// Whether something is mounted here.
    #[must_use]
    pub fn is_mount_point(&self) -> bool {
        self.mounts.load(Ordering::Relaxed) > 0
    }

    /// Counts a mount on this dentry.
    pub fn add_mount(&self) {
        self.mounts.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a mount off this dentry.
    pub fn remove_mount(&self) {
        self.mounts.fetch_sub(1, Ordering::Relaxed);
    }

    /// Forgets everything cached below, when the tree is unmounted for good.
    pub fn forget_tree(&self) {
        let mut pending = alloc::vec![core::mem::take(&mut *self.children.lock())];
        while let Some(children) = pending.pop() {
            for child in children.present() {
                pending.push(core::mem::take(&mut *child.children.lock()));
            }
        }
    }

    fn cached(&self, name: &[u8]) -> Option<Result<Arc<Self>>> {
        let known = self.children.lock().get(name)?;
        Some(match known {
            Cached::Present(child) => {
                HITS.fetch_add(1, Ordering::Relaxed);
                Ok(child)
            }
            Cached::Absent => {
                NEGATIVE_HITS.fetch_add(1, Ordering::Relaxed);
                Err(Errno::ENOENT)
            }
        })
    }
}

impl Drop for Dentry {
    /// Lets go of the parents one after the other: a removed chain may be deeper than the kernel stack.
    fn drop(&mut self) {
        let mut next = self.place.lock().parent.take();
        while let Some(parent) = next {
            let Some(last) = Arc::into_inner(parent) else { break };
            next = last.place.lock().parent.take();
        }
    }
}

