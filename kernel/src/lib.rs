//! Skeleton.
#![no_std]
#![deny(unsafe_code)]
extern crate alloc;

pub mod credentials;
pub mod files;
pub mod futex;
pub mod io;
pub mod mm;
pub mod pipe;
pub mod poll;
pub mod sched;
pub mod signal;
pub mod task;
pub mod time;
pub mod uts;
pub mod vfs;
