//! Fusion rings: bounded queues of 64-byte slots that carry small messages inline and large ones as pages.
//!
//! Any number of threads push and pop without a lock: a position is claimed by moving head or tail, and the slot's
//! sequence says whose turn it is (`kernel_core::ring`). A thread with exclusive access may also look at the first and
//! the last message in place, which is how pipes merge small writes and read messages bit by bit.

use crate::atomic::{AtomicU32, AtomicU64, Ordering, UnsafeCell, fence};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::{ManuallyDrop, MaybeUninit};
use kernel_core::ring::{BATCH, Geometry, Header, INLINE_SIZE, Kind};

/// A message of up to 56 bytes.
#[derive(Clone, Copy)]
pub struct Inline {
    len: u8,
    bytes: [u8; INLINE_SIZE],
}

/// A message of a [`FusionRing`].
pub enum Message<P> {
    /// Bytes in the slot itself.
    Inline(Inline),
    /// `len` bytes from `offset` of a page, which changes hands.
    Page {
        /// The page.
        page: P,
        /// Where in the page the bytes begin.
        offset: u16,
        /// How many they are.
        len: u16,
    },
    /// A word for the ring's own protocol.
    Control(u64),
}

struct Page<P> {
    page: P,
    offset: u16,
}

#[repr(C)]
union Body<P> {
    inline: [u8; INLINE_SIZE],
    control: u64,
    page: ManuallyDrop<MaybeUninit<Page<P>>>,
}

#[repr(C, align(64))]
struct Slot<P> {
    header: AtomicU64,
    body: UnsafeCell<Body<P>>,
}

#[repr(align(64))]
struct Line(AtomicU32);

/// A bounded queue of messages; see the module.
pub struct FusionRing<P> {
    geometry: Geometry,
    slots: Box<[Slot<P>]>,
    /// The next position to read.
    head: Line,
    /// The next position to write.
    tail: Line,
}

// SAFETY: a message moves from the thread that pushes to the one that pops; the sequence of its slot lets one thread
// at a time touch the body.
unsafe impl<P: Send> Sync for FusionRing<P> {}
// SAFETY: the ring owns its messages.
unsafe impl<P: Send> Send for FusionRing<P> {}

impl Inline {
    /// A message of `bytes`, if there are at most 56.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut inline = Self { len: u8::try_from(bytes.len()).ok()?, bytes: [0; INLINE_SIZE] };
        inline.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(inline)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl<P: Send> FusionRing<P> {
    /// An empty ring of at least `slots` slots (rounded up to a power of two), or `None` without memory for them.
    #[must_use]
    pub fn with_slots(slots: u32) -> Option<Self> {
        // The layout is the interface of mapped rings: 64 bytes, whatever the page handle is.
        #[cfg(not(loom))]
        const { assert!(size_of::<Slot<P>>() == kernel_core::ring::SLOT_SIZE) };
        let geometry = Geometry::at_least(slots);
        let mut storage = Vec::new();
        storage.try_reserve_exact(geometry.slots() as usize).ok()?;
        for position in 0..geometry.slots() {
            storage.push(Slot {
                header: AtomicU64::new(Header::free(geometry.writable(position)).bits()),
                body: UnsafeCell::new(Body { inline: [0; INLINE_SIZE] }),
            });
        }
        Some(Self {
            geometry,
            slots: storage.into_boxed_slice(),
            head: Line(AtomicU32::new(0)),
            tail: Line(AtomicU32::new(0)),
        })
    }

    /// Slots in the ring.
    pub fn slots(&self) -> u32 {
        self.geometry.slots()
    }

    /// Messages in the ring; with other threads at work, about.
    pub fn len(&self) -> u32 {
        let head = self.head.0.load(Ordering::Relaxed);
        self.tail.0.load(Ordering::Relaxed).wrapping_sub(head).min(self.slots())
    }

    /// Whether the ring holds no message; with other threads at work, about.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every slot is taken; with other threads at work, about.
    pub fn is_full(&self) -> bool {
        self.len() == self.slots()
    }

    /// Appends a message with the caller's `flags`; gives it back when the ring is full.
    pub fn push(&self, message: Message<P>, flags: u8) -> Result<(), Message<P>> {
        let Some(position) = self.claim_tail(1) else { return Err(message) };
        let header = self.fill(position, message, flags);
        // Release pairs with the Acquire in readable(): the body is visible to the reader.
        self.slot(position).header.store(header.bits(), Ordering::Release);
        Ok(())
    }

    /// Appends up to 16 messages, in order and next to each other, with one fence; all of them or none. Takes the
    /// pushed ones out of `messages`.
    pub fn push_batch(&self, messages: &mut Vec<Message<P>>) -> bool {
        let count = messages.len();
        if count == 0 || count > BATCH {
            return count == 0;
        }
        let Some(first) = self.claim_tail(count as u32) else { return false };
        let mut headers = [0; BATCH];
        for (nth, message) in messages.drain(..).enumerate() {
            headers[nth] = self.fill(first.wrapping_add(nth as u32), message, 0).bits();
        }
        // Release pairs with the Acquire in readable(), for all headers stored below.
        fence(Ordering::Release);
        for (nth, header) in headers.iter().take(count).enumerate() {
            self.slot(first.wrapping_add(nth as u32)).header.store(*header, Ordering::Relaxed);
        }
        true
    }

    /// Takes the first message and its flags.
    pub fn pop(&self) -> Option<(Message<P>, u8)> {
        let mut position = self.head.0.load(Ordering::Relaxed);
        loop {
            let Some(header) = self.readable(position) else {
                let now = self.head.0.load(Ordering::Relaxed);
                if now == position {
                    return None;
                }
                position = now;
                continue;
            };
            let next = position.wrapping_add(1);
            match self.head.0.compare_exchange_weak(position, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    let message = self.empty(position, header);
                    return Some((message, header.flags()));
                }
                Err(now) => position = now,
            }
        }
    }

    /// The first message, in place.
    pub fn front(&mut self) -> Option<SlotMut<'_, P>> {
        let position = self.head.0.load(Ordering::Relaxed);
        self.slot_mut(position)
    }

    /// The last message, in place.
    pub fn back(&mut self) -> Option<SlotMut<'_, P>> {
        let position = self.tail.0.load(Ordering::Relaxed).wrapping_sub(1);
        self.slot_mut(position)
    }

    /// Claims `count` positions at the tail, if all their slots are free.
    fn claim_tail(&self, count: u32) -> Option<u32> {
        if count > self.slots() {
            return None;
        }
        let mut position = self.tail.0.load(Ordering::Relaxed);
        loop {
            if !self.all_writable(position, count) {
                let now = self.tail.0.load(Ordering::Relaxed);
                if now == position {
                    return None;
                }
                position = now;
                continue;
            }
            let next = position.wrapping_add(count);
            match self.tail.0.compare_exchange_weak(position, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(position),
                Err(now) => position = now,
            }
        }
    }

    fn all_writable(&self, first: u32, count: u32) -> bool {
        (0..count).all(|nth| {
            let position = first.wrapping_add(nth);
            // Acquire pairs with the Release in empty(): the reader is done with the body.
            let header = Header::from_bits(self.slot(position).header.load(Ordering::Acquire));
            header.sequence() == self.geometry.writable(position)
        })
    }

    fn readable(&self, position: u32) -> Option<Header> {
        // Acquire pairs with the Release in push() and push_batch().
        let header = Header::from_bits(self.slot(position).header.load(Ordering::Acquire));
        (header.sequence() == self.geometry.readable(position)).then_some(header)
    }

    fn slot(&self, position: u32) -> &Slot<P> {
        &self.slots[self.geometry.index(position)]
    }

    /// Writes a message into a claimed slot; returns the header that publishes it.
    fn fill(&self, position: u32, message: Message<P>, flags: u8) -> Header {
        let sequence = self.geometry.readable(position);
        // SAFETY: claim_tail() gave this position to this thread alone, and its slot was free.
        self.slot(position).body.with_mut(|body| unsafe {
            match message {
                Message::Inline(inline) => {
                    (*body).inline = inline.bytes;
                    Header::full(Kind::Inline, flags, u16::from(inline.len), sequence)
                }
                Message::Page { page, offset, len } => {
                    (*body).page = ManuallyDrop::new(MaybeUninit::new(Page { page, offset }));
                    Header::full(Kind::Page, flags, len, sequence)
                }
                Message::Control(word) => {
                    (*body).control = word;
                    Header::full(Kind::Control, flags, 8, sequence)
                }
            }
        })
    }

    /// Moves the message out of a claimed slot and frees it.
    fn empty(&self, position: u32, header: Header) -> Message<P> {
        let slot = self.slot(position);
        // SAFETY: the head was moved past this position by this thread, and the slot was readable: the header says
        // which member of the body its writer filled.
        let message = slot.body.with(|body| unsafe {
            match header.kind() {
                Kind::Inline => {
                    Message::Inline(Inline { len: header.len().to_le_bytes()[0], bytes: (*body).inline })
                }
                Kind::Page => {
                    let Page { page, offset } = (&raw const (*body).page).cast::<Page<P>>().read();
                    Message::Page { page, offset, len: header.len() }
                }
                Kind::Control => Message::Control((*body).control),
            }
        });
        // Release pairs with the Acquire in all_writable().
        slot.header.store(Header::free(self.geometry.freed(position)).bits(), Ordering::Release);
        message
    }

    fn slot_mut(&mut self, position: u32) -> Option<SlotMut<'_, P>> {
        let header = self.readable(position)?;
        Some(SlotMut { slot: &mut self.slots[self.geometry.index(position)], header })
    }
}

impl<P> Drop for FusionRing<P> {
    fn drop(&mut self) {
        for slot in &self.slots {
            let header = Header::from_bits(slot.header.load(Ordering::Relaxed));
            // A free slot's header has kind Inline, so this names exactly the slots that hold a page.
            if header.kind() == Kind::Page {
                // SAFETY: the ring is owned, and the header says that its writer filled in a page.
                slot.body.with_mut(|body| unsafe { (&raw mut (*body).page).cast::<Page<P>>().drop_in_place() });
            }
        }
    }
}

/// A message in its slot, by exclusive access to the ring.
pub struct SlotMut<'a, P> {
    slot: &'a mut Slot<P>,
    header: Header,
}

/// What a [`SlotMut`] shows.
pub enum Content<'a, P> {
    /// All 56 bytes of an inline message's room, of which the first [`SlotMut::len`] are the message.
    Inline(&'a mut [u8; INLINE_SIZE]),
    /// The page, and where in it the message begins.
    Page(&'a mut P, u16),
    /// The word.
    Control(u64),
}

impl<P> SlotMut<'_, P> {
    /// Bytes of the message.
    pub fn len(&self) -> usize {
        usize::from(self.header.len())
    }

    /// Whether nothing of it is left.
    pub fn is_empty(&self) -> bool {
        self.header.is_empty()
    }

    /// The pusher's flags.
    pub fn flags(&self) -> u8 {
        self.header.flags()
    }

    /// The message.
    pub fn content(&mut self) -> Content<'_, P> {
        let kind = self.header.kind();
        self.slot.body.with_mut(|body| {
            // SAFETY: the slot is borrowed mutably from a ring borrowed mutably, and the header says which member of
            // the body is filled.
            unsafe {
                match kind {
                    Kind::Inline => Content::Inline(&mut (*body).inline),
                    Kind::Page => {
                        let page = &mut *(&raw mut (*body).page).cast::<Page<P>>();
                        Content::Page(&mut page.page, page.offset)
                    }
                    Kind::Control => Content::Control((*body).control),
                }
            }
        })
    }

    /// Makes the message `len` bytes long: the caller wrote the room behind its end. At most 56 inline, or what the
    /// page holds.
    pub fn set_len(&mut self, len: usize) {
        let Ok(len) = u16::try_from(len) else { return };
        self.header = self.header.with_len(len);
        self.slot.header.store(self.header.bits(), Ordering::Relaxed);
    }

    /// Drops the first `count` bytes of the message.
    pub fn consume(&mut self, count: usize) {
        let len = self.len();
        let count = count.min(len);
        match self.content() {
            Content::Inline(bytes) => bytes.copy_within(count..len, 0),
            Content::Page(..) => self.move_offset(count),
            Content::Control(_) => {}
        }
        self.set_len(len - count);
    }

    fn move_offset(&mut self, count: usize) {
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        self.slot.body.with_mut(|body| {
            // SAFETY: consume() saw that the body holds a page, and the slot is borrowed mutably.
            let page = unsafe { &mut *(&raw mut (*body).page).cast::<Page<P>>() };
            page.offset = page.offset.saturating_add(count);
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
