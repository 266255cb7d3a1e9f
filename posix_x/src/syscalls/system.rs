//! The system as a whole: its names, its state, its end.

use abi::flags::RandomFlags;
use abi::types::{SysInfo, UtsName};
use abi::{Errno, Result, UserAddr, UserPtr, UserStr, raw};
use kernel::credentials::Capability;
use kernel::uts::{self, MAX_NAME, Name, Settable};
use kernel::time::Duration;
use kernel::tty::input;
use kernel::{random, sched, task, time};
use kernel_arch::{cpu, power};
use zerocopy::FromZeros;

use crate::context::{Fast, FastError, Hybrid, Legacy};
use crate::user::{self, UserStruct};

/// How long terminals get to send what was written before the machine stops.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// uname(2).
pub fn uname(_: &Hybrid<'_>, name: UserPtr<UtsName>) -> Result<usize> {
    let mut names = UtsName::new_zeroed();
    let fill = |field: &mut [u8; UtsName::FIELD], text: &[u8]| field[..text.len()].copy_from_slice(text);
    fill(&mut names.sysname, uts::SYSNAME.as_bytes());
    fill(&mut names.nodename, uts::HOSTNAME.get().as_bytes());
    fill(&mut names.release, uts::RELEASE.as_bytes());
    fill(&mut names.version, uts::VERSION.as_bytes());
    fill(&mut names.machine, uts::MACHINE.as_bytes());
    fill(&mut names.domainname, uts::DOMAINNAME.get().as_bytes());
    name.put(&names)?;
    Ok(0)
}

/// sethostname(2).
pub fn sethostname(ctx: &Hybrid<'_>, name: UserAddr, len: i32) -> Result<usize> {
    set_name(ctx, &uts::HOSTNAME, name, len)
}

/// setdomainname(2).
pub fn setdomainname(ctx: &Hybrid<'_>, name: UserAddr, len: i32) -> Result<usize> {
    set_name(ctx, &uts::DOMAINNAME, name, len)
}

/// sysinfo(2).
pub fn sysinfo(_: &Hybrid<'_>, info: UserPtr<SysInfo>) -> Result<usize> {
    let frames = kernel::mm::frame_stats();
    let bytes = |frames: usize| frames as u64 * kernel_core::addr::PAGE_SIZE_U64;
    info.put(&SysInfo {
        uptime: (time::now().as_nanos() / 1_000_000_000) as i64,
        loads: sched::load_average(),
        totalram: bytes(frames.total),
        freeram: bytes(frames.free),
        procs: u16::try_from(task::thread_count()).unwrap_or(u16::MAX),
        mem_unit: 1,
        ..SysInfo::default()
    })?;
    Ok(0)
}

/// getrandom(2): the generator is seeded before the first program runs, so that no flag makes it wait.
pub fn getrandom(ctx: &Hybrid<'_>, buf: UserAddr, count: usize, flags: u32) -> Result<usize> {
    let flags = RandomFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    if flags.contains(RandomFlags::RANDOM | RandomFlags::INSECURE) {
        return Err(Errno::EINVAL);
    }
    let count = count.min(i32::MAX as usize);
    let mut chunk = [0; 256];
    let mut done = 0;
    while done < count {
        let part = &mut chunk[..(count - done).min(256)];
        random::fill(part);
        let to = buf.checked_add(done as u64).ok_or(Errno::EFAULT)?;
        match user::write_bytes(to, part) {
            Err(errno) if done == 0 => return Err(errno),
            Err(_) => break,
            Ok(()) => done += part.len(),
        }
        if done >= 4096 && ctx.task().signal_pending() {
            break;
        }
    }
    Ok(done)
}

/// getcpu(2): this machine has one node.
pub fn getcpu(ctx: &Fast<'_>, cpu: UserPtr<u32>, node: UserPtr<u32>) -> Result<usize, FastError> {
    if let Some(cpu) = cpu.non_null() {
        ctx.write(cpu, cpu::id() as u32)?;
    }
    if let Some(node) = node.non_null() {
        ctx.write(node, 0_u32)?;
    }
    Ok(0)
}

/// getcpu(2) when a page is not present.
pub fn getcpu_faulting(_: &Hybrid<'_>, cpu: UserPtr<u32>, node: UserPtr<u32>) -> Result<usize> {
    if let Some(cpu) = cpu.non_null() {
        cpu.put(&(cpu::id() as u32))?;
    }
    if let Some(node) = node.non_null() {
        node.put(&0)?;
    }
    Ok(0)
}

/// reboot(2).
pub fn reboot(ctx: &mut Legacy<'_>, magic1: u32, magic2: u32, command: u32, _argument: UserStr) -> Result<usize> {
    use raw::general::{
        LINUX_REBOOT_CMD_CAD_OFF, LINUX_REBOOT_CMD_HALT, LINUX_REBOOT_CMD_POWER_OFF, LINUX_REBOOT_CMD_RESTART,
        LINUX_REBOOT_CMD_RESTART2, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_MAGIC2A, LINUX_REBOOT_MAGIC2B,
        LINUX_REBOOT_MAGIC2C,
    };
    ctx.task().credentials().require(Capability::SysBoot)?;
    let known = [LINUX_REBOOT_MAGIC2, LINUX_REBOOT_MAGIC2A, LINUX_REBOOT_MAGIC2B, LINUX_REBOOT_MAGIC2C];
    if magic1 != LINUX_REBOOT_MAGIC1 || !known.contains(&magic2) {
        return Err(Errno::EINVAL);
    }
    match command {
        LINUX_REBOOT_CMD_RESTART | LINUX_REBOOT_CMD_RESTART2 => {
            log::info!("reboot: restarting");
            input::drain_all(DRAIN_LIMIT);
            power::reboot()
        }
        LINUX_REBOOT_CMD_HALT | LINUX_REBOOT_CMD_POWER_OFF => {
            log::info!("reboot: powering off");
            input::drain_all(DRAIN_LIMIT);
            power::off()
        }
        // The keyboard never restarts this machine.
        LINUX_REBOOT_CMD_CAD_OFF => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}

fn set_name(ctx: &Hybrid<'_>, settable: &Settable, name: UserAddr, len: i32) -> Result<usize> {
    ctx.task().credentials().require(Capability::SysAdmin)?;
    let len = usize::try_from(len).ok().filter(|len| *len <= MAX_NAME).ok_or(Errno::EINVAL)?;
    let mut bytes = [0; MAX_NAME];
    user::read_bytes(name, &mut bytes[..len])?;
    settable.set(Name::new(&bytes[..len]).ok_or(Errno::EINVAL)?);
    Ok(0)
}
