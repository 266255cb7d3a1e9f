//! The project's folders, and the lock that keeps two builds apart.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Where the project and what is built from it lie. All paths are absolute.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// The project that the entry script names, else the one around the current folder.
    pub fn find() -> Result<Self> {
        if let Some(root) = std::env::var_os("EXO_ROOT") {
            return Ok(Self { root: PathBuf::from(root) });
        }
        let here = std::env::current_dir().context("the current folder is gone")?;
        here.ancestors()
            .find(|folder| folder.join("exo").is_file() && folder.join("musl-port").is_dir())
            .map(|root| Self { root: root.to_owned() })
            .context("not inside an Exo-OS clone: call ./exo from its root")
    }

    /// The clone's root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the root.
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }

    /// A path below `build/`, where everything that the tool makes lies.
    pub fn build(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join("build").join(below)
    }

    /// The log file of a build step; its folder exists afterwards.
    pub fn log(&self, name: &str) -> Result<PathBuf> {
        let folder = self.build("log");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(folder.join(format!("{name}.log")))
    }

    /// Cargo's target folder for the purpose `name` (the kernel and the tests do not share one, nor a lock).
    pub fn cargo_target(&self, name: &str) -> PathBuf {
        let base = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.path("target"), PathBuf::from);
        base.join(name)
    }

    /// The musl sysroot.
    pub fn sysroot(&self) -> PathBuf {
        self.build("sysroot")
    }

    /// The project's C compiler.
    pub fn cc(&self) -> PathBuf {
        self.build("sysroot/bin/exo-musl-gcc")
    }

    /// Waits until no other `exo` builds in this clone, and keeps others out until the guard is dropped.
    pub fn lock(&self) -> Result<BuildLock> {
        let folder = self.build("");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let path = folder.join(".lock");
        let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(BuildLock { _file: file })
    }
}

/// Held while something is built; released when dropped.
pub struct BuildLock {
    _file: File,
}
