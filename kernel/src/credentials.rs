//! Credentials: the identities and capabilities that a thread acts with (`credentials(7)`, `capabilities(7)`).
//!
//! A `Credentials` never changes once a thread carries it: a change clones it and installs the clone.

use abi::{Errno, Result};
use alloc::sync::Arc;

/// A user or group id.
pub type Id = u32;

/// Real, effective, saved and file-system id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ids {
    /// Who started the process.
    pub real: Id,
    /// Whose rights it has.
    pub effective: Id,
    /// What it may return to.
    pub saved: Id,
    /// Whose rights it has on files.
    pub filesystem: Id,
}

impl Ids {
    /// The same id in every role.
    #[must_use]
    pub const fn all(id: Id) -> Self {
        Self { real: id, effective: id, saved: id, filesystem: id }
    }

    /// Whether `id` is the real, effective or saved id.
    #[must_use]
    pub const fn includes(&self, id: Id) -> bool {
        self.real == id || self.effective == id || self.saved == id
    }

    const fn any_root(&self) -> bool {
        self.includes(0)
    }
}

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        /// A capability, by its Linux number.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Capability { $($(#[$doc])* $name = $number,)* }
    };
}

capabilities! {
    /// Change owners.
    Chown = 0;
    /// Ignore file permissions.
    DacOverride = 1;
    /// Ignore read and search permissions.
    DacReadSearch = 2;
    /// Act as the owner of any file.
    Fowner = 3;
    /// Keep set-id bits.
    Fsetid = 4;
    /// Signal anybody.
    Kill = 5;
    /// Set group ids.
    Setgid = 6;
    /// Set user ids.
    Setuid = 7;
    /// Change capability sets.
    Setpcap = 8;
    /// Bind low ports.
    NetBindService = 10;
    /// Configure the network.
    NetAdmin = 12;
    /// Raw sockets.
    NetRaw = 13;
    /// Lock memory.
    IpcLock = 14;
    /// Ignore IPC permissions.
    IpcOwner = 15;
    /// Reach I/O ports.
    SysRawio = 17;
    /// Change the root directory.
    SysChroot = 18;
    /// Trace anybody.
    SysPtrace = 19;
    /// Administer the system.
    SysAdmin = 21;
    /// Reboot.
    SysBoot = 22;
    /// Raise priorities.
    SysNice = 23;
    /// Exceed limits.
    SysResource = 24;
    /// Set the clock.
    SysTime = 25;
    /// Configure terminals.
    SysTtyConfig = 26;
    /// Make device nodes.
    Mknod = 27;
    /// Read and clear the kernel log.
    Syslog = 34;
}

/// A set of capabilities: bit `n` stands for capability `n`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CapabilitySet(pub u64);

impl CapabilitySet {
    /// None.
    pub const EMPTY: Self = Self(0);
    /// All that Linux 6.1 knows (0 to 40).
    pub const FULL: Self = Self((1 << 41) - 1);
    const FILESYSTEM: Self = Self(0b1_1111 | 1 << 9 | 1 << 27 | 1 << 32);

    /// Whether the capability is in the set.
    #[must_use]
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u8) != 0
    }
}

/// The capability sets of a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// What is checked.
    pub effective: CapabilitySet,
    /// What may be made effective.
    pub permitted: CapabilitySet,
    /// What exec may carry over.
    pub inheritable: CapabilitySet,
    /// What exec may at most give.
    pub bounding: CapabilitySet,
}

/// What a thread acts with.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// User ids.
    pub user: Ids,
    /// Group ids.
    pub group: Ids,
    /// Supplementary groups.
    pub groups: Arc<[Id]>,
    /// Capability sets.
    pub capabilities: Capabilities,
    /// `PR_SET_KEEPCAPS`: a change from uid 0 keeps the permitted set.
    pub keep_capabilities: bool,
}

impl Credentials {
    /// Those of the first process: root with every capability.
    #[must_use]
    pub fn root() -> Self {
        let full = CapabilitySet::FULL;
        Self {
            user: Ids::all(0),
            group: Ids::all(0),
            groups: Arc::from([]),
            capabilities: Capabilities { effective: full, permitted: full, inheritable: CapabilitySet::EMPTY, bounding: full },
            keep_capabilities: false,
        }
    }

    /// Whether the thread holds `capability`.
    #[must_use]
    pub const fn may(&self, capability: Capability) -> bool {
        self.capabilities.effective.contains(capability)
    }

    /// `EPERM` unless the thread holds `capability`.
    ///
    /// # Errors
    /// `EPERM`.
    pub const fn require(&self, capability: Capability) -> Result<()> {
        if self.may(capability) { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// Real user id.
    #[must_use]
    pub const fn uid(&self) -> Id {
        self.user.real
    }

    /// Effective user id.
    #[must_use]
    pub const fn euid(&self) -> Id {
        self.user.effective
    }

    /// Real group id.
    #[must_use]
    pub const fn gid(&self) -> Id {
        self.group.real
    }

    /// Effective group id.
    #[must_use]
    pub const fn egid(&self) -> Id {
        self.group.effective
    }

    /// User id for file access.
    #[must_use]
    pub const fn fsuid(&self) -> Id {
        self.user.filesystem
    }

    /// Group id for file access.
    #[must_use]
    pub const fn fsgid(&self) -> Id {
        self.group.filesystem
    }

    /// Whether files of `group` count as the thread's own group.
    #[must_use]
    pub fn in_group(&self, group: Id) -> bool {
        self.group.filesystem == group || self.groups.contains(&group)
    }

    /// Installs new user ids and adjusts the capability sets as `capabilities(7)` says of changes from and to 0.
    pub fn change_user(&mut self, new: Ids) {
        let old = core::mem::replace(&mut self.user, new);
        if old.any_root() && !new.any_root() && !self.keep_capabilities {
            self.capabilities.permitted = CapabilitySet::EMPTY;
            self.capabilities.effective = CapabilitySet::EMPTY;
        }
        if old.effective == 0 && new.effective != 0 {
            self.capabilities.effective = CapabilitySet::EMPTY;
        }
        if old.effective != 0 && new.effective == 0 {
            self.capabilities.effective = self.capabilities.permitted;
        }
        let filesystem = CapabilitySet::FILESYSTEM.0;
        if old.filesystem == 0 && new.filesystem != 0 {
            self.capabilities.effective.0 &= !filesystem;
        }
        if old.filesystem != 0 && new.filesystem == 0 {
            self.capabilities.effective.0 |= self.capabilities.permitted.0 & filesystem;
        }
    }

    /// The capability sets after exec, once set-id bits have changed the ids: root gains the bounding set, others lose all.
    pub fn recompute_for_exec(&mut self) {
        let sets = &mut self.capabilities;
        let root = self.user.real == 0 || self.user.effective == 0;
        sets.permitted = if root { CapabilitySet(sets.inheritable.0 | sets.bounding.0) } else { CapabilitySet::EMPTY };
        sets.effective = if self.user.effective == 0 { sets.permitted } else { CapabilitySet::EMPTY };
        self.user.saved = self.user.effective;
        self.user.filesystem = self.user.effective;
        self.group.saved = self.group.effective;
        self.group.filesystem = self.group.effective;
        self.keep_capabilities = false;
    }

    /// Whether a thread with these credentials may signal one with `target`'s (`kill(2)`).
    #[must_use]
    pub const fn may_signal(&self, target: &Self) -> bool {
        let (mine, theirs) = (&self.user, &target.user);
        mine.effective == theirs.saved
            || mine.effective == theirs.real
            || mine.real == theirs.saved
            || mine.real == theirs.real
            || self.may(Capability::Kill)
    }
}
