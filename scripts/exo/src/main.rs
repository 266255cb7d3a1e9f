//! `exo`, the host tool: sets the machine up, builds the kernel and its C toolchain, and runs programs in the VM.
//!
//! Layers, top to bottom; nothing points up:
//!
//! ```text
//! main, cli                    options, and one function for each command
//! commands, doctor, debug, test
//! vm                           one QEMU process, its channels, what became of the job
//! image                        cpio, job file, what goes into the initramfs
//! kernel, toolchain, port      things that are built once and cached by a fingerprint
//! setup                        Debian packages, source packages, `core` for the bare-metal target
//! project, process, ui         folders, child processes with logs, progress lines, exit codes
//! ```

mod cli;
mod commands;
mod debug;
mod docs;
mod doctor;
mod failure;
mod fingerprint;
mod image;
mod kernel;
mod ksyms;
mod port;
mod process;
mod project;
mod setup;
mod terminal;
mod test;
mod toolchain;
mod ui;
mod vm;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
    match commands::dispatch(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("exo: {error:#}");
            ExitCode::from(failure::exit_code(&error))
        }
    }
}
