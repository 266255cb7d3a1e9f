//! Terminals: a device that moves bytes, a line discipline, and the session that it controls.
//!
//! Layers: [`port`] (what a device offers), [`Tty`] (state and input), `file` (read, write, poll), `control` (ioctl),
//! `job` (who may use it), [`input`] (the thread that carries received bytes into the line discipline), and the devices
//! [`serial`] and [`screen`].
//!
//! A device's interrupt only notes that it has bytes ([`input::announce`]); everything else happens in threads. A
//! terminal lives for ever. A hang-up ends what was opened before it: its generation is over.
//!
//! Lock order: a writer's turn (`PIPE_TURN`, sleeping), then the state (`TTY`, spinning), then the device. Signals are
//! sent with none of them held.

mod control;
mod file;
pub mod input;
mod job;
pub mod port;
pub mod screen;
pub mod serial;

pub use file::open;

use crate::signal::{self, SigInfo};
use crate::task::{self, Pid};
use crate::vfs::DeviceId;
use abi::signal::Signal;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use kernel_core::line_discipline::LineDiscipline;
use kernel_core::termios::Termios;
use kernel_sync::{Mutex, Rank, SpinLock, WaitQueue};
use port::Port;

/// Bytes that a device must have room for before a chunk of output is processed: nothing processed is ever lost.
const OUTPUT_RESERVE: usize = 4096;

/// A terminal.
pub struct Tty {
    name: &'static str,
    id: DeviceId,
    port: Arc<dyn Port>,
    state: SpinLock<State>,
    /// One writer at a time, so that chunks of output stay whole.
    turn: Mutex<()>,
    /// Woken when input comes, or the terminal hangs up.
    readable: Arc<WaitQueue>,
    /// Woken when the device takes output again, or the terminal hangs up.
    writable: Arc<WaitQueue>,
    /// Input waits in the device until a reader makes room.
    throttled: AtomicBool,
}

struct State {
    discipline: LineDiscipline,
    size: WindowSize,
    session: Option<Pid>,
    foreground: Option<Pid>,
    /// Hang-ups so far.
    generation: u64,
    exclusive: bool,
}

/// `struct winsize`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct WindowSize {
    rows: u16,
    columns: u16,
    width: u16,
    height: u16,
}

impl WindowSize {
    fn from_bytes(bytes: [u8; 8]) -> Self {
        let word = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        Self { rows: word(0), columns: word(2), width: word(4), height: word(6) }
    }

    fn to_bytes(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        for (place, word) in bytes.chunks_exact_mut(2).zip([self.rows, self.columns, self.width, self.height]) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }
}

impl Tty {
    /// A terminal on `port`; `rows` and `columns` may be 0 for unknown.
    #[must_use]
    pub fn new(name: &'static str, id: DeviceId, port: Arc<dyn Port>, rows: u16, columns: u16) -> Arc<Self> {
        let state = State {
            discipline: LineDiscipline::new(Termios::standard()),
            size: WindowSize { rows, columns, ..WindowSize::default() },
            session: None,
            foreground: None,
            generation: 0,
            exclusive: false,
        };
        Arc::new(Self {
            name,
            id,
            port,
            state: SpinLock::new(Rank::TTY, state),
            turn: Mutex::new(Rank::PIPE_TURN, ()),
            readable: Arc::new(WaitQueue::new()),
            writable: Arc::new(WaitQueue::new()),
            throttled: AtomicBool::new(false),
        })
    }

    /// The name of its node.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its device number.
    #[must_use]
    pub const fn id(&self) -> DeviceId {
        self.id
    }

    /// The foreground process group.
    #[must_use]
    pub fn foreground(&self) -> Option<Pid> {
        self.state.lock().foreground
    }

    /// The session that it controls.
    #[must_use]
    pub fn session(&self) -> Option<Pid> {
        self.state.lock().session
    }

    /// Takes it away from its session and hangs up on those who have it open; gives the foreground group back.
    pub fn disassociate(&self) -> Option<Pid> {
        let mut state = self.state.lock();
        let foreground = state.foreground.take();
        state.session = None;
        state.generation += 1;
        state.discipline.flush_input();
        drop(state);
        self.readable.wake_all();
        self.writable.wake_all();
        foreground
    }

    /// The device changed: wakes those who wait to write.
    pub fn output_moved(&self) {
        self.writable.wake_all();
    }

    /// Carries what the device received through the line discipline. In a thread, without locks.
    fn receive(&self) {
        const CHUNK: usize = 64;
        let mut chunk = [0; CHUNK];
        loop {
            let room = self.state.lock().discipline.room().min(CHUNK);
            if room == 0 {
                self.throttled.store(true, Ordering::SeqCst);
                // A reader may have made room before it could see the mark.
                if self.state.lock().discipline.room() == 0 {
                    return;
                }
                self.throttled.store(false, Ordering::SeqCst);
                continue;
            }
            let count = self.port.read(&mut chunk[..room]);
            if count == 0 {
                return;
            }
            self.receive_bytes(&chunk[..count]);
        }
    }

    fn receive_bytes(&self, bytes: &[u8]) {
        let mut echo = Vec::new();
        for &byte in bytes {
            let mut state = self.state.lock();
            let was_stopped = state.discipline.is_stopped();
            let reaction = state.discipline.receive(byte, &mut echo);
            let restarted = was_stopped && !state.discipline.is_stopped();
            let foreground = state.foreground;
            drop(state);
            if reaction.flush_output {
                self.port.discard_output();
            }
            if restarted || reaction.flush_output {
                self.writable.wake_all();
            }
            if let (Some(signal), Some(group)) = (reaction.signal, foreground) {
                send(group, signal);
            }
        }
        self.port.write(&echo);
        if self.state.lock().discipline.has_input(1) {
            self.readable.wake_all();
        }
    }

    /// A reader made room: takes up what waits in the device.
    fn unthrottle(&self) {
        if self.throttled.swap(false, Ordering::SeqCst) {
            input::announce(self.id);
        }
    }

    fn is_hung_up(&self, generation: u64) -> bool {
        self.state.lock().generation != generation
    }
}

/// Sends a signal to a group; one that has ended by now is no error.
fn send(group: Pid, signal: Signal) {
    if task::group_exists(group) {
        // The group may end between the two.
        let _ = signal::send_to_group(group, SigInfo::kernel(signal));
    }
}
