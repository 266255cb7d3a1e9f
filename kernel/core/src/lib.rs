//! Kernel logic that needs no hardware: it builds and is tested on the host.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod addr;
pub mod archive;
pub mod buddy;
pub mod cmdline;
pub mod dcache;
pub mod fdtable;
pub mod heap;
pub mod line_discipline;
pub mod pagetable;
pub mod path;
pub mod record_lock;
pub mod ring;
pub mod sched;
pub mod screen;
pub mod sigset;
pub mod time;
pub mod termios;
pub mod timer_wheel;
pub mod vma;
