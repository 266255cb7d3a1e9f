//! The machine as the options describe it, and the QEMU command line for it.

use crate::image::base::INIT;
use crate::kernel;
use crate::project::Project;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How the CPU is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Accel {
    /// KVM where the CPU offers it and /dev/kvm may be used, else TCG.
    Auto,
    /// Emulation.
    Tcg,
    /// Hardware virtualisation.
    Kvm,
}

impl Accel {
    fn name(self) -> &'static str {
        match self {
            Self::Tcg => "tcg",
            Self::Kvm => "kvm",
            Self::Auto if kvm_is_usable() => "kvm",
            Self::Auto => "tcg",
        }
    }
}

/// How the kernel is brought into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boot {
    /// QEMU loads it itself (PVH).
    Direct,
    /// GRUB loads it from an ISO (Multiboot2).
    Iso,
}

/// What the first serial port is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Console {
    /// Nothing: the job speaks over the virtio consoles.
    Channels,
    /// The terminal that the tool was called from.
    Terminal,
}

/// A machine.
#[derive(Debug, Clone)]
pub struct Machine {
    /// How the CPU is run.
    pub accel: Accel,
    /// QEMU's name of the CPU model.
    pub cpu: String,
    /// Number of CPUs.
    pub smp: u32,
    /// Size of memory, as QEMU takes it ("256M").
    pub memory: String,
    /// What the machine's clock counts.
    pub clock: Clock,
    /// How the kernel is loaded.
    pub boot: Boot,
    /// Whether a window shows the VGA screen.
    pub window: Window,
    /// More words for the kernel's command line.
    pub append: Vec<String>,
}

/// What the machine's clock counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Host time.
    Time,
    /// Executed instructions, one a nanosecond: runs repeat exactly.
    Instructions,
}

/// Whether a window shows the VGA screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// None.
    Hidden,
    /// QEMU's default one.
    Shown,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            accel: Accel::Auto,
            cpu: "max".to_owned(),
            smp: 1,
            memory: "256M".to_owned(),
            clock: Clock::Time,
            boot: Boot::Direct,
            window: Window::Hidden,
            append: Vec::new(),
        }
    }
}

/// Names of the sockets that [`Machine::command`] makes QEMU connect to, in the scratch folder.
pub const LOG_SOCKET: &str = "log";
/// The three channels of a job, in the order in which the kernel numbers them.
pub const CHANNEL_SOCKETS: [&str; 3] = ["data", "errors", "control"];

impl Machine {
    /// The kernel's command line for the tool's own init.
    pub fn kernel_words(&self, console: Console) -> String {
        let device = match console {
            Console::Channels => "ttyS1",
            Console::Terminal => "ttyS0",
        };
        self.with_appended(&format!("console={device} log=ttyS1 init={INIT}"))
    }

    /// `words` and those that the user added.
    pub fn with_appended(&self, words: &str) -> String {
        let mut line = words.to_owned();
        for word in &self.append {
            line.push(' ');
            line.push_str(word);
        }
        line
    }

    /// QEMU's command line. Sockets and a temporary ISO lie in `scratch`.
    pub fn command(
        &self,
        project: &Project,
        elf: &Path,
        initrd: Option<&Path>,
        words: &str,
        console: Console,
        scratch: &Path,
    ) -> Result<Command> {
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-nodefaults", "-no-reboot", "-machine", "pc", "-vga", "std"]);
        qemu.args(["-accel", self.accel.name(), "-cpu", &self.cpu, "-smp", &self.smp.to_string(), "-m", &self.memory]);
        qemu.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]);
        if self.clock == Clock::Instructions {
            qemu.args(["-icount", "shift=0,sleep=off,align=off"]);
        }
        if self.window == Window::Hidden {
            qemu.args(["-display", "none"]);
        }
        match self.boot {
            Boot::Direct => {
                qemu.arg("-kernel").arg(elf).arg("-append").arg(words);
                if let Some(initrd) = initrd {
                    qemu.arg("-initrd").arg(initrd);
                }
            }
            Boot::Iso => {
                let iso: PathBuf = scratch.join("boot.iso");
                kernel::make_iso(project, elf, initrd, words, &iso)?;
                qemu.arg("-boot").arg("d").arg("-cdrom").arg(iso);
            }
        }
        match console {
            Console::Channels => qemu.args(["-serial", "null"]),
            Console::Terminal => qemu.args(["-serial", "mon:stdio"]),
        };
        socket(&mut qemu, LOG_SOCKET, scratch)?;
        qemu.args(["-serial", &format!("chardev:{LOG_SOCKET}")]);
        if console == Console::Channels {
            for (number, name) in CHANNEL_SOCKETS.iter().enumerate() {
                socket(&mut qemu, name, scratch)?;
                qemu.args(["-device", &format!("virtio-serial-pci,id=vs{number},max_ports=2")]);
                qemu.args(["-device", &format!("virtserialport,nr=1,bus=vs{number}.0,chardev={name}")]);
            }
        }
        Ok(qemu)
    }
}

fn socket(qemu: &mut Command, name: &str, scratch: &Path) -> Result<()> {
    let path = scratch.join(name);
    let path = path.to_str().context("the folder for temporary files has a name that is not UTF-8")?;
    // QEMU reads a doubled comma as one.
    qemu.args(["-chardev", &format!("socket,id={name},path={}", path.replace(',', ",,"))]);
    Ok(())
}

/// The CPU's word is asked, not only the device node: nested machines have shown one without the other.
fn kvm_is_usable() -> bool {
    let flags = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let offered = flags
        .lines()
        .filter(|line| line.starts_with("flags"))
        .any(|line| line.split_whitespace().any(|flag| flag == "svm" || flag == "vmx"));
    offered && fs::File::options().read(true).write(true).open("/dev/kvm").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_and_shell_differ_in_their_console() {
        let machine = Machine { append: vec!["debug".into()], ..Machine::default() };
        assert_eq!(machine.kernel_words(Console::Channels), "console=ttyS1 log=ttyS1 init=/sbin/exo-init debug");
        assert_eq!(machine.kernel_words(Console::Terminal), "console=ttyS0 log=ttyS1 init=/sbin/exo-init debug");
    }

    #[test]
    fn the_channels_come_in_the_kernels_order() -> Result<()> {
        let project = Project::find()?;
        let command =
            Machine::default().command(&project, Path::new("k"), None, "w", Console::Channels, Path::new("/s"))?;
        let words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let place = |text: &str| words.iter().position(|word| word.ends_with(text));
        assert!(place("chardev=data") < place("chardev=errors"));
        assert!(place("chardev=errors") < place("chardev=control"));
        Ok(())
    }
}
