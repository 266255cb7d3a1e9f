//! Contexts: what a handler may do, as the type of its first argument.
//!
//! The path of a call decides what the entry code saved, and so what its handler may do. A [`Fast`] handler runs with
//! interrupts off and has no way to block; a [`Hybrid`] one may block and touch user memory; a [`Legacy`] one also holds the
//! full register frame, and may copy or replace the process.

use core::marker::PhantomData;

use alloc::sync::Arc;

use abi::{Errno, Result, UserPtr};
use kernel::task::{self, Process, Task};
use kernel_arch::trap::UserFrame;
use kernel_arch::user::{self, Plain};
use kernel_core::addr::VirtAddr;
use kernel_sync::OnStack;

macro_rules! running_thread {
    ($($context:ty),*) => {
        $(impl $context {
            /// The calling thread.
            #[inline]
            #[must_use]
            pub fn task(&self) -> &Task {
                task::current().within(&self.thread)
            }

            /// The process of the calling thread.
            #[inline]
            #[must_use]
            pub fn process(&self) -> &Arc<Process> {
                self.task().process()
            }
        })*
    };
}

running_thread!(Fast<'_>, Hybrid<'_>, Legacy<'_>);

/// The context of a Fast handler: interrupts are off. It must not block, allocate or wait for a contended lock, and must
/// have no effect before its last user access.
pub struct Fast<'a> {
    thread: OnStack,
    call: PhantomData<&'a ()>,
}

/// Why a Fast handler that has a second one did not answer with a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FastError {
    /// The call needs more than this path allows: run the row's second handler.
    Escalate,
    /// The call fails.
    Errno(Errno),
}

impl From<Errno> for FastError {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl Fast<'_> {
    #[inline]
    pub(crate) fn enter() -> Self {
        Self { thread: OnStack::default(), call: PhantomData }
    }

    /// Reads a value from user memory; escalates when its page is not present.
    ///
    /// # Errors
    /// [`FastError::Escalate`].
    pub fn read<T: Plain>(&self, from: UserPtr<T>) -> Result<T, FastError> {
        let _no_fault = user::no_fault();
        user::read(VirtAddr::new(from.addr())).map_err(|_| FastError::Escalate)
    }

    /// Writes a value to user memory; escalates when its page is not present or must be copied first.
    ///
    /// # Errors
    /// [`FastError::Escalate`].
    pub fn write<T: Plain>(&self, to: UserPtr<T>, value: T) -> Result<(), FastError> {
        let _no_fault = user::no_fault();
        user::write(VirtAddr::new(to.addr()), value).map_err(|_| FastError::Escalate)
    }
}

/// The context of a Hybrid handler: it may block, allocate and touch user memory.
pub struct Hybrid<'a> {
    thread: OnStack,
    call: PhantomData<&'a ()>,
}

impl Hybrid<'_> {
    #[inline]
    pub(crate) fn enter() -> Self {
        Self { thread: OnStack::default(), call: PhantomData }
    }
}

/// The context of a Legacy handler: all that a Hybrid one may do, and the registers of the program.
pub struct Legacy<'a> {
    thread: OnStack,
    frame: &'a mut UserFrame,
}

impl<'a> Legacy<'a> {
    #[inline]
    pub(crate) fn enter(frame: &'a mut UserFrame) -> Self {
        Self { thread: OnStack::default(), frame }
    }

    /// The registers with which the program continues.
    #[must_use]
    pub fn frame(&mut self) -> &mut UserFrame {
        self.frame
    }
}
