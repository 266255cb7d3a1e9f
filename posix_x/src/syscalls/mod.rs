//! Handlers of the system calls, a module for each area: decode, check, delegate.

pub mod exec;
pub mod identity;
pub mod limit;
pub mod memory;
pub mod native;
pub mod prctl;
pub mod process;
pub mod signal;
pub mod system;
pub mod thread;
pub mod time;
