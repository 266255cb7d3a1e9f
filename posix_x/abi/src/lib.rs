//! The Linux x86-64 binary interface as types: error numbers, arguments, flags, C layouts and the system-call table.
//!
//! Shared by the kernel and the host tool; holds no behaviour of a call. Numbers and layouts come from
//! `linux-raw-sys`; what it lacks is written here, with its size asserted.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod errno;
mod file_types;
mod socket_types;
pub mod flags;
pub mod native;
pub mod reg;
pub mod signal;
pub mod table;
pub mod types;

/// Linux's own constants and layouts, for what the modules here do not give a type.
pub use linux_raw_sys as raw;

pub use errno::{Errno, Result};
pub use reg::{Fd, FromReg, Pid, UserAddr, UserPtr, UserStr};
