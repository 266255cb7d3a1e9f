//! Debian source packages: the upstream tarball of one, by name and SHA-256, without touching the system's source
//! lists.
//!
//! A list of our own is derived from the system's: the same archive and key, as `deb-src`, for the release whose
//! tarballs the recipes pin. Lists and downloads live below `build/`.

use crate::fingerprint::sha256_of;
use crate::process::run_logged;
use crate::project::Project;
use crate::ui::Step;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release that recipes pin tarballs of.
const RELEASE: &str = "bookworm";
const DEFAULT_ARCHIVE: &str = "http://deb.debian.org/debian";
const DEFAULT_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// An upstream tarball inside a Debian source package.
#[derive(Debug, Clone, Deserialize)]
pub struct Upstream {
    /// The source package.
    pub source: String,
    /// The upstream version.
    pub version: String,
    /// The tarball's file name.
    pub tarball: String,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// Gives the path of the verified tarball; downloads it when it is not there yet.
pub fn fetch(project: &Project, step: &Step, upstream: &Upstream) -> Result<PathBuf> {
    let folder = project.build("source");
    let path = folder.join(&upstream.tarball);
    if !path.is_file() {
        download(project, step, &folder, upstream)?;
    }
    let found = sha256_of(&path)?;
    if found != upstream.sha256 {
        fs::remove_file(&path)?;
        bail!(
            "{} has SHA-256 {found}, the recipe pins {}: the download is damaged or the archive has changed",
            upstream.tarball,
            upstream.sha256
        );
    }
    Ok(path)
}

/// Unpacks `tarball` into `folder` (made anew) without its top folder, and applies the patches of `patches` in name
/// order.
pub fn unpack(step: &Step, log: &Path, tarball: &Path, folder: &Path, patches: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    run_logged(
        step,
        log,
        Command::new("tar")
            .arg("-xf")
            .arg(tarball)
            .arg("--strip-components=1")
            .arg("--no-same-owner")
            .arg("-C")
            .arg(folder),
    )?;
    for patch in patch_files(patches)? {
        run_logged(
            step,
            log,
            Command::new("patch").args(["-p1", "--batch", "--forward", "-i"]).arg(&patch).current_dir(folder),
        )
        .with_context(|| format!("the patch {} does not apply", patch.display()))?;
    }
    Ok(())
}

fn patch_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut patches: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    patches.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
    patches.sort();
    Ok(patches)
}

fn download(project: &Project, step: &Step, folder: &Path, upstream: &Upstream) -> Result<()> {
    let state = project.build("apt");
    fs::create_dir_all(state.join("lists/partial"))?;
    fs::create_dir_all(state.join("cache/archives/partial"))?;
    fs::create_dir_all(folder)?;
    let list = state.join("sources.list");
    fs::write(&list, source_list(&read_system_lists(Path::new("/etc/apt"))))?;
    let log = project.log("sources")?;
    let apt = || {
        let mut command = Command::new("apt-get");
        command.current_dir(folder).arg("-q");
        for (key, value) in [
            ("Dir::Etc::sourcelist", list.as_path()),
            ("Dir::Etc::sourceparts", Path::new("-")),
            ("Dir::State::lists", &state.join("lists")),
            ("Dir::Cache", &state.join("cache")),
        ] {
            command.arg("-o").arg(format!("{key}={}", value.display()));
        }
        command.args(["-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"]);
        command
    };
    let fetch = || {
        let mut command = apt();
        command.args(["source", "--download-only", "--only-source", &upstream.source]);
        command
    };
    let has_lists = fs::read_dir(state.join("lists"))?.flatten().any(|entry| {
        entry.file_name().to_string_lossy().ends_with("Sources.lz4")
            || entry.file_name().to_string_lossy().contains("_source_Sources")
    });
    if !has_lists || run_logged(step, &log, &mut fetch()).is_err() {
        run_logged(step, &log, apt().arg("update"))?;
        run_logged(step, &log, &mut fetch())?;
    }
    if !folder.join(&upstream.tarball).is_file() {
        bail!(
            "the archive's source package {} no longer holds {}: its version has moved on from {}",
            upstream.source,
            upstream.tarball,
            upstream.version
        );
    }
    Ok(())
}

/// An archive of Debian's that the system installs from.
#[derive(Debug, PartialEq, Eq)]
struct Archive {
    uri: String,
    keyring: Option<String>,
}

fn source_list(archives: &[Archive]) -> String {
    let fallback = Archive {
        uri: DEFAULT_ARCHIVE.to_owned(),
        keyring: Path::new(DEFAULT_KEYRING).exists().then(|| DEFAULT_KEYRING.to_owned()),
    };
    let archive = archives.first().unwrap_or(&fallback);
    let option = archive.keyring.as_ref().map_or_else(String::new, |keyring| format!("[signed-by={keyring}] "));
    format!("deb-src {option}{} {RELEASE} main\n", archive.uri)
}

fn read_system_lists(folder: &Path) -> Vec<Archive> {
    let mut files = vec![folder.join("sources.list")];
    if let Ok(entries) = fs::read_dir(folder.join("sources.list.d")) {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    let mut archives = Vec::new();
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => archives.extend(parse_one_line(&text)),
            Some("sources") => archives.extend(parse_deb822(&text)),
            _ => {}
        }
    }
    archives
}

/// Debian's own archive ends in `/debian`; its security archive and other people's do not.
fn is_debian(uri: &str) -> bool {
    uri.trim_end_matches('/').ends_with("/debian")
}

/// `deb [options] URI suite components…`
fn parse_one_line(text: &str) -> Vec<Archive> {
    let mut archives = Vec::new();
    for line in text.lines().map(str::trim) {
        let Some(rest) = line.strip_prefix("deb ").or_else(|| line.strip_prefix("deb-src ")) else { continue };
        let rest = rest.trim_start();
        let (options, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((options, rest)) => (options, rest),
            None => ("", rest),
        };
        let Some(uri) = rest.split_whitespace().next().filter(|uri| is_debian(uri)) else { continue };
        let keyring =
            options.split_whitespace().find_map(|option| option.strip_prefix("signed-by=")).map(str::to_owned);
        archives.push(Archive { uri: uri.to_owned(), keyring });
    }
    archives
}

/// Stanzas of `Field: value` lines, separated by empty lines.
fn parse_deb822(text: &str) -> Vec<Archive> {
    let mut archives = Vec::new();
    for stanza in text.split("\n\n") {
        let field = |name: &str| {
            stanza.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let keyring = field("Signed-By").filter(|path| path.starts_with('/'));
        for uri in field("URIs").unwrap_or_default().split_whitespace().filter(|uri| is_debian(uri)) {
            archives.push(Archive { uri: uri.to_owned(), keyring: keyring.clone() });
        }
    }
    archives
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_lists_give_debians_archive_and_its_key() {
        let text = "# deb http://a/debian x main\ndeb [arch=amd64 signed-by=/k.gpg] http://m.example/debian bookworm main\ndeb https://other.example/apt stable main\n";
        assert_eq!(
            parse_one_line(text),
            [Archive { uri: "http://m.example/debian".into(), keyring: Some("/k.gpg".into()) }]
        );
    }

    #[test]
    fn deb822_lists_leave_out_the_security_archive() {
        let text = "Types: deb\nURIs: http://m.example/debian/\nSuites: bookworm\nSigned-By: /k.gpg\n\nTypes: deb\nURIs: http://m.example/debian-security\nSuites: s\n";
        assert_eq!(
            parse_deb822(text),
            [Archive { uri: "http://m.example/debian/".into(), keyring: Some("/k.gpg".into()) }]
        );
    }

    #[test]
    fn a_system_without_debian_falls_back_to_the_main_mirror() {
        assert!(source_list(&[]).contains(DEFAULT_ARCHIVE));
        assert!(source_list(&[]).ends_with("bookworm main\n"));
    }
}
