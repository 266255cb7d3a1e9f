//! `exo debug`: the VM waits, gdb is attached with the symbols of the kernel and of the program.

use crate::cli::DebugOptions;
use crate::commands::Program;
use crate::image::base;
use crate::image::job::Job;
use crate::image::overlay::Overlay;
use crate::kernel::{Flavour, Kernel};
use crate::project::Project;
use crate::setup::packages;
use crate::vm::machine::{CHANNEL_SOCKETS, Console};
use crate::vm::process::{LogEcho, Sockets, Vm};
use crate::vm::program::scratch_folder;
use anyhow::{Context, Result};
use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::channel;

/// Runs gdb to its end; gives its exit code.
pub fn run(project: &Project, options: &DebugOptions) -> Result<u8> {
    let lock = project.lock()?;
    packages::ensure(project, packages::QEMU)?;
    packages::ensure(project, packages::DEBUG)?;
    let kernel = Kernel::build(project, Flavour::Product)?;
    let scratch = scratch_folder()?;
    let initrd = scratch.path().join("initrd");
    let program = write_image(project, options, &initrd)?;
    drop(lock);

    let machine = options.machine.machine();
    let stub = scratch.path().join("gdb");
    let words = machine.kernel_words(Console::Channels);
    let mut qemu = machine.command(project, &kernel.elf, Some(&initrd), &words, Console::Channels, scratch.path())?;
    qemu.arg("-S").arg("-gdb").arg(format!("unix:{},server=on,wait=off", stub.display()));
    // `^C` is for gdb, which stops the guest by it; QEMU must not get it.
    qemu.process_group(0);
    let (sender, _events) = channel();
    let sockets = Sockets::listen(scratch.path(), &CHANNEL_SOCKETS)?;
    fs::create_dir_all(project.build("run"))?;
    let (_vm, streams) = Vm::start(qemu, &sockets, &project.build("run/kernel.log"), LogEcho::Off, &sender)?;
    for (number, stream) in streams.into_iter().enumerate() {
        std::thread::spawn(move || match number {
            0 => std::io::copy(&mut &stream, &mut std::io::stdout()),
            1 => std::io::copy(&mut &stream, &mut std::io::stderr()),
            _ => std::io::copy(&mut &stream, &mut std::io::sink()),
        });
    }

    let mut gdb = Command::new("gdb");
    gdb.arg("-q").arg("-ex").arg("set pagination off").arg("-ex").arg("set confirm off");
    gdb.arg("-ex").arg(format!("file {}", kernel.debug.display()));
    if let Some(program) = program {
        gdb.arg("-ex").arg(format!("add-symbol-file {}", program.display()));
    }
    gdb.arg("-ex").arg(format!("target remote {}", stub.display()));
    for command in &options.eval {
        gdb.arg("-ex").arg(command);
    }
    if !options.eval.is_empty() {
        gdb.arg("-batch");
    }
    let status = interruptible(&mut gdb)?;
    std::io::stdout().flush()?;
    Ok(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}

/// Waits for gdb with `^C` left to it alone.
fn interruptible(gdb: &mut Command) -> Result<std::process::ExitStatus> {
    let ignored = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let id = signal_hook::flag::register(signal_hook::consts::SIGINT, ignored)?;
    let status = gdb.status().context("cannot start gdb");
    signal_hook::low_level::unregister(id);
    status
}

fn write_image(project: &Project, options: &DebugOptions, initrd: &std::path::Path) -> Result<Option<PathBuf>> {
    let words = if options.program.is_empty() { vec!["/bin/sh".to_owned()] } else { options.program.clone() };
    let program = Program::resolve(project, &words, &["-g", "-O0"])?;
    let mut overlay = Overlay::new(project, &Job::program(&program.arguments, base::HOST_FOLDER))?;
    for with in &options.with {
        overlay.add_with(with)?;
    }
    if let Some(host) = &program.host {
        overlay.add(host, &program.arguments[0])?;
    }
    overlay.write(initrd)?;
    Ok(program.host)
}
