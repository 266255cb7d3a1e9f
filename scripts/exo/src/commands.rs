//! The subcommands: each prepares what it needs, under the build lock, and then acts.

use crate::cli::{Cli, Command, CompilerOptions, IsoOptions, PortOptions, RunOptions};
use crate::failure::{self, Failure};
use crate::image::base;
use crate::image::job::Job;
use crate::image::overlay::{Overlay, guest_path};
use crate::kernel::{self, Flavour, Kernel};
use crate::port::{self, Recipe};
use crate::project::Project;
use crate::setup::packages;
use crate::terminal;
use crate::ui::Step;
use crate::vm::machine::{Boot, Console, Machine};
use crate::vm::process::LogEcho;
use crate::vm::{program, shell};
use crate::{debug, docs, doctor, test, toolchain};
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

/// Carries out a command; gives the exit code.
pub fn dispatch(cli: Cli) -> Result<u8> {
    if matches!(cli.command, Command::TerminalGuard) {
        return terminal::helper_main().map(|()| 0);
    }
    let project = Project::find()?;
    match cli.command {
        Command::Run(options) => run(&project, &options),
        Command::Cc(options) => cc(&project, options),
        Command::Sysroot => {
            println!("{}", locked(&project, toolchain::sysroot)?.display());
            Ok(0)
        }
        Command::Build => locked(&project, build),
        Command::Iso(options) => locked(&project, |project| iso(project, &options)),
        Command::Port(options) => locked(&project, |project| port(project, &options)),
        Command::Test(options) => test::run(&project, options.fast.into()),
        Command::Debug(options) => debug::run(&project, &options),
        Command::Docs(options) => docs::run(&project, options.check.into()),
        Command::Doctor => doctor::run(&project),
        Command::Clean => locked(&project, clean),
        Command::TerminalGuard => Ok(0),
    }
}

/// A program to run: its arguments as the guest sees them, and the host file behind the first, if there is one.
pub struct Program {
    /// Path in the guest, and arguments.
    pub arguments: Vec<String>,
    /// The file that the image must get.
    pub host: Option<PathBuf>,
}

impl Program {
    /// Finds what the user means by `words`: a C file is compiled.
    pub fn resolve(project: &Project, words: &[String], options: &[&str]) -> Result<Self> {
        let Some((name, rest)) = words.split_first() else { return Err(Failure::usage("name a program")) };
        let path = Path::new(name);
        if path.extension().is_some_and(|extension| extension == "c") {
            let host = compile(project, path, options)?;
            let stem = host.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(Self::new(format!("{}/{stem}", base::HOST_FOLDER), rest, Some(host)));
        }
        let in_image = path.is_absolute() && base::contains(project, name);
        if in_image || !path.is_file() {
            if name.contains('/') && !path.is_absolute() {
                return Err(Failure::usage(format!("there is no {name} on this machine")));
            }
            return Ok(Self::new(name.clone(), rest, None));
        }
        if path.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o111 == 0) {
            return Err(Failure::usage(format!("{name} is not executable: chmod +x it, or name a C file")));
        }
        Ok(Self::new(guest_path(path)?, rest, Some(path.to_owned())))
    }

    fn new(guest: String, rest: &[String], host: Option<PathBuf>) -> Self {
        Self { arguments: std::iter::once(guest).chain(rest.iter().cloned()).collect(), host }
    }
}

fn locked<T>(project: &Project, action: impl FnOnce(&Project) -> Result<T>) -> Result<T> {
    let _lock = project.lock()?;
    action(project)
}

fn run(project: &Project, options: &RunOptions) -> Result<u8> {
    let machine = options.machine.machine();
    let echo = if options.verbose { LogEcho::Stderr } else { LogEcho::Off };
    let scratch = program::scratch_folder()?;
    let initrd = scratch.path().join("initrd");
    let lock = project.lock()?;
    packages::ensure(project, packages::QEMU)?;
    if machine.boot == Boot::Iso {
        packages::ensure(project, packages::ISO)?;
    }
    let kernel = Kernel::build(project, Flavour::Product)?;
    fs::create_dir_all(project.build("run"))?;
    let log = project.build("run/kernel.log");
    if let Some(foreign) = &options.initrd {
        if !foreign.is_file() {
            return Err(Failure::usage(format!("--initrd: there is no {}", foreign.display())));
        }
        drop(lock);
        let words = machine.with_appended("console=ttyS0 log=ttyS1");
        let command =
            machine.command(project, &kernel.elf, Some(foreign), &words, Console::Terminal, scratch.path())?;
        return shell::run(command, scratch.path(), &log, echo, options.timeout);
    }
    let console = if options.program.is_empty() { Console::Terminal } else { Console::Channels };
    prepare_image(project, options, &initrd).map_err(|error| match failure::exit_code(&error) {
        1 => error.context(Failure::vm("the image could not be made")),
        _ => error,
    })?;
    drop(lock);
    let words = machine.kernel_words(console);
    let command = machine.command(project, &kernel.elf, Some(&initrd), &words, console, scratch.path())?;
    match console {
        Console::Terminal => shell::run(command, scratch.path(), &log, echo, options.timeout),
        Console::Channels => program::run(command, scratch.path(), &log, echo, options.timeout),
    }
}

fn prepare_image(project: &Project, options: &RunOptions, initrd: &Path) -> Result<()> {
    let (mut job, host) = if options.program.is_empty() {
        let (rows, columns) = terminal::size();
        (Job::shell(rows, columns), None)
    } else {
        let program = Program::resolve(project, &options.program, &[])?;
        (
            Job::program(&program.arguments, base::HOST_FOLDER),
            program.host.map(|host| (host, program.arguments[0].clone())),
        )
    };
    if let Some(terminal) = std::env::var("TERM").ok().filter(|name| !name.is_empty()) {
        job.env(&format!("TERM={terminal}"));
    }
    for variable in &options.env {
        job.env(variable);
    }
    if let Some(uid) = options.uid {
        job.user(uid);
    }
    let mut overlay = Overlay::new(project, &job)?;
    for with in &options.with {
        overlay.add_with(with)?;
    }
    if let Some((host, guest)) = host {
        overlay.add(&host, &guest)?;
    }
    overlay.write(initrd)
}

/// Compiles a C file into `build/run/`.
fn compile(project: &Project, source: &Path, options: &[&str]) -> Result<PathBuf> {
    if !source.is_file() {
        return Err(Failure::usage(format!("there is no {}", source.display())));
    }
    let out = project.build("run").join(source.file_stem().unwrap_or_default());
    let options: Vec<&str> = options.iter().chain(&["-pthread"]).copied().collect();
    if !toolchain::compile_static(project, &[source], &[&options[..], &["-lm"]].concat(), &out)? {
        return Err(Failure::vm(format!("{} does not compile", source.display())));
    }
    Ok(out)
}

fn cc(project: &Project, options: CompilerOptions) -> Result<u8> {
    locked(project, toolchain::sysroot)?;
    let error = std::process::Command::new(project.cc()).args(options.arguments).exec();
    Err(error).context("cannot start exo-musl-gcc")
}

fn build(project: &Project) -> Result<u8> {
    Kernel::build(project, Flavour::Product)?;
    toolchain::sysroot(project)?;
    base::archive(project)?;
    Ok(0)
}

fn iso(project: &Project, options: &IsoOptions) -> Result<u8> {
    packages::ensure(project, packages::ISO)?;
    let kernel = Kernel::build(project, Flavour::Product)?;
    let scratch = program::scratch_folder()?;
    let initrd = scratch.path().join("initrd");
    Overlay::new(project, &Job::shell(24, 80))?.write(&initrd)?;
    let iso = project.build("exo-os.iso");
    let machine = Machine { append: options.append.clone(), ..Machine::default() };
    let step = Step::build("build/exo-os.iso");
    kernel::make_iso(project, &kernel.elf, Some(&initrd), &machine.kernel_words(Console::Terminal), &iso)?;
    step.done();
    Ok(0)
}

fn port(project: &Project, options: &PortOptions) -> Result<u8> {
    let Some(name) = &options.name else {
        for name in port::names(project) {
            println!("{name:16} {}", Recipe::read(project, &name)?.summary);
        }
        return Ok(0);
    };
    println!("{}", port::build(project, name)?.display());
    Ok(0)
}

fn clean(project: &Project) -> Result<u8> {
    for folder in
        [project.build(""), project.cargo_target("kernel"), project.cargo_target("test"), project.cargo_target("loom")]
    {
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
    }
    Ok(0)
}
