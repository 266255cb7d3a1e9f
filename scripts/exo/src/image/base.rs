//! The base image: base files, default ports, the guest's init. Built once, kept as `build/image/base.cpio`.

use super::cpio::Archive;
use crate::failure::Failure;
use crate::fingerprint::{Fingerprint, is_current};
use crate::port::{self, Recipe};
use crate::project::Project;
use crate::toolchain;
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};

/// The guest's init in the image.
pub const INIT: &str = "/sbin/exo-init";
/// The folder that stands for the host's current one.
pub const HOST_FOLDER: &str = "/host";

const INIT_SOURCE: &str = "scripts/exo/guest/init.c";
/// Folders that exist even when nothing is in them, with their modes.
const FOLDERS: &[(&str, u32)] = &[
    ("/bin", 0o755),
    ("/dev", 0o755),
    ("/etc", 0o755),
    (HOST_FOLDER, 0o777),
    ("/lib", 0o755),
    ("/mnt", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/sbin", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr/bin", 0o755),
    ("/usr/sbin", 0o755),
    ("/var/log", 0o755),
    ("/var/tmp", 0o1777),
];

/// The base archive, built if anything in it has changed.
pub fn archive(project: &Project) -> Result<PathBuf> {
    let path = project.build("image/base.cpio");
    let stamp = project.build("image/base.stamp");
    let roots = port_roots(project)?;
    let init = guest_init(project)?;
    let base = project.path("ports/base");
    let mut fingerprint = Fingerprint::new("base 2").contents(&base)?.times(&init)?;
    for root in &roots {
        fingerprint = fingerprint.text(&fs::read_to_string(root.with_file_name("stamp"))?);
    }
    let fingerprint = fingerprint.finish();
    if path.is_file() && is_current(&stamp, &fingerprint) {
        return Ok(path);
    }
    let mut archive = Archive::new();
    for (folder, mode) in FOLDERS {
        archive.folder(folder, *mode)?;
    }
    for root in roots.iter().chain([&base]).filter(|root| root.is_dir()) {
        archive.host_tree(root, "/")?;
    }
    archive.file(INIT, 0o755, &fs::read(&init)?)?;
    fs::create_dir_all(project.build("image"))?;
    fs::write(&path, archive.finish()?)?;
    fs::write(stamp, fingerprint)?;
    Ok(path)
}

/// Whether the base image has `guest` as a file.
pub fn contains(project: &Project, guest: &str) -> bool {
    let name = guest.trim_start_matches('/');
    let exists = |root: &Path| fs::symlink_metadata(root.join(name)).is_ok_and(|meta| !meta.is_dir());
    guest == INIT
        || exists(&project.path("ports/base"))
        || default_ports(project)
            .is_ok_and(|ports| ports.iter().any(|port| exists(&project.build("ports").join(port).join("root"))))
}

/// Names of the ports that the base image contains.
fn default_ports(project: &Project) -> Result<Vec<String>> {
    let mut ports = Vec::new();
    for name in port::names(project) {
        if Recipe::read(project, &name)?.default {
            ports.push(name);
        }
    }
    Ok(ports)
}

fn port_roots(project: &Project) -> Result<Vec<PathBuf>> {
    default_ports(project)?.iter().map(|name| port::build(project, name)).collect()
}

fn guest_init(project: &Project) -> Result<PathBuf> {
    let out = project.build("image/exo-init");
    let stamp = project.build("image/exo-init.stamp");
    let source = project.path(INIT_SOURCE);
    let fingerprint = Fingerprint::new("init").text(&toolchain::fingerprint(project)?).contents(&source)?.finish();
    if out.is_file() && is_current(&stamp, &fingerprint) {
        return Ok(out);
    }
    if !toolchain::compile_static(project, &[&source], &["-s", "-Wall", "-Wextra"], &out)? {
        return Err(Failure::vm("the guest's init does not compile"));
    }
    fs::write(stamp, fingerprint)?;
    Ok(out)
}
