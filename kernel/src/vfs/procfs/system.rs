//! The files of `/proc` about the whole system.

use super::text::{Text, put};
use crate::sched;
use crate::task;
use crate::time;
use crate::uts;
use crate::vfs::mount;
use crate::vfs::mounting::FILE_SYSTEMS;
use abi::Result;
use alloc::format;
use alloc::vec::Vec;
use kernel_arch::identity::identity;
use kernel_arch::{boot, clock, cpu, heap};
use kernel_core::addr::PAGE_SIZE;
use kernel_core::time::Duration;

pub fn command_line(text: &mut Text) -> Result<()> {
    put!(text, "{}\n", boot::info().cmdline);
    Ok(())
}

pub fn version(text: &mut Text) -> Result<()> {
    put!(text, "{} version {} {}\n", uts::SYSNAME, uts::RELEASE, uts::VERSION);
    Ok(())
}

pub fn uptime(text: &mut Text) -> Result<()> {
    let mut idle = Duration::ZERO;
    sched::for_each_cpu_stats(|stats| idle += stats.idle);
    let up = time::now().since_boot();
    put!(text, "{}.{:02} {}.{:02}\n", up.as_secs(), up.subsec_millis() / 10, idle.as_secs(), idle.subsec_millis() / 10);
    Ok(())
}

pub fn load_average(text: &mut Text) -> Result<()> {
    for average in sched::load_average() {
        put!(text, "{}.{:02} ", average >> 16, ((average & 0xffff) * 100) >> 16);
    }
    let mut newest = 0;
    task::for_each_process(|process| newest = newest.max(process.pid().raw()));
    // The CPUs are counted one after the other: a thread that ends meanwhile may be in one figure and not in the other.
    let threads = task::thread_count().max(1);
    put!(text, "{}/{threads} {newest}\n", sched::runnable_threads().clamp(1, threads));
    Ok(())
}

pub fn memory(text: &mut Text) -> Result<()> {
    let frames = crate::mm::frame_stats();
    let heap = heap::stats();
    let kib = |pages: usize| pages * (PAGE_SIZE / 1024);
    let cached = cached_pages();
    let slab = heap.classes.iter().map(|class| class.pages).sum::<usize>() + heap.block_frames;
    let lines = [
        ("MemTotal", frames.total),
        ("MemFree", frames.free),
        ("MemAvailable", frames.free.saturating_sub(frames.reserve)),
        ("Buffers", 0),
        ("Cached", cached),
        ("SwapCached", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Dirty", 0),
        ("Writeback", 0),
        ("Shmem", cached),
        ("Slab", slab),
        ("SReclaimable", 0),
        ("SUnreclaim", slab),
    ];
    for (name, pages) in lines {
        put!(text, "{:<16}{:>8} kB\n", format!("{name}:"), kib(pages));
    }
    Ok(())
}

/// Pages that tmpfs instances hold.
fn cached_pages() -> usize {
    let mut counted = Vec::new();
    let mut pages = 0;
    for mount in mount::mounts() {
        let file_system = mount.file_system();
        if counted.contains(&file_system.device()) {
            continue;
        }
        counted.push(file_system.device());
        let statistics = file_system.statistics();
        pages += statistics.blocks.saturating_sub(statistics.free_blocks);
    }
    usize::try_from(pages).unwrap_or(usize::MAX)
}

/// Time by CPU: what is not idle counts as user time.
pub fn statistics(text: &mut Text) -> Result<()> {
    let up = time::now().since_boot();
    let mut lines = Vec::new();
    let (mut busy, mut idle, mut switches) = (0, 0, 0);
    sched::for_each_cpu_stats(|stats| {
        let own_idle = time::to_user_ticks(stats.idle);
        let own_busy = time::to_user_ticks(up.saturating_sub(stats.idle));
        lines.push(format!("cpu{} {own_busy} 0 0 {own_idle} 0 0 0 0 0 0\n", stats.cpu));
        busy += own_busy;
        idle += own_idle;
        switches += stats.switches;
    });
    put!(text, "cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\n");
    for line in lines {
        text.bytes(line.as_bytes());
    }
    put!(text, "intr 0\nctxt {switches}\nbtime {}\n", time::boot_wall().as_secs());
    put!(text, "processes {}\n", task::created_count());
    put!(text, "procs_running {}\nprocs_blocked 0\n", sched::runnable_threads());
    Ok(())
}

pub fn cpu_info(text: &mut Text) -> Result<()> {
    let mhz = clock::tsc_khz();
    let identity = identity();
    for number in 0..cpu::count() {
        put!(text, "processor\t: {number}\nvendor_id\t: {}\n", identity.vendor());
        put!(text, "cpu family\t: {}\nmodel\t\t: {}\n", identity.family, identity.model);
        put!(text, "model name\t: {}\nstepping\t: {}\n", identity.name(), identity.stepping);
        put!(text, "cpu MHz\t\t: {}.{:03}\n", mhz / 1000, mhz % 1000);
        put!(text, "physical id\t: 0\nsiblings\t: {0}\ncore id\t\t: {number}\ncpu cores\t: {0}\n", cpu::count());
        put!(text, "fpu\t\t: yes\nflags\t\t:");
        for flag in identity.flags() {
            put!(text, " {flag}");
        }
        put!(text, "\nclflush size\t: 64\naddress sizes\t: 40 bits physical, 48 bits virtual\n\n");
    }
    Ok(())
}

pub fn file_systems(text: &mut Text) -> Result<()> {
    for name in FILE_SYSTEMS {
        put!(text, "nodev\t{name}\n");
    }
    Ok(())
}

pub fn devices(text: &mut Text) -> Result<()> {
    put!(text, "Character devices:\n");
    for major in crate::vfs::device::majors(crate::vfs::FileKind::CharDevice) {
        put!(text, "{major:>3} {}\n", driver_name(major));
    }
    put!(text, "\nBlock devices:\n");
    for major in crate::vfs::device::majors(crate::vfs::FileKind::BlockDevice) {
        put!(text, "{major:>3} {}\n", driver_name(major));
    }
    Ok(())
}

pub fn own_pid() -> Result<Vec<u8>> {
    Ok(format!("{}", task::current().process().pid()).into_bytes())
}

pub fn own_thread() -> Result<Vec<u8>> {
    let task = task::current();
    Ok(format!("{}/task/{}", task.process().pid(), task.tid()).into_bytes())
}

/// The name that Linux gives a major number (Documentation/admin-guide/devices.txt).
fn driver_name(major: u32) -> &'static str {
    match major {
        1 => "mem",
        4 => "tty",
        5 => "/dev/tty",
        10 => "misc",
        136 => "pts",
        229 => "hvc",
        _ => "exo",
    }
}
