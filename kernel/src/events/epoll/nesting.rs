//! Instances that watch instances: no cycle, and no chain so long that a wake along it would exhaust a stack.

use super::{Epoll, instance};
use abi::{Errno, Result};
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use kernel_sync::{Mutex, Rank};

/// One change of the graph at a time.
static GRAPH: Mutex<()> = Mutex::new(Rank::new(12), ());

/// The most steps from an instance down to the last one (`EP_MAX_NESTS`).
const STEPS_MAX: usize = 4;

/// Known lengths of chains, by address of the instance that they start at.
type Known = BTreeMap<usize, usize>;

/// Lets `parent` watch `child`, by `insert`, if that is allowed.
///
/// # Errors
/// `ELOOP` for a cycle or too long a chain.
pub fn link(parent: &Arc<Epoll>, child: &Arc<Epoll>, insert: impl FnOnce()) -> Result<()> {
    let _graph = GRAPH.lock();
    let mut below = Known::new();
    let down = steps(child, children, &mut below);
    let up = steps(parent, parents, &mut Known::new());
    if below.contains_key(&Arc::as_ptr(parent).addr()) || up + 1 + down > STEPS_MAX {
        return Err(Errno::ELOOP);
    }
    insert();
    let mut parents = child.parents.lock();
    parents.retain(|other| other.strong_count() > 0);
    parents.push(Arc::downgrade(parent));
    Ok(())
}

/// The longest chain from `start` on; `known` has then all that can be reached. No chain is longer than `STEPS_MAX`, so
/// this does not go deeper.
fn steps(start: &Arc<Epoll>, next: fn(&Epoll) -> Vec<Arc<Epoll>>, known: &mut Known) -> usize {
    let address = Arc::as_ptr(start).addr();
    if let Some(&steps) = known.get(&address) {
        return steps;
    }
    let longest = next(start).iter().map(|other| 1 + steps(other, next, known)).max().unwrap_or(0);
    known.insert(address, longest);
    longest
}

fn children(epoll: &Epoll) -> Vec<Arc<Epoll>> {
    let items: Vec<_> = epoll.items.lock().values().cloned().collect();
    items.iter().filter_map(|item| item.file()).filter_map(|file| instance(&file)).collect()
}

fn parents(epoll: &Epoll) -> Vec<Arc<Epoll>> {
    epoll.parents.lock().iter().filter_map(Weak::upgrade).collect()
}
