//! Exit codes: which number `exo` ends with, and the error that carries one.

use std::fmt;

/// The command line or the machine's set-up is at fault; the message says what to do.
pub const USAGE: u8 = 2;
/// The job ran longer than `--timeout`.
pub const TIMED_OUT: u8 = 124;
/// The kernel panicked.
pub const PANIC: u8 = 125;
/// The program could not be brought to run: build, image or VM failure.
pub const VM: u8 = 126;

/// An error that names the exit code.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// An error that ends the tool with `code`.
    pub fn with_code(code: u8, text: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Self { code, text: text.into() })
    }

    /// A mistake of the caller's.
    pub fn usage(text: impl Into<String>) -> anyhow::Error {
        Self::with_code(USAGE, text)
    }

    /// A failure of the image or the VM.
    pub fn vm(text: impl Into<String>) -> anyhow::Error {
        Self::with_code(VM, text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

/// The exit code that `error` or one of its causes asks for; 1 where none does.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(|cause| cause.downcast_ref::<Failure>()).map_or(1, |failure| failure.code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn context_keeps_the_exit_code() {
        let error = Err::<(), _>(Failure::vm("no image")).context("while starting").unwrap_err();
        assert_eq!(exit_code(&error), VM);
    }

    #[test]
    fn an_ordinary_error_exits_with_1() {
        assert_eq!(exit_code(&anyhow::anyhow!("disk full")), 1);
    }
}
