//! Output processing: what a byte becomes on its way to the device, and how input is echoed.

use super::LineDiscipline;
use crate::termios::{InputModes, LocalModes, OutputModes};
use alloc::vec::Vec;

impl LineDiscipline {
    /// Appends what `bytes` become on the device to `out`.
    pub fn process_output(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if !self.termios.output.contains(OutputModes::OPOST) {
            out.extend(bytes);
            return;
        }
        for &byte in bytes {
            self.put(byte, out);
        }
    }

    /// Appends what one byte becomes.
    pub(super) fn put(&mut self, byte: u8, out: &mut Vec<u8>) {
        let modes = self.termios.output;
        if !modes.contains(OutputModes::OPOST) {
            out.push(byte);
            return;
        }
        match byte {
            b'\n' => {
                if modes.contains(OutputModes::ONLCR) {
                    out.push(b'\r');
                }
                if modes.intersects(OutputModes::ONLCR | OutputModes::ONLRET) {
                    self.column = 0;
                }
                out.push(b'\n');
            }
            b'\r' if modes.contains(OutputModes::ONOCR) && self.column == 0 => {}
            b'\r' if modes.contains(OutputModes::OCRNL) => out.push(b'\n'),
            b'\r' => {
                self.column = 0;
                out.push(b'\r');
            }
            b'\t' => {
                let next = (self.column | 7) + 1;
                if modes.contains(OutputModes::XTABS) {
                    out.extend(core::iter::repeat_n(b' ', next - self.column));
                } else {
                    out.push(b'\t');
                }
                self.column = next;
            }
            8 => {
                self.column = self.column.saturating_sub(1);
                out.push(8);
            }
            _ => {
                let continues = byte & 0xc0 == 0x80 && self.termios.input.contains(InputModes::IUTF8);
                if !byte.is_ascii_control() && !continues {
                    self.column += 1;
                }
                out.push(byte);
            }
        }
    }

    /// Appends the echo of a typed byte: control characters as `^X` with ECHOCTL.
    pub(super) fn echo_character(&mut self, byte: u8, echo: &mut Vec<u8>) {
        if self.has(LocalModes::ECHOCTL) && byte.is_ascii_control() && byte != b'\t' {
            echo.extend([b'^', byte ^ 0x40]);
            self.column += 2;
        } else {
            self.put(byte, echo);
        }
    }
}
