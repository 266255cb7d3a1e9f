//! Fingerprints: a hash of everything that a built thing depends on, kept beside it as its stamp.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A hash under construction.
#[derive(Clone)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Begins with what is being built and the version of the way in which it is.
    pub fn new(what: &str) -> Self {
        Self(Sha256::new()).text(what)
    }

    /// Adds a text.
    pub fn text(mut self, text: &str) -> Self {
        self.0.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.update(text);
        self
    }

    /// Adds the contents of a file, or the names and contents of everything below a folder. What does not exist adds
    /// its absence.
    pub fn contents(self, path: &Path) -> Result<Self> {
        let mut this = self;
        for file in files_below(path)? {
            this = this.text(&file.to_string_lossy());
            this.0.update(fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
        }
        Ok(this)
    }

    /// Adds names, sizes and times of everything below `path`: cheaper than [`Self::contents`], for large trees.
    pub fn times(self, path: &Path) -> Result<Self> {
        let mut this = self;
        for file in files_below(path)? {
            let Ok(meta) = fs::metadata(&file) else { continue };
            this = this.text(&format!("{} {} {}.{}", file.display(), meta.len(), meta.mtime(), meta.mtime_nsec()));
        }
        Ok(this)
    }

    /// The finished hash in hexadecimal.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Whether `stamp` holds exactly `fingerprint`.
pub fn is_current(stamp: &Path, fingerprint: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|held| held == fingerprint)
}

/// SHA-256 of a file, in hexadecimal.
pub fn sha256_of(path: &Path) -> Result<String> {
    let mut file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hash = Sha256::new();
    let mut buffer = [0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn files_below(path: &Path) -> Result<Vec<std::path::PathBuf>> {
    let Ok(meta) = fs::symlink_metadata(path) else { return Ok(Vec::new()) };
    if !meta.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<_> = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        files.extend(files_below(&entry)?);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_changes_the_fingerprint() -> Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("a"), "one")?;
        let before = Fingerprint::new("t").contents(folder.path())?.finish();
        fs::write(folder.path().join("a"), "two")?;
        assert_ne!(before, Fingerprint::new("t").contents(folder.path())?.finish());
        Ok(())
    }

    #[test]
    fn sha256_is_the_published_one() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("abc");
        fs::write(&file, "abc")?;
        assert_eq!(sha256_of(&file)?, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        Ok(())
    }
}
