//! A socket: its role, its name, what waits in it, and how it ends.

use super::address::Address;
use super::inbox::Inbox;
use super::{Identity, Options, STATE_RANK, Target};
use abi::{Errno, Result};
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use kernel_sync::{SpinLock, WaitQueue};

/// A stream socket.
pub struct Socket {
    pub(super) state: SpinLock<State>,
    /// Settings.
    pub options: Options,
    /// Woken when bytes or connections come, and at the end.
    pub(super) readable: Arc<WaitQueue>,
    /// Woken when the peer takes bytes, and at the end.
    pub(super) writable: Arc<WaitQueue>,
    /// Woken when a listener has room for a connection.
    pub(super) room: WaitQueue,
}

pub(super) struct State {
    pub role: Role,
    pub name: Option<Arc<Address>>,
    /// Somebody binds a name just now.
    pub binding: bool,
    pub inbox: Inbox,
    /// No more bytes come in.
    pub receive_ended: bool,
    /// No more bytes go out.
    pub send_ended: bool,
    /// What `SO_ERROR` tells next.
    pub error: Option<Errno>,
    /// The other side, as it was when the connection was made.
    pub peer_identity: Identity,
    pub peer_name: Option<Arc<Address>>,
    /// It waits in a listener's queue.
    pub unaccepted: bool,
    pub closed: bool,
}

/// What a socket is for.
pub(super) enum Role {
    Idle,
    /// connect(2) is under way.
    Connecting,
    Listening { backlog: usize, pending: VecDeque<Arc<Socket>> },
    Connected(Weak<Socket>),
}

impl Socket {
    /// A socket without name and peer.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new() -> Result<Arc<Self>> {
        let state = State {
            role: Role::Idle,
            name: None,
            binding: false,
            inbox: Inbox::new()?,
            receive_ended: false,
            send_ended: false,
            error: None,
            peer_identity: Identity::NOBODY,
            peer_name: None,
            unaccepted: false,
            closed: false,
        };
        Ok(Arc::new(Self {
            state: SpinLock::new(STATE_RANK, state),
            options: Options::default(),
            readable: Arc::new(WaitQueue::new()),
            writable: Arc::new(WaitQueue::new()),
            room: WaitQueue::new(),
        }))
    }

    /// bind(2): gives the socket a name, `None` an automatic one; a socket file gets permission bits `mode`.
    ///
    /// # Errors
    /// `EINVAL` when it has one, `EADDRINUSE`, and for a path those of mknod(2).
    pub fn bind(self: &Arc<Self>, target: Option<Target>, mode: u32) -> Result<()> {
        {
            let mut state = self.state.lock();
            if state.name.is_some() || state.binding {
                // Binding an automatic name again changes nothing.
                return if target.is_none() { Ok(()) } else { Err(Errno::EINVAL) };
            }
            state.binding = true;
        }
        let bound = match target {
            Some(target) => Address::bind(target, mode, self),
            None => Address::bind_automatic(self),
        };
        let mut state = self.state.lock();
        state.binding = false;
        state.name = Some(Arc::new(bound?));
        Ok(())
    }

    /// getsockname(2); none without a name.
    #[must_use]
    pub fn name(&self) -> Option<Arc<Address>> {
        self.state.lock().name.clone()
    }

    /// getpeername(2).
    ///
    /// # Errors
    /// `ENOTCONN`.
    pub fn peer_name(&self) -> Result<Option<Arc<Address>>> {
        let (peer, before) = {
            let state = self.state.lock();
            let Role::Connected(peer) = &state.role else { return Err(Errno::ENOTCONN) };
            (peer.upgrade(), state.peer_name.clone())
        };
        Ok(peer.and_then(|peer| peer.name()).or(before))
    }

    /// `SO_PEERCRED`.
    #[must_use]
    pub fn peer_identity(&self) -> Identity {
        self.state.lock().peer_identity
    }

    /// `SO_ACCEPTCONN`.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        matches!(self.state.lock().role, Role::Listening { .. })
    }

    /// `SO_ERROR`: tells the error once.
    #[must_use]
    pub fn take_error(&self) -> Option<Errno> {
        self.state.lock().error.take()
    }

    /// Bytes to receive (`SIOCINQ`).
    ///
    /// # Errors
    /// `EINVAL` for a listener.
    pub fn waiting_bytes(&self) -> Result<usize> {
        let state = self.state.lock();
        match state.role {
            Role::Listening { .. } => Err(Errno::EINVAL),
            _ => Ok(state.inbox.len()),
        }
    }

    /// Bytes sent that the peer has not received (`SIOCOUTQ`).
    #[must_use]
    pub fn unreceived_bytes(&self) -> usize {
        self.peer().map_or(0, |peer| peer.state.lock().inbox.len())
    }

    /// Lets those who wait for room look again: the send buffer has another size.
    pub fn settle(&self) {
        self.writable.wake_all();
    }

    /// The other side, while it is there.
    pub(super) fn peer(&self) -> Option<Arc<Socket>> {
        match &self.state.lock().role {
            Role::Connected(peer) => peer.upgrade(),
            _ => None,
        }
    }

    /// Wakes all who wait for a change.
    pub(super) fn wake(&self) {
        self.readable.wake_all();
        self.writable.wake_all();
        self.room.wake_all();
    }

    /// The end: the description is gone, or nobody will accept it.
    pub(super) fn close(&self) {
        let (name, unread, role, unaccepted) = {
            let mut state = self.state.lock();
            state.closed = true;
            state.receive_ended = true;
            state.send_ended = true;
            let role = core::mem::replace(&mut state.role, Role::Idle);
            (state.name.clone(), state.inbox.end(), role, state.unaccepted)
        };
        if let Some(name) = name {
            name.release();
        }
        match role {
            Role::Connected(peer) => {
                if let Some(peer) = peer.upgrade() {
                    peer.lose_peer((!unread.is_empty() || unaccepted).then_some(Errno::ECONNRESET));
                }
            }
            Role::Listening { pending, .. } => pending.into_iter().for_each(|waiting| waiting.close()),
            Role::Idle | Role::Connecting => {}
        }
        self.wake();
    }

    /// The peer is gone: nothing moves any more, and `error` tells of bytes that were lost.
    fn lose_peer(&self, error: Option<Errno>) {
        {
            let mut state = self.state.lock();
            state.receive_ended = true;
            state.send_ended = true;
            state.error = error.or(state.error);
        }
        self.wake();
    }
}

/// socketpair(2): two sockets that are connected to each other.
///
/// # Errors
/// `ENOMEM`.
pub fn pair() -> Result<(Arc<Socket>, Arc<Socket>)> {
    let (one, other) = (Socket::new()?, Socket::new()?);
    let identity = Identity::effective();
    for (socket, peer) in [(&one, &other), (&other, &one)] {
        let mut state = socket.state.lock();
        state.role = Role::Connected(Arc::downgrade(peer));
        state.peer_identity = identity;
    }
    Ok((one, other))
}
