//! The system's names: what uname(2) and `/proc/sys/kernel` tell, and the two that can be set.

use kernel_sync::{Rank, SpinLock};

/// What programs that ask for the system are told: its call interface.
pub const SYSNAME: &str = "Linux";
/// The Linux release whose interface this kernel follows, and its own name.
pub const RELEASE: &str = "6.1.0-exo";
/// The kernel itself.
pub const VERSION: &str = concat!("#1 SMP PREEMPT Exo-OS ", env!("CARGO_PKG_VERSION"));
/// The hardware.
pub const MACHINE: &str = "x86_64";

/// Longest settable name in bytes.
pub const MAX_NAME: usize = 64;

/// A name of at most [`MAX_NAME`] bytes, any but NUL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Name {
    bytes: [u8; MAX_NAME],
    len: usize,
}

impl Name {
    /// The name with these bytes, up to the first NUL; `None` when there are too many.
    #[must_use]
    pub fn new(name: &[u8]) -> Option<Self> {
        let len = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        let mut bytes = [0; MAX_NAME];
        bytes.get_mut(..len)?.copy_from_slice(&name[..len]);
        Some(Self { bytes, len })
    }

    const fn literal(name: &str) -> Self {
        let (mut bytes, name) = ([0; MAX_NAME], name.as_bytes());
        let mut i = 0;
        while i < name.len() {
            bytes[i] = name[i];
            i += 1;
        }
        Self { bytes, len: name.len() }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// A name that can be set.
pub struct Settable(SpinLock<Name>);

impl Settable {
    /// The present name.
    pub fn get(&self) -> Name {
        *self.0.lock()
    }

    /// Sets the name.
    pub fn set(&self, name: Name) {
        *self.0.lock() = name;
    }
}

/// Below every lock that a reader of a name may hold.
const RANK: Rank = Rank::new(96);

/// The host name.
pub static HOSTNAME: Settable = Settable(SpinLock::new(RANK, Name::literal("exo")));
/// The NIS domain name.
pub static DOMAINNAME: Settable = Settable(SpinLock::new(RANK, Name::literal("(none)")));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_at_its_nul_and_has_a_limit() {
        assert_eq!(Name::new(b"host\0rest").unwrap().as_bytes(), b"host");
        assert!(Name::new(&[b'a'; 64]).is_some());
        assert!(Name::new(&[b'a'; 65]).is_none());
    }
}
