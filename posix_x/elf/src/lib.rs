//! ELF for exec and for the host's analyzer: what an executable asks to be mapped, parsed once and checked at the edge.
//!
//! Works on anything that reads at an offset ([`ReadAt`]): a slice on the host, a file in the kernel. Corrupt input gives an
//! [`ElfError`], never a panic; every address in a [`LoadPlan`] lies in user space and no sum of its fields overflows.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
mod plan;
mod reader;
pub mod script;
pub mod stack;

pub use error::ElfError;
pub use plan::{ImageKind, LoadPlan, PAGE_SIZE, Segment, USER_END};
pub use reader::ReadAt;

#[cfg(test)]
mod tests;
