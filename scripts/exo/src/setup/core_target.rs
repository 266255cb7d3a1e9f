//! `core` and `alloc` for the bare-metal target, in three ways: installed, through rustup, or built from Debian's
//! sources.

use crate::failure::Failure;
use crate::process::{capture, on_path};
use crate::project::Project;
use crate::setup::packages;
use crate::ui::Step;
use anyhow::Result;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The kernel's target.
pub const TARGET: &str = "x86_64-unknown-none";
/// Longest wait for rustup, in seconds: a machine without network fails at once, a stalled one must not hold the build
/// up.
const RUSTUP_SECONDS: &str = "60";
/// The oldest compiler that can build the kernel (edition 2024 and what the crates use).
const OLDEST_MINOR: u32 = 95;

/// Where the target's `core` comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoreSource {
    /// The toolchain has it.
    Installed,
    /// Debian's compiler builds it from `rust-web-src`.
    Debian,
}

impl CoreSource {
    /// Finds the way, installing what it takes. `EXO_CORE=installed|debian` decides instead.
    pub fn prepare(project: &Project) -> Result<Self> {
        match std::env::var("EXO_CORE").as_deref() {
            Ok("installed") => return Ok(Self::Installed),
            Ok("debian") => return Self::prepare_debian(project),
            Ok(other) if !other.is_empty() => {
                return Err(Failure::usage(format!("EXO_CORE is \"{other}\"; it may be \"installed\" or \"debian\"")));
            }
            _ => {}
        }
        if is_installed() {
            return Ok(Self::Installed);
        }
        // Remembered, so that a machine without rustup's server does not ask it before each build.
        let remembered = project.build("core-from-debian");
        if !remembered.exists() && on_path("rustup") {
            let step = Step::install(&format!("the Rust target {TARGET}"));
            let asked = Command::new("timeout")
                .args([RUSTUP_SECONDS, "rustup", "target", "add", TARGET])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if asked.is_ok_and(|status| status.success()) && is_installed() {
                step.done();
                return Ok(Self::Installed);
            }
        }
        let source = Self::prepare_debian(project)?;
        fs::write(remembered, "")?;
        Ok(source)
    }

    fn prepare_debian(project: &Project) -> Result<Self> {
        packages::ensure(project, packages::DEBIAN_RUST)?;
        let version = capture(Command::new("/usr/bin/rustc").arg("--version"))?;
        if minor_version(&version).is_none_or(|minor| minor < OLDEST_MINOR) {
            return Err(Failure::usage(format!(
                "/usr/bin/rustc is \"{version}\", which is too old; install the target with: rustup target add {TARGET}"
            )));
        }
        Ok(Self::Debian)
    }

    /// A `cargo` that builds for the target.
    pub fn cargo(self, subcommand: &str) -> Command {
        let mut command = Command::new("cargo");
        command.arg(subcommand).args(["--target", TARGET]);
        if self == Self::Debian {
            command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
            command.args(["-Zbuild-std=core,alloc,compiler_builtins", "-Zbuild-std-features=compiler-builtins-mem"]);
        }
        command
    }
}

/// Whether the current toolchain has the target's `core`.
pub fn is_installed() -> bool {
    let Ok(folder) = capture(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET])) else {
        return false;
    };
    fs::read_dir(Path::new(&folder)).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libcore-")))
    })
}

fn minor_version(version: &str) -> Option<u32> {
    version.strip_prefix("rustc 1.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiler_versions_are_understood() {
        assert_eq!(minor_version("rustc 1.96.0 (abc 2026-05-01)"), Some(96));
        assert_eq!(minor_version("gcc 12"), None);
    }
}
