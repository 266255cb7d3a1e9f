//! Terminal settings: `struct termios` of Linux x86-64, with its flags as types.

use bitflags::bitflags;
use linux_raw_sys::general as raw;

bitflags! {
    /// Input modes (`c_iflag`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct InputModes: u32 {
        /// Break interrupts.
        const BRKINT = raw::BRKINT;
        /// Strip the eighth bit.
        const ISTRIP = raw::ISTRIP;
        /// NL becomes CR.
        const INLCR = raw::INLCR;
        /// CR is dropped.
        const IGNCR = raw::IGNCR;
        /// CR becomes NL.
        const ICRNL = raw::ICRNL;
        /// START and STOP control the output.
        const IXON = raw::IXON;
        /// Any character restarts the output.
        const IXANY = raw::IXANY;
        /// A full line rings the bell.
        const IMAXBEL = raw::IMAXBEL;
        /// Characters are UTF-8.
        const IUTF8 = raw::IUTF8;
        const _ = !0;
    }

    /// Output modes (`c_oflag`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct OutputModes: u32 {
        /// The others below apply.
        const OPOST = raw::OPOST;
        /// NL becomes CR NL.
        const ONLCR = raw::ONLCR;
        /// CR becomes NL.
        const OCRNL = raw::OCRNL;
        /// No CR at column zero.
        const ONOCR = raw::ONOCR;
        /// NL returns the carriage.
        const ONLRET = raw::ONLRET;
        /// Tabs become spaces.
        const XTABS = raw::XTABS;
        const _ = !0;
    }

    /// Local modes (`c_lflag`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct LocalModes: u32 {
        /// INTR, QUIT and SUSP send signals.
        const ISIG = raw::ISIG;
        /// Input comes by lines, which can be edited.
        const ICANON = raw::ICANON;
        /// Input is echoed.
        const ECHO = raw::ECHO;
        /// ERASE rubs the character out.
        const ECHOE = raw::ECHOE;
        /// KILL is echoed with a new line.
        const ECHOK = raw::ECHOK;
        /// NL is echoed even without ECHO.
        const ECHONL = raw::ECHONL;
        /// A signal leaves the queues as they are.
        const NOFLSH = raw::NOFLSH;
        /// Output from the background stops its process.
        const TOSTOP = raw::TOSTOP;
        /// Control characters are echoed as `^X`.
        const ECHOCTL = raw::ECHOCTL;
        /// KILL rubs the line out.
        const ECHOKE = raw::ECHOKE;
        /// LNEXT, WERASE and REPRINT work.
        const IEXTEN = raw::IEXTEN;
        const _ = !0;
    }
}

/// A place in the table of control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "named as in termios(3)")]
pub enum Control {
    Intr = raw::VINTR as u8,
    Quit = raw::VQUIT as u8,
    Erase = raw::VERASE as u8,
    Kill = raw::VKILL as u8,
    Eof = raw::VEOF as u8,
    Time = raw::VTIME as u8,
    Min = raw::VMIN as u8,
    Start = raw::VSTART as u8,
    Stop = raw::VSTOP as u8,
    Susp = raw::VSUSP as u8,
    Eol = raw::VEOL as u8,
    Reprint = raw::VREPRINT as u8,
    WordErase = raw::VWERASE as u8,
    LiteralNext = raw::VLNEXT as u8,
    Eol2 = raw::VEOL2 as u8,
}

const CONTROLS: usize = raw::NCCS as usize;
/// Bytes of `struct termios` as the kernel passes it.
pub const TERMIOS_SIZE: usize = size_of::<raw::termios>();
const _: () = assert!(TERMIOS_SIZE == 36);

/// The settings of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Termios {
    /// `c_iflag`.
    pub input: InputModes,
    /// `c_oflag`.
    pub output: OutputModes,
    /// `c_cflag`: speed and framing, which the line discipline does not use.
    pub control: u32,
    /// `c_lflag`.
    pub local: LocalModes,
    line: u8,
    characters: [u8; CONTROLS],
}

impl Termios {
    /// What a terminal starts with (Linux `tty_std_termios`).
    #[must_use]
    pub const fn standard() -> Self {
        let local = LocalModes::ISIG
            .union(LocalModes::ICANON)
            .union(LocalModes::ECHO)
            .union(LocalModes::ECHOE)
            .union(LocalModes::ECHOK)
            .union(LocalModes::ECHOCTL)
            .union(LocalModes::ECHOKE)
            .union(LocalModes::IEXTEN);
        Self {
            input: InputModes::ICRNL.union(InputModes::IXON),
            output: OutputModes::OPOST.union(OutputModes::ONLCR),
            control: raw::B38400 | raw::CS8 | raw::CREAD | raw::HUPCL,
            local,
            line: 0,
            // INTR ^C, QUIT ^\, ERASE DEL, KILL ^U, EOF ^D, TIME 0, MIN 1, SWTC 0, START ^Q, STOP ^S, SUSP ^Z, EOL 0,
            // REPRINT ^R, DISCARD ^O, WERASE ^W, LNEXT ^V, EOL2 0.
            characters: [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0],
        }
    }

    /// From the bytes of `struct termios`.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; TERMIOS_SIZE]) -> Self {
        let word = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let mut characters = [0; CONTROLS];
        characters.copy_from_slice(&bytes[17..]);
        Self {
            input: InputModes::from_bits_retain(word(0)),
            output: OutputModes::from_bits_retain(word(4)),
            control: word(8),
            local: LocalModes::from_bits_retain(word(12)),
            line: bytes[16],
            characters,
        }
    }

    /// As the bytes of `struct termios`.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; TERMIOS_SIZE] {
        let mut bytes = [0; TERMIOS_SIZE];
        let words = [self.input.bits(), self.output.bits(), self.control, self.local.bits()];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        bytes[16] = self.line;
        bytes[17..].copy_from_slice(&self.characters);
        bytes
    }

    /// A control character; 0 is none (but a count for `Min` and `Time`).
    #[must_use]
    pub const fn character(&self, control: Control) -> u8 {
        self.characters[control as usize]
    }

    /// Whether `byte` is that control character; a disabled one (0) is never.
    #[must_use]
    pub const fn is(&self, control: Control, byte: u8) -> bool {
        byte != 0 && self.character(control) == byte
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_back_is_the_same() {
        let termios = Termios::standard();
        assert_eq!(Termios::from_bytes(&termios.to_bytes()), termios);
        assert_eq!(termios.to_bytes()[17], 3);
    }
}
