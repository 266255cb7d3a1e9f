//! Driver shims: what of a driver touches ports, device memory and DMA. What a device is to programs is the kernel's.

mod dma;
pub mod entropy;
pub mod keyboard;
pub mod pci;
pub mod uart;
pub mod vga;
pub mod virtio_console;

/// What an interrupt changed, for those who wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Bytes came in.
    pub readable: bool,
    /// Room came up, or everything was sent.
    pub writable: bool,
}

impl Events {
    /// Whether anything changed.
    #[must_use]
    pub const fn any(self) -> bool {
        self.readable || self.writable
    }
}
