//! Skeleton.
#![no_std]
#![deny(unsafe_code)]
extern crate alloc;

pub mod credentials;
pub mod dev;
pub mod events;
pub mod files;
pub mod futex;
pub mod io;
pub mod ioctl;
pub mod log;
pub mod mm;
pub mod pipe;
pub mod poll;
pub mod random;
pub mod sched;
pub mod signal;
pub mod socket;
pub mod task;
#[cfg(feature = "ktest")]
pub mod tests;
pub mod time;
pub mod tty;
pub mod uts;
pub mod vfs;
