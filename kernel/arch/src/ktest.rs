//! In-kernel tests: named functions that run at boot on the real machine; a failed one panics, which ends the run.

use core::fmt::Write;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::{power, serial};

/// A test.
pub struct Test {
    /// What it shows, as a sentence in snake case.
    pub name: &'static str,
    /// The test; it panics to fail.
    pub run: fn(),
}

/// Makes the list of a crate's or module's tests from their functions.
#[macro_export]
macro_rules! ktests {
    ($($test:ident),* $(,)?) => {
        &[$($crate::ktest::Test { name: stringify!($test), run: $test }),*]
    };
}

static RUNNING: AtomicPtr<Test> = AtomicPtr::new(core::ptr::null_mut());
static PASSED: AtomicUsize = AtomicUsize::new(0);

/// Runs tests and prints a line for each.
pub fn run(suite: &'static [Test]) {
    for test in suite {
        RUNNING.store(core::ptr::from_ref(test).cast_mut(), Ordering::Relaxed);
        (test.run)();
        RUNNING.store(core::ptr::null_mut(), Ordering::Relaxed);
        PASSED.fetch_add(1, Ordering::Relaxed);
        let _ = writeln!(serial::Writer, "test {} ... ok", test.name);
    }
}

/// Prints the summary of every test that ran, and ends the machine.
pub fn finish() -> ! {
    end(0, power::EXIT_ORDERLY)
}

/// A panic: if a test runs, it failed, and the run ends here.
pub(crate) fn fail_running() {
    let test = RUNNING.load(Ordering::Relaxed);
    // SAFETY: null or a test of a static list.
    if let Some(test) = unsafe { test.as_ref() } {
        let _ = writeln!(serial::Writer, "test {} ... FAILED", test.name);
        end(1, power::EXIT_TESTS_FAILED)
    }
}

fn end(failed: usize, code: u8) -> ! {
    let _ = writeln!(serial::Writer, "{} passed, {failed} failed", PASSED.load(Ordering::Relaxed));
    power::debug_exit(code);
    power::off()
}
