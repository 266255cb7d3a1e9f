//! The C toolchain: musl built from its Debian source package into `build/sysroot`, and the wrapper `exo-musl-gcc`
//! over the host's gcc.

use crate::fingerprint::{Fingerprint, is_current};
use crate::process::{jobs, run_logged};
use crate::project::Project;
use crate::setup::{packages, sources};
use crate::ui::Step;
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The loader that dynamic programs name, as on every musl system.
pub const LOADER: &str = "/lib/ld-musl-x86_64.so.1";
/// Folders of kernel headers, and where the host keeps them.
const KERNEL_HEADERS: &[(&str, &str)] = &[
    ("linux", "/usr/include/linux"),
    ("asm-generic", "/usr/include/asm-generic"),
    ("asm", "/usr/include/x86_64-linux-gnu/asm"),
    ("mtd", "/usr/include/mtd"),
    ("rdma", "/usr/include/rdma"),
    ("sound", "/usr/include/sound"),
    ("video", "/usr/include/video"),
    ("misc", "/usr/include/misc"),
    ("drm", "/usr/include/drm"),
];
/// Changes when the way the sysroot is made does.
const RECIPE: &str = "sysroot 1";

/// The sysroot's folder, built if it is not there or not current.
pub fn sysroot(project: &Project) -> Result<PathBuf> {
    let sysroot = project.sysroot();
    let stamp = stamp_file(project);
    let fingerprint = fingerprint(project)?;
    if is_current(&stamp, &fingerprint) {
        return Ok(sysroot);
    }
    packages::ensure(project, packages::TOOLCHAIN)?;
    let step = Step::build("the musl toolchain");
    build(project, &step, &sysroot)?;
    fs::write(&stamp, fingerprint)?;
    step.done();
    Ok(sysroot)
}

/// What the sysroot depends on; what is built with it depends on the same.
pub fn fingerprint(project: &Project) -> Result<String> {
    let place = project.root().to_string_lossy().into_owned();
    Ok(Fingerprint::new(RECIPE).text(&place).contents(&project.path("musl-port"))?.finish())
}

/// Compiles `sources` into the static program `out`. False when gcc found errors; its messages are then on stderr, and
/// only then: what a program is run for is its own output.
pub fn compile_static(project: &Project, sources: &[&Path], options: &[&str], out: &Path) -> Result<bool> {
    sysroot(project)?;
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut gcc = Command::new(project.cc());
    gcc.args(["-static", "-O2"]).args(options).arg("-o").arg(out).args(sources);
    let output = gcc.output().context("cannot start exo-musl-gcc")?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.status.success())
}

fn stamp_file(project: &Project) -> PathBuf {
    project.build("sysroot/.stamp")
}

fn build(project: &Project, step: &Step, sysroot: &Path) -> Result<()> {
    let log = project.log("musl")?;
    let _ = fs::remove_file(&log);
    let recipe = project.path("musl-port/musl.toml");
    let upstream: sources::Upstream =
        toml::from_str(&fs::read_to_string(&recipe).with_context(|| format!("cannot read {}", recipe.display()))?)
            .with_context(|| format!("{} is not a valid recipe", recipe.display()))?;
    let tarball = sources::fetch(project, step, &upstream)?;
    let tree = project.build("musl");
    sources::unpack(step, &log, &tarball, &tree, &project.path("musl-port/patches"))?;
    if sysroot.exists() {
        fs::remove_dir_all(sysroot)?;
    }
    let lib = sysroot.join("lib");
    let include = sysroot.join("include");
    run_logged(
        step,
        &log,
        Command::new("./configure")
            .current_dir(&tree)
            .env("CC", "gcc")
            .arg(format!("--prefix={}", sysroot.display()))
            .arg(format!("--syslibdir={}", lib.display()))
            .args(["--enable-static", "--enable-shared", "--disable-wrapper"]),
    )?;
    run_logged(step, &log, Command::new("make").current_dir(&tree).arg("-j").arg(jobs()))?;
    run_logged(step, &log, Command::new("make").current_dir(&tree).arg("install"))?;
    link_kernel_headers(&include)?;
    let specs = Command::new("sh")
        .current_dir(&tree)
        .arg("tools/musl-gcc.specs.sh")
        .args([&include, &lib])
        .arg(LOADER)
        .output()?;
    let specs_file = lib.join("exo-musl-gcc.specs");
    fs::write(&specs_file, specs.stdout)?;
    write_wrappers(&sysroot.join("bin"), &specs_file)
}

fn link_kernel_headers(include: &Path) -> Result<()> {
    for (name, host) in KERNEL_HEADERS {
        let link = include.join(name);
        if Path::new(host).is_dir() && !link.exists() {
            symlink(host, link)?;
        }
    }
    Ok(())
}

fn write_wrappers(bin: &Path, specs: &Path) -> Result<()> {
    fs::create_dir_all(bin)?;
    let gcc = format!(
        "#!/bin/sh\n# gcc with the headers, libraries and start files of this sysroot.\nexec \"${{REALGCC:-gcc}}\" \"$@\" -specs '{}'\n",
        specs.display()
    );
    write_program(&bin.join("exo-musl-gcc"), &gcc)?;
    for tool in ["ar", "ranlib", "strip"] {
        write_program(&bin.join(format!("exo-musl-{tool}")), &format!("#!/bin/sh\nexec {tool} \"$@\"\n"))?;
    }
    Ok(())
}

fn write_program(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
