//! The command line: subcommands, options, and the help texts.

use crate::vm::machine::{Accel, Boot, Clock, Machine, Window};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

const EXIT_CODES: &str = "Exit codes:
  0    success
  1    a build or a test failed
  2    the command line or the machine's set-up is at fault; the message says what to do
  N    `run`: the program's own exit status; 128+N when signal N killed it
  124  `run`: --timeout was reached
  125  `run`: the kernel panicked; the backtrace is on stderr
  126  `run`: build, image or VM failure, or the program could not be executed
  127  `run`: there is no such program in the image

The first command sets the machine up; what is missing and how to mend it says `exo doctor`.
EXO_CORE=installed|debian chooses where the kernel's `core` comes from.";

/// Builds Exo-OS and its C toolchain, and runs unmodified C programs on it.
#[derive(Debug, Parser)]
#[command(name = "exo", version, after_help = EXIT_CODES, disable_help_subcommand = false)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a program on Exo-OS; without one, a shell
    Run(RunOptions),
    /// Call the C compiler for Exo-OS programs (gcc's options)
    Cc(CompilerOptions),
    /// Print the path of the musl sysroot, building it if needed
    Sysroot,
    /// Build the kernel, the toolchain and the base image
    Build,
    /// Build build/exo-os.iso, bootable through GRUB
    Iso(IsoOptions),
    /// Build a port, or list the ports
    Port(PortOptions),
    /// Run every test; the last line is `N passed, N failed`
    Test(TestOptions),
    /// Run a program with gdb attached to the kernel
    Debug(DebugOptions),
    /// Write docs/syscalls.md from the system-call table
    Docs(DocsOptions),
    /// Say what this machine has, what it lacks, and how to mend that
    Doctor,
    /// Remove everything that was built
    Clean,
    #[command(name = crate::terminal::HELPER, hide = true)]
    TerminalGuard,
}

/// The machine that a program runs on.
#[derive(Debug, Args)]
pub struct MachineOptions {
    /// Boot from a GRUB ISO instead of letting QEMU load the kernel
    #[arg(long)]
    pub iso: bool,
    /// Number of CPUs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=32))]
    pub smp: u32,
    /// Size of memory
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = parse_memory)]
    pub mem: String,
    /// CPU model, by QEMU's name
    #[arg(long, value_name = "MODEL", default_value = "max")]
    pub cpu: String,
    /// How the CPU is run
    #[arg(long, value_enum, default_value_t = Accel::Auto)]
    pub accel: Accel,
    /// Let the clock count executed instructions, for exact measurements (one CPU)
    #[arg(long, conflicts_with = "smp")]
    pub icount: bool,
    /// Open a window with the VGA screen
    #[arg(long)]
    pub display: bool,
    /// More words for the kernel's command line
    #[arg(long, value_name = "STR", allow_hyphen_values = true)]
    pub append: Vec<String>,
}

impl MachineOptions {
    /// The machine that they describe.
    pub fn machine(&self) -> Machine {
        Machine {
            accel: if self.icount { Accel::Tcg } else { self.accel },
            cpu: self.cpu.clone(),
            smp: self.smp,
            memory: self.mem.clone(),
            clock: if self.icount { Clock::Instructions } else { Clock::Time },
            boot: if self.iso { Boot::Iso } else { Boot::Direct },
            window: if self.display { Window::Shown } else { Window::Hidden },
            append: self.append.clone(),
        }
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "PROG may be a C file (compiled as a static program), a program or script of this machine, or one in the image.\n\
An absolute path means the image's file where it has one. The program finds this folder's files that --with named in /host.\n\
The kernel's log goes to build/run/kernel.log. In the shell, `exit`, `poweroff` and Ctrl-A X leave."
)]
pub struct RunOptions {
    /// Add a file or folder of this machine: relative paths below /host, absolute ones at the same place, HOST:GUEST anywhere
    #[arg(long, value_name = "PATH", num_args = 1)]
    pub with: Vec<String>,
    /// Set a variable of the program's environment
    #[arg(long, value_name = "K=V", value_parser = parse_variable)]
    pub env: Vec<String>,
    /// Run the program as this user (and the group of the same number)
    #[arg(long, value_name = "N")]
    pub uid: Option<u32>,
    /// Give up after S seconds
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    pub timeout: Option<Duration>,
    /// Boot this initramfs, with its own init, instead of the project's image
    #[arg(long, value_name = "FILE", conflicts_with_all = ["with", "env", "uid", "program"])]
    pub initrd: Option<PathBuf>,
    /// Show the kernel's log on stderr
    #[arg(short, long)]
    pub verbose: bool,
    #[command(flatten)]
    pub machine: MachineOptions,
    /// The program and its arguments
    #[arg(value_name = "PROG", trailing_var_arg = true, allow_hyphen_values = true)]
    pub program: Vec<String>,
}

#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct CompilerOptions {
    /// gcc's options and files
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<std::ffi::OsString>,
}

#[derive(Debug, Args)]
pub struct IsoOptions {
    /// More words for the kernel's command line
    #[arg(long, value_name = "STR", allow_hyphen_values = true)]
    pub append: Vec<String>,
}

#[derive(Debug, Args)]
pub struct PortOptions {
    /// The port; without it, the ports are listed
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct TestOptions {
    /// Only the host's tests and one VM
    #[arg(long)]
    pub fast: bool,
}

#[derive(Debug, Args)]
pub struct DebugOptions {
    /// Run this gdb command and end (repeated; without it, gdb is interactive)
    #[arg(long, value_name = "COMMAND")]
    pub eval: Vec<String>,
    /// Add a file or folder of this machine, as `run` does
    #[arg(long, value_name = "PATH", num_args = 1)]
    pub with: Vec<String>,
    #[command(flatten)]
    pub machine: MachineOptions,
    /// The program and its arguments
    #[arg(value_name = "PROG", trailing_var_arg = true, allow_hyphen_values = true)]
    pub program: Vec<String>,
}

#[derive(Debug, Args)]
pub struct DocsOptions {
    /// Write nothing; fail when the file is stale
    #[arg(long)]
    pub check: bool,
}

fn parse_variable(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((key, _)) if !key.is_empty() => Ok(text.to_owned()),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|&seconds: &f64| seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "write a number of seconds above 0".to_owned())
}

fn parse_memory(text: &str) -> Result<String, String> {
    let digits = text.trim_end_matches(['M', 'G', 'm', 'g']);
    let valid = text.len() - digits.len() <= 1 && digits.parse::<u32>().is_ok_and(|size| size > 0);
    if valid { Ok(text.to_owned()) } else { Err("write a size such as 256M or 2G".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_options(words: &[&str]) -> RunOptions {
        match Cli::try_parse_from(["exo", "run"].iter().chain(words)).unwrap().command {
            Command::Run(options) => options,
            other => panic!("not run: {other:?}"),
        }
    }

    #[test]
    fn what_follows_the_program_is_the_programs() {
        let options = run_options(&["--smp", "2", "prog.c", "--smp", "3", "-v"]);
        assert_eq!(options.machine.smp, 2);
        assert_eq!(options.program, ["prog.c", "--smp", "3", "-v"]);
        assert!(!options.verbose);
    }

    #[test]
    fn without_a_program_there_is_none() {
        assert!(run_options(&["-v"]).program.is_empty());
    }

    #[test]
    fn with_and_env_may_be_repeated() {
        let options = run_options(&["--with", "a", "--with", "b:/c", "--env", "K=V", "p"]);
        assert_eq!(options.with, ["a", "b:/c"]);
        assert_eq!(options.env, ["K=V"]);
    }

    #[test]
    fn bad_values_are_refused() {
        for words in [
            ["--mem", "much"],
            ["--mem", "1KM"],
            ["--smp", "0"],
            ["--env", "=x"],
            ["--timeout", "-1"],
            ["--accel", "hvf"],
        ] {
            assert!(Cli::try_parse_from(["exo", "run"].iter().chain(&words)).is_err(), "{words:?}");
        }
    }

    #[test]
    fn the_compiler_gets_every_option() {
        match Cli::try_parse_from(["exo", "cc", "-O2", "--help", "-v", "x.c"]).unwrap().command {
            Command::Cc(options) => assert_eq!(options.arguments, ["-O2", "--help", "-v", "x.c"]),
            other => panic!("not cc: {other:?}"),
        }
    }
}
