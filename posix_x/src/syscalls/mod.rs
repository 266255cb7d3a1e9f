//! Handlers of the system calls, a module for each area: decode, check, delegate.

pub mod attribute;
pub mod control;
pub mod dir;
pub mod epoll;
pub mod eventfd;
pub mod exec;
pub mod file;
pub mod identity;
pub mod klog;
pub mod limit;
pub mod memory;
pub mod native;
pub mod path;
pub mod pipe;
pub mod poll;
pub mod prctl;
pub mod process;
pub mod signal;
pub mod socket;
pub mod system;
pub mod terminal;
pub mod thread;
pub mod time;
pub mod transfer;
pub mod xattr;
