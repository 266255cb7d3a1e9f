//! The line discipline of a terminal: editing, echo, signals and output processing (termios(3), Linux `N_TTY`).
//!
//! Bytes from the device go through [`LineDiscipline::receive`], bytes from programs through
//! [`LineDiscipline::process_output`]; both give the bytes to send to the device. Nothing here waits.

mod edit;
mod output;

use crate::termios::{Control, InputModes, LocalModes, Termios};
use abi::signal::Signal;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Bytes that wait to be read, at most.
pub const INPUT_SIZE: usize = 4096;

/// What a received byte means beyond its echo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reaction {
    /// To the foreground group.
    pub signal: Option<Signal>,
    /// Pending output is thrown away.
    pub flush_output: bool,
}

/// Editing, echo and output state of one terminal.
pub struct LineDiscipline {
    termios: Termios,
    /// Bytes that may be read.
    ready: VecDeque<u8>,
    /// The lengths of the lines that they are (canonical mode); an empty one, by EOF, reads as the end of the file.
    lines: VecDeque<usize>,
    /// The line being edited.
    line: Vec<u8>,
    literal_next: bool,
    stopped: bool,
    /// Where the cursor stands.
    column: usize,
    /// Where it stood when the line being edited began.
    line_column: usize,
}

impl LineDiscipline {
    /// One with these settings and nothing in it.
    #[must_use]
    pub fn new(termios: Termios) -> Self {
        Self {
            termios,
            ready: VecDeque::new(),
            lines: VecDeque::new(),
            line: Vec::new(),
            literal_next: false,
            stopped: false,
            column: 0,
            line_column: 0,
        }
    }

    /// The settings.
    #[must_use]
    pub fn termios(&self) -> &Termios {
        &self.termios
    }

    /// Changes the settings. What was typed stays readable across a change of canonical mode.
    pub fn set_termios(&mut self, termios: Termios) {
        let was_canonical = self.is_canonical();
        self.termios = termios;
        if was_canonical && !self.is_canonical() {
            self.ready.extend(self.line.drain(..));
            self.lines.clear();
        } else if !was_canonical && self.is_canonical() && !self.ready.is_empty() {
            self.lines.push_back(self.ready.len());
        }
        if !self.termios.input.contains(InputModes::IXON) {
            self.stopped = false;
        }
    }

    /// Whether input comes by lines.
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        self.has(LocalModes::ICANON)
    }

    /// Whether STOP holds the output.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Holds the output or lets it go.
    pub fn set_stopped(&mut self, stopped: bool) {
        self.stopped = stopped;
    }

    /// Bytes that may come before one is lost that a reader could have made room for.
    #[must_use]
    pub fn room(&self) -> usize {
        // A lone unfinished line overflows whatever the reader does.
        if self.ready.is_empty() { INPUT_SIZE } else { (INPUT_SIZE - 1).saturating_sub(self.ready.len() + self.line.len()) }
    }

    /// Bytes that wait to be read.
    #[must_use]
    pub fn readable(&self) -> usize {
        self.ready.len()
    }

    /// Whether a read of at least `min` bytes would be served: a whole line in canonical mode.
    #[must_use]
    pub fn has_input(&self, min: usize) -> bool {
        if self.is_canonical() { !self.lines.is_empty() } else { self.ready.len() >= min.max(1) }
    }

    /// The bytes that the next read gets at most: the rest of one line in canonical mode. Empty with
    /// [`LineDiscipline::has_input`] is the end of the file.
    pub fn peek(&mut self) -> &[u8] {
        let len = if self.is_canonical() {
            self.lines.front().copied().unwrap_or(0)
        } else {
            self.ready.len()
        };
        &self.ready.make_contiguous()[..len]
    }

    /// Takes `count` of the bytes that [`LineDiscipline::peek`] showed; a line whose last byte is taken is gone.
    pub fn consume(&mut self, count: usize) {
        self.ready.drain(..count.min(self.ready.len()));
        if !self.is_canonical() {
            return;
        }
        let Some(line) = self.lines.front_mut() else { return };
        *line = line.saturating_sub(count);
        if *line == 0 {
            self.lines.pop_front();
        }
    }

    /// Throws away what was typed.
    pub fn flush_input(&mut self) {
        self.ready.clear();
        self.lines.clear();
        self.line.clear();
        self.literal_next = false;
    }

    /// Takes a byte from the device; appends what to echo to `echo`.
    pub fn receive(&mut self, byte: u8, echo: &mut Vec<u8>) -> Reaction {
        let modes = self.termios.input;
        let byte = if modes.contains(InputModes::ISTRIP) { byte & 0x7f } else { byte };
        if core::mem::take(&mut self.literal_next) {
            self.type_character(byte, echo);
            return Reaction::default();
        }
        if modes.contains(InputModes::IXON) {
            if self.termios.is(Control::Start, byte) {
                self.stopped = false;
                return Reaction::default();
            }
            if self.termios.is(Control::Stop, byte) {
                self.stopped = true;
                return Reaction::default();
            }
        }
        if let Some(signal) = self.signal_of(byte) {
            return self.interrupt(signal, byte, echo);
        }
        if self.stopped && modes.contains(InputModes::IXON | InputModes::IXANY) {
            self.stopped = false;
        }
        let byte = match byte {
            b'\r' if modes.contains(InputModes::IGNCR) => return Reaction::default(),
            b'\r' if modes.contains(InputModes::ICRNL) => b'\n',
            b'\n' if modes.contains(InputModes::INLCR) => b'\r',
            other => other,
        };
        if self.is_canonical() {
            self.edit(byte, echo);
        } else {
            self.type_character(byte, echo);
        }
        Reaction::default()
    }

    fn signal_of(&self, byte: u8) -> Option<Signal> {
        if !self.has(LocalModes::ISIG) {
            return None;
        }
        [(Control::Intr, Signal::SIGINT), (Control::Quit, Signal::SIGQUIT), (Control::Susp, Signal::SIGTSTP)]
            .into_iter()
            .find_map(|(control, signal)| self.termios.is(control, byte).then_some(signal))
    }

    fn interrupt(&mut self, signal: Signal, byte: u8, echo: &mut Vec<u8>) -> Reaction {
        let flush = !self.has(LocalModes::NOFLSH);
        if flush {
            self.flush_input();
            echo.clear();
        }
        self.stopped = false;
        if self.has(LocalModes::ECHO) {
            self.echo_character(byte, echo);
        }
        Reaction { signal: Some(signal), flush_output: flush }
    }

    /// Adds a byte to the input, with its echo.
    fn type_character(&mut self, byte: u8, echo: &mut Vec<u8>) {
        let pending = self.ready.len() + self.line.len();
        // A line keeps a place for its end.
        let limit = if self.is_canonical() { INPUT_SIZE - 1 } else { INPUT_SIZE };
        if pending >= limit {
            if self.termios.input.contains(InputModes::IMAXBEL) {
                echo.push(BELL);
            }
            return;
        }
        if self.line.is_empty() {
            self.line_column = self.column;
        }
        if self.has(LocalModes::ECHO) {
            self.echo_character(byte, echo);
        }
        if self.is_canonical() {
            self.line.push(byte);
        } else {
            self.ready.push_back(byte);
        }
    }

    fn has(&self, mode: LocalModes) -> bool {
        self.termios.local.contains(mode)
    }
}

const BELL: u8 = 7;

#[cfg(test)]
mod tests;
