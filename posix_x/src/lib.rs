//! The POSIX personality: system calls on their three paths, signals, exec.
//!
//! [`dispatch`] turns the rows of `abi`'s table into entries for the CPU; each entry gives its handler in [`syscalls`] the
//! [`context`] of its path. Handlers decode and check, and leave the work to `kernel`. [`exec`] replaces programs,
//! [`signal`] runs handlers, [`user`] copies what user pointers name.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod capability;
pub mod context;
pub mod dispatch;
pub mod exec;
mod hooks;
pub mod signal;
pub mod syscalls;
pub mod user;

pub use hooks::install;
