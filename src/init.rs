//! The first process: devices, the console as its descriptors 0 to 2, then the program that the command line names.

use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::flags::OpenFlags;
use abi::{Errno, Result};
use kernel::files::CloseOnExec;
use kernel::task;
use kernel::vfs::{self, LookupContext, OpenHow};
use kernel_arch::{boot, power};
use kernel_core::cmdline::CommandLine;

/// Where init is looked for when the command line names none.
const DEFAULT_PATHS: [&str; 5] = ["/init", "/sbin/init", "/etc/init", "/bin/init", "/bin/sh"];
const DEFAULT_ENVIRONMENT: [&str; 2] = ["HOME=/", "TERM=linux"];

/// Body of the first process.
pub fn start(_: usize) {
    kernel::dev::init().expect("the device file system takes its first nodes");
    #[cfg(feature = "ktest")]
    if boot::flag("exo.test") {
        kernel_arch::ktest::run(kernel::tests::TESTS);
        kernel_arch::ktest::finish();
    }
    if let Err(error) = open_console() {
        log::warn!("no console for init: {error:?}");
    }
    let line = CommandLine::new(boot::info().cmdline);
    match line.init() {
        Some(path) => {
            let error = run(path, &line);
            refuse(format_args!("init={path} does not start: {error:?}"));
        }
        None => {
            for path in DEFAULT_PATHS {
                let error = run(path, &line);
                if error != Errno::ENOENT {
                    log::error!("{path} does not start: {error:?}");
                }
            }
            refuse(format_args!("no init found: give one by init= or in the initrd"));
        }
    }
}

/// Says why there is nothing to run, and stops the machine.
fn refuse(why: core::fmt::Arguments<'_>) -> ! {
    log::error!("{why}");
    power::debug_exit(power::EXIT_PANIC);
    power::off()
}

/// Runs the program; why it cannot.
fn run(path: &str, line: &CommandLine<'_>) -> Errno {
    let mut argv: Vec<&[u8]> = Vec::new();
    argv.push(path.as_bytes());
    argv.extend(line.init_arguments().map(str::as_bytes));
    let names = |variable: &str, other: &str| other.split('=').next() == variable.split('=').next();
    let mut envp: Vec<&[u8]> = DEFAULT_ENVIRONMENT
        .into_iter()
        .filter(|default| !line.init_environment().any(|given| names(default, given)))
        .map(str::as_bytes)
        .collect();
    envp.extend(line.init_environment().map(str::as_bytes));
    match posix_x::exec::run_init(path.as_bytes(), &argv, &envp) {
        Err(error) => error,
        Ok(never) => match never {},
    }
}

fn open_console() -> Result<()> {
    let me = task::current();
    let root = vfs::root();
    let context = LookupContext { root: root.clone(), cwd: root.clone(), credentials: me.credentials() };
    let how = OpenHow { flags: OpenFlags::RDWR, mode: 0 };
    let console = vfs::open_at(&context, &root, b"/dev/console", how)?;
    let files = me.files();
    for _ in 0..3 {
        files.insert_file(Arc::clone(&console), CloseOnExec::No)?;
    }
    Ok(())
}
