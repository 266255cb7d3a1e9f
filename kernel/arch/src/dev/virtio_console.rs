//! Virtio consoles: the fast byte channels between host and guest, with page-sized buffers in each direction.
//!
//! One port per device: port 1 of a device with two, which a `virtserialport` is, else port 0, a `virtconsole`. QEMU
//! drops what a `virtconsole` sends faster than the host reads; a `virtserialport` makes the guest wait. Receive buffers are with the device until it fills them; a filled one waits
//! here until its bytes are read and goes back then, so a slow reader holds the host up and nothing is lost.

use super::dma::DirectDma;
use super::{Events, pci};
use crate::frame::ContiguousFrames;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::slice;
use core::sync::atomic::{Ordering, fence};
use kernel_core::addr::PAGE_SIZE;
use kernel_sync::{IrqLock, Rank};
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::pci::bus::PciRoot;
use virtio_drivers::transport::pci::{PciTransport, virtio_device_type};
use virtio_drivers::transport::{DeviceType, Transport};

/// Buffers in each direction; also the size of both queues.
const BUFFERS: usize = 8;
/// Frames of one port's buffers: receive buffers, then transmit buffers.
const MEMORY_ORDER: u8 = 4;
const _: () = assert!(1 << MEMORY_ORDER == 2 * BUFFERS);

/// Queue that control messages to the device go through.
const CONTROL_QUEUE: u16 = 3;
/// Offset of the number of ports in the device's configuration.
const MAX_PORTS_OFFSET: usize = 4;
const MULTIPORT: u64 = 1 << 1;
const VERSION_1: u64 = 1 << 32;

/// Events of control messages (virtio 1.2, 5.3.6.2).
const DEVICE_READY: u16 = 0;
const PORT_READY: u16 = 3;
const PORT_OPEN: u16 = 6;

type Queue = VirtQueue<DirectDma, BUFFERS>;

/// A console port.
pub struct ConsolePort {
    state: IrqLock<State>,
    interrupt_line: u8,
}

struct State {
    transport: PciTransport,
    /// The port's pair of queues: receive, then transmit.
    queues: (u16, u16),
    /// Keeps the control queue's memory for as long as the device knows it.
    _control: Option<Queue>,
    receive: Queue,
    transmit: Queue,
    memory: ContiguousFrames,
    /// The buffer of each receive token that the device has, and of each transmit token.
    receiving: [usize; BUFFERS],
    transmitting: [usize; BUFFERS],
    /// Filled receive buffers, oldest first: buffer, bytes read, bytes in it.
    filled: Ring<(usize, usize, usize)>,
    /// Transmit buffers that are free.
    free: Ring<usize>,
}

/// Every console of the machine, in the order of the PCI bus.
pub fn probe() -> Vec<ConsolePort> {
    let consoles = pci::devices().into_iter().filter(|device| virtio_device_type(&device.info) == Some(DeviceType::Console));
    consoles.filter_map(|device| ConsolePort::open(&device)).collect()
}

impl ConsolePort {
    fn open(device: &pci::Device) -> Option<Self> {
        let mut root = PciRoot::new(pci::PortAccess);
        pci::enable(&mut root, device.place);
        let opened = PciTransport::new::<DirectDma, _>(&mut root, device.place);
        // Sizing the ranges may have turned the decoding off.
        pci::enable(&mut root, device.place);
        let mut transport = opened.inspect_err(|error| log::warn!("{}: {error}", device.place)).ok()?;
        let offered = transport.read_device_features();
        let ports: u32 =
            if offered & MULTIPORT != 0 { transport.read_config_space(MAX_PORTS_OFFSET).ok()? } else { 1 };
        // Port 0 of a device with many works without the control queues.
        let port = if ports == 2 { 1 } else { 0 };
        let multiport = if port > 0 { MULTIPORT } else { 0 };
        // No event index: without it every used buffer interrupts, and no comparison of indices can miss a notification.
        transport.begin_init(Features::from_bits_retain(VERSION_1 | multiport));
        let queues = if port > 0 { (4, 5) } else { (0, 1) };
        let receive = Queue::new(&mut transport, queues.0, false, false).ok()?;
        let transmit = Queue::new(&mut transport, queues.1, false, false).ok()?;
        let mut control = None;
        if port > 0 {
            control = Some(Queue::new(&mut transport, CONTROL_QUEUE, false, false).ok()?);
        }
        let memory = ContiguousFrames::alloc(MEMORY_ORDER).ok()?;
        transport.finish_init();
        if let Some(control) = &mut control {
            for (id, event, value) in [(u32::MAX, DEVICE_READY, 1), (port, PORT_READY, 1), (port, PORT_OPEN, 1)] {
                tell(&mut transport, control, id, event, value)?;
            }
        }
        let mut state = State {
            transport,
            queues,
            _control: control,
            receive,
            transmit,
            memory,
            receiving: [0; BUFFERS],
            transmitting: [0; BUFFERS],
            filled: Ring::new(),
            free: Ring::new(),
        };
        for buffer in 0..BUFFERS {
            state.give_back(buffer);
            state.free.push(BUFFERS + buffer);
        }
        Some(Self { state: IrqLock::new(Rank::DEVICE, state), interrupt_line: device.interrupt_line })
    }

    /// The PCI interrupt that it uses.
    pub fn interrupt_line(&self) -> u8 {
        self.interrupt_line
    }

    /// Serves the port's interrupt; nothing changed if it was another device's on a shared line.
    pub fn handle_interrupt(&self) -> Events {
        let mut state = self.state.lock();
        if state.transport.ack_interrupt().is_empty() {
            return Events::default();
        }
        Events { readable: state.collect_received(), writable: state.collect_sent() }
    }

    /// Whether bytes wait.
    pub fn is_readable(&self) -> bool {
        let mut state = self.state.lock();
        state.collect_received();
        state.filled.front().is_some()
    }

    /// Bytes that wait.
    pub fn readable(&self) -> usize {
        self.state.lock().filled.iter().map(|(_, read, len)| len - read).sum()
    }

    /// Shows waiting bytes to `take`, which answers how many it took, until it takes fewer than shown. How many went.
    /// `take` runs with interrupts off.
    pub fn read(&self, mut take: impl FnMut(&[u8]) -> usize) -> usize {
        let mut state = self.state.lock();
        state.collect_received();
        let mut done = 0;
        while let Some((buffer, read, len)) = state.filled.front() {
            let taken = take(&state.buffer(buffer)[read..len]).min(len - read);
            done += taken;
            if read + taken < len {
                state.filled.replace_front((buffer, read + taken, len));
                break;
            }
            state.filled.pop();
            state.give_back(buffer);
        }
        done
    }

    /// Whether a buffer is free to send.
    pub fn is_writable(&self) -> bool {
        let mut state = self.state.lock();
        state.collect_sent();
        state.free.front().is_some()
    }

    /// Whether everything was sent.
    pub fn is_drained(&self) -> bool {
        let mut state = self.state.lock();
        state.collect_sent();
        state.free.len == BUFFERS
    }

    /// Lets `fill` fill free buffers of a page each and sends them, until it fills none or none is free. How many
    /// bytes went. `fill` runs with interrupts off.
    pub fn write(&self, mut fill: impl FnMut(&mut [u8]) -> usize) -> usize {
        let mut state = self.state.lock();
        state.collect_sent();
        let mut done = 0;
        while let Some(buffer) = state.free.front() {
            let len = fill(state.buffer(buffer)).min(PAGE_SIZE);
            if len == 0 {
                break;
            }
            state.free.pop();
            state.send(buffer, len);
            done += len;
        }
        done
    }
}

impl State {
    /// A buffer that the device does not have.
    fn buffer(&mut self, buffer: usize) -> &mut [u8] {
        let start = self.memory.as_ptr().as_ptr();
        // SAFETY: the block has 2 * BUFFERS pages, and `self` is borrowed for as long as the slice lives.
        unsafe { slice::from_raw_parts_mut(start.add(buffer * PAGE_SIZE), PAGE_SIZE) }
    }

    /// The same, without borrowing the state: for handing it to the device.
    fn buffer_for_device<'b>(&self, buffer: usize, len: usize) -> &'b mut [u8] {
        let start = self.memory.as_ptr().as_ptr();
        // SAFETY: as in buffer(); callers pass the slice to a queue of this state at once, and nobody else touches
        // the buffer until the queue gives it back.
        unsafe { slice::from_raw_parts_mut(start.add(buffer * PAGE_SIZE), len) }
    }

    fn give_back(&mut self, buffer: usize) {
        let page = self.buffer_for_device(buffer, PAGE_SIZE);
        // SAFETY: the page is not touched until collect_received() pops its token.
        if let Ok(token) = unsafe { self.receive.add(&[], &mut [page]) } {
            self.receiving[usize::from(token)] = buffer;
        }
        // SeqCst pairs with the device's own barrier: either it sees the buffer, or this sees that it wants to be told.
        fence(Ordering::SeqCst);
        if self.receive.should_notify() {
            self.transport.notify(self.queues.0);
        }
    }

    fn collect_received(&mut self) -> bool {
        let mut any = false;
        while let Some(token) = self.receive.peek_used() {
            let Some(&buffer) = self.receiving.get(usize::from(token)) else { break };
            let page = self.buffer_for_device(buffer, PAGE_SIZE);
            // SAFETY: the page is the one that give_back() added under this token.
            let Ok(len) = (unsafe { self.receive.pop_used(token, &[], &mut [page]) }) else { break };
            let len = (len as usize).min(PAGE_SIZE);
            if len == 0 {
                self.give_back(buffer);
                continue;
            }
            self.filled.push((buffer, 0, len));
            any = true;
        }
        any
    }

    fn send(&mut self, buffer: usize, len: usize) {
        let bytes = self.buffer_for_device(buffer, len);
        // SAFETY: the bytes are not touched until collect_sent() pops their token.
        match unsafe { self.transmit.add(&[bytes], &mut []) } {
            Ok(token) => self.transmitting[usize::from(token)] = buffer,
            Err(_) => self.free.push(buffer),
        }
        // SeqCst as in give_back().
        fence(Ordering::SeqCst);
        if self.transmit.should_notify() {
            self.transport.notify(self.queues.1);
        }
    }

    fn collect_sent(&mut self) -> bool {
        let mut any = false;
        while let Some(token) = self.transmit.peek_used() {
            let Some(&buffer) = self.transmitting.get(usize::from(token)) else { break };
            let bytes = self.buffer_for_device(buffer, PAGE_SIZE);
            // SAFETY: the bytes are in the buffer that send() added under this token; the length is not used, because
            // sharing memory with the device moves nothing.
            if unsafe { self.transmit.pop_used(token, &[bytes], &mut []) }.is_err() {
                break;
            }
            self.free.push(buffer);
            any = true;
        }
        any
    }
}

/// Sends a control message and waits until the device took it.
fn tell(transport: &mut PciTransport, control: &mut Queue, id: u32, event: u16, value: u16) -> Option<()> {
    // On the heap: a buffer on the stack may lie on two frames.
    let mut message = Box::new([0; 8]);
    message[..4].copy_from_slice(&id.to_le_bytes());
    message[4..6].copy_from_slice(&event.to_le_bytes());
    message[6..].copy_from_slice(&value.to_le_bytes());
    control.add_notify_wait_pop(&[message.as_slice()], &mut [], transport).ok().map(|_| ())
}

bitflags::bitflags! {
    /// Feature bits of a virtio device.
    #[derive(Clone, Copy, Debug)]
    struct Features: u64 {
        const _ = !0;
    }
}

/// A queue of at most [`BUFFERS`] entries, in place: nothing is allocated in an interrupt.
struct Ring<T> {
    entries: [Option<T>; BUFFERS],
    first: usize,
    len: usize,
}

impl<T: Copy> Ring<T> {
    const fn new() -> Self {
        Self { entries: [None; BUFFERS], first: 0, len: 0 }
    }

    fn push(&mut self, entry: T) {
        debug_assert!(self.len < BUFFERS, "more buffers than there are");
        self.entries[(self.first + self.len) % BUFFERS] = Some(entry);
        self.len += 1;
    }

    fn front(&self) -> Option<T> {
        if self.len == 0 { None } else { self.entries[self.first] }
    }

    fn replace_front(&mut self, entry: T) {
        self.entries[self.first] = Some(entry);
    }

    fn pop(&mut self) {
        if self.len > 0 {
            self.first = (self.first + 1) % BUFFERS;
            self.len -= 1;
        }
    }

    fn iter(&self) -> impl Iterator<Item = T> + '_ {
        (0..self.len).filter_map(|nth| self.entries[(self.first + nth) % BUFFERS])
    }
}
