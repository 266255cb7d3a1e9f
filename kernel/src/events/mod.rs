//! Files that tell of events: counters, and sets of files to wait for.
//!
//! Layers: a file's wait queues notify the items of an epoll instance, whose ready list wakes its own queues. Nothing is
//! called back under a queue's lock, so a wake may travel through nested instances, from an interrupt handler too.

pub mod epoll;
pub mod eventfd;
