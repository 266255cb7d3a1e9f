//! `/proc/PID/stat` and `/proc/PID/status`: one process or thread in numbers.

use super::memory;
use super::process::Subject;
use super::text::{Text, put};
use crate::mm::MemoryUsage;
use crate::sched::ThreadState;
use crate::signal::{Actions, Handler};
use crate::task::{self, Process, ProcessFlag, Task};
use crate::time::to_user_ticks;
use abi::Result;
use abi::signal::{SigSet, Signal};
use alloc::sync::Arc;
use kernel_core::addr::PAGE_SIZE;
use kernel_core::sched::Policy;

/// What both files show, collected once.
struct Snapshot {
    process: Arc<Process>,
    /// Gone when the process is a zombie.
    task: Option<Arc<Task>>,
    usage: MemoryUsage,
}

impl Snapshot {
    fn of(subject: Subject) -> Result<Self> {
        let process = subject.get()?;
        let task = match subject.tid {
            Some(_) => Some(subject.task()?),
            None => process.main_thread(),
        };
        let usage = memory::space(subject).map(|space| space.usage()).unwrap_or_default();
        Ok(Self { process, task, usage })
    }

    fn comm(&self) -> task::Comm {
        self.task.as_ref().map_or_else(|| self.process.remains().comm, |task| task.comm())
    }

    /// The state's letter and word.
    fn state(&self) -> (char, &'static str) {
        let Some(task) = &self.task else { return ('Z', "zombie") };
        if self.process.is_stopped() {
            return ('T', "stopped");
        }
        match task.state() {
            ThreadState::Runnable => ('R', "running"),
            ThreadState::Parked => ('S', "sleeping"),
            ThreadState::Dead => ('X', "dead"),
        }
    }

    fn ignored_and_caught(&self) -> (SigSet, SigSet) {
        let actions: Arc<Actions> = self.process.actions();
        let (mut ignored, mut caught) = (SigSet::EMPTY, SigSet::EMPTY);
        for signal in Signal::all() {
            match actions.get(signal).handler {
                Handler::Ignore => ignored.insert(signal),
                Handler::User(_) => caught.insert(signal),
                Handler::Default => {}
            }
        }
        (ignored, caught)
    }
}

/// proc_pid_stat(5): the fields in one line. All CPU time counts as user time.
pub fn stat(subject: Subject, text: &mut Text) -> Result<()> {
    let snapshot = Snapshot::of(subject)?;
    let Snapshot { process, task, usage } = &snapshot;
    let terminal = process.tty();
    let (tty, foreground) = terminal.map_or((0, -1), |tty| (tty.id().raw(), tty.foreground().map_or(-1, |group| group.raw())));
    let (minor, major) = process.faults();
    let cpu = match (subject.tid, task) {
        (Some(_), Some(task)) => task.cpu_time(),
        _ => process.cpu_time(),
    };
    let scheduling = task.as_ref().map(|task| task.scheduling()).unwrap_or_default();
    let nice = i32::from(scheduling.nice.get());
    let (policy, rt_priority) = policy(scheduling.policy);
    let priority = if rt_priority > 0 { -1 - i32::from(rt_priority) } else { 20 + nice };
    let (ignored, caught) = snapshot.ignored_and_caught();
    let blocked = task.as_ref().map_or(SigSet::EMPTY, |task| task.signals.blocked());
    let pending = task.as_ref().map_or(SigSet::EMPTY, |task| task.signals.pending_set());
    let line = process.command_line();
    let on = task.as_ref().map_or(0, |task| task.cpu());
    let started = task.as_ref().map_or_else(|| process.started(), |task| task.started());
    let rss = usage.anonymous + usage.object;
    let rss_limit = process.limit(task::limits::Resource::RSS);
    put!(text, "{} (", subject.id());
    text.bytes(&snapshot.comm());
    put!(text, ") {} {} {} {} ", snapshot.state().0, process.parent_pid(), process.group(), process.session());
    put!(text, "{tty} {foreground} 0 {minor} 0 {major} 0 ");
    put!(text, "{} 0 {} 0 ", to_user_ticks(cpu), to_user_ticks(process.children_cpu_time()));
    put!(text, "{priority} {nice} {} 0 {} ", process.thread_count(), to_user_ticks(started.since_boot()));
    put!(text, "{} {rss} {rss_limit} 0 0 {} 0 0 ", usage.total * PAGE_SIZE as u64, line.stack_start);
    // The signal masks fit only the first 31 signals here; status has them whole.
    put!(text, "{} {} {} {} 0 0 0 ", pending.0 & LOW, blocked.0 & LOW, ignored.0 & LOW, caught.0 & LOW);
    put!(text, "{} {on} {rt_priority} {policy} 0 0 0 0 0 0 ", Signal::SIGCHLD.number());
    put!(text, "{} {} ", line.arguments_start, line.arguments_end);
    put!(text, "{} {} 0\n", line.environment_start, line.environment_end);
    Ok(())
}

const LOW: u64 = 0x7fff_ffff;

/// proc_pid_status(5): the same for people, and more.
pub fn status(subject: Subject, text: &mut Text) -> Result<()> {
    let snapshot = Snapshot::of(subject)?;
    let Snapshot { process, task, usage } = &snapshot;
    let (letter, word) = snapshot.state();
    put!(text, "Name:\t");
    text.escaped(&snapshot.comm());
    if let Some(fs) = task.as_ref().and_then(|task| task.try_fs()) {
        put!(text, "\nUmask:\t{:04o}", fs.umask());
    }
    put!(text, "\nState:\t{letter} ({word})\nTgid:\t{}\nNgid:\t0\n", process.pid());
    put!(text, "Pid:\t{}\nPPid:\t{}\nTracerPid:\t0\n", subject.id(), process.parent_pid());
    identity(&snapshot, text);
    if usage.total > 0 {
        let lines = [
            ("VmPeak", usage.peak),
            ("VmSize", usage.total),
            ("VmLck", usage.locked),
            ("VmPin", 0),
            ("VmHWM", usage.peak_rss as u64),
            ("VmRSS", (usage.anonymous + usage.object) as u64),
            ("RssAnon", usage.anonymous as u64),
            ("RssFile", usage.object as u64),
            ("RssShmem", 0),
            ("VmData", usage.data),
            ("VmStk", usage.stack),
            ("VmExe", usage.text),
            ("VmLib", 0),
            ("VmSwap", 0),
        ];
        for (name, pages) in lines {
            put!(text, "{name}:\t{:>8} kB\n", pages * (PAGE_SIZE as u64 / 1024));
        }
    }
    put!(text, "Threads:\t{}\n", process.thread_count());
    signals(&snapshot, text);
    if let Some(task) = task {
        let (voluntary, involuntary) = task.switches();
        let affinity = task.affinity() & crate::sched::online_cpus();
        put!(text, "Cpus_allowed:\t{affinity:x}\nCpus_allowed_list:\t");
        ranges(affinity, text);
        put!(text, "\nvoluntary_ctxt_switches:\t{voluntary}\nnonvoluntary_ctxt_switches:\t{involuntary}\n");
    }
    Ok(())
}

fn identity(snapshot: &Snapshot, text: &mut Text) {
    let Some(task) = &snapshot.task else {
        let remains = snapshot.process.remains();
        let (uid, gid) = (remains.uid, remains.gid);
        put!(text, "Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\n");
        return;
    };
    let credentials = task.credentials();
    for (name, ids) in [("Uid", credentials.user), ("Gid", credentials.group)] {
        put!(text, "{name}:\t{}\t{}\t{}\t{}\n", ids.real, ids.effective, ids.saved, ids.filesystem);
    }
    let slots = task.try_files().map_or(0, |files| files.open_descriptors().last().map_or(0, |last| last + 1));
    put!(text, "FDSize:\t{}\nGroups:\t", slots.next_multiple_of(64));
    for group in credentials.groups.iter() {
        put!(text, "{group} ");
    }
    put!(text, "\n");
    put!(text, "NSpid:\t{}\n", task.tid());
}

fn signals(snapshot: &Snapshot, text: &mut Text) {
    let (ignored, caught) = snapshot.ignored_and_caught();
    if let Some(task) = &snapshot.task {
        put!(text, "SigPnd:\t{:016x}\n", task.signals.pending_set().0);
        put!(text, "ShdPnd:\t{:016x}\n", snapshot.process.shared.set().0);
        put!(text, "SigBlk:\t{:016x}\n", task.signals.blocked().0);
    }
    put!(text, "SigIgn:\t{:016x}\nSigCgt:\t{:016x}\n", ignored.0, caught.0);
    if let Some(task) = &snapshot.task {
        let sets = task.credentials().capabilities;
        put!(text, "CapInh:\t{:016x}\nCapPrm:\t{:016x}\n", sets.inheritable.0, sets.permitted.0);
        put!(text, "CapEff:\t{:016x}\nCapBnd:\t{:016x}\nCapAmb:\t{:016x}\n", sets.effective.0, sets.bounding.0, 0);
    }
    put!(text, "NoNewPrivs:\t{}\nSeccomp:\t0\n", u8::from(snapshot.process.has(ProcessFlag::NoNewPrivileges)));
}

/// The set bits as a list of ranges: `0-3,5`.
fn ranges(mask: u64, text: &mut Text) {
    let mut at = 0;
    let mut separator = "";
    while at < u64::BITS {
        if mask >> at & 1 == 0 {
            at += 1;
            continue;
        }
        let length = (mask >> at).trailing_ones();
        put!(text, "{separator}{at}");
        if length > 1 {
            put!(text, "-{}", at + length - 1);
        }
        separator = ",";
        at += length;
    }
}

/// The number of a policy, and its priority when it is a real-time one (sched(7)).
fn policy(policy: Policy) -> (u8, u8) {
    match policy {
        Policy::Normal => (0, 0),
        Policy::Fifo(priority) => (1, priority.get()),
        Policy::RoundRobin(priority) => (2, priority.get()),
        Policy::Batch => (3, 0),
        Policy::Idle => (5, 0),
    }
}
