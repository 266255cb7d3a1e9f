//! Wait queues: threads that sleep until a condition holds.
//!
//! A waiter links an entry into the queue, checks its condition, and parks; whoever makes the condition true wakes
//! the queue afterwards. A wake marks entries and unparks their threads; it never unlinks them: each waiter unlinks
//! its own entry under the queue's lock, so no memory is freed by a wake, which may come from an interrupt handler.

use crate::atomic::{AtomicBool, AtomicUsize, Ordering, const_fn, fence};
use crate::park::{self, Unpark};
use crate::rank::Rank;
use crate::spinlock::IrqLock;
use alloc::boxed::Box;
use alloc::sync::Arc;
use intrusive_collections::{LinkedList, LinkedListAtomicLink, UnsafeRef, intrusive_adapter};
use kernel_core::time::Instant;

/// Whether a signal ends a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interruptible {
    /// A signal ends it with [`WaitError::Interrupted`].
    Yes,
    /// Signals wait until it is over.
    No,
}

/// What besides the condition ends a wait.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// Whether a signal does.
    pub interruptible: Interruptible,
    /// The time at which it ends with [`WaitError::TimedOut`].
    pub deadline: Option<Instant>,
}

impl Wait {
    /// Until the condition holds or a signal comes.
    pub const INTERRUPTIBLE: Wait = Wait { interruptible: Interruptible::Yes, deadline: None };
    /// Until the condition holds.
    pub const UNINTERRUPTIBLE: Wait = Wait { interruptible: Interruptible::No, deadline: None };

    /// The same, but only until `deadline`.
    #[must_use]
    pub const fn until(self, deadline: Option<Instant>) -> Self {
        Self { deadline, ..self }
    }
}

/// Why a wait ended without its condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitError {
    /// A signal came.
    Interrupted,
    /// The deadline passed.
    TimedOut,
}

impl From<WaitError> for abi::Errno {
    /// `ERESTARTSYS` for a signal, `ETIMEDOUT` for a deadline; calls that promise otherwise map it themselves.
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Interrupted => abi::Errno::RESTARTSYS,
            WaitError::TimedOut => abi::Errno::ETIMEDOUT,
        }
    }
}

/// A thread that waits on any number of queues at once (poll).
pub struct Waiter {
    thread: Arc<dyn Unpark>,
    woken: AtomicBool,
}

impl Waiter {
    /// The running thread as a waiter.
    #[must_use]
    pub fn current() -> Arc<Self> {
        Arc::new(Self { thread: park::current(), woken: AtomicBool::new(false) })
    }

    /// Whether a queue woke it since the last call.
    pub fn take_woken(&self) -> bool {
        // Acquire pairs with the Release in wake(): what the waker did before is visible.
        self.woken.swap(false, Ordering::Acquire)
    }

    /// Wakes the thread as a queue would.
    pub fn wake(&self) {
        // Release pairs with the Acquire in take_woken().
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }

    /// Sleeps until a queue wakes it, or `deadline`; returns at once if one did since the last call.
    /// A signal ends an interruptible wait, a deadline any.
    pub fn wait(&self, wait: Wait) -> Result<(), WaitError> {
        loop {
            if self.take_woken() {
                return Ok(());
            }
            check(wait)?;
            park::park(wait.deadline);
        }
    }
}

/// Something that is no thread and wants to know of every wake (an epoll item).
pub trait Notify: Send + Sync {
    /// A queue was woken. Comes without the queue's lock, and perhaps from an interrupt handler.
    fn notify(self: Arc<Self>);
}

/// One waiter's place in one queue.
struct Entry {
    link: LinkedListAtomicLink,
    /// Set by a wake, cleared by the waiter before it looks at its condition.
    woken: AtomicBool,
    sleeper: Sleeper,
}

/// Whom a wake reaches.
enum Sleeper {
    /// A thread in `wait_until`: each uses one wake up.
    Thread(Arc<dyn Unpark>),
    /// A poll waiter: woken by every wake, uses none up.
    Poll(Arc<Waiter>),
    /// Told of every wake once the queue's lock is free.
    Listener(Arc<dyn Notify>),
}

intrusive_adapter!(EntryAdapter = UnsafeRef<Entry>: Entry { link => LinkedListAtomicLink });

/// Listeners that are notified between two looks at the list.
const NOTIFIED_AT_ONCE: usize = 8;

/// Threads that wait for one condition.
pub struct WaitQueue {
    /// Entries in `list`; lets a wake of nobody skip the lock.
    waiters: AtomicUsize,
    list: IrqLock<Option<LinkedList<EntryAdapter>>>,
}

/// A [`Waiter`]'s place in a queue, given up when dropped.
#[must_use = "the waiter leaves the queue when this is dropped"]
pub struct Registration {
    queue: Arc<WaitQueue>,
    entry: Box<Entry>,
}

impl WaitQueue {
    const_fn! {
        /// A queue without waiters.
        pub const fn new() -> Self {
            Self { waiters: AtomicUsize::new(0), list: IrqLock::new(Rank::WAIT_QUEUE, None) }
        }
    }

    /// Sleeps until `condition` gives a value. It is called again after every wake, without locks held, and may take
    /// those ranked outside `WAIT_QUEUE`.
    ///
    /// Errors: `Interrupted` and `TimedOut` as `wait` allows; the condition was false then.
    #[track_caller]
    pub fn wait_until<R>(&self, wait: Wait, mut condition: impl FnMut() -> Option<R>) -> Result<R, WaitError> {
        if let Some(value) = condition() {
            return Ok(value);
        }
        let entry = Entry {
            link: LinkedListAtomicLink::new(),
            woken: AtomicBool::new(false),
            sleeper: Sleeper::Thread(park::current()),
        };
        let linked = Linked::new(self, &entry);
        loop {
            // Acquire pairs with the Release in mark(): a wake before this is answered by the look that follows.
            entry.woken.swap(false, Ordering::Acquire);
            if let Some(value) = condition() {
                return Ok(value);
            }
            if let Err(error) = check(wait) {
                drop(linked);
                // The last wake may have made it true.
                return condition().ok_or(error);
            }
            park::park(wait.deadline);
        }
    }

    /// Wakes one waiting thread (and every poll waiter); says whether there was one.
    pub fn wake_one(&self) -> bool {
        self.wake(1) > 0
    }

    /// Wakes every waiting thread; says how many.
    pub fn wake_all(&self) -> usize {
        self.wake(usize::MAX)
    }

    /// Whether a thread waits.
    pub fn has_waiters(&self) -> bool {
        // SeqCst pairs with the fence in link(): either this sees the waiter, or the waiter sees what came before.
        fence(Ordering::SeqCst);
        self.waiters.load(Ordering::Relaxed) != 0
    }

    /// Enters `waiter`; every wake of this queue wakes it until the registration is dropped.
    pub fn register(self: &Arc<Self>, waiter: &Arc<Waiter>) -> Registration {
        self.enter(Sleeper::Poll(waiter.clone()))
    }

    /// Enters `listener`; every wake of this queue notifies it until the registration is dropped, and one that is under
    /// way then may still do so afterwards.
    pub fn listen(self: &Arc<Self>, listener: Arc<dyn Notify>) -> Registration {
        self.enter(Sleeper::Listener(listener))
    }

    fn enter(self: &Arc<Self>, sleeper: Sleeper) -> Registration {
        let entry =
            Box::new(Entry { link: LinkedListAtomicLink::new(), woken: AtomicBool::new(false), sleeper });
        // SAFETY: the entry is boxed, and the registration, which keeps box and queue alive, unlinks it in drop().
        unsafe { self.link(&entry) };
        Registration { queue: self.clone(), entry }
    }

    fn wake(&self, limit: usize) -> usize {
        if !self.has_waiters() {
            return 0;
        }
        let (mut woken, mut has_listeners) = (0, false);
        {
            let list = self.list.lock();
            let Some(list) = list.as_ref() else { return 0 };
            for entry in list.iter() {
                match &entry.sleeper {
                    Sleeper::Poll(waiter) => waiter.wake(),
                    Sleeper::Thread(thread) if woken < limit && entry.mark() => {
                        thread.unpark();
                        woken += 1;
                    }
                    Sleeper::Thread(_) => {}
                    Sleeper::Listener(_) => {
                        entry.mark();
                        has_listeners = true;
                    }
                }
            }
        }
        if has_listeners {
            self.notify_marked();
        }
        woken
    }

    /// Notifies the listeners that a wake marked, some at a time, without the lock: they may wake other queues.
    fn notify_marked(&self) {
        loop {
            let mut batch: [Option<Arc<dyn Notify>>; NOTIFIED_AT_ONCE] = [const { None }; NOTIFIED_AT_ONCE];
            let mut free = batch.iter_mut();
            {
                let list = self.list.lock();
                for entry in list.iter().flat_map(LinkedList::iter) {
                    let Sleeper::Listener(listener) = &entry.sleeper else { continue };
                    if !entry.woken.load(Ordering::Relaxed) {
                        continue;
                    }
                    let Some(place) = free.next() else { break };
                    // Under the lock, as the mark was set: nothing else to pair with.
                    entry.woken.store(false, Ordering::Relaxed);
                    *place = Some(listener.clone());
                }
            }
            let is_full = batch.iter().all(Option::is_some);
            batch.into_iter().flatten().for_each(|listener| listener.notify());
            if !is_full {
                return;
            }
        }
    }

    /// # Safety
    /// The entry must stay in place until `unlink`.
    unsafe fn link(&self, entry: &Entry) {
        let mut list = self.list.lock();
        // SAFETY: by the caller's promise the entry outlives its place in the list.
        let entry = unsafe { UnsafeRef::from_raw(entry) };
        list.get_or_insert_with(|| LinkedList::new(EntryAdapter::new())).push_back(entry);
        self.waiters.fetch_add(1, Ordering::Relaxed);
        // SeqCst pairs with the fence in has_waiters().
        fence(Ordering::SeqCst);
    }

    fn unlink(&self, entry: &Entry) {
        let mut list = self.list.lock();
        let Some(list) = list.as_mut() else { return };
        // SAFETY: the entry was linked into this list by link(), and only its owner unlinks it.
        unsafe { list.cursor_mut_from_ptr(entry).remove() };
        self.waiters.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for WaitQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl Entry {
    /// Marks it as woken; whether it was not yet.
    fn mark(&self) -> bool {
        // Release pairs with the Acquire in wait_until().
        !self.woken.swap(true, Ordering::Release)
    }
}

/// An entry on the stack of its waiter, in the queue while this lives.
struct Linked<'a> {
    queue: &'a WaitQueue,
    entry: &'a Entry,
}

impl<'a> Linked<'a> {
    fn new(queue: &'a WaitQueue, entry: &'a Entry) -> Self {
        // SAFETY: the entry is borrowed for as long as the guard lives, and the guard, which never leaves
        // wait_until(), unlinks it.
        unsafe { queue.link(entry) };
        Self { queue, entry }
    }
}

impl Drop for Linked<'_> {
    fn drop(&mut self) {
        self.queue.unlink(self.entry);
        // A wake that came after the last look at the condition belongs to somebody else.
        // Acquire pairs with the Release in mark().
        if self.entry.woken.load(Ordering::Acquire) {
            self.queue.wake_one();
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.queue.unlink(&self.entry);
    }
}

fn check(wait: Wait) -> Result<(), WaitError> {
    if wait.interruptible == Interruptible::Yes && park::interrupted() {
        return Err(WaitError::Interrupted);
    }
    if wait.deadline.is_some_and(|deadline| park::now() >= deadline) {
        return Err(WaitError::TimedOut);
    }
    Ok(())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use core::time::Duration;
    use std::thread;

    #[test]
    fn a_wait_ends_when_its_condition_holds() {
        let (queue, flag) = (WaitQueue::new(), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(10));
                flag.store(true, Ordering::SeqCst);
                queue.wake_all();
            });
            queue
                .wait_until(Wait::UNINTERRUPTIBLE, || flag.load(Ordering::SeqCst).then_some(()))
                .unwrap();
        });
        assert!(!queue.has_waiters());
    }

    #[test]
    fn a_deadline_ends_a_wait() {
        let deadline = Some(park::now() + Duration::from_millis(5));
        let result = WaitQueue::new().wait_until(Wait::INTERRUPTIBLE.until(deadline), || None::<()>);
        assert_eq!(result, Err(WaitError::TimedOut));
    }

    #[test]
    fn listeners_hear_every_wake_and_may_wake_the_next_queue() {
        struct Next(WaitQueue, AtomicUsize);
        impl Notify for Next {
            fn notify(self: Arc<Self>) {
                self.1.fetch_add(1, Ordering::SeqCst);
                self.0.wake_all();
            }
        }
        let (queue, next) = (Arc::new(WaitQueue::new()), Arc::new(Next(WaitQueue::new(), AtomicUsize::new(0))));
        let places: alloc::vec::Vec<_> = (0..20).map(|_| queue.listen(next.clone())).collect();
        assert!(!queue.wake_one());
        assert_eq!(next.1.load(Ordering::SeqCst), 20);
        drop(places);
        queue.wake_all();
        assert_eq!(next.1.load(Ordering::SeqCst), 20);
    }

    #[test]
    fn each_wake_one_serves_one_of_many_waiters() {
        let (queue, tokens) = (WaitQueue::new(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    queue.wait_until(Wait::UNINTERRUPTIBLE, || {
                        tokens.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).ok()
                    })
                });
            }
            for _ in 0..8 {
                tokens.fetch_add(1, Ordering::SeqCst);
                queue.wake_one();
            }
        });
        assert_eq!(tokens.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_registered_waiter_is_woken_by_any_of_its_queues() {
        let queues = [Arc::new(WaitQueue::new()), Arc::new(WaitQueue::new())];
        let waiter = Waiter::current();
        let registrations: alloc::vec::Vec<_> = queues.iter().map(|queue| queue.register(&waiter)).collect();
        queues[1].wake_one();
        assert_eq!(waiter.wait(Wait::INTERRUPTIBLE), Ok(()));
        drop(registrations);
        queues[0].wake_all();
        assert!(!waiter.take_woken());
    }
}
