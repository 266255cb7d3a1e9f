//! `exo doctor`: what this machine has, what it lacks, and how to mend that. It changes nothing.

use crate::process::on_path;
use crate::project::Project;
use crate::setup::core_target::{self, TARGET};
use crate::setup::packages::{self, Need};
use anyhow::Result;

/// Prints the report; the exit code is 0 when nothing is missing.
pub fn run(project: &Project) -> Result<u8> {
    let mut healthy = true;
    let groups: [(&str, &[Need]); 5] = [
        ("kernel", packages::KERNEL),
        ("C toolchain and ports", packages::TOOLCHAIN),
        ("VM", packages::QEMU),
        ("ISO", packages::ISO),
        ("debugger", packages::DEBUG),
    ];
    for (purpose, needs) in groups {
        let mut missing: Vec<&str> = needs.iter().filter(|need| !need.is_met()).map(|need| need.package).collect();
        missing.dedup();
        if missing.is_empty() {
            println!("ok       {purpose}: every package is there");
        } else {
            healthy = false;
            println!("missing  {purpose}: {}; mend: {}", missing.join(", "), packages::install_command(&missing));
        }
    }
    healthy &= report_core();
    report_built(project);
    Ok(u8::from(!healthy))
}

fn report_core() -> bool {
    if core_target::is_installed() {
        println!("ok       Rust target {TARGET}: installed");
        return true;
    }
    if packages::DEBIAN_RUST.iter().all(Need::is_met) {
        println!("ok       Rust target {TARGET}: core is built from Debian's rust-web-src");
        return true;
    }
    let rustup = if on_path("rustup") { format!("rustup target add {TARGET}, or: ") } else { String::new() };
    let names: Vec<&str> = packages::DEBIAN_RUST.iter().map(|need| need.package).collect();
    println!("missing  Rust target {TARGET}; mend: {rustup}{}", packages::install_command(&names));
    false
}

/// What is built comes by itself: its absence is no fault.
fn report_built(project: &Project) {
    for (what, path) in
        [("kernel", "exo-os.elf"), ("C toolchain", "sysroot/bin/exo-musl-gcc"), ("base image", "image/base.cpio")]
    {
        let state = if project.build(path).exists() { "built   " } else { "not yet " };
        println!("{state} {what}: build/{path}");
    }
}
