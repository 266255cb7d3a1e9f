//! A socket behind a descriptor: read, write, poll, ioctl, and its end.

use super::Waiting;
use super::state::{Role, Socket};
use super::stream::{Ancillary, Receive};
use crate::io::{Sink, Source};
use crate::poll::PollTable;
use crate::vfs::anonymous::AnonymousKind;
use crate::vfs::file::{File, FileOps, Positioning};
use abi::flags::{OpenFlags, PollEvents};
use abi::signal::Signal;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use linux_raw_sys::ioctl::{FIONREAD, TIOCOUTQ};

/// `poll` calls a socket writable while no more than a quarter of its send buffer is used.
const WRITABLE_PART: usize = 4;

impl Socket {
    /// A description of the socket; `flags` may hold `O_NONBLOCK`.
    #[must_use]
    pub fn open(self: Arc<Self>, flags: OpenFlags) -> Arc<File> {
        File::anonymous(self, AnonymousKind::Socket, flags | OpenFlags::RDWR)
    }

    /// The socket behind a description.
    ///
    /// # Errors
    /// `ENOTSOCK`.
    pub fn of(file: &File) -> Result<Arc<Self>> {
        let ops = Arc::clone(file.ops()) as Arc<dyn Any + Send + Sync>;
        Arc::downcast(ops).map_err(|_| Errno::ENOTSOCK)
    }
}

impl FileOps for Socket {
    fn positioning(&self) -> Positioning {
        Positioning::Stream
    }

    fn read(&self, file: &File, sink: &mut dyn Sink, _offset: &mut u64) -> Result<usize> {
        if sink.remaining() == 0 {
            return Ok(0);
        }
        let how = Receive { waiting: Waiting::unless(file.is_nonblocking()), peek: false, whole: false };
        Ok(self.receive(sink, how)?.count)
    }

    fn write(&self, file: &File, source: &mut dyn Source, _offset: &mut u64) -> Result<usize> {
        let socket = Self::of(file)?;
        let sent = socket.send(source, Ancillary::default(), Waiting::unless(file.is_nonblocking()));
        if sent == Err(Errno::EPIPE) {
            crate::signal::send_to_current(Signal::SIGPIPE);
        }
        sent
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.add(&self.readable);
        table.add(&self.writable);
        let writable = self.has_room(WRITABLE_PART);
        let state = self.state.lock();
        let mut events = PollEvents::empty();
        let listening = match &state.role {
            Role::Listening { pending, .. } => {
                events.set(PollEvents::IN | PollEvents::RDNORM, !pending.is_empty());
                true
            }
            Role::Idle | Role::Connecting => {
                events |= PollEvents::HUP;
                false
            }
            Role::Connected(_) => false,
        };
        events.set(PollEvents::ERR, state.error.is_some());
        if state.receive_ended {
            events |= PollEvents::IN | PollEvents::RDNORM | PollEvents::RDHUP;
        }
        if state.receive_ended && state.send_ended {
            events |= PollEvents::HUP;
        }
        if !state.inbox.is_empty() {
            events |= PollEvents::IN | PollEvents::RDNORM;
        }
        if writable && !listening {
            events |= PollEvents::OUT | PollEvents::WRNORM | PollEvents::WRBAND;
        }
        events
    }

    fn ioctl(&self, _file: &File, command: u32, argument: u64) -> Result<usize> {
        match command {
            FIONREAD => crate::ioctl::put_count(argument, self.waiting_bytes()?),
            TIOCOUTQ => crate::ioctl::put_count(argument, self.unreceived_bytes()),
            _ => Err(Errno::ENOTTY),
        }
    }

    fn release(&self, _file: &File) {
        self.close();
    }
}
