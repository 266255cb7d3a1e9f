//! Native calls that do nothing: what entering and leaving the kernel costs on each path.

use abi::Result;

use crate::context::{Fast, Hybrid, Legacy};

/// Enters and leaves on the Fast path.
pub fn null_fast(_: &Fast<'_>) -> Result<usize> {
    Ok(0)
}

/// Enters and leaves on the Hybrid path.
pub fn null_hybrid(_: &Hybrid<'_>) -> Result<usize> {
    Ok(0)
}

/// Enters and leaves on the Legacy path.
pub fn null_legacy(_: &mut Legacy<'_>) -> Result<usize> {
    Ok(0)
}
