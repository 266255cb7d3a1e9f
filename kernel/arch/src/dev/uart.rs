//! The two PC serial ports (16550), driven by interrupts, with a buffer in each direction.
//!
//! A full input buffer masks the receive interrupt, so that the sender waits (QEMU holds bytes back) until a reader
//! makes room. The lock of a port also orders polled output, which the log and panics use.

use super::Events;
use alloc::collections::VecDeque;
use kernel_sync::{IrqLock, IrqLockGuard, Once, Rank};
use x86_64::instructions::port::Port;

const BASES: [u16; 2] = [0x3f8, 0x2f8];
const LINES: [u8; 2] = [4, 3];

const INPUT_SIZE: usize = 4096;
const OUTPUT_SIZE: usize = 16 * 1024;
/// Bytes that the transmit FIFO takes when it is empty.
const FIFO_SIZE: usize = 16;
/// FIFOs filled at a time, and rounds of one interrupt: bounds on the time with interrupts off.
const FIFO_LOADS: usize = 16;
const ROUNDS: usize = 4;
/// Writers are told when no more than this waits to be sent.
const LOW_WATER: usize = OUTPUT_SIZE / 2;

const DATA: u16 = 0;
const INTERRUPT_ENABLE: u16 = 1;
const FIFO_CONTROL: u16 = 2;
const INTERRUPT_ID: u16 = 2;
const LINE_CONTROL: u16 = 3;
const MODEM_CONTROL: u16 = 4;
const LINE_STATUS: u16 = 5;
const SCRATCH: u16 = 7;

const RECEIVE_INTERRUPT: u8 = 1;
const TRANSMIT_INTERRUPT: u8 = 2;
const NOTHING_PENDING: u8 = 1;
const DATA_READY: u8 = 1;
const TRANSMIT_EMPTY: u8 = 1 << 5;
/// FIFOs on and cleared, interrupt at 8 bytes.
const FIFO_SETUP: u8 = 0x87;
const EIGHT_BITS: u8 = 3;
/// DTR, RTS, OUT2 (which lets interrupts through).
const MODEM_SETUP: u8 = 0x0b;

/// A serial port.
pub struct Uart {
    base: u16,
    line: u8,
    state: IrqLock<State>,
}

struct State {
    input: VecDeque<u8>,
    output: VecDeque<u8>,
    enabled: u8,
}

static PORTS: [Once<Option<Uart>>; 2] = [const { Once::new() }; 2];

/// The serial port `ttyS<index>`, made ready; none if the machine lacks it.
pub fn port(index: usize) -> Option<&'static Uart> {
    PORTS.get(index)?.call_once(|| Uart::open(index)).as_ref()
}

impl Uart {
    fn open(index: usize) -> Option<Self> {
        let state = State {
            input: VecDeque::with_capacity(INPUT_SIZE),
            output: VecDeque::with_capacity(OUTPUT_SIZE),
            enabled: RECEIVE_INTERRUPT,
        };
        let port = Self { base: BASES[index], line: LINES[index], state: IrqLock::new(Rank::DEVICE, state) };
        if !port.is_present() {
            return None;
        }
        port.write_register(INTERRUPT_ENABLE, 0);
        port.write_register(LINE_CONTROL, EIGHT_BITS);
        port.write_register(FIFO_CONTROL, FIFO_SETUP);
        port.write_register(MODEM_CONTROL, MODEM_SETUP);
        Some(port)
    }

    /// The ISA interrupt that it uses.
    pub fn line(&self) -> u8 {
        self.line
    }

    /// Lets interrupts through; the handler is registered.
    pub fn start(&self) {
        let state = self.state.lock();
        self.write_register(INTERRUPT_ENABLE, state.enabled);
    }

    /// Serves the port's interrupt.
    pub fn handle_interrupt(&self) -> Events {
        let mut state = self.state.lock();
        let before = state.output.len();
        let mut readable = false;
        for _ in 0..ROUNDS {
            // Reading the id acknowledges a transmit interrupt.
            if self.read_register(INTERRUPT_ID) & NOTHING_PENDING != 0 {
                break;
            }
            readable |= self.receive(&mut state);
            self.transmit(&mut state);
        }
        // The line is edge-triggered: what is still pending must raise it anew.
        self.write_register(INTERRUPT_ENABLE, 0);
        self.write_register(INTERRUPT_ENABLE, state.enabled);
        let now = state.output.len();
        Events { readable, writable: (before > LOW_WATER && now <= LOW_WATER) || (before > 0 && now == 0) }
    }

    /// Takes received bytes; how many.
    pub fn read(&self, buffer: &mut [u8]) -> usize {
        let mut state = self.state.lock();
        let count = buffer.len().min(state.input.len());
        for (place, byte) in buffer.iter_mut().zip(state.input.drain(..count)) {
            *place = byte;
        }
        if count > 0 && state.enabled & RECEIVE_INTERRUPT == 0 {
            self.enable(&mut state, RECEIVE_INTERRUPT);
            self.receive(&mut state);
        }
        count
    }

    /// Queues bytes to send; how many fitted.
    pub fn write(&self, bytes: &[u8]) -> usize {
        let mut state = self.state.lock();
        let count = bytes.len().min(OUTPUT_SIZE - state.output.len());
        state.output.extend(&bytes[..count]);
        self.transmit(&mut state);
        count
    }

    /// Bytes that wait to be sent.
    pub fn unsent(&self) -> usize {
        self.state.lock().output.len()
    }

    /// Bytes that [`Uart::write`] would take now.
    pub fn room(&self) -> usize {
        OUTPUT_SIZE - self.unsent()
    }

    /// Throws away what waits to be sent.
    pub fn discard_output(&self) {
        self.state.lock().output.clear();
    }

    /// Sends bytes at once, past the queue, waiting for the port; from any context. A new line becomes CR LF.
    pub fn write_polled(&self, bytes: &[u8]) {
        // The holder may be the code that this interrupts (a panic): then go on without the lock.
        let _state = self.lock_if_possible();
        for &byte in bytes {
            if byte == b'\n' {
                self.send_polled(b'\r');
            }
            self.send_polled(byte);
        }
    }

    fn lock_if_possible(&self) -> Option<IrqLockGuard<'_, State>> {
        const TRIES: usize = 100_000;
        for _ in 0..TRIES {
            if let Some(state) = self.state.try_lock() {
                return Some(state);
            }
            core::hint::spin_loop();
        }
        None
    }

    fn send_polled(&self, byte: u8) {
        const TRIES: usize = 100_000;
        for _ in 0..TRIES {
            if self.read_register(LINE_STATUS) & TRANSMIT_EMPTY != 0 {
                break;
            }
            core::hint::spin_loop();
        }
        self.write_register(DATA, byte);
    }

    /// Moves received bytes into the buffer; whether there were any.
    fn receive(&self, state: &mut State) -> bool {
        let mut any = false;
        while self.read_register(LINE_STATUS) & DATA_READY != 0 {
            if state.input.len() == INPUT_SIZE {
                self.disable(state, RECEIVE_INTERRUPT);
                break;
            }
            state.input.push_back(self.read_register(DATA));
            any = true;
        }
        any
    }

    /// Fills the transmit FIFO while it is empty, a few times at most, and asks for an interrupt while more waits.
    fn transmit(&self, state: &mut State) {
        for _ in 0..FIFO_LOADS {
            if state.output.is_empty() || self.read_register(LINE_STATUS) & TRANSMIT_EMPTY == 0 {
                break;
            }
            let count = state.output.len().min(FIFO_SIZE);
            for byte in state.output.drain(..count) {
                self.write_register(DATA, byte);
            }
        }
        let waits = !state.output.is_empty();
        let asked = state.enabled & TRANSMIT_INTERRUPT != 0;
        if waits && !asked {
            self.enable(state, TRANSMIT_INTERRUPT);
        } else if !waits && asked {
            self.disable(state, TRANSMIT_INTERRUPT);
        }
    }

    fn enable(&self, state: &mut State, interrupt: u8) {
        state.enabled |= interrupt;
        self.write_register(INTERRUPT_ENABLE, state.enabled);
    }

    fn disable(&self, state: &mut State, interrupt: u8) {
        state.enabled &= !interrupt;
        self.write_register(INTERRUPT_ENABLE, state.enabled);
    }

    fn is_present(&self) -> bool {
        [0x5a, 0xa5].into_iter().all(|pattern| {
            self.write_register(SCRATCH, pattern);
            self.read_register(SCRATCH) == pattern
        })
    }

    fn read_register(&self, register: u16) -> u8 {
        // SAFETY: the ports of COM1 and COM2 are a UART's or nobody's; reads have effects on the UART only.
        unsafe { Port::new(self.base + register).read() }
    }

    fn write_register(&self, register: u16, value: u8) {
        // SAFETY: as for reads.
        unsafe { Port::new(self.base + register).write(value) };
    }
}
