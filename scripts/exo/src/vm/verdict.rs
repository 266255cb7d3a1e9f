//! What an end of QEMU means that the job did not announce: panic, power-off, reset, QEMU's own failure.

use crate::failure;
use std::process::ExitStatus;

/// QEMU's exit codes when the kernel writes to `isa-debug-exit`: (value << 1) | 1.
const ORDERLY: i32 = 33;
const TESTS_FAILED: i32 = 35;
const PANICKED: i32 = 37;

const PANIC_BEGIN: &str = "---[ kernel panic ]---";
const PANIC_END: &str = "---[ end kernel panic ]---";
/// Lines of the log that are shown when the VM ended without a word.
const TAIL_LINES: usize = 12;

/// How QEMU ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Power-off, or the end of tests that passed.
    Orderly,
    /// In-kernel tests failed.
    TestsFailed,
    /// The kernel panicked.
    Panic,
    /// QEMU failed or was killed.
    Broken,
}

impl Ending {
    /// Reads QEMU's exit status.
    pub fn of(status: ExitStatus) -> Self {
        match status.code() {
            Some(0 | ORDERLY) => Self::Orderly,
            Some(TESTS_FAILED) => Self::TestsFailed,
            Some(PANICKED) => Self::Panic,
            _ => Self::Broken,
        }
    }
}

/// An unannounced end: what to say, and the tool's exit code.
pub fn explain(status: ExitStatus, log: &str) -> (String, u8) {
    if let Some(text) = panic_text(log) {
        return (text, failure::PANIC);
    }
    let what = match Ending::of(status) {
        Ending::Orderly | Ending::TestsFailed => "the VM powered off or reset before the job ended".to_owned(),
        Ending::Panic => "the kernel gave up".to_owned(),
        Ending::Broken => format!("QEMU ended before the job did ({status})"),
    };
    let lines: Vec<&str> = log.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
    let text = if tail.is_empty() {
        format!("{what}; the kernel wrote no log")
    } else {
        format!("{what}; its last words:\n{tail}")
    };
    (text, failure::VM)
}

/// The panic in `log`: what lies between the markers.
fn panic_text(log: &str) -> Option<String> {
    let (_, rest) = log.split_once(PANIC_BEGIN)?;
    let body = rest.split(PANIC_END).next().unwrap_or(rest).trim_matches(['\r', '\n']);
    Some(format!("kernel panic\n{}", body.replace('\r', "")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    fn exited(code: i32) -> ExitStatus {
        ExitStatus::from_raw(code << 8)
    }

    #[test]
    fn a_panic_shows_what_lies_between_the_markers() {
        let log = "boot\n---[ kernel panic ]---\r\nat x.rs:1\r\n  main\r\n---[ end kernel panic ]---\nrest";
        assert_eq!(explain(exited(37), log), ("kernel panic\nat x.rs:1\n  main".to_owned(), failure::PANIC));
    }

    #[test]
    fn an_early_power_off_is_a_failure_of_the_vm() {
        let (text, code) = explain(exited(33), "last line\n");
        assert_eq!(code, failure::VM);
        assert!(text.ends_with("last line"));
    }

    #[test]
    fn a_refusal_to_start_is_no_panic() {
        let (text, code) = explain(exited(37), "15232 KiB of memory is too little\r\n");
        assert_eq!(code, failure::VM);
        assert!(text.ends_with("too little"));
    }

    #[test]
    fn exit_codes_of_the_debug_device_are_known() {
        assert_eq!(Ending::of(exited(35)), Ending::TestsFailed);
        assert_eq!(Ending::of(exited(1)), Ending::Broken);
        assert_eq!(Ending::of(ExitStatus::from_raw(9)), Ending::Broken);
    }
}
