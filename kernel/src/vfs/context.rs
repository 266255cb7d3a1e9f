//! Root, current directory and file mode mask of a task; shared by the threads of a process (`CLONE_FS`).

use super::mount::Path;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use kernel_sync::{Rank, SpinLock};

/// Root, current directory, umask.
pub struct FsContext {
    places: SpinLock<(Path, Path)>,
    umask: AtomicU32,
}

/// The umask that init starts with.
const INITIAL_UMASK: u32 = 0o022;

impl FsContext {
    /// Everything at `root`.
    #[must_use]
    pub fn at(root: Path) -> Arc<Self> {
        Arc::new(Self {
            places: SpinLock::new(Rank::DENTRY, (root.clone(), root)),
            umask: AtomicU32::new(INITIAL_UMASK),
        })
    }

    /// Everything at the root of all mounts.
    #[must_use]
    pub fn initial() -> Arc<Self> {
        Self::at(super::root())
    }

    /// A copy, as fork makes it.
    #[must_use]
    pub fn fork(&self) -> Arc<Self> {
        let places = self.places.lock().clone();
        Arc::new(Self { places: SpinLock::new(Rank::DENTRY, places), umask: AtomicU32::new(self.umask()) })
    }

    /// Root and current directory.
    #[must_use]
    pub fn places(&self) -> (Path, Path) {
        self.places.lock().clone()
    }

    /// The root directory.
    #[must_use]
    pub fn root(&self) -> Path {
        self.places.lock().0.clone()
    }

    /// The current directory.
    #[must_use]
    pub fn cwd(&self) -> Path {
        self.places.lock().1.clone()
    }

    /// chroot(2).
    pub fn set_root(&self, root: Path) {
        let old = core::mem::replace(&mut self.places.lock().0, root);
        drop(old);
    }

    /// chdir(2).
    pub fn set_cwd(&self, cwd: Path) {
        let old = core::mem::replace(&mut self.places.lock().1, cwd);
        drop(old);
    }

    /// The mask of bits that new files do not get.
    #[must_use]
    pub fn umask(&self) -> u32 {
        self.umask.load(Ordering::Relaxed)
    }

    /// umask(2): sets the mask and returns the old one.
    pub fn set_umask(&self, mask: u32) -> u32 {
        self.umask.swap(mask & 0o777, Ordering::Relaxed)
    }
}
