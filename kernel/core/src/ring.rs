//! Fusion rings: the geometry of the ring and the packed header of a slot.
//!
//! A position counts slots since the ring was made, modulo 2^32. The slot of position `p` is writable when its
//! sequence is `p`, readable when it is `p + 1`, and is freed with `p + slots`, which is its next position.

/// Bytes of a slot.
pub const SLOT_SIZE: usize = 64;
/// Bytes of a message that travels inside its slot.
pub const INLINE_SIZE: usize = SLOT_SIZE - size_of::<Header>();
/// Slots of a native channel's ring.
pub const DEFAULT_SLOTS: u32 = 4096;
/// Slots published with one fence.
pub const BATCH: usize = 16;

/// What a slot carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// Up to [`INLINE_SIZE`] bytes in the slot itself.
    Inline = 0,
    /// A descriptor of a page; the page changes hands.
    Page = 1,
    /// Eight bytes for the ring's own protocol.
    Control = 2,
}

impl Kind {
    const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Inline,
            1 => Self::Page,
            _ => Self::Control,
        }
    }
}

/// The first eight bytes of a slot: state 8, flags 8, length 16, sequence 32.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Header(u64);

const _: () = assert!(size_of::<Header>() == 8 && INLINE_SIZE == 56);

impl Header {
    /// A slot without a message, writable at position `sequence`.
    #[must_use]
    pub const fn free(sequence: u32) -> Self {
        Self((sequence as u64) << 32)
    }

    /// A slot with `len` bytes of `kind`.
    #[must_use]
    pub const fn full(kind: Kind, flags: u8, len: u16, sequence: u32) -> Self {
        Self(kind as u64 | (flags as u64) << 8 | (len as u64) << 16 | (sequence as u64) << 32)
    }

    /// The header that `bits` hold.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// As one word.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// What the slot carries.
    #[must_use]
    pub const fn kind(self) -> Kind {
        Kind::from_bits(self.0.to_le_bytes()[0])
    }

    /// The user's flags.
    #[must_use]
    pub const fn flags(self) -> u8 {
        self.0.to_le_bytes()[1]
    }

    /// Bytes of the message.
    #[must_use]
    pub const fn len(self) -> u16 {
        let bytes = self.0.to_le_bytes();
        u16::from_le_bytes([bytes[2], bytes[3]])
    }

    /// Whether the message has no bytes.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The slot's place in the protocol.
    #[must_use]
    pub const fn sequence(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The same with another length.
    #[must_use]
    pub const fn with_len(self, len: u16) -> Self {
        Self(self.0 & !(0xffff << 16) | (len as u64) << 16)
    }
}

/// The size of a ring: a power of two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Geometry {
    slots: u32,
}

impl Geometry {
    /// At least `slots`, rounded up to a power of two, 2 to 2^30.
    #[must_use]
    pub const fn at_least(slots: u32) -> Self {
        let slots = if slots < 2 { 2 } else { slots };
        let slots = if slots > 1 << 30 { 1 << 30 } else { slots };
        Self { slots: slots.next_power_of_two() }
    }

    /// Slots in the ring.
    #[must_use]
    pub const fn slots(self) -> u32 {
        self.slots
    }

    /// The slot of a position.
    #[must_use]
    pub const fn index(self, position: u32) -> usize {
        (position & (self.slots - 1)) as usize
    }

    /// The sequence of a slot that the writer of `position` may fill.
    #[must_use]
    pub const fn writable(self, position: u32) -> u32 {
        position
    }

    /// The sequence with which the writer of `position` publishes.
    #[must_use]
    pub const fn readable(self, position: u32) -> u32 {
        position.wrapping_add(1)
    }

    /// The sequence with which the reader of `position` frees.
    #[must_use]
    pub const fn freed(self, position: u32) -> u32 {
        position.wrapping_add(self.slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_keeps_its_fields() {
        let header = Header::full(Kind::Page, 0xa5, 4096, 0xdead_beef);
        assert_eq!((header.kind(), header.flags(), header.len()), (Kind::Page, 0xa5, 4096));
        assert_eq!(header.sequence(), 0xdead_beef);
        assert_eq!(header.with_len(7).len(), 7);
        assert_eq!(header.with_len(7).sequence(), header.sequence());
    }

    #[test]
    fn a_freed_slot_is_writable_one_lap_later() {
        let ring = Geometry::at_least(5);
        assert_eq!(ring.slots(), 8);
        for position in [0, 7, u32::MAX] {
            let next_lap = position.wrapping_add(8);
            assert_eq!(ring.freed(position), ring.writable(next_lap));
            assert_eq!(ring.index(position), ring.index(next_lap));
        }
    }
}
