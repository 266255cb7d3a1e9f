//! The machines that the tests run on, and the work that is done on each; two VMs run at a time.

use super::compare;
use super::programs::Case;
use super::{Extent, Tally, boots};
use crate::image::job::Job;
use crate::image::overlay::Overlay;
use crate::kernel::Kernel;
use crate::project::Project;
use crate::vm::machine::{Boot, Console, Machine};
use crate::vm::program::scratch_folder;
use crate::vm::suite::{self, Outcome, Results};
use anyhow::Result;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

const GUEST_FOLDER: &str = "/tests";
const CASE_SECONDS: u64 = 60;
const VM_LIMIT: Duration = Duration::from_secs(420);
/// How often a VM is started again for the cases after one that brought it down.
const MAX_BOOTS: usize = 5;
const PARALLEL: usize = 2;

/// What a VM is for.
enum Task<'a> {
    Suite { machine: Machine, label: String, scripts: &'a [Case] },
    KernelTests { machine: Machine, label: String, kernel: &'a Kernel },
    Foreign,
}

/// Result of a task: checks passed, and the failures.
type Counted = (usize, Vec<String>);

/// Runs everything that needs a VM of its own.
#[expect(clippy::too_many_arguments, reason = "the inputs of the whole test, passed on once")]
pub fn run(
    project: &Project,
    extent: Extent,
    kernel: &Kernel,
    with_tests: &Result<Kernel>,
    programs: &[Case],
    scripts: &[Case],
    reference: &BTreeMap<String, Outcome>,
    tally: &mut Tally,
) {
    let mut tasks = Vec::new();
    for (number, (label, machine)) in machines(extent).into_iter().enumerate() {
        // The ports' scripts test the kernel through the shell, at length: once is enough.
        let scripts = if number == 0 { scripts } else { &[] };
        tasks.push(Task::Suite { machine: machine.clone(), label: label.clone(), scripts });
    }
    match with_tests {
        Ok(kernel) => {
            for smp in [1, 2] {
                let label = format!("in-kernel tests, {smp} CPU(s)");
                tasks.push(Task::KernelTests { machine: Machine { smp, ..Machine::default() }, label, kernel });
            }
        }
        Err(error) => tally.fail(format!("in-kernel tests: {error:#}")),
    }
    tasks.push(Task::Foreign);
    tasks.reverse();
    let tasks = Mutex::new(tasks);
    let results: Mutex<Vec<(String, Result<Counted>)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                while let Some(task) = pop(&tasks) {
                    let (label, result) = match task {
                        Task::Suite { machine, label, scripts } => {
                            (label, run_suite(project, kernel, &machine, programs, scripts, reference))
                        }
                        Task::KernelTests { machine, label, kernel } => {
                            (label, boots::kernel_tests(project, kernel, &machine))
                        }
                        Task::Foreign => ("foreign initramfs".to_owned(), boots::foreign(project, kernel)),
                    };
                    println!("   done: {label}");
                    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((label, result));
                }
            });
        }
    });
    for (label, result) in results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        match result {
            Ok((passed, failures)) => {
                println!("   {label}: {passed} passed, {} failed", failures.len());
                tally.merge(passed, failures.into_iter().map(|failure| format!("[{label}] {failure}")).collect());
            }
            Err(error) => tally.fail(format!("[{label}] {error:#}")),
        }
    }
}

/// Both boots, both CPU models, 1 and 2 CPUs; the first is the one that `--fast` keeps.
fn machines(extent: Extent) -> Vec<(String, Machine)> {
    let rows = [(Boot::Direct, "max", 1), (Boot::Direct, "qemu64", 2), (Boot::Iso, "qemu64", 1), (Boot::Iso, "max", 2)];
    let kept = match extent {
        Extent::Full => rows.len(),
        Extent::Fast => 1,
    };
    rows.into_iter()
        .take(kept)
        .map(|(boot, cpu, smp)| {
            let way = if boot == Boot::Iso { "ISO" } else { "PVH" };
            (format!("{way}, {cpu}, {smp} CPU(s)"), Machine { boot, cpu: cpu.to_owned(), smp, ..Machine::default() })
        })
        .collect()
}

fn run_suite(
    project: &Project,
    kernel: &Kernel,
    machine: &Machine,
    programs: &[Case],
    scripts: &[Case],
    reference: &BTreeMap<String, Outcome>,
) -> Result<Counted> {
    let mut todo: Vec<&Case> = programs.iter().chain(scripts).collect();
    let mut outcomes: BTreeMap<String, Outcome> = BTreeMap::new();
    let mut trouble = None;
    for _ in 0..MAX_BOOTS {
        let results = boot_suite(project, kernel, machine, &todo)?;
        outcomes.extend(results.outcomes);
        trouble = results.broke;
        todo.retain(|case| !outcomes.contains_key(&case.name));
        if todo.is_empty() || trouble.is_none() {
            break;
        }
    }
    let mut total = (0, Vec::new());
    let mut add = |(passed, failures): Counted| {
        total.0 += passed;
        total.1.extend(failures);
    };
    for (name, linux) in reference {
        add(compare::case(name, linux, outcomes.get(name)));
    }
    for script in scripts {
        add(compare::alone(&script.name, outcomes.get(&script.name)));
    }
    if let (Some(reason), false) = (trouble, todo.is_empty()) {
        total.1.push(format!("{} cases were not reached: {reason}", todo.len()));
    }
    Ok(total)
}

fn boot_suite(project: &Project, kernel: &Kernel, machine: &Machine, cases: &[&Case]) -> Result<Results> {
    let scratch = scratch_folder()?;
    let initrd = scratch.path().join("initrd");
    let names: Vec<String> = cases.iter().map(|case| case.name.clone()).collect();
    let mut overlay = Overlay::new(project, &Job::suite(GUEST_FOLDER, &names, CASE_SECONDS))?;
    for case in cases {
        overlay.add(&case.file, &format!("{GUEST_FOLDER}/{}", case.name))?;
    }
    overlay.write(&initrd)?;
    let command = machine.command(
        project,
        &kernel.elf,
        Some(&initrd),
        &machine.kernel_words(Console::Channels),
        Console::Channels,
        scratch.path(),
    )?;
    suite::run(command, scratch.path(), &scratch.path().join("kernel.log"), VM_LIMIT)
}

fn pop<T>(tasks: &Mutex<Vec<T>>) -> Option<T> {
    tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop()
}
