//! One value for each CPU: shared ([`PerCpu`]) or exclusive with interrupts off ([`PerCpuCell`]).

use crate::cpu::{self, MAX_CPUS};
use crate::irq;
use core::cell::{Cell, UnsafeCell};
use spin::Once;

/// One `T` for each CPU, made on first use; other CPUs may read it.
pub struct PerCpu<T> {
    init: fn(usize) -> T,
    slots: [Slot<T>; MAX_CPUS],
}

#[repr(align(64))]
struct Slot<T>(Once<T>);

impl<T: Send + Sync> PerCpu<T> {
    /// Values are made by `init(cpu)` when first asked for.
    pub const fn new(init: fn(usize) -> T) -> Self {
        Self { init, slots: [const { Slot(Once::new()) }; MAX_CPUS] }
    }

    /// This CPU's value. The thread may later run elsewhere; the reference stays good.
    #[inline]
    pub fn get(&self) -> &T {
        self.of(cpu::id())
    }

    /// The value of `cpu`, below [`MAX_CPUS`].
    #[inline]
    pub fn of(&self, cpu: usize) -> &T {
        self.slots[cpu].0.call_once(|| (self.init)(cpu))
    }
}

/// One `T` for each CPU, reached by that CPU only, with interrupts off.
pub struct PerCpuCell<T> {
    init: fn(usize) -> T,
    slots: [CellSlot<T>; MAX_CPUS],
}

#[repr(align(64))]
struct CellSlot<T> {
    busy: Cell<bool>,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: a slot is touched only by the CPU of its index, with interrupts off, and `busy` refuses re-entry.
unsafe impl<T: Send> Sync for PerCpuCell<T> {}

impl<T: Send> PerCpuCell<T> {
    /// Values are made by `init(cpu)` when first asked for.
    pub const fn new(init: fn(usize) -> T) -> Self {
        Self {
            init,
            slots: [const { CellSlot { busy: Cell::new(false), value: UnsafeCell::new(None) } }; MAX_CPUS],
        }
    }

    /// Runs `f` on this CPU's value with interrupts off. Panics when `f` asks for the same cell again.
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let _irq = irq::disable();
        let cpu = cpu::id();
        let slot = &self.slots[cpu];
        let _busy = Busy::set(&slot.busy);
        // SAFETY: only this CPU reaches the slot, interrupts are off, and `busy` was clear: no other reference lives.
        let value = unsafe { &mut *slot.value.get() };
        f(value.get_or_insert_with(|| (self.init)(cpu)))
    }
}

struct Busy<'a>(&'a Cell<bool>);

impl<'a> Busy<'a> {
    #[track_caller]
    fn set(flag: &'a Cell<bool>) -> Self {
        assert!(!flag.replace(true), "a per-CPU cell is entered twice");
        Self(flag)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cpu_has_its_own_value() {
        static CELL: PerCpuCell<u32> = PerCpuCell::new(|_| 5);
        CELL.with(|value| *value = 6);
        std::thread::spawn(|| CELL.with(|value| assert_eq!(*value, 5))).join().unwrap();
        CELL.with(|value| assert_eq!(*value, 6));
    }

    #[test]
    #[should_panic(expected = "entered twice")]
    fn re_entry_is_refused() {
        static CELL: PerCpuCell<u32> = PerCpuCell::new(|_| 0);
        CELL.with(|_| CELL.with(|_| ()));
    }
}
