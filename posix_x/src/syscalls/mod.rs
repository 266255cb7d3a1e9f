//! Handlers of the system calls, a module for each area: decode, check, delegate.

pub mod native;
