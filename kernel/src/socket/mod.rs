//! Local sockets (`AF_UNIX`): connected byte streams with names, credentials and descriptors in flight.
//!
//! Layers, bottom up: `rights` (descriptors under way), `inbox` (bytes that wait, with what came along), [`Address`] and the
//! registry of bound names, [`Socket`] with its state, then `connect` (listen, connect, accept), `stream` (send, receive,
//! shut down), [`Options`], and `file` (what descriptors do with it).
//!
//! Life: a description owns its socket; a socket knows its peer weakly. Closing the description closes the socket, whoever
//! still holds it for a moment: the peer learns of it, and connections nobody accepted are reset.
//!
//! Lock order: the state of one socket (rank 61, spinning, copies never fault under it), then what its bytes need. No thread
//! holds two sockets. The registry and the list of descriptors to close (rank 59) are taken alone. Nothing that a message
//! carries is dropped under a lock, since a descriptor's last close may do anything.

mod address;
mod connect;
mod file;
mod inbox;
mod options;
mod rights;
mod state;
mod stream;

pub use address::{Address, Target};
pub use options::{BUFFER_DEFAULT, Options};
pub use rights::{Rights, SCM_MAX_FD};
pub use state::{Socket, pair};
pub use stream::{Ancillary, Receive, Received, Waiting};

use crate::credentials::Id;
use abi::{Errno, Result};
use kernel_core::time::Instant;
use kernel_sync::{Rank, Wait, WaitError, WaitQueue};

const STATE_RANK: Rank = Rank::new(61);
const REGISTRY_RANK: Rank = Rank::new(59);

/// A process as the other side sees it (`struct ucred`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Process id.
    pub pid: i32,
    /// User id.
    pub uid: Id,
    /// Group id.
    pub gid: Id,
}

impl Identity {
    /// What a message without credentials shows.
    pub const UNKNOWN: Self = Self { pid: 0, uid: 65534, gid: 65534 };
    /// What a socket without a peer shows.
    pub const NOBODY: Self = Self { pid: 0, uid: Id::MAX, gid: Id::MAX };

    /// The running process with its real ids, as messages carry it.
    #[must_use]
    pub fn real() -> Self {
        let task = crate::task::current();
        let credentials = task.credentials();
        Self { pid: task.process().pid().raw(), uid: credentials.uid(), gid: credentials.gid() }
    }

    /// The running process with its effective ids, as `SO_PEERCRED` tells it.
    #[must_use]
    pub fn effective() -> Self {
        let task = crate::task::current();
        let credentials = task.credentials();
        Self { pid: task.process().pid().raw(), uid: credentials.euid(), gid: credentials.egid() }
    }
}

/// Waits on `queue` until `ready`: `EAGAIN` at the deadline, and a call with a time limit is not restarted.
fn wait_for<R>(queue: &WaitQueue, deadline: Option<Instant>, ready: impl FnMut() -> Option<R>) -> Result<R> {
    queue.wait_until(Wait::INTERRUPTIBLE.until(deadline), ready).map_err(|error| match error {
        WaitError::TimedOut => Errno::EAGAIN,
        WaitError::Interrupted if deadline.is_some() => Errno::EINTR,
        WaitError::Interrupted => Errno::RESTARTSYS,
    })
}
