//! Native calls: numbers of this kernel's own, in a range that Linux does not use.
//!
//! C names follow the same `__NR_` convention, so that the table treats both alike.

#![expect(non_upper_case_globals, reason = "spelt as in C, beside the numbers of Linux")]

/// The first native call number.
pub const NATIVE_BASE: u32 = 1024;

/// A call that does nothing on the Fast path: measures entry and exit.
pub const __NR_exo_null_fast: u32 = NATIVE_BASE;
/// A call that does nothing on the Hybrid path.
pub const __NR_exo_null_hybrid: u32 = NATIVE_BASE + 1;
/// A call that does nothing on the Legacy path.
pub const __NR_exo_null_legacy: u32 = NATIVE_BASE + 2;
