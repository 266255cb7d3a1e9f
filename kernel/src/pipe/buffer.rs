//! The bytes of a pipe: a fusion ring whose last message grows and whose first shrinks in place.
//!
//! Up to 56 bytes travel inline; what comes on top of a backlog gathers in pages, which are filled before the next one
//! begins. So storage grows with the bytes in it, and the ring never needs more slots than the capacity has pages and
//! a few. Packets (`O_DIRECT`) never merge: each is one message.

use crate::io::{Sink, Source};
use abi::{Errno, Result};
use kernel_arch::frame::PageRef;
use kernel_core::addr::PAGE_SIZE;
use kernel_core::ring::INLINE_SIZE;
use kernel_sync::ring::{Content, FusionRing, Inline, Message};

/// Marks a message that keeps its borders.
const PACKET: u8 = 1;
/// Slots beyond one for each page: an inline message in front, and pages that are partly read or written.
const SPARE_SLOTS: usize = 4;

/// Whether writes keep their borders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// A stream of bytes.
    Stream,
    /// Each write is a message of its own, of at most a page (`O_DIRECT`).
    Packets,
}

/// A bounded queue of bytes.
pub struct Buffer {
    ring: FusionRing<PageRef>,
    used: usize,
    capacity: usize,
}

impl Buffer {
    /// An empty one of `capacity` bytes, a multiple of the page size.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(capacity: usize) -> Result<Self> {
        Ok(Self { ring: ring_for(capacity)?, used: 0, capacity })
    }

    /// Bytes in it.
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether it holds nothing, not even an empty packet.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Bytes that it may hold.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes that may be added now.
    pub fn room(&self, framing: Framing) -> usize {
        let slots = match framing {
            Framing::Stream => return self.capacity - self.used,
            Framing::Packets => self.ring.len() as usize,
        };
        if slots < self.capacity / PAGE_SIZE { (self.capacity - self.used).min(PAGE_SIZE) } else { 0 }
    }

    /// Makes it hold `capacity` bytes at most.
    ///
    /// # Errors
    /// `EBUSY` when it holds more, `ENOMEM`.
    pub fn resize(&mut self, capacity: usize) -> Result<()> {
        let ring = ring_for(capacity)?;
        if capacity < self.used || self.ring.len() > ring.slots() {
            return Err(Errno::EBUSY);
        }
        while let Some((message, flags)) = self.ring.pop() {
            ring.push(message, flags).map_err(|_| Errno::EBUSY)?;
        }
        self.ring = ring;
        self.capacity = capacity;
        Ok(())
    }

    /// Adds up to `limit` bytes from `source`; how many came. Fewer than there is room for: the source's page is absent.
    ///
    /// # Errors
    /// `ENOMEM` when not one byte could be stored.
    pub fn fill(&mut self, source: &mut dyn Source, limit: usize, framing: Framing) -> Result<usize> {
        let goal = limit.min(source.remaining()).min(self.room(framing));
        let mut done = 0;
        while done < goal {
            let added = match framing {
                Framing::Stream => match self.merge(source, goal - done)? {
                    0 => self.append(source, goal - done, 0),
                    count => Ok(count),
                },
                Framing::Packets => self.append(source, goal - done, PACKET),
            };
            match added {
                Ok(0) => break,
                Ok(count) => {
                    done += count;
                    self.used += count;
                }
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Moves up to `limit` bytes into `sink` until it is full, nothing is left, or a packet ends. How many went, and why it
    /// stopped.
    ///
    /// # Errors
    /// What the sink answers.
    pub fn drain(&mut self, sink: &mut dyn Sink, limit: usize) -> Result<(usize, Stop)> {
        let mut done = 0;
        loop {
            let Some(mut front) = self.ring.front() else { return Ok((done, Stop::Empty)) };
            let (len, flags) = (front.len(), front.flags());
            let wanted = len.min(sink.remaining()).min(limit - done);
            let moved = match front.content() {
                Content::Inline(bytes) => sink.put(&bytes[..wanted])?,
                Content::Page(page, offset) => sink.put_page(page, usize::from(offset), wanted)?,
                Content::Control(_) => len,
            };
            front.consume(moved);
            self.used -= moved;
            done += moved;
            if moved < wanted {
                return Ok((done, Stop::Absent));
            }
            if flags & PACKET != 0 {
                // What did not fit of a packet is lost, as pipe(2) says.
                self.used -= len - moved;
                self.ring.pop();
                return Ok((done, Stop::Done));
            }
            if moved == len {
                self.ring.pop();
            }
            if sink.remaining() == 0 || done == limit {
                return Ok((done, Stop::Done));
            }
        }
    }

    /// Copies up to `limit` bytes from `skip` on and leaves them where they are. How many went, and why it stopped.
    ///
    /// # Errors
    /// `EIO` when a message lost its place.
    pub fn peek(&mut self, sink: &mut dyn Sink, skip: usize, limit: usize) -> Result<(usize, Stop)> {
        let (mut skip, mut done, mut stop) = (skip, 0, Stop::Empty);
        // Each message goes once from the front to the back, so that all are in their places again at the end.
        for _ in 0..self.ring.len() {
            if let Some(mut front) = self.ring.front() {
                let len = front.len();
                let start = skip.min(len);
                skip -= start;
                let wanted = (len - start).min(sink.remaining()).min(limit - done);
                if wanted > 0 && stop == Stop::Empty {
                    let copied = match front.content() {
                        Content::Inline(bytes) => sink.put(&bytes[start..start + wanted]),
                        Content::Page(page, offset) => sink.put_page(page, usize::from(offset) + start, wanted),
                        Content::Control(_) => Ok(wanted),
                    };
                    let copied = copied.unwrap_or(0);
                    done += copied;
                    if copied < wanted {
                        stop = Stop::Absent;
                    }
                }
            }
            if let Some((message, flags)) = self.ring.pop() {
                self.ring.push(message, flags).map_err(|_| Errno::EIO)?;
            }
        }
        if stop == Stop::Empty && (sink.remaining() == 0 || done == limit) {
            stop = Stop::Done;
        }
        Ok((done, stop))
    }

    /// Continues the last message, if it has room of its own.
    fn merge(&mut self, source: &mut dyn Source, limit: usize) -> Result<usize> {
        let Some(mut back) = self.ring.back() else { return Ok(0) };
        if back.flags() & PACKET != 0 {
            return Ok(0);
        }
        let len = back.len();
        let added = match back.content() {
            Content::Inline(bytes) => {
                let end = INLINE_SIZE.min(len + limit);
                source.get(&mut bytes[len..end])?
            }
            Content::Page(page, offset) => {
                let end = usize::from(offset) + len;
                source.get_page(page, end, limit.min(PAGE_SIZE - end))?
            }
            Content::Control(_) => 0,
        };
        back.set_len(len + added);
        Ok(added)
    }

    /// Begins a new message.
    fn append(&mut self, source: &mut dyn Source, limit: usize, flags: u8) -> Result<usize> {
        if self.ring.is_full() {
            return Ok(0);
        }
        let (message, count) = if limit <= INLINE_SIZE && self.ring.is_empty() {
            let mut bytes = [0; INLINE_SIZE];
            let count = source.get(&mut bytes[..limit])?;
            (Message::Inline(Inline::new(&bytes[..count]).ok_or(Errno::EIO)?), count)
        } else {
            let page = PageRef::alloc().map_err(|_| Errno::ENOMEM)?;
            let count = source.get_page(&page, 0, limit.min(PAGE_SIZE))?;
            let len = u16::try_from(count).map_err(|_| Errno::EIO)?;
            (Message::Page { page, offset: 0, len }, count)
        };
        if count > 0 {
            self.ring.push(message, flags).map_err(|_| Errno::EIO)?;
        }
        Ok(count)
    }
}

/// Why [`Buffer::drain`] stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The sink is full, or a packet ended.
    Done,
    /// Nothing is left.
    Empty,
    /// The sink's next page is not present.
    Absent,
}

fn ring_for(capacity: usize) -> Result<FusionRing<PageRef>> {
    let slots = u32::try_from(capacity / PAGE_SIZE + SPARE_SLOTS).map_err(|_| Errno::EINVAL)?;
    FusionRing::with_slots(slots).ok_or(Errno::ENOMEM)
}
