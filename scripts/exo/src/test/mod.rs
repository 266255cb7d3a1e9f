//! `exo test`: the host's own tests, the C programs of `testsuite/` on Linux and in the VM, in-kernel tests, boots.
//!
//! Every check is counted once for each machine that it runs on. Linux is the reference: a check passes when the VM
//! says `ok` where the host does.

mod boots;
mod command;
mod compare;
mod configs;
mod host;
mod programs;

use crate::docs;
use crate::image::base;
use crate::kernel::{Flavour, Kernel};
use crate::project::Project;
use crate::setup::packages;
use anyhow::Result;
use std::time::Instant;

/// How much is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    Full,
    /// The host's tests, and one VM.
    Fast,
}

impl From<bool> for Extent {
    /// The value of `--fast`.
    fn from(fast: bool) -> Self {
        if fast { Self::Fast } else { Self::Full }
    }
}

/// Counts, and the failures as they were printed.
#[derive(Debug, Default)]
pub struct Tally {
    passed: usize,
    failed: usize,
}

impl Tally {
    /// Counts passes.
    pub fn pass(&mut self, count: usize) {
        self.passed += count;
    }

    /// Counts and prints a failure.
    pub fn fail(&mut self, what: impl AsRef<str>) {
        self.failed += 1;
        println!("FAILED {}", what.as_ref());
    }

    /// Takes over another tally, whose failures are printed.
    fn merge(&mut self, passed: usize, failures: Vec<String>) {
        self.pass(passed);
        for failure in failures {
            self.fail(failure);
        }
    }
}

/// Runs the tests; the last line is `N passed, N failed`.
pub fn run(project: &Project, extent: Extent) -> Result<u8> {
    let mut tally = Tally::default();
    let started = Instant::now();
    section("unit tests", &mut tally, |tally| host::unit_tests(project, tally));
    if extent == Extent::Full {
        section("loom", &mut tally, |tally| host::loom_tests(project, tally));
    }
    section("documents", &mut tally, |tally| {
        if docs::is_current(project) {
            tally.pass(1);
        } else {
            tally.fail("docs/syscalls.md is stale: run ./exo docs");
        }
        Ok(())
    });
    section("VM", &mut tally, |tally| in_vm(project, extent, tally));
    println!("took {} s", started.elapsed().as_secs());
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(u8::from(tally.failed > 0 || tally.passed == 0))
}

fn section(name: &str, tally: &mut Tally, body: impl FnOnce(&mut Tally) -> Result<()>) {
    println!("== {name}");
    let before = (tally.passed, tally.failed, Instant::now());
    if let Err(error) = body(tally) {
        tally.fail(format!("{name}: {error:#}"));
    }
    println!(
        "   {} passed, {} failed, {} s",
        tally.passed - before.0,
        tally.failed - before.1,
        before.2.elapsed().as_secs()
    );
}

fn in_vm(project: &Project, extent: Extent, tally: &mut Tally) -> Result<()> {
    let lock = project.lock()?;
    packages::ensure(project, packages::QEMU)?;
    packages::ensure(project, packages::ISO)?;
    let kernel = Kernel::build(project, Flavour::Product)?;
    let with_tests = Kernel::build(project, Flavour::Tests);
    base::archive(project)?;
    let programs = programs::build_all(project, tally)?;
    drop(lock);
    let reference = programs::run_on_host(&programs)?;
    compare::report_host(&reference, tally);
    let scripts = programs::port_tests(project)?;
    configs::run(project, extent, &kernel, &with_tests, &programs, &scripts, &reference, tally);
    command::run(project, tally)?;
    Ok(())
}
