//! What a device offers to the terminal on it.

/// A device that moves bytes. Nothing here waits.
pub trait Port: Send + Sync {
    /// Takes received bytes; how many.
    fn read(&self, buffer: &mut [u8]) -> usize;

    /// Takes bytes to send; how many.
    fn write(&self, bytes: &[u8]) -> usize;

    /// Bytes that [`Port::write`] would take.
    fn room(&self) -> usize;

    /// Bytes that were taken and not yet sent.
    fn unsent(&self) -> usize;

    /// Throws away what was not yet sent.
    fn discard_output(&self);
}
