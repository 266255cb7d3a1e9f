//! Making connections: listen(2), connect(2), accept(2).

use super::state::{Role, Socket, State};
use super::{Identity, Target, Waiting, address, wait_for};
use abi::{Errno, Result};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use kernel_core::time::Instant;
use kernel_sync::SpinLockGuard;

/// The longest queue of connections that nobody accepted yet (`somaxconn`).
const BACKLOG_MAX: usize = 4096;

impl Socket {
    /// listen(2): connections may come, up to `backlog` beyond the first before they are accepted.
    ///
    /// # Errors
    /// `EINVAL` without a name, or when it is connected.
    pub fn listen(&self, backlog: i32) -> Result<()> {
        let limit = usize::try_from(backlog).map_or(BACKLOG_MAX, |backlog| backlog.min(BACKLOG_MAX));
        let identity = Identity::effective();
        {
            let mut state = self.state.lock();
            if state.name.is_none() {
                return Err(Errno::EINVAL);
            }
            match &mut state.role {
                Role::Idle => state.role = Role::Listening { backlog: limit, pending: VecDeque::new() },
                Role::Listening { backlog, .. } => *backlog = limit,
                Role::Connecting | Role::Connected(_) => return Err(Errno::EINVAL),
            }
            state.peer_identity = identity;
        }
        self.room.wake_all();
        Ok(())
    }

    /// connect(2).
    ///
    /// # Errors
    /// `ECONNREFUSED`, `EISCONN`, `EINVAL` for a listener, `EAGAIN` when the queue of the listener is full, those of the walk.
    pub fn connect(self: &Arc<Self>, target: &Target, waiting: Waiting) -> Result<()> {
        if self.options.passes_credentials() && self.name().is_none() {
            self.bind(None, 0)?;
        }
        let listener = address::find(target)?;
        let identity = Identity::effective();
        let server = Self::new()?;
        self.begin_connect()?;
        let connected = self.enqueue(&listener, &server, waiting, identity);
        let name = listener.name();
        let mut state = self.state.lock();
        match connected {
            Ok(theirs) => {
                state.role = Role::Connected(Arc::downgrade(&server));
                state.peer_identity = theirs;
                state.peer_name = name;
                Ok(())
            }
            Err(error) => {
                state.role = Role::Idle;
                Err(error)
            }
        }
    }

    /// accept(2): the connection that waits longest.
    ///
    /// # Errors
    /// `EINVAL` when it does not listen or was shut down, `EAGAIN`, `EINTR`.
    pub fn accept(&self, waiting: Waiting) -> Result<Arc<Socket>> {
        let next = || {
            let mut state = self.state.lock();
            let ended = state.receive_ended;
            match &mut state.role {
                Role::Listening { .. } if ended => Some(Err(Errno::EINVAL)),
                Role::Listening { pending, .. } => pending.pop_front().map(Ok),
                _ => Some(Err(Errno::EINVAL)),
            }
        };
        let accepted = match waiting {
            Waiting::No => next().ok_or(Errno::EAGAIN)??,
            Waiting::Yes => wait_for(&self.readable, self.options.receive_deadline(), next)??,
        };
        accepted.state.lock().unaccepted = false;
        self.room.wake_all();
        Ok(accepted)
    }

    fn begin_connect(&self) -> Result<()> {
        let mut state = self.state.lock();
        match state.role {
            Role::Idle => state.role = Role::Connecting,
            Role::Connected(_) => return Err(Errno::EISCONN),
            Role::Connecting | Role::Listening { .. } => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    /// Puts `server`, connected to this socket, into the queue of `listener`; who listens.
    fn enqueue(
        self: &Arc<Self>,
        listener: &Arc<Socket>,
        server: &Arc<Socket>,
        waiting: Waiting,
        identity: Identity,
    ) -> Result<Identity> {
        {
            let (name, mine) = (listener.name(), self.name());
            let mut state = server.state.lock();
            state.role = Role::Connected(Arc::downgrade(self));
            state.peer_identity = identity;
            state.unaccepted = true;
            state.name = name;
            state.peer_name = mine;
        }
        let deadline: Option<Instant> = self.options.send_deadline();
        loop {
            if let Some(found) = admit(listener.state.lock(), server)? {
                listener.readable.wake_all();
                return Ok(found);
            }
            if waiting == Waiting::No {
                return Err(Errno::EAGAIN);
            }
            wait_for(&listener.room, deadline, || {
                let state = listener.state.lock();
                let full = !state.receive_ended && is_full(&state);
                (!full).then_some(())
            })?;
        }
    }
}

/// Whether a listener's queue is full.
fn is_full(state: &State) -> bool {
    matches!(&state.role, Role::Listening { backlog, pending } if pending.len() > *backlog)
}

/// Lets a connection into the queue; none: it is full.
fn admit(mut state: SpinLockGuard<'_, State>, server: &Arc<Socket>) -> Result<Option<Identity>> {
    let full = is_full(&state);
    let (ended, identity) = (state.receive_ended, state.peer_identity);
    match &mut state.role {
        Role::Listening { .. } if ended => Err(Errno::ECONNREFUSED),
        Role::Listening { .. } if full => Ok(None),
        Role::Listening { pending, .. } => {
            pending.push_back(Arc::clone(server));
            Ok(Some(identity))
        }
        _ => Err(Errno::ECONNREFUSED),
    }
}
