//! The tree of processes: ids, parents and children, groups and sessions, and what waits to be waited for.
//!
//! An id is in use while a thread, a process, a group or a session bears it. The tree's lock is the outermost of this
//! subsystem; nothing sleeps and no user memory is touched under it.

use super::status::ChildEvent;
use super::{Pid, Process, Task};
use abi::{Errno, Result};
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use kernel_sync::{IrqLock, Rank};

/// Ids are below this (`/proc/sys/kernel/pid_max`).
pub const PID_MAX: i32 = 32_768;

static CREATED: AtomicU64 = AtomicU64::new(0);

static TREE: IrqLock<Tree> = IrqLock::new(Rank::PROCESS_TREE, Tree::new());

/// All processes and threads.
pub(crate) struct Tree {
    processes: BTreeMap<Pid, Node>,
    tasks: BTreeMap<Pid, Weak<Task>>,
    /// Members of each group and of each session.
    groups: BTreeMap<Pid, usize>,
    sessions: BTreeMap<Pid, usize>,
    last_id: i32,
}

/// A process in the tree.
pub(super) struct Node {
    pub(super) process: Arc<Process>,
    pub(super) children: Vec<Pid>,
    /// What its parent has not been told yet by a wait.
    pub(super) report: Option<ChildEvent>,
}

/// Runs `f` on the tree, with its lock held.
pub(crate) fn with_tree<R>(f: impl FnOnce(&mut Tree) -> R) -> R {
    f(&mut TREE.lock())
}

impl Tree {
    const fn new() -> Self {
        Self {
            processes: BTreeMap::new(),
            tasks: BTreeMap::new(),
            groups: BTreeMap::new(),
            sessions: BTreeMap::new(),
            last_id: 0,
        }
    }

    /// An id that nothing bears: the next one after the last, 300 and up after the first lap.
    pub(super) fn free_id(&mut self) -> Result<Pid> {
        const FIRST_REUSED: i32 = 300;
        for _ in 0..PID_MAX {
            self.last_id = if self.last_id + 1 >= PID_MAX { FIRST_REUSED } else { self.last_id + 1 };
            let id = Pid(self.last_id);
            let used = self.processes.contains_key(&id)
                || self.tasks.contains_key(&id)
                || self.groups.contains_key(&id)
                || self.sessions.contains_key(&id);
            if !used {
                return Ok(id);
            }
        }
        Err(Errno::EAGAIN)
    }

    pub(super) fn add_task(&mut self, tid: Pid, task: &Arc<Task>) {
        CREATED.fetch_add(1, Ordering::Relaxed);
        self.tasks.insert(tid, Arc::downgrade(task));
    }

    pub(super) fn remove_task(&mut self, tid: Pid) {
        self.tasks.remove(&tid);
    }

    /// Adds a process as a child of its parent and a member of its group and session.
    pub(super) fn add_process(&mut self, process: &Arc<Process>) {
        let pid = process.pid();
        self.processes.insert(pid, Node { process: Arc::clone(process), children: Vec::new(), report: None });
        if let Some(parent) = self.processes.get_mut(&process.parent_pid()) {
            parent.children.push(pid);
        }
        *self.groups.entry(process.group()).or_default() += 1;
        *self.sessions.entry(process.session()).or_default() += 1;
    }

    /// Takes a process that was waited for out of the tree; its pid is free.
    pub(super) fn remove_process(&mut self, pid: Pid) -> Option<Arc<Process>> {
        let node = self.processes.remove(&pid)?;
        let process = node.process;
        if let Some(parent) = self.processes.get_mut(&process.parent_pid()) {
            parent.children.retain(|&child| child != pid);
        }
        leave(&mut self.groups, process.group());
        leave(&mut self.sessions, process.session());
        Some(process)
    }

    pub(super) fn node(&self, pid: Pid) -> Option<&Node> {
        self.processes.get(&pid)
    }

    pub(super) fn node_mut(&mut self, pid: Pid) -> Option<&mut Node> {
        self.processes.get_mut(&pid)
    }

    /// The process with this pid, zombies included.
    pub(crate) fn process(&self, pid: Pid) -> Option<&Arc<Process>> {
        self.processes.get(&pid).map(|node| &node.process)
    }

    pub(crate) fn processes(&self) -> impl Iterator<Item = &Arc<Process>> {
        self.processes.values().map(|node| &node.process)
    }

    pub(crate) fn members(&self, group: Pid) -> impl Iterator<Item = &Arc<Process>> {
        self.processes().filter(move |process| process.group() == group)
    }

    pub(super) fn change_group(&mut self, process: &Process, group: Pid) {
        leave(&mut self.groups, process.group());
        *self.groups.entry(group).or_default() += 1;
        process.set_group(group);
    }

    pub(super) fn change_session(&mut self, process: &Process, session: Pid) {
        leave(&mut self.sessions, process.session());
        *self.sessions.entry(session).or_default() += 1;
        process.set_session(session);
    }

    /// Whether any live process is in the group.
    pub(super) fn has_group(&self, group: Pid) -> bool {
        self.groups.contains_key(&group)
    }

    /// Whether no member of `group`, `except` aside, has a parent in the same session but another group: nobody there
    /// could continue it. A parent that is itself exiting is named by `except` too.
    pub(super) fn is_orphaned(&self, group: Pid, except: Option<Pid>) -> bool {
        !self.members(group).filter(|member| Some(member.pid()) != except && !member.is_zombie()).any(|member| {
            let parent = self.process(member.parent_pid());
            parent.is_some_and(|parent| {
                !parent.is_init() && parent.group() != group && parent.session() == member.session()
            })
        })
    }

    /// Moves every child of `pid` to `adopter`; gives the children back.
    pub(super) fn reparent_children(&mut self, pid: Pid, adopter: Pid) -> Vec<Arc<Process>> {
        let children = self.processes.get_mut(&pid).map(|node| core::mem::take(&mut node.children)).unwrap_or_default();
        let moved: Vec<_> = children.iter().filter_map(|child| self.process(*child).cloned()).collect();
        for child in &moved {
            child.set_parent(adopter);
        }
        if let Some(adopter) = self.processes.get_mut(&adopter) {
            adopter.children.extend(children);
        }
        moved
    }
}

fn leave(counts: &mut BTreeMap<Pid, usize>, id: Pid) {
    if let Some(count) = counts.get_mut(&id) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&id);
        }
    }
}

/// The process with this pid, zombies included.
#[must_use]
pub fn find_process(pid: Pid) -> Option<Arc<Process>> {
    with_tree(|tree| tree.process(pid).cloned())
}

/// The thread with this id.
#[must_use]
pub fn find_task(tid: Pid) -> Option<Arc<Task>> {
    with_tree(|tree| tree.tasks.get(&tid).and_then(Weak::upgrade))
}

/// Calls `visit` for every process, zombies included, in the order of pids and without a lock held.
pub fn for_each_process(mut visit: impl FnMut(&Arc<Process>)) {
    // One after the other, without an array of them all: the search for a victim when memory is out comes here.
    let mut from = Pid(0);
    while let Some(process) = with_tree(|tree| tree.processes.range(from..).next().map(|(_, node)| Arc::clone(&node.process))) {
        from = Pid(process.pid().0.saturating_add(1));
        visit(&process);
    }
}

/// The processes of a group, zombies included.
#[must_use]
pub fn group_members(group: Pid) -> Vec<Arc<Process>> {
    with_tree(|tree| tree.members(group).cloned().collect())
}

/// Whether a process group has members.
#[must_use]
pub fn group_exists(group: Pid) -> bool {
    with_tree(|tree| tree.has_group(group))
}

/// Processes, zombies included.
#[must_use]
pub fn process_count() -> usize {
    with_tree(|tree| tree.processes.len())
}

/// Threads created since boot (`processes` of `/proc/stat`).
#[must_use]
pub fn created_count() -> u64 {
    CREATED.load(Ordering::Relaxed)
}

/// Threads of all processes.
#[must_use]
pub fn thread_count() -> usize {
    with_tree(|tree| tree.tasks.len())
}

/// Threads whose real user is `uid` (`RLIMIT_NPROC`).
#[must_use]
pub fn process_count_of_user(uid: u32) -> usize {
    let tasks: Vec<_> = with_tree(|tree| tree.tasks.values().filter_map(Weak::upgrade).collect());
    tasks.iter().filter(|task| task.credentials().uid() == uid).count()
}
