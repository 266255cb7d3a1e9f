//! Threads as the CPU sees them: a kernel stack, and for user threads the registers that stay live in the kernel
//! (FPU, FS and GS base) and the system-call table.
//!
//! A context is running, being saved, or saved. Its stack pointer is taken by an atomic exchange: the CPU that gets a
//! value other than zero runs the thread. A thread that another CPU is just leaving is waited for.

use core::arch::naked_asm;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use x86_64::VirtAddr;
use x86_64::registers::model_specific::{FsBase, KernelGsBase};

use crate::fpu::FpuState;
use crate::frame::OutOfMemory;
use crate::stack_switch::{prepare, switch_stacks};
use crate::syscall::SyscallTable;
use crate::trap::{self, UserFrame};
use crate::vmap::KernelStack;
use crate::{cpu, local};

/// Room for the user frame at the top of every stack, 16-byte aligned.
const FRAME_ROOM: u64 = 256;
const FRAME_SIZE: u64 = size_of::<UserFrame>() as u64;

/// The user registers that stay live in the kernel.
#[derive(Clone)]
pub struct UserState {
    fpu: FpuState,
    fs_base: u64,
    gs_base: u64,
}

impl UserState {
    /// What a program starts with.
    #[must_use]
    pub const fn fresh() -> Self {
        Self { fpu: FpuState::fresh(), fs_base: 0, gs_base: 0 }
    }

    /// A copy of the running thread's.
    #[must_use]
    pub fn current() -> Self {
        let mut state = Self::fresh();
        state.save();
        state
    }

    /// The FS base, the thread pointer.
    #[must_use]
    pub fn fs_base(&self) -> u64 {
        self.fs_base
    }

    /// Sets the FS base, a user address.
    pub fn set_fs_base(&mut self, base: u64) {
        self.fs_base = base;
    }

    fn save(&mut self) {
        self.fpu.save();
        self.fs_base = cpu::user_fs();
        self.gs_base = cpu::user_gs();
    }

    fn restore(&self) {
        self.fpu.restore();
        FsBase::write(VirtAddr::new_truncate(self.fs_base));
        KernelGsBase::write(VirtAddr::new_truncate(self.gs_base));
    }
}

/// One thread's kernel stack and user state.
pub struct Context {
    /// The saved stack pointer; 0 while the thread runs or is being saved.
    saved: AtomicU64,
    /// None for a CPU's idle thread, which runs on the stack that the CPU started on.
    stack: Option<KernelStack>,
    /// Whether the thread has run or will run user code, and so has state to save.
    is_user: AtomicBool,
    state: UnsafeCell<UserState>,
    table: AtomicPtr<SyscallTable>,
}

// SAFETY: `state` is touched only by the CPU that runs the thread or switches it, which the exchange on `saved` makes
// one at a time; the rest is atomic or constant.
unsafe impl Sync for Context {}
// SAFETY: nothing in a context belongs to a CPU.
unsafe impl Send for Context {}

impl Context {
    /// A kernel thread: its first switch runs `entry(argument)`, which must not return.
    ///
    /// # Errors
    /// No memory for the stack.
    pub fn kernel(entry: fn(usize), argument: usize) -> Result<Self, OutOfMemory> {
        let stack = KernelStack::alloc()?;
        let top = stack.top().as_u64() - FRAME_ROOM;
        // SAFETY: a fresh stack.
        let saved = unsafe { prepare(top, kernel_thread_start, entry as *const () as u64, argument as u64) };
        Ok(Self::new(saved, Some(stack), UserState::fresh(), false))
    }

    /// A user thread: its first switch goes to user mode with this frame and state.
    ///
    /// # Errors
    /// No memory for the stack.
    pub fn user(mut frame: UserFrame, state: UserState) -> Result<Self, OutOfMemory> {
        let stack = KernelStack::alloc()?;
        let top = stack.top().as_u64() - FRAME_SIZE;
        frame.sanitise();
        // SAFETY: a fresh stack; the frame's room lies above what prepare() writes.
        let saved = unsafe {
            (top as *mut UserFrame).write(frame);
            prepare(top, user_thread_start, 0, 0)
        };
        Ok(Self::new(saved, Some(stack), state, true))
    }

    /// The thread that runs on the stack that this CPU started on.
    #[must_use]
    pub fn idle() -> Self {
        Self::new(0, None, UserState::fresh(), false)
    }

    fn new(saved: u64, stack: Option<KernelStack>, state: UserState, is_user: bool) -> Self {
        let table = trap::hooks().map_or(core::ptr::null_mut(), |hooks| core::ptr::from_ref(hooks.syscall_table).cast_mut());
        Self {
            saved: AtomicU64::new(saved),
            stack,
            is_user: AtomicBool::new(is_user),
            state: UnsafeCell::new(state),
            table: AtomicPtr::new(table),
        }
    }

    /// The table that the thread's system calls go through from its next switch on; at once if it runs here.
    pub fn set_syscall_table(&self, table: &'static SyscallTable) {
        let table = core::ptr::from_ref(table).cast_mut();
        self.table.store(table, Ordering::Relaxed);
        let _irq = kernel_sync::irq::disable();
        let here = local::this();
        if core::ptr::eq(here.context.load(Ordering::Relaxed), self) {
            here.syscall_table.store(table as u64, Ordering::Relaxed);
        }
    }

    /// Whether the thread runs on some CPU or is just leaving it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.saved.load(Ordering::Relaxed) == 0
    }

    /// Makes this CPU's entry code use the thread's stack and table.
    fn occupy(&self) {
        let here = local::this();
        here.context.store(core::ptr::from_ref(self).cast_mut(), Ordering::Relaxed);
        here.syscall_table.store(self.table.load(Ordering::Relaxed) as u64, Ordering::Relaxed);
        if let Some(stack) = &self.stack {
            here.set_kernel_stack(stack.top().as_u64());
        }
    }
}

/// Switches this CPU from the running thread `from` to `to`, with interrupts off; returns when something switches back.
/// A `to` that another CPU is still saving is waited for.
///
/// # Panics
/// `from` and `to` are the same thread.
pub fn switch(from: &Context, to: &Context) {
    debug_assert!(!kernel_sync::irq::enabled(), "a switch with interrupts on");
    assert!(!core::ptr::eq(from, to), "a switch to the running thread");
    if from.is_user.load(Ordering::Relaxed) {
        // SAFETY: the thread runs here.
        unsafe { (*from.state.get()).save() };
    }
    let stack = loop {
        // Acquire pairs with the store at the end of switch_stacks() (a release on x86).
        match to.saved.swap(0, Ordering::Acquire) {
            0 => cpu::relax(),
            stack => break stack,
        }
    };
    to.occupy();
    if to.is_user.load(Ordering::Relaxed) {
        // SAFETY: the exchange made this CPU the one that runs `to`.
        unsafe { (*to.state.get()).restore() };
    }
    // SAFETY: the stack was left by a switch or made by prepare(), and the exchange took it; `from` is alive until its
    // pointer is stored, because the thread that runs is referenced until another one runs.
    unsafe { switch_stacks(stack, from.saved.as_ptr()) };
}

/// Turns the running kernel thread into a user thread with this frame; its user state is what the CPU holds.
///
/// # Panics
/// The running thread has no stack of its own.
pub fn enter_user(frame: &UserFrame) -> ! {
    x86_64::instructions::interrupts::disable();
    let mut frame = *frame;
    frame.sanitise();
    let context = local::this().context.load(Ordering::Relaxed);
    // SAFETY: the running thread's context lives as long as the thread runs.
    let context = unsafe { context.as_ref() }.expect("a thread that was switched to");
    let stack = context.stack.as_ref().expect("a thread with a stack of its own");
    context.is_user.store(true, Ordering::Relaxed);
    if let Some(hooks) = trap::hooks() {
        context.set_syscall_table(hooks.syscall_table);
    }
    let target = stack.top().as_u64() - FRAME_SIZE;
    // SAFETY: the top of a kernel thread's stack is kept free for the frame.
    unsafe {
        (target as *mut UserFrame).write(frame);
        core::arch::asm!("mov rsp, {}", "xor ebp, ebp", "jmp return_to_user", in(reg) target, options(noreturn));
    }
}

extern "C" fn first_run() {
    if let Some(hooks) = trap::hooks() {
        (hooks.thread_start)();
    }
}

/// rbx = entry, r12 = argument; interrupts go on.
#[unsafe(naked)]
unsafe extern "C" fn kernel_thread_start() {
    naked_asm!("call {first_run}", "sti", "mov rdi, r12", "call rbx", "ud2", first_run = sym first_run)
}

/// The user frame is at the stack pointer.
#[unsafe(naked)]
unsafe extern "C" fn user_thread_start() {
    naked_asm!("sub rsp, 8", "call {first_run}", "add rsp, 8", "jmp return_to_user", first_run = sym first_run)
}
