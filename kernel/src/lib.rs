//! Skeleton.
#![no_std]
#![deny(unsafe_code)]
extern crate alloc;

pub mod credentials;
pub mod futex;
pub mod mm;
pub mod sched;
pub mod signal;
pub mod task;
pub mod time;
pub mod uts;
