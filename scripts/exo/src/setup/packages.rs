//! Debian packages: what is needed for what, whether it is there, and how it comes to be there.

use crate::failure::Failure;
use crate::process::{on_path, run_logged};
use crate::project::Project;
use crate::ui::Step;
use anyhow::Result;
use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, Stdio};

/// How the presence of a package shows.
#[derive(Debug, Clone, Copy)]
enum Probe {
    Program(&'static str),
    File(&'static str),
}

/// A package and how its presence shows.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// The Debian package.
    pub package: &'static str,
    probe: Probe,
}

impl Need {
    const fn program(name: &'static str, package: &'static str) -> Self {
        Self { package, probe: Probe::Program(name) }
    }

    const fn file(path: &'static str, package: &'static str) -> Self {
        Self { package, probe: Probe::File(path) }
    }

    /// Whether it is there.
    pub fn is_met(&self) -> bool {
        match self.probe {
            Probe::Program(name) => on_path(name),
            Probe::File(path) => Path::new(path).exists(),
        }
    }
}

/// To build the kernel.
pub const KERNEL: &[Need] = &[
    Need::program("ld", "binutils"),
    Need::program("objcopy", "binutils"),
    Need::program("gcc", "gcc"),
    Need::file("/usr/include/stdio.h", "libc6-dev"),
];
/// To build the musl sysroot and to compile C programs.
pub const TOOLCHAIN: &[Need] = &[
    Need::program("gcc", "gcc"),
    Need::program("ar", "binutils"),
    Need::program("make", "make"),
    Need::program("patch", "patch"),
    Need::program("xz", "xz-utils"),
    Need::program("bzip2", "bzip2"),
    Need::file("/usr/include/linux/types.h", "linux-libc-dev"),
    Need::file("/usr/include/stdio.h", "libc6-dev"),
];
/// To start the VM.
pub const QEMU: &[Need] = &[Need::program("qemu-system-x86_64", "qemu-system-x86")];
/// To make a bootable ISO.
pub const ISO: &[Need] = &[
    Need::program("grub-mkrescue", "grub-common"),
    Need::file("/usr/lib/grub/i386-pc/multiboot2.mod", "grub-pc-bin"),
    Need::program("xorriso", "xorriso"),
    Need::program("mformat", "mtools"),
];
/// To debug.
pub const DEBUG: &[Need] = &[Need::program("gdb", "gdb")];
/// Debian's compiler and the sources of its libraries, to build `core` from.
pub const DEBIAN_RUST: &[Need] = &[
    Need::program("/usr/bin/rustc", "rustc-web"),
    Need::file("/usr/lib/rustlib/src/rust/library/core", "rust-web-src"),
];

/// Installs what is missing of `needs`. Where that is not possible, fails with the command that does it.
pub fn ensure(project: &Project, needs: &[Need]) -> Result<()> {
    let mut missing: Vec<&str> = needs.iter().filter(|need| !need.is_met()).map(|need| need.package).collect();
    missing.dedup();
    install(project, &missing)
}

/// Installs the packages of `names` that dpkg does not know as installed.
pub fn ensure_named(project: &Project, names: &[String]) -> Result<()> {
    let missing: Vec<&str> = names.iter().map(String::as_str).filter(|name| !is_installed(name)).collect();
    install(project, &missing)
}

/// The command with which a user installs `packages`.
pub fn install_command(packages: &[&str]) -> String {
    format!("sudo apt-get install -y --no-install-recommends {}", packages.join(" "))
}

fn install(project: &Project, packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let Some(prefix) = privilege() else {
        return Err(Failure::usage(format!(
            "Debian packages are missing; install them with: {}",
            install_command(packages)
        )));
    };
    let log = project.log("packages")?;
    let step = Step::install(&packages.join(", "));
    let apt = |arguments: &[&str]| {
        let mut words: Vec<&str> = prefix.to_vec();
        words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]);
        words.extend(arguments);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command
    };
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(packages);
    // The lists may be stale or empty: only then is the first try's failure not the last word.
    let tried = apt(&install).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        run_logged(&step, &log, &mut apt(&["update"]))?;
        run_logged(&step, &log, &mut apt(&install))?;
    }
    step.done();
    Ok(())
}

/// The words before a command that make it run as root, when that can be had.
fn privilege() -> Option<&'static [&'static str]> {
    if !on_path("apt-get") {
        return None;
    }
    if rustix::process::geteuid().is_root() {
        return Some(&["nice"]);
    }
    if !on_path("sudo") {
        return None;
    }
    let quiet = Command::new("sudo")
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if quiet.is_ok_and(|status| status.success()) {
        return Some(&["sudo", "-n"]);
    }
    let asked = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let granted = asked && Command::new("sudo").arg("-v").status().is_ok_and(|status| status.success());
    granted.then_some(&["sudo"])
}

fn is_installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["-W", "-f", "${Status}", package])
        .output()
        .is_ok_and(|output| output.stdout.ends_with(b" installed"))
}
