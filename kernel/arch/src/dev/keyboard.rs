//! The PS/2 keyboard: scan codes in, the bytes that a terminal would send out.

use alloc::collections::VecDeque;
use kernel_sync::{IrqLock, Once, Rank};
use pc_keyboard::{DecodedKey, HandleControl, KeyCode, PS2Keyboard, ScancodeSet1, layouts::Us104Key};
use x86_64::instructions::port::Port;

/// The ISA interrupt of the keyboard.
pub const LINE: u8 = 1;

const DATA_PORT: u16 = 0x60;
const STATUS_PORT: u16 = 0x64;
const OUTPUT_FULL: u8 = 1;
/// The byte is the mouse's.
const FROM_MOUSE: u8 = 1 << 5;
const BUFFER_SIZE: usize = 256;
/// Bytes that the controller may hold before anybody listens.
const MAX_STALE: usize = 16;

struct State {
    decoder: PS2Keyboard<Us104Key, ScancodeSet1>,
    bytes: VecDeque<u8>,
}

static STATE: Once<IrqLock<State>> = Once::new();

fn state() -> &'static IrqLock<State> {
    STATE.call_once(|| {
        let decoder = PS2Keyboard::new(ScancodeSet1::new(), Us104Key, HandleControl::MapLettersToUnicode);
        IrqLock::new(Rank::DEVICE, State { decoder, bytes: VecDeque::with_capacity(BUFFER_SIZE) })
    })
}

/// Empties the controller's buffer, so that the next key interrupts. The firmware has set scan codes to set 1.
pub fn start() {
    let _state = state().lock();
    for _ in 0..MAX_STALE {
        if next_code().is_none() {
            break;
        }
    }
}

/// Serves the keyboard's interrupt; whether bytes came.
pub fn handle_interrupt() -> bool {
    let mut state = state().lock();
    let before = state.bytes.len();
    while let Some((code, from_mouse)) = next_code() {
        if !from_mouse {
            state.decode(code);
        }
    }
    state.bytes.len() > before
}

/// Takes typed bytes; how many.
pub fn read(buffer: &mut [u8]) -> usize {
    let mut state = state().lock();
    let count = buffer.len().min(state.bytes.len());
    for (place, byte) in buffer.iter_mut().zip(state.bytes.drain(..count)) {
        *place = byte;
    }
    count
}

impl State {
    fn decode(&mut self, code: u8) {
        let Ok(Some(event)) = self.decoder.add_byte(code) else { return };
        let Some(key) = self.decoder.process_keyevent(event) else { return };
        let mut utf8 = [0; 4];
        let bytes: &[u8] = match key {
            // What terminals send for these keys.
            DecodedKey::Unicode('\u{8}') => b"\x7f",
            DecodedKey::Unicode('\n') => b"\r",
            DecodedKey::Unicode(character) => character.encode_utf8(&mut utf8).as_bytes(),
            DecodedKey::RawKey(code) => sequence(code),
        };
        if self.bytes.len() + bytes.len() <= BUFFER_SIZE {
            self.bytes.extend(bytes);
        }
    }
}

/// The escape sequence of a key without a character (console_codes(4)).
fn sequence(code: KeyCode) -> &'static [u8] {
    match code {
        KeyCode::ArrowUp => b"\x1b[A",
        KeyCode::ArrowDown => b"\x1b[B",
        KeyCode::ArrowRight => b"\x1b[C",
        KeyCode::ArrowLeft => b"\x1b[D",
        KeyCode::Home => b"\x1b[1~",
        KeyCode::Insert => b"\x1b[2~",
        KeyCode::Delete => b"\x1b[3~",
        KeyCode::End => b"\x1b[4~",
        KeyCode::PageUp => b"\x1b[5~",
        KeyCode::PageDown => b"\x1b[6~",
        KeyCode::F1 => b"\x1b[[A",
        KeyCode::F2 => b"\x1b[[B",
        KeyCode::F3 => b"\x1b[[C",
        KeyCode::F4 => b"\x1b[[D",
        KeyCode::F5 => b"\x1b[[E",
        _ => b"",
    }
}

/// The next byte of the controller, and whether it is the mouse's.
fn next_code() -> Option<(u8, bool)> {
    // SAFETY: the keyboard controller's ports; reading the status has no effect, reading the data takes one byte.
    unsafe {
        let status: u8 = Port::new(STATUS_PORT).read();
        // A machine without a controller reads as all ones.
        if status & OUTPUT_FULL == 0 || status == 0xff {
            return None;
        }
        Some((Port::new(DATA_PORT).read(), status & FROM_MOUSE != 0))
    }
}
