//! Ports: other people's programs, built by a recipe into a staging root that the image takes over. The format is in
//! docs/porting.md.

use crate::failure::Failure;
use crate::fingerprint::{Fingerprint, is_current};
use crate::process::{jobs, run_logged};
use crate::project::Project;
use crate::setup::packages;
use crate::setup::sources::{self, Upstream};
use crate::toolchain;
use crate::ui::Step;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Deepest chain of ports that need each other.
const MAX_DEPTH: usize = 16;

/// A recipe, as `port.toml` holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The port's name.
    pub name: String,
    /// What it is, in one line.
    #[serde(default)]
    pub summary: String,
    source: String,
    version: String,
    tarball: String,
    sha256: String,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    packages: Vec<String>,
    /// Whether the base image contains it.
    #[serde(default)]
    pub default: bool,
    #[serde(default)]
    install: Vec<String>,
    /// The script that tests it inside the VM.
    pub test: Option<String>,
    #[serde(default)]
    step: Vec<BuildStep>,
    #[serde(default)]
    links: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BuildStep {
    name: String,
    run: String,
}

/// `FROM:TO[:MODE]`
#[derive(Debug, PartialEq, Eq)]
struct Install<'a> {
    from: &'a str,
    to: &'a str,
    mode: Option<u32>,
}

impl<'a> Install<'a> {
    fn parse(text: &'a str) -> Result<Self> {
        let mut parts = text.split(':');
        let (Some(from), Some(to), mode, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            bail!("\"{text}\" is not FROM:TO[:MODE]");
        };
        let mode = mode
            .map(|mode| u32::from_str_radix(mode, 8))
            .transpose()
            .with_context(|| format!("the mode in \"{text}\" is not octal"))?;
        if !to.starts_with('/') {
            bail!("the target in \"{text}\" must be an absolute path in the image");
        }
        Ok(Self { from, to, mode })
    }
}

impl Recipe {
    /// Reads the recipe of the port `name`.
    pub fn read(project: &Project, name: &str) -> Result<Self> {
        let path = folder(project, name).join("port.toml");
        let Ok(text) = fs::read_to_string(&path) else {
            return Err(Failure::usage(format!(
                "there is no port \"{name}\"; there are: {}",
                names(project).join(", ")
            )));
        };
        let recipe: Self =
            toml::from_str(&text).with_context(|| format!("{} is not a valid recipe", path.display()))?;
        if recipe.name != name {
            bail!("{} names the port \"{}\": name and folder must be equal", path.display(), recipe.name);
        }
        for install in &recipe.install {
            Install::parse(install).with_context(|| format!("in {}", path.display()))?;
        }
        Ok(recipe)
    }
}

/// The names of all ports, in order.
pub fn names(project: &Project) -> Vec<String> {
    let Ok(entries) = fs::read_dir(project.path("ports")) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join("port.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The folder of the port `name` in the project.
pub fn folder(project: &Project, name: &str) -> PathBuf {
    project.path("ports").join(name)
}

/// The staging root of the port `name`, built if it is not current.
pub fn build(project: &Project, name: &str) -> Result<PathBuf> {
    build_at_depth(project, name, 0)
}

fn build_at_depth(project: &Project, name: &str, depth: usize) -> Result<PathBuf> {
    if depth > MAX_DEPTH {
        bail!("the ports that {name} needs go round in a circle");
    }
    let recipe = Recipe::read(project, name)?;
    let needs: Vec<PathBuf> =
        recipe.needs.iter().map(|need| build_at_depth(project, need, depth + 1)).collect::<Result<_>>()?;
    let place = project.build("ports").join(name);
    let out = place.join("root");
    let stamp = place.join("stamp");
    let fingerprint = fingerprint(project, &recipe)?;
    if is_current(&stamp, &fingerprint) {
        return Ok(out);
    }
    toolchain::sysroot(project)?;
    packages::ensure(project, packages::TOOLCHAIN)?;
    packages::ensure_named(project, &recipe.packages)?;
    let step = Step::build(&format!("the port {name} {}", recipe.version));
    run_steps(project, &step, &recipe, &place, &needs)?;
    fs::write(&stamp, fingerprint)?;
    step.done();
    Ok(out)
}

fn fingerprint(project: &Project, recipe: &Recipe) -> Result<String> {
    let mut fingerprint =
        Fingerprint::new("port 1").text(&toolchain::fingerprint(project)?).contents(&folder(project, &recipe.name))?;
    for need in &recipe.needs {
        fingerprint =
            fingerprint.text(&fs::read_to_string(project.build("ports").join(need).join("stamp")).unwrap_or_default());
    }
    Ok(fingerprint.finish())
}

fn run_steps(project: &Project, step: &Step, recipe: &Recipe, place: &Path, needs: &[PathBuf]) -> Result<()> {
    let log = project.log(&recipe.name)?;
    let _ = fs::remove_file(&log);
    let _ = fs::remove_file(place.join("stamp"));
    let port = folder(project, &recipe.name);
    let upstream = Upstream {
        source: recipe.source.clone(),
        version: recipe.version.clone(),
        tarball: recipe.tarball.clone(),
        sha256: recipe.sha256.clone(),
    };
    let tarball = sources::fetch(project, step, &upstream)?;
    let source = place.join("src");
    sources::unpack(step, &log, &tarball, &source, &port.join("patches"))?;
    let out = fresh(&place.join("root"))?;
    let deps = fresh(&place.join("deps"))?;
    for need in needs {
        run_logged(step, &log, Command::new("cp").args(["-a", "-T"]).arg(need).arg(&deps))?;
    }
    let bin = project.sysroot().join("bin");
    for build in &recipe.step {
        step.note(&build.name);
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", &build.run]).current_dir(&source);
        shell
            .env("CC", bin.join("exo-musl-gcc"))
            .env("AR", bin.join("exo-musl-ar"))
            .env("RANLIB", bin.join("exo-musl-ranlib"));
        shell
            .env("SYSROOT", project.sysroot())
            .env("SRC", &source)
            .env("PORT", &port)
            .env("OUT", &out)
            .env("DEPS", &deps)
            .env("J", jobs());
        // A make above this one (a test run under make) must not hand its options down.
        shell.env_remove("MAKEFLAGS").env_remove("CFLAGS").env_remove("LDFLAGS").env_remove("CARGO_TARGET_DIR");
        run_logged(step, &log, &mut shell)
            .with_context(|| format!("the step \"{}\" of the port {} failed", build.name, recipe.name))?;
    }
    for install in &recipe.install {
        install_one(&Install::parse(install)?, &source, &out)
            .with_context(|| format!("cannot install \"{install}\" of the port {}", recipe.name))?;
    }
    for (link, target) in &recipe.links {
        let link = below(&out, link);
        fs::create_dir_all(link.parent().unwrap_or(&out))?;
        symlink(target, &link).with_context(|| format!("cannot link {}", link.display()))?;
    }
    Ok(())
}

fn install_one(install: &Install<'_>, source: &Path, out: &Path) -> Result<()> {
    let from = source.join(install.from);
    let to = below(out, install.to);
    fs::create_dir_all(to.parent().unwrap_or(out))?;
    let status = Command::new("cp").args(["-a", "-T"]).arg(&from).arg(&to).status()?;
    if !status.success() {
        bail!("{} cannot be copied", from.display());
    }
    if let Some(mode) = install.mode {
        fs::set_permissions(&to, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

fn fresh(folder: &Path) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    Ok(folder.to_owned())
}

/// The place of an absolute guest path below `root`.
fn below(root: &Path, guest: &str) -> PathBuf {
    root.join(guest.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn install_lines_take_an_optional_octal_mode() -> Result<()> {
        assert_eq!(Install::parse("a/b:/bin/b:4755")?, Install { from: "a/b", to: "/bin/b", mode: Some(0o4755) });
        assert_eq!(Install::parse("b:/bin/b")?.mode, None);
        assert!(Install::parse("b:bin/b").is_err());
        assert!(Install::parse("b").is_err());
        assert!(Install::parse("b:/b:9").is_err());
        Ok(())
    }

    #[test]
    fn a_recipe_with_an_unknown_key_is_refused() {
        let text = "name='a'\nsource='a'\nversion='1'\ntarball='t'\nsha256='0'\ncolour='red'\n";
        assert!(toml::from_str::<Recipe>(text).is_err());
    }
}
