//! Moving bytes and what travels with them; shutting directions down.

use super::state::{Role, Socket, State};
use super::{Identity, Rights, wait_for};
use crate::io::{Sink, Source};
use crate::pipe::Stop;
use abi::{Errno, Result};
use alloc::sync::Arc;
use kernel_core::time::Instant;

/// Whether a call may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// It sleeps until it can go on.
    Yes,
    /// `EAGAIN`.
    No,
}

impl Waiting {
    /// `No` for a non-blocking description or call.
    #[must_use]
    pub const fn unless(nonblocking: bool) -> Self {
        if nonblocking { Self::No } else { Self::Yes }
    }
}

/// What a program sends beside bytes.
#[derive(Default)]
pub struct Ancillary {
    /// Credentials that it shows.
    pub sender: Option<Identity>,
    /// Descriptors.
    pub rights: Rights,
}

/// How to receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receive {
    /// Whether to wait for bytes.
    pub waiting: Waiting,
    /// `MSG_PEEK`: leave the bytes there.
    pub peek: bool,
    /// `MSG_WAITALL`: wait until the buffer is full.
    pub whole: bool,
}

/// What came.
#[derive(Default)]
pub struct Received {
    /// Bytes.
    pub count: usize,
    /// Who sent them, if the sender or the socket's options said so.
    pub sender: Option<Identity>,
    /// Descriptors that came along.
    pub rights: Rights,
}

impl Socket {
    /// Sends the bytes of `source`; how many went.
    ///
    /// # Errors
    /// `ENOTCONN`, `EPIPE` (the caller raises `SIGPIPE`), `ECONNRESET`, `EAGAIN`, `EINTR`, `EFAULT`, `ENOMEM`.
    pub fn send(self: &Arc<Self>, source: &mut dyn Source, ancillary: Ancillary, waiting: Waiting) -> Result<usize> {
        let Ancillary { sender, mut rights } = ancillary;
        if self.options.passes_credentials() && self.name().is_none() {
            self.bind(None, 0)?;
        }
        let deadline = self.options.send_deadline();
        let mut done = 0;
        loop {
            let round = self.peer_to_send_to().and_then(|peer| match source.remaining() {
                0 => Ok(Some(0)),
                _ => self.send_round(&peer, source, sender, &mut rights),
            });
            let outcome = match round {
                Ok(Some(count)) => {
                    done += count;
                    if source.remaining() == 0 {
                        return Ok(done);
                    }
                    if count > 0 { Ok(()) } else { source.fault_in() }
                }
                Ok(None) if waiting == Waiting::No => Err(Errno::EAGAIN),
                Ok(None) => self.wait_for_room(deadline),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(()) => {}
                Err(_) if done > 0 => return Ok(done),
                Err(error) => return Err(error),
            }
        }
    }

    /// Receives into `sink`. No bytes: the end of the stream.
    ///
    /// # Errors
    /// `EINVAL` without a connection, `ECONNRESET`, `EAGAIN`, `EINTR`, `EFAULT`.
    pub fn receive(&self, sink: &mut dyn Sink, how: Receive) -> Result<Received> {
        let deadline = self.options.receive_deadline();
        let mut received = Received::default();
        let mut first = true;
        loop {
            let (step, drained, rights) = {
                let mut state = self.state.lock();
                let same = state.inbox.sender().is_none_or(|sender| sender == received.sender);
                if !first && !same && self.options.passes_credentials() {
                    return Ok(received);
                }
                if first {
                    received.sender = state.inbox.sender().flatten();
                }
                if state.inbox.is_empty() {
                    (self.nothing_there(&mut state, received.count, how)?, false, Rights::default())
                } else {
                    let taken =
                        if how.peek { state.inbox.peek(sink, received.count)? } else { state.inbox.take(sink)? };
                    received.count += taken.count;
                    first &= taken.count == 0 && taken.stop == Stop::Absent;
                    let with_rights = !taken.rights.is_empty() || !received.rights.is_empty();
                    let step = match taken.stop {
                        Stop::Absent => Step::Fault,
                        Stop::Done | Stop::Empty if how.peek || with_rights || sink.remaining() == 0 => Step::Done,
                        Stop::Done | Stop::Empty => Step::Again,
                    };
                    (step, !how.peek, taken.rights)
                }
            };
            // Those peeked at in an earlier step come again.
            if !rights.is_empty() {
                received.rights = rights;
            }
            if drained && let Some(peer) = self.peer() {
                peer.writable.wake_all();
            }
            let outcome = match step {
                Step::Done => return Ok(received),
                Step::Again => Ok(()),
                Step::Fault => sink.fault_in(),
                Step::Wait => self.wait_for_bytes(deadline),
            };
            match outcome {
                Ok(()) => {}
                Err(_) if received.count > 0 => return Ok(received),
                Err(error) => return Err(error),
            }
        }
    }

    /// shutdown(2): ends receiving, sending, or both; the peer's opposite direction with it.
    ///
    /// # Errors
    /// `ENOTCONN` never: a local socket can be shut down without a connection.
    pub fn shut_down(&self, receiving: bool, sending: bool) {
        let end = |socket: &Socket, receiving: bool, sending: bool| {
            {
                let mut state = socket.state.lock();
                state.receive_ended |= receiving;
                state.send_ended |= sending;
            }
            socket.wake();
        };
        end(self, receiving, sending);
        if let Some(peer) = self.peer() {
            end(&peer, sending, receiving);
        }
    }

    fn peer_to_send_to(&self) -> Result<Arc<Socket>> {
        let mut state = self.state.lock();
        let Role::Connected(peer) = &state.role else { return Err(Errno::ENOTCONN) };
        let peer = peer.clone();
        if state.send_ended {
            return Err(Errno::EPIPE);
        }
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        drop(state);
        peer.upgrade().ok_or(Errno::EPIPE)
    }

    /// Sends what fits now. `None`: wait for room first.
    fn send_round(
        &self,
        peer: &Socket,
        source: &mut dyn Source,
        sender: Option<Identity>,
        rights: &mut Rights,
    ) -> Result<Option<usize>> {
        let limit = self.options.send_buffer();
        let implied = self.options.passes_credentials() || peer.options.passes_credentials();
        let identity = Identity::real();
        let count = {
            let mut state = peer.state.lock();
            if state.closed || state.receive_ended {
                return Err(Errno::EPIPE);
            }
            let room = limit.saturating_sub(state.inbox.cost());
            if room == 0 {
                return Ok(None);
            }
            let shown = (implied || state.unaccepted).then_some(identity);
            state.inbox.fill(source, room, sender.or(shown), rights)?
        };
        if count > 0 {
            peer.readable.wake_all();
        }
        Ok(Some(count))
    }

    fn wait_for_room(&self, deadline: Option<Instant>) -> Result<()> {
        wait_for(&self.writable, deadline, || {
            let gone = {
                let state = self.state.lock();
                state.send_ended || state.error.is_some()
            };
            (gone || self.has_room(1)).then_some(())
        })
    }

    /// Whether at least one in `part` of the send buffer is free.
    pub(super) fn has_room(&self, part: usize) -> bool {
        let limit = self.options.send_buffer();
        self.peer().is_none_or(|peer| {
            let used = peer.state.lock().inbox.cost();
            used == 0 || used.saturating_mul(part) < limit
        })
    }

    /// What to do where no bytes wait.
    fn nothing_there(&self, state: &mut State, count: usize, how: Receive) -> Result<Step> {
        if !matches!(state.role, Role::Connected(_)) {
            return Err(Errno::EINVAL);
        }
        if count > 0 && (!how.whole || how.peek) {
            return Ok(Step::Done);
        }
        if count == 0 && let Some(error) = state.error.take() {
            return Err(error);
        }
        if state.receive_ended {
            return Ok(Step::Done);
        }
        match how.waiting {
            Waiting::Yes => Ok(Step::Wait),
            Waiting::No if count > 0 => Ok(Step::Done),
            Waiting::No => Err(Errno::EAGAIN),
        }
    }

    fn wait_for_bytes(&self, deadline: Option<Instant>) -> Result<()> {
        wait_for(&self.readable, deadline, || {
            let state = self.state.lock();
            (!state.inbox.is_empty() || state.receive_ended || state.error.is_some()).then_some(())
        })
    }
}

/// How receiving goes on.
enum Step {
    /// What came is returned.
    Done,
    /// More is there.
    Again,
    /// A page of the buffer is absent.
    Fault,
    /// Bytes have to come first.
    Wait,
}
