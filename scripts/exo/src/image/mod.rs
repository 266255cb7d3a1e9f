//! The initramfs: a base archive that is cached, and a small one for each run, one after the other as Linux allows.

pub mod base;
pub mod cpio;
pub mod job;
pub mod overlay;
