//! The directory of a process or thread: its files as a table, its links, who may look.

use super::text::{Text, put};
use super::{memory, status};
use crate::credentials::Capability;
use crate::task::limits::{INFINITY, Limit, Resource};
use crate::task::{self, Pid, Process, ProcessFlag, Task};
use crate::vfs::inode::LinkTarget;
use crate::vfs::mount::{self, Mount, MountFlags, Path};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec;

/// A process, or one thread of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The process.
    pub pid: Pid,
    /// The thread, in `task` or by a thread's own number.
    pub tid: Option<Pid>,
}

/// A file of the directory.
pub struct ProcessFile {
    pub name: &'static str,
    pub mode: u32,
    /// Only for those who may inspect the process.
    pub private: bool,
    pub produce: fn(Subject, &mut Text) -> Result<()>,
}

/// A link of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The program.
    Exe,
    /// The current directory.
    Cwd,
    /// The root directory.
    Root,
}

impl Link {
    pub const ALL: [(&'static str, Self); 3] = [("cwd", Self::Cwd), ("exe", Self::Exe), ("root", Self::Root)];
}

const fn public(name: &'static str, produce: fn(Subject, &mut Text) -> Result<()>) -> ProcessFile {
    ProcessFile { name, mode: 0o444, private: false, produce }
}

/// The files, in the order in which they are listed.
pub static FILES: [ProcessFile; 12] = [
    public("cmdline", memory::command_line),
    public("comm", comm),
    ProcessFile { name: "environ", mode: 0o400, private: true, produce: memory::environment },
    public("limits", limits),
    ProcessFile { name: "maps", mode: 0o444, private: true, produce: memory::maps },
    public("mountinfo", mount_info),
    public("mounts", mounts),
    public("oom_score", |_, text| {
        put!(text, "0\n");
        Ok(())
    }),
    public("stat", status::stat),
    public("statm", memory::sizes),
    public("status", status::status),
    public("wchan", |_, text| {
        put!(text, "0");
        Ok(())
    }),
];

/// The place of a file in the table.
pub fn index_of(file: &'static ProcessFile) -> u64 {
    FILES.iter().zip(0..).find(|(known, _)| core::ptr::eq(*known, file)).map_or(0, |(_, index)| index)
}

impl Subject {
    pub const fn process(pid: Pid) -> Self {
        Self { pid, tid: None }
    }

    /// What `/proc/NUMBER` is: a process, or a thread by its own number.
    pub fn find(number: i32) -> Result<Self> {
        let id = Pid(number);
        if task::find_process(id).is_some() {
            return Ok(Self::process(id));
        }
        let task = task::find_task(id).ok_or(Errno::ENOENT)?;
        let pid = task.process().pid();
        if task::find_process(pid).is_none() {
            return Err(Errno::ENOENT);
        }
        Ok(Self { pid, tid: Some(id) })
    }

    /// The number of the directory.
    pub fn id(self) -> Pid {
        self.tid.unwrap_or(self.pid)
    }

    pub fn get(self) -> Result<Arc<Process>> {
        task::find_process(self.pid).ok_or(Errno::ESRCH)
    }

    /// The thread, or a thread that stands for the process.
    pub fn task(self) -> Result<Arc<Task>> {
        match self.tid {
            Some(tid) => task::find_task(tid).ok_or(Errno::ESRCH),
            None => self.get()?.main_thread().ok_or(Errno::ESRCH),
        }
    }

    pub fn require_alive(self) -> Result<()> {
        let alive = match self.tid {
            Some(tid) => task::find_task(tid).is_some(),
            None => task::find_process(self.pid).is_some(),
        };
        if alive { Ok(()) } else { Err(Errno::ENOENT) }
    }

    /// Owner and group of the directory: the effective ids, root for what is not dumpable.
    pub fn owner(self) -> (u32, u32) {
        let Ok(process) = self.get() else { return (0, 0) };
        match self.task() {
            Ok(task) if process.has(ProcessFlag::Dumpable) => {
                let credentials = task.credentials();
                (credentials.euid(), credentials.egid())
            }
            _ => (0, 0),
        }
    }

    /// Checks that the caller may look into the process (ptrace(2), "access mode checking").
    pub fn require_inspectable(self) -> Result<()> {
        let process = self.get().map_err(|_| Errno::ENOENT)?;
        let current = task::current();
        if Arc::ptr_eq(current.process(), &process) {
            return Ok(());
        }
        let own = current.credentials();
        if own.may(Capability::SysPtrace) {
            return Ok(());
        }
        let theirs = self.task()?.credentials();
        let (user, group) = (own.fsuid(), own.fsgid());
        let same = theirs.user.real == user
            && theirs.user.effective == user
            && theirs.user.saved == user
            && theirs.group.real == group
            && theirs.group.effective == group
            && theirs.group.saved == group;
        if same && process.has(ProcessFlag::Dumpable) { Ok(()) } else { Err(Errno::EACCES) }
    }
}

/// Where a link leads.
pub fn follow(subject: Subject, link: Link) -> Result<LinkTarget> {
    subject.require_inspectable()?;
    let place = match link {
        Link::Exe => subject.get()?.exe().ok_or(Errno::ENOENT)?,
        Link::Cwd => subject.task()?.try_fs().ok_or(Errno::ENOENT)?.cwd(),
        Link::Root => subject.task()?.try_fs().ok_or(Errno::ENOENT)?.root(),
    };
    let text = place.display(&viewer_root());
    Ok(LinkTarget::Object(place, text))
}

fn viewer_root() -> Path {
    task::current().try_fs().map_or_else(crate::vfs::root, |fs| fs.root())
}

fn comm(subject: Subject, text: &mut Text) -> Result<()> {
    match subject.task() {
        Ok(task) => text.bytes(&task.comm()),
        Err(_) => text.bytes(&subject.get()?.remains().comm),
    }
    put!(text, "\n");
    Ok(())
}

fn limits(subject: Subject, text: &mut Text) -> Result<()> {
    let rows = [
        ("Max cpu time", Resource::CPU, "seconds"),
        ("Max file size", Resource::FSIZE, "bytes"),
        ("Max data size", Resource::DATA, "bytes"),
        ("Max stack size", Resource::STACK, "bytes"),
        ("Max core file size", Resource::CORE, "bytes"),
        ("Max resident set", Resource::RSS, "bytes"),
        ("Max processes", Resource::NPROC, "processes"),
        ("Max open files", Resource::NOFILE, "files"),
        ("Max locked memory", Resource::MEMLOCK, "bytes"),
        ("Max address space", Resource::AS, "bytes"),
        ("Max file locks", Resource::LOCKS, "locks"),
        ("Max pending signals", Resource::SIGPENDING, "signals"),
        ("Max msgqueue size", Resource::MSGQUEUE, "bytes"),
        ("Max nice priority", Resource::NICE, ""),
        ("Max realtime priority", Resource::RTPRIO, ""),
        ("Max realtime timeout", Resource::RTTIME, "us"),
    ];
    let show = |value: u64| if value == INFINITY { alloc::string::String::from("unlimited") } else { alloc::format!("{value}") };
    let limits = subject.get()?.limits();
    put!(text, "{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (name, resource, unit) in rows {
        let Limit { soft, hard } = limits.get(resource);
        put!(text, "{name:<25} {:<20} {:<20} {unit:<10}\n", show(soft), show(hard));
    }
    Ok(())
}

/// The mounts that the process can reach, with their places as it sees them.
fn visible(subject: Subject, mut show: impl FnMut(&Arc<Mount>, &[u8])) -> Result<()> {
    let root = subject.task()?.try_fs().map_or_else(crate::vfs::root, |fs| fs.root());
    for mount in mount::mounts() {
        let place = mount.root_path().text(&root);
        if place.reachable == mount::Reachable::Yes {
            show(&mount, &place.text);
        }
    }
    Ok(())
}

fn mounts(subject: Subject, text: &mut Text) -> Result<()> {
    visible(subject, |mount, place| {
        text.escaped(mount.source());
        text.bytes(b" ");
        text.escaped(place);
        put!(text, " {} {}", mount.file_system().kind(), options(mount.flags()));
        put!(text, "{} 0 0\n", mount.file_system().options());
    })
}

fn mount_info(subject: Subject, text: &mut Text) -> Result<()> {
    visible(subject, |mount, place| {
        let parent = mount.attached().map_or(mount.id(), |on| on.mount.id());
        let device = mount.file_system().device();
        put!(text, "{} {parent} {}:{} ", mount.id(), device.major(), device.minor());
        text.escaped(&top_within(mount));
        text.bytes(b" ");
        text.escaped(place);
        put!(text, " {} - {} ", options(mount.flags()), mount.file_system().kind());
        text.escaped(mount.source());
        put!(text, " rw{}\n", mount.file_system().options());
    })
}

/// The path of a mount's top within its file system: `/`, but for a bind of a part.
fn top_within(mount: &Mount) -> vec::Vec<u8> {
    let mut names = vec![];
    let mut at = Arc::clone(mount.root());
    while let Some(parent) = at.parent() {
        names.push(at.name());
        at = parent;
    }
    if names.is_empty() {
        return b"/".to_vec();
    }
    names.iter().rev().flat_map(|name| [b"/", name.as_slice()].concat()).collect()
}

fn options(flags: MountFlags) -> alloc::string::String {
    let mut options = alloc::string::String::from(if flags.contains(MountFlags::RDONLY) { "ro" } else { "rw" });
    let names = [
        (MountFlags::NOSUID, ",nosuid"),
        (MountFlags::NODEV, ",nodev"),
        (MountFlags::NOEXEC, ",noexec"),
        (MountFlags::NOATIME, ",noatime"),
        (MountFlags::NODIRATIME, ",nodiratime"),
        (MountFlags::RELATIME, ",relatime"),
    ];
    for (flag, name) in names {
        if flags.contains(flag) {
            options.push_str(name);
        }
    }
    options
}
