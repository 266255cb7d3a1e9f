//! Capabilities: an open file description together with the rights that its holder has on it.
//!
//! Rights shrink and never grow. Every capability derived from another (dup, fork, a message) shares its revocation:
//! revoking one turns all of them off where they are.

use crate::vfs::File;
use abi::Errno;
use abi::flags::OpenFlags;
use alloc::sync::Arc;
use bitflags::bitflags;
use core::sync::atomic::{AtomicBool, Ordering};

bitflags! {
    /// What a capability allows.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Rights: u32 {
        /// Take bytes or entries out.
        const READ = 1 << 0;
        /// Put bytes in, change the length.
        const WRITE = 1 << 1;
        /// Move the position.
        const SEEK = 1 << 2;
        /// Look at attributes.
        const STAT = 1 << 3;
        /// Change attributes.
        const CHANGE = 1 << 4;
        /// Device control.
        const CONTROL = 1 << 5;
        /// Map into memory, as far as read and write allow.
        const MAP = 1 << 6;
        /// Wait for events.
        const POLL = 1 << 7;
        /// Start path walks here.
        const WALK = 1 << 8;
        /// Execute.
        const EXECUTE = 1 << 9;
        /// Advisory locks.
        const LOCK = 1 << 10;
        /// Flush to storage.
        const SYNC = 1 << 11;
        /// Change status flags.
        const FLAGS = 1 << 12;
    }
}

impl Rights {
    /// What open(2) with these flags grants.
    #[must_use]
    pub fn of_open(flags: OpenFlags) -> Self {
        if flags.contains(OpenFlags::PATH) {
            return Self::STAT | Self::WALK | Self::EXECUTE;
        }
        let mut rights = Self::all() - (Self::READ | Self::WRITE);
        rights.set(Self::READ, flags.readable());
        rights.set(Self::WRITE, flags.writable());
        rights
    }
}

/// A right that a use of a descriptor names: `files.get::<Write>(fd)?`.
pub trait Right {
    /// The rights that the capability must hold.
    const RIGHTS: Rights;
    /// The error where it does not.
    const MISSING: Errno = Errno::EBADF;
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident = $rights:expr $(, $missing:ident)?;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}

            impl Right for $name {
                const RIGHTS: Rights = $rights;
                $(const MISSING: Errno = Errno::$missing;)?
            }
        )*
    };
}

rights! {
    /// Any open descriptor will do.
    Any = Rights::empty();
    /// Take bytes or entries out.
    Read = Rights::READ;
    /// Put bytes in.
    Write = Rights::WRITE;
    /// Change the length: `EINVAL` without the right, as ftruncate(2) says.
    Truncate = Rights::WRITE, EINVAL;
    /// Move the position.
    Seek = Rights::SEEK;
    /// Look at attributes.
    Stat = Rights::STAT;
    /// Change attributes.
    Change = Rights::CHANGE;
    /// Device control.
    Control = Rights::CONTROL;
    /// Map into memory.
    Map = Rights::MAP;
    /// Wait for events.
    Poll = Rights::POLL;
    /// Start path walks here.
    Walk = Rights::WALK;
    /// Execute.
    Execute = Rights::EXECUTE;
    /// Advisory locks.
    Lock = Rights::LOCK;
    /// Flush to storage.
    Sync = Rights::SYNC;
    /// Change status flags.
    Flags = Rights::FLAGS;
}

/// A description with rights; descriptors of several tables may share one.
pub struct Capability {
    file: Arc<File>,
    rights: Rights,
    revocation: Arc<Revocation>,
}

/// The switch that capabilities derived from one another share.
struct Revocation {
    revoked: AtomicBool,
}

impl Capability {
    /// The capability that open(2) returns: what the flags of the description allow.
    #[must_use]
    pub fn new(file: Arc<File>) -> Arc<Self> {
        let rights = Rights::of_open(file.flags());
        Arc::new(Self { file, rights, revocation: Arc::new(Revocation { revoked: AtomicBool::new(false) }) })
    }

    /// One with fewer rights on the same description.
    #[must_use]
    pub fn restricted(&self, rights: Rights) -> Arc<Self> {
        Arc::new(Self {
            file: Arc::clone(&self.file),
            rights: self.rights & rights,
            revocation: Arc::clone(&self.revocation),
        })
    }

    /// Turns this capability and all that share its origin off.
    pub fn revoke(&self) {
        // Pairs with the Acquire in permits(): what the revoker did before is seen by who is refused.
        self.revocation.revoked.store(true, Ordering::Release);
    }

    /// What it allows.
    #[must_use]
    pub fn rights(&self) -> Rights {
        self.rights
    }

    /// The description.
    #[must_use]
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Checks a right.
    ///
    /// # Errors
    /// `EBADF` when revoked, else what the right says.
    pub fn permits<R: Right>(&self) -> Result<(), Errno> {
        // Pairs with the Release in revoke().
        if self.revocation.revoked.load(Ordering::Acquire) {
            return Err(Errno::EBADF);
        }
        if !self.rights.contains(R::RIGHTS) {
            return Err(if self.file.flags().contains(OpenFlags::PATH) { Errno::EBADF } else { R::MISSING });
        }
        Ok(())
    }
}
