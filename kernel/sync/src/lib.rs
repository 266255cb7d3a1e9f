//! Locks with ranks, per-CPU cells, parking, wait queues, RCU and lock-free rings.
//!
//! Layers, lowest first: [`atomic`] (core's or loom's atomics), [`cpu`] and [`irq`] (this CPU), [`rank`] (lock order),
//! [`SpinLock`] and [`IrqLock`], [`PerCpu`] and [`Current`], [`park`] (the scheduler, seen from below), [`WaitQueue`],
//! the sleeping [`Mutex`] and [`RwLock`], [`rcu`], [`ring`].
//!
//! Everything also runs on the host: there a thread plays a CPU, and parking is `std::thread::park`.
#![no_std]

#[cfg(not(target_os = "none"))]
extern crate std;

extern crate alloc;

pub mod atomic;
pub mod cpu;
#[cfg(not(loom))]
mod current;
pub mod irq;
mod mutex;
pub mod park;
#[cfg(not(loom))]
mod percpu;
pub mod rank;
pub mod rcu;
pub mod ring;
mod rwlock;
mod spinlock;
mod wait_queue;

pub use cpu::MAX_CPUS;
#[cfg(not(loom))]
pub use current::{Current, CurrentRef, OnStack};
pub use mutex::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub use percpu::{PerCpu, PerCpuCell};
pub use rank::Rank;
pub use rwlock::{ReadGuard, RwLock, WriteGuard};
pub use spin::{LazyLock as Lazy, Once};
pub use spinlock::{IrqLock, IrqLockGuard, SpinLock, SpinLockGuard, lock_pair};
pub use wait_queue::{Interruptible, Notify, Registration, Wait, WaitError, WaitQueue, Waiter};
