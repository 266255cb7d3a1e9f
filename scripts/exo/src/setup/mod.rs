//! Set-up: what the machine must have before anything can be built. Each command asks only for what it needs.

pub mod core_target;
pub mod packages;
pub mod sources;
