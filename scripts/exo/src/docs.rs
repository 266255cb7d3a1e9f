//! `docs/syscalls.md`, generated from the system-call table.

use crate::project::Project;
use anyhow::{Context, Result};
use std::fs;

const FILE: &str = "docs/syscalls.md";

/// Whether the file is written or only compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Write it.
    Write,
    /// Compare it.
    Check,
}

impl From<bool> for Mode {
    /// The value of `--check`.
    fn from(check: bool) -> Self {
        if check { Self::Check } else { Self::Write }
    }
}

/// Writes or checks the file; gives the exit code.
pub fn run(project: &Project, mode: Mode) -> Result<u8> {
    match mode {
        Mode::Write => {
            fs::write(project.path(FILE), abi::table::markdown()).with_context(|| format!("cannot write {FILE}"))?;
            Ok(0)
        }
        Mode::Check if is_current(project) => Ok(0),
        Mode::Check => {
            eprintln!("exo: {FILE} is stale: run ./exo docs");
            Ok(1)
        }
    }
}

/// Whether the file says what the table says.
pub fn is_current(project: &Project) -> bool {
    fs::read_to_string(project.path(FILE)).is_ok_and(|text| text == abi::table::markdown())
}
