//! A writer of `newc` cpio archives (Linux, Documentation/driver-api/early-userspace/buffer-format.rst), reproducible:
//! no times, no host ids.

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const MAGIC: &[u8] = b"070701";
const TRAILER: &str = "TRAILER!!!";
/// Where one archive ends and the next may begin.
const BLOCK: usize = 512;

const S_IFDIR: u32 = 0o040_000;
const S_IFREG: u32 = 0o100_000;
const S_IFLNK: u32 = 0o120_000;

/// An archive that grows in memory. All entries belong to root; the folders above an entry come by themselves.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    inode: u32,
    folders: BTreeSet<String>,
}

impl Archive {
    /// An empty archive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a folder, once.
    pub fn folder(&mut self, guest: &str, mode: u32) -> Result<()> {
        let name = name_of(guest);
        if name.is_empty() || !self.folders.insert(name.to_owned()) {
            return Ok(());
        }
        self.parents(name)?;
        self.entry(name, S_IFDIR | mode, &[])
    }

    /// Adds a regular file.
    pub fn file(&mut self, guest: &str, mode: u32, contents: &[u8]) -> Result<()> {
        let name = name_of(guest);
        self.parents(name)?;
        self.entry(name, S_IFREG | mode, contents)
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, guest: &str, target: &[u8]) -> Result<()> {
        let name = name_of(guest);
        self.parents(name)?;
        self.entry(name, S_IFLNK | 0o777, target)
    }

    /// Adds a host file, link or folder with all that is below it, as `guest`.
    pub fn host_tree(&mut self, host: &Path, guest: &str) -> Result<()> {
        let meta = fs::symlink_metadata(host).with_context(|| format!("cannot read {}", host.display()))?;
        let mode = meta.permissions().mode() & 0o7777;
        if meta.is_symlink() {
            return self.link(guest, fs::read_link(host)?.as_os_str().as_bytes());
        }
        if meta.is_file() {
            let contents = fs::read(host).with_context(|| format!("cannot read {}", host.display()))?;
            return self.file(guest, mode, &contents);
        }
        if !meta.is_dir() {
            bail!("{} is neither a file, a folder nor a symbolic link", host.display());
        }
        self.folder(guest, mode)?;
        let mut entries: Vec<_> = fs::read_dir(host)
            .with_context(|| format!("cannot read {}", host.display()))?
            .collect::<std::io::Result<_>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let name =
                name.to_str().with_context(|| format!("{} has a name that is not UTF-8", entry.path().display()))?;
            self.host_tree(&entry.path(), &format!("{}/{name}", guest.trim_end_matches('/')))?;
        }
        Ok(())
    }

    /// The finished archive, padded so that another may follow.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.inode = 0;
        self.entry(TRAILER, 0, &[])?;
        self.pad(BLOCK);
        Ok(self.bytes)
    }

    fn parents(&mut self, name: &str) -> Result<()> {
        match name.rsplit_once('/') {
            Some((above, _)) => self.folder(above, 0o755),
            None => Ok(()),
        }
    }

    fn entry(&mut self, name: &str, mode: u32, contents: &[u8]) -> Result<()> {
        let size = u32::try_from(contents.len()).with_context(|| format!("{name} is 4 GiB or larger"))?;
        let name_size = u32::try_from(name.len() + 1).context("a name is too long")?;
        self.inode += 1;
        let links = if mode & 0o170_000 == S_IFDIR { 2 } else { 1 };
        self.bytes.extend(MAGIC);
        for field in [self.inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, name_size, 0] {
            self.bytes.extend(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.pad(4);
        self.bytes.extend(contents);
        self.pad(4);
        Ok(())
    }

    fn pad(&mut self, boundary: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(boundary), 0);
    }
}

/// The name of a guest path inside the archive: no slash at its ends.
fn name_of(guest: &str) -> &str {
    guest.trim_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[u8]) -> Vec<String> {
        let field = |at: usize, n: usize| {
            usize::from_str_radix(std::str::from_utf8(&bytes[at + 6 + n * 8..at + 14 + n * 8]).unwrap(), 16).unwrap()
        };
        let (mut at, mut names) = (0, Vec::new());
        while bytes.get(at..at + 6) == Some(MAGIC) {
            let (size, name_size) = (field(at, 6), field(at, 11));
            let name = &bytes[at + 110..at + 110 + name_size - 1];
            names.push(String::from_utf8(name.to_vec()).unwrap());
            at = (at + 110 + name_size).next_multiple_of(4) + size;
            at = at.next_multiple_of(4);
        }
        names
    }

    #[test]
    fn the_folders_above_a_file_come_first_and_once() -> Result<()> {
        let mut archive = Archive::new();
        archive.file("/usr/bin/a", 0o755, b"abc")?;
        archive.file("/usr/bin/b", 0o755, b"")?;
        let bytes = archive.finish()?;
        assert_eq!(names(&bytes), ["usr", "usr/bin", "usr/bin/a", "usr/bin/b", TRAILER]);
        assert_eq!(bytes.len() % BLOCK, 0);
        Ok(())
    }

    #[test]
    fn host_trees_keep_modes_and_links() -> Result<()> {
        let host = tempfile::tempdir()?;
        fs::write(host.path().join("x"), "data")?;
        fs::set_permissions(host.path().join("x"), fs::Permissions::from_mode(0o640))?;
        std::os::unix::fs::symlink("x", host.path().join("y"))?;
        let mut archive = Archive::new();
        archive.host_tree(host.path(), "/d")?;
        let bytes = archive.finish()?;
        assert_eq!(names(&bytes), ["d", "d/x", "d/y", TRAILER]);
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("000081a0"), "mode 0100640 is in the archive");
        Ok(())
    }
}
