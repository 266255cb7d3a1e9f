//! What one run adds to the base image: the job, host files, and the shared libraries that a dynamic program names.

use super::base::{self, HOST_FOLDER};
use super::cpio::Archive;
use super::job::{self, Job};
use crate::failure::Failure;
use crate::project::Project;
use crate::toolchain;
use anyhow::{Context, Result};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, elf};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Where Debian keeps the libraries of the host's own programs.
const HOST_LIBRARIES: &[&str] =
    &["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"];

/// An archive on top of the base image.
pub struct Overlay<'a> {
    project: &'a Project,
    archive: Archive,
    libraries: BTreeSet<String>,
}

impl<'a> Overlay<'a> {
    /// An overlay with nothing but the job.
    pub fn new(project: &'a Project, job: &Job) -> Result<Self> {
        let mut archive = Archive::new();
        archive.folder("/.exo", 0o700)?;
        archive.file(job::PATH, 0o600, job.bytes())?;
        Ok(Self { project, archive, libraries: BTreeSet::new() })
    }

    /// Adds a host file or folder as `guest`; where it is a dynamic program, what it needs to start as well.
    pub fn add(&mut self, host: &Path, guest: &str) -> Result<()> {
        // The name may be a link on the host; what it leads to is meant.
        let real = host.canonicalize().with_context(|| format!("cannot read {}", host.display()))?;
        if real.is_file() {
            self.add_libraries_of(&fs::read(&real)?)?;
        }
        self.archive.host_tree(&real, guest)
    }

    /// Adds `PATH` or `HOST:GUEST`, as `--with` takes them.
    pub fn add_with(&mut self, with: &str) -> Result<()> {
        let (host, guest) = match with.rsplit_once(':') {
            Some((host, guest)) if guest.starts_with('/') => (host, guest.to_owned()),
            _ => (with, guest_path(Path::new(with))?),
        };
        if !Path::new(host).exists() {
            return Err(Failure::usage(format!("--with {with}: there is no {host} on this machine")));
        }
        self.add(Path::new(host), &guest)
    }

    /// Writes base image and overlay, one after the other, into `path`.
    pub fn write(self, path: &Path) -> Result<()> {
        let mut image = fs::read(base::archive(self.project)?)?;
        image.extend(self.archive.finish()?);
        fs::write(path, image).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Adds loader and libraries of a dynamic ELF program, and those that they name in turn.
    fn add_libraries_of(&mut self, program: &[u8]) -> Result<()> {
        let Some(dynamic) = Dynamic::of(program) else { return Ok(()) };
        let musl = dynamic.interpreter.as_deref().is_some_and(|loader| loader == toolchain::LOADER);
        let folders = if musl {
            vec![self.project.sysroot().join("lib")]
        } else {
            HOST_LIBRARIES.iter().map(PathBuf::from).collect()
        };
        if let Some(loader) = &dynamic.interpreter {
            let host = if musl { self.project.sysroot().join("lib/libc.so") } else { PathBuf::from(loader) };
            self.add_library(&host, loader)?;
        }
        self.add_needed(&dynamic, &folders)
    }

    fn add_needed(&mut self, dynamic: &Dynamic, folders: &[PathBuf]) -> Result<()> {
        for name in &dynamic.needed {
            // musl's loader is libc itself; what is not found here may come with --with.
            let Some(host) = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()) else {
                continue;
            };
            let guest = if host.starts_with(self.project.root()) {
                format!("/lib/{name}")
            } else {
                host.to_string_lossy().into_owned()
            };
            if self.add_library(&host, &guest)?
                && let Some(next) = Dynamic::of(&fs::read(&host)?)
            {
                self.add_needed(&next, folders)?;
            }
        }
        Ok(())
    }

    /// True when the library was not there yet.
    fn add_library(&mut self, host: &Path, guest: &str) -> Result<bool> {
        if !host.is_file() || !self.libraries.insert(guest.to_owned()) {
            return Ok(false);
        }
        self.archive.file(guest, 0o755, &fs::read(host)?)?;
        Ok(true)
    }
}

/// Where a host path lies in the guest: an absolute one at the same place, a relative one below the folder that stands
/// for the current one.
pub fn guest_path(host: &Path) -> Result<String> {
    let clean: PathBuf = host.components().filter(|component| *component != Component::CurDir).collect();
    let placed = if clean.is_absolute() {
        clean
    } else if clean.components().any(|component| component == Component::ParentDir) || clean.as_os_str().is_empty() {
        let real = host.canonicalize().with_context(|| format!("there is no {}", host.display()))?;
        Path::new(HOST_FOLDER).join(real.file_name().unwrap_or_default())
    } else {
        Path::new(HOST_FOLDER).join(clean)
    };
    placed.into_os_string().into_string().ok().with_context(|| format!("{} is not UTF-8", host.display()))
}

/// What a dynamic ELF file asks for.
struct Dynamic {
    interpreter: Option<String>,
    needed: Vec<String>,
}

impl Dynamic {
    /// None when the file is not a dynamic 64-bit ELF file.
    fn of(file: &[u8]) -> Option<Self> {
        let header = elf::FileHeader64::<Endianness>::parse(file).ok()?;
        let endian = header.endian().ok()?;
        let segments = header.program_headers(endian, file).ok()?;
        let interpreter = segments
            .iter()
            .find_map(|segment| segment.interpreter(endian, file).ok()?)
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let entries = segments.iter().find_map(|segment| segment.dynamic(endian, file).ok()?)?;
        let value = |tag| {
            entries
                .iter()
                .find(|entry| entry.tag32(endian) == Some(tag))
                .and_then(|entry| entry.val32(endian))
                .map(u64::from)
        };
        let strings_at = entries
            .iter()
            .find(|entry| entry.tag32(endian) == Some(elf::DT_STRTAB))
            .map(|entry| entry.d_val(endian))?;
        let strings = segments
            .iter()
            .find_map(|segment| segment.data_range(endian, file, strings_at, value(elf::DT_STRSZ)?).ok()?)?;
        let needed = entries
            .iter()
            .filter(|entry| entry.tag32(endian) == Some(elf::DT_NEEDED))
            .filter_map(|entry| {
                let from = strings.get(usize::try_from(entry.d_val(endian)).ok()?..)?;
                Some(String::from_utf8_lossy(from.split(|&byte| byte == 0).next()?).into_owned())
            })
            .collect();
        Some(Self { interpreter, needed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_lie_below_the_host_folder() -> Result<()> {
        assert_eq!(guest_path(Path::new("./data/x.txt"))?, "/host/data/x.txt");
        assert_eq!(guest_path(Path::new("/etc/motd"))?, "/etc/motd");
        Ok(())
    }

    #[test]
    fn a_path_above_the_current_folder_keeps_its_last_name() -> Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("f"), "")?;
        let odd = folder.path().join("../").join(folder.path().file_name().unwrap()).join("f");
        assert!(guest_path(&odd)?.ends_with("/f"));
        Ok(())
    }

    #[test]
    fn a_dynamic_program_names_its_loader() -> Result<()> {
        let dynamic = Dynamic::of(&fs::read(std::env::current_exe()?)?).context("the test program is dynamic")?;
        assert!(dynamic.interpreter.is_some());
        assert!(dynamic.needed.iter().any(|name| name.starts_with("libc.so")));
        Ok(())
    }

    #[test]
    fn what_is_no_elf_file_needs_nothing() {
        assert!(Dynamic::of(b"#!/bin/sh\n").is_none());
    }
}
