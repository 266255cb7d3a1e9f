//! The kernel image: cargo's build, symbols written in, a stripped copy to boot and a full one for gdb; the ISO around
//! it.

use crate::failure::{self, Failure};
use crate::fingerprint::{Fingerprint, is_current};
use crate::ksyms;
use crate::process::run_logged;
use crate::project::Project;
use crate::setup::core_target::{CoreSource, TARGET};
use crate::setup::packages;
use crate::ui::Step;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the kernel is built from, seen from the root.
const SOURCES: &[&str] = &["Cargo.toml", "Cargo.lock", ".cargo", "build.rs", "src", "kernel", "posix_x"];
/// GRUB modules that the ISO's loader needs: the fewer, the faster it starts.
const GRUB_MODULES: &str = "multiboot2 normal iso9660 biosdisk boot part_msdos gzio relocator video vga";

/// Which kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// The product.
    Product,
    /// With the in-kernel tests compiled in.
    Tests,
}

impl Flavour {
    fn name(self) -> &'static str {
        match self {
            Self::Product => "exo-os",
            Self::Tests => "exo-os-ktest",
        }
    }

    /// Cargo's profile, and so the folder of its output.
    fn profile(self) -> &'static str {
        match self {
            Self::Product => "release",
            Self::Tests => "checked",
        }
    }
}

/// A built kernel.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// What boots: stripped, its symbol table inside.
    pub elf: PathBuf,
    /// The same with debug information.
    pub debug: PathBuf,
}

impl Kernel {
    /// The kernel of this flavour, built if its sources have changed.
    pub fn build(project: &Project, flavour: Flavour) -> Result<Self> {
        let name = flavour.name();
        let kernel = Self { elf: project.build(format!("{name}.elf")), debug: project.build(format!("{name}.debug")) };
        let stamp = project.build(format!("{name}.stamp"));
        let fingerprint = sources(project, name)?;
        if kernel.elf.is_file() && kernel.debug.is_file() && is_current(&stamp, &fingerprint) {
            return Ok(kernel);
        }
        packages::ensure(project, packages::KERNEL)?;
        let core = CoreSource::prepare(project)?;
        let log = project.log(name)?;
        let step = Step::build(match flavour {
            Flavour::Product => "the kernel",
            Flavour::Tests => "the kernel with its tests",
        });
        let target = project.cargo_target("kernel");
        let mut cargo = core.cargo("build");
        cargo.args(["--profile", flavour.profile(), "-p", "exo-os", "--target-dir"]).arg(&target).current_dir(project.root());
        // Flags of the caller's environment would replace those of .cargo/config.toml.
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
        if flavour == Flavour::Tests {
            cargo.args(["--features", "ktest"]);
        }
        let _ = fs::remove_file(&log);
        run_logged(&step, &log, &mut cargo)
            .map_err(|error| Failure::with_code(failure::VM, format!("the kernel does not build: {error}")))?;
        finish(&step, &log, &target.join(TARGET).join(flavour.profile()).join("exo-os"), &kernel)?;
        // Cargo may have written Cargo.lock: the stamp describes what was built.
        fs::write(&stamp, sources(project, name)?)?;
        step.done();
        Ok(kernel)
    }
}

fn sources(project: &Project, name: &str) -> Result<String> {
    let mut fingerprint = Fingerprint::new(name).text(&std::env::var("EXO_CORE").unwrap_or_default());
    for source in SOURCES {
        fingerprint = fingerprint.times(&project.path(source))?;
    }
    Ok(fingerprint.finish())
}

fn finish(step: &Step, log: &Path, linked: &Path, kernel: &Kernel) -> Result<()> {
    let mut image = fs::read(linked).with_context(|| format!("cargo left no {}", linked.display()))?;
    ksyms::patch(&mut image)?;
    fs::write(&kernel.debug, &image)?;
    run_logged(step, log, Command::new("objcopy").arg("--strip-all").arg(&kernel.debug).arg(&kernel.elf))
}

/// Writes a bootable ISO: GRUB starts `elf` with the command line `append`, and hands `initrd` over as a module.
pub fn make_iso(project: &Project, elf: &Path, initrd: Option<&Path>, append: &str, iso: &Path) -> Result<()> {
    packages::ensure(project, packages::ISO)?;
    let tree = tempfile::tempdir()?;
    let boot = tree.path().join("boot");
    fs::create_dir_all(boot.join("grub"))?;
    fs::copy(elf, boot.join("exo-os.elf"))?;
    if let Some(initrd) = initrd {
        fs::copy(initrd, boot.join("initrd"))?;
    }
    fs::write(boot.join("grub/grub.cfg"), grub_config(append, initrd.is_some()))?;
    let output = Command::new("grub-mkrescue")
        .arg("-o")
        .arg(iso)
        .args(["--directory=/usr/lib/grub/i386-pc", "--locales=", "--fonts=", "--themes=", "--compress=no"])
        .arg(format!("--install-modules={GRUB_MODULES}"))
        .arg(tree.path())
        .output()
        .context("cannot start grub-mkrescue")?;
    if !output.status.success() {
        bail!("grub-mkrescue failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn grub_config(append: &str, has_initrd: bool) -> String {
    let words: String = append.split_whitespace().map(|word| format!(" {}", quote(word))).collect();
    let module = if has_initrd { "module2 /boot/initrd\n" } else { "" };
    format!("set timeout=0\nset default=0\nmultiboot2 /boot/exo-os.elf{words}\n{module}boot\n")
}

/// A word that GRUB's script language passes on unchanged.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grub_gets_the_command_line_word_by_word() {
        let config = grub_config("console=ttyS0 a;b", true);
        assert!(config.contains("multiboot2 /boot/exo-os.elf 'console=ttyS0' 'a;b'\nmodule2 /boot/initrd\n"));
    }

    #[test]
    fn an_iso_without_initrd_names_no_module() {
        assert!(!grub_config("", false).contains("module2"));
    }
}
