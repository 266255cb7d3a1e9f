//! Editing of a line: ends of lines, ERASE, WERASE, KILL, REPRINT, LNEXT.

use super::{BELL, LineDiscipline};
use crate::termios::{Control, InputModes, LocalModes};
use alloc::vec::Vec;

/// How much ERASE and its kin take away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Character,
    Word,
    Line,
}

impl LineDiscipline {
    /// Takes a byte in canonical mode.
    pub(super) fn edit(&mut self, byte: u8, echo: &mut Vec<u8>) {
        let termios = self.termios;
        let extended = self.has(LocalModes::IEXTEN);
        if termios.is(Control::Erase, byte) {
            self.erase(Extent::Character, echo);
        } else if termios.is(Control::Kill, byte) {
            self.kill(byte, echo);
        } else if extended && termios.is(Control::WordErase, byte) {
            self.erase(Extent::Word, echo);
        } else if extended && termios.is(Control::LiteralNext, byte) {
            self.literal_next = true;
            if self.has(LocalModes::ECHO | LocalModes::ECHOCTL) {
                echo.extend(b"^\x08");
            }
        } else if extended && self.has(LocalModes::ECHO) && termios.is(Control::Reprint, byte) {
            self.reprint(byte, echo);
        } else if byte == b'\n' {
            if self.has(LocalModes::ECHO) || self.has(LocalModes::ECHONL) {
                self.put(byte, echo);
            }
            self.end_line(byte, echo);
        } else if termios.is(Control::Eof, byte) {
            self.commit();
        } else if termios.is(Control::Eol, byte) || (extended && termios.is(Control::Eol2, byte)) {
            if self.has(LocalModes::ECHO) {
                self.echo_character(byte, echo);
            }
            self.end_line(byte, echo);
        } else {
            self.type_character(byte, echo);
        }
    }

    /// Ends the line with a byte, for which [`LineDiscipline::type_character`] left room.
    fn end_line(&mut self, end: u8, echo: &mut Vec<u8>) {
        if self.ready.len() + self.line.len() >= super::INPUT_SIZE {
            if self.termios.input.contains(InputModes::IMAXBEL) {
                echo.push(BELL);
            }
            return;
        }
        self.line.push(end);
        self.commit();
    }

    fn commit(&mut self) {
        self.lines.push_back(self.line.len());
        self.ready.extend(self.line.drain(..));
    }

    fn kill(&mut self, byte: u8, echo: &mut Vec<u8>) {
        let rubs_out = LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK | LocalModes::ECHOKE;
        if self.has(rubs_out) {
            return self.erase(Extent::Line, echo);
        }
        self.line.clear();
        if self.has(LocalModes::ECHO) {
            self.echo_character(byte, echo);
            if self.has(LocalModes::ECHOK) {
                self.put(b'\n', echo);
            }
        }
    }

    fn erase(&mut self, extent: Extent, echo: &mut Vec<u8>) {
        let mut seen_word = false;
        while let Some(&last) = self.line.last() {
            let character = self.last_character();
            let in_word = last.is_ascii_alphanumeric() || last == b'_' || !last.is_ascii();
            if extent == Extent::Word {
                if seen_word && !in_word {
                    return;
                }
                seen_word |= in_word;
            }
            self.line.truncate(self.line.len() - character);
            if self.has(LocalModes::ECHO) {
                self.rub_out(last, echo);
            }
            if extent == Extent::Character {
                return;
            }
        }
    }

    /// Bytes of the last character of the line.
    fn last_character(&self) -> usize {
        if !self.termios.input.contains(InputModes::IUTF8) {
            return 1;
        }
        let continuation = self.line.iter().rev().take_while(|&&byte| byte & 0xc0 == 0x80).count();
        (continuation + 1).min(self.line.len())
    }

    /// Takes the picture of an erased character off the screen.
    fn rub_out(&mut self, erased: u8, echo: &mut Vec<u8>) {
        if !self.has(LocalModes::ECHOE) {
            let erase = self.termios.character(Control::Erase);
            return self.echo_character(erase, echo);
        }
        let width = match erased {
            b'\t' => self.column.saturating_sub(self.column_after_line()),
            _ if erased.is_ascii_control() => if self.has(LocalModes::ECHOCTL) { 2 } else { 0 },
            _ => 1,
        };
        for _ in 0..width {
            let step: &[u8] = if erased == b'\t' { b"\x08" } else { b"\x08 \x08" };
            echo.extend(step);
            self.column = self.column.saturating_sub(1);
        }
    }

    /// The column after the line as it is now.
    fn column_after_line(&self) -> usize {
        self.line.iter().fold(self.line_column, |column, &byte| match byte {
            b'\t' => (column | 7) + 1,
            _ if byte.is_ascii_control() => column + if self.has(LocalModes::ECHOCTL) { 2 } else { 0 },
            _ if byte & 0xc0 == 0x80 && self.termios.input.contains(InputModes::IUTF8) => column,
            _ => column + 1,
        })
    }

    fn reprint(&mut self, byte: u8, echo: &mut Vec<u8>) {
        self.echo_character(byte, echo);
        self.put(b'\n', echo);
        self.line_column = self.column;
        for byte in core::mem::take(&mut self.line) {
            self.echo_character(byte, echo);
            self.line.push(byte);
        }
    }
}
