//! The part of procfs that is always there, as tables.

use super::text::{Setter, Text};
use super::{statistics, sysctl, system};
use abi::Result;
use alloc::vec::Vec;

/// A name and what it leads to.
pub struct Entry {
    /// The name.
    pub name: &'static str,
    /// What is there.
    pub what: What,
}

/// What a fixed name leads to.
pub enum What {
    /// More names.
    Directory(&'static [Entry]),
    /// A text.
    Text(fn(&mut Text) -> Result<()>),
    /// A text that root can change.
    Setting(fn(&mut Text) -> Result<()>, Setter),
    /// A symbolic link.
    Link(fn() -> Result<Vec<u8>>),
}

impl Entry {
    const fn directory(name: &'static str, entries: &'static [Entry]) -> Self {
        Self { name, what: What::Directory(entries) }
    }

    const fn text(name: &'static str, produce: fn(&mut Text) -> Result<()>) -> Self {
        Self { name, what: What::Text(produce) }
    }

    const fn setting(name: &'static str, produce: fn(&mut Text) -> Result<()>, set: Setter) -> Self {
        Self { name, what: What::Setting(produce, set) }
    }

    const fn link(name: &'static str, target: fn() -> Result<Vec<u8>>) -> Self {
        Self { name, what: What::Link(target) }
    }

    /// Permission bits.
    pub const fn mode(&self) -> u32 {
        match self.what {
            What::Directory(_) => 0o555,
            What::Text(_) => 0o444,
            What::Setting(..) => 0o644,
            What::Link(_) => 0o777,
        }
    }
}

/// `/proc`.
pub static ROOT: Entry = Entry::directory("", &[
    Entry::text("cmdline", system::command_line),
    Entry::text("cpuinfo", system::cpu_info),
    Entry::text("devices", system::devices),
    Entry::directory("exo", &[
        Entry::text("frames", statistics::frames),
        Entry::text("heap", statistics::heap),
        Entry::text("path_cache", statistics::path_cache),
        Entry::text("sched", statistics::sched),
    ]),
    Entry::text("filesystems", system::file_systems),
    Entry::text("loadavg", system::load_average),
    Entry::text("meminfo", system::memory),
    Entry::link("mounts", || Ok(b"self/mounts".to_vec())),
    Entry::link("self", system::own_pid),
    Entry::text("stat", system::statistics),
    Entry::directory("sys", &[
        Entry::directory("fs", &[
            Entry::text("file-max", sysctl::file_max),
            Entry::text("nr_open", sysctl::nr_open),
        ]),
        Entry::directory("kernel", &[
            Entry::text("cap_last_cap", sysctl::last_capability),
            Entry::setting("domainname", sysctl::domain_name, sysctl::set_domain_name),
            Entry::setting("hostname", sysctl::host_name, sysctl::set_host_name),
            Entry::text("ngroups_max", sysctl::groups_max),
            Entry::text("osrelease", sysctl::release),
            Entry::text("ostype", sysctl::system_name),
            Entry::text("pid_max", sysctl::pid_max),
            Entry::directory("random", &[
                Entry::text("boot_id", sysctl::boot_id),
                Entry::text("uuid", sysctl::uuid),
            ]),
            Entry::text("randomize_va_space", sysctl::randomize_va_space),
            Entry::text("version", sysctl::version),
        ]),
        Entry::directory("vm", &[
            Entry::text("max_map_count", sysctl::max_map_count),
            Entry::text("mmap_min_addr", sysctl::mmap_min),
            Entry::text("overcommit_memory", sysctl::overcommit),
        ]),
    ]),
    Entry::link("thread-self", system::own_thread),
    Entry::text("uptime", system::uptime),
    Entry::text("version", system::version),
]);

/// The inode number of a fixed entry: its place in a walk over the tree, the root being 1.
pub fn number(entry: &'static Entry) -> u64 {
    let mut next = 1;
    place(&ROOT, entry, &mut next).unwrap_or(next)
}

fn place(at: &'static Entry, wanted: &'static Entry, next: &mut u64) -> Option<u64> {
    let own = *next;
    if core::ptr::eq(at, wanted) {
        return Some(own);
    }
    *next += 1;
    match at.what {
        What::Directory(entries) => entries.iter().find_map(|entry| place(entry, wanted, next)),
        What::Text(_) | What::Setting(..) | What::Link(_) => None,
    }
}
