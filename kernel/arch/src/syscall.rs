//! System-call entry: the table of stubs and handlers, and the MSRs that lead `SYSCALL` to it.
//!
//! A call's entry names its path's stub; the stub calls the handler with what the path allows. Fast: interrupts off,
//! up to six arguments; Hybrid: the same, interrupts on; Legacy: the whole frame.

use core::arch::global_asm;
use core::mem::offset_of;

use x86_64::VirtAddr;
use x86_64::registers::model_specific::{Efer, EferFlags, LStar, SFMask, Star};
use x86_64::registers::rflags::RFlags;

use crate::local::{self, KERNEL_CODE, USER_CODE, USER_DATA};
use crate::trap::UserFrame;

/// Call numbers below this have an entry; Linux's lie below 1024, native calls start there.
pub const SYSCALLS: usize = 1088;
/// A Fast handler's answer: run the second handler on the Hybrid path.
pub const ESCALATE: i64 = i64::MIN;
const ENOSYS: i64 = abi::Errno::ENOSYS.raw() as i64;

/// A Fast or Hybrid handler: six argument registers, result or negative errno.
pub type RegisterHandler = extern "C" fn(u64, u64, u64, u64, u64, u64) -> i64;
/// A Legacy handler: its result becomes `frame.rax`.
pub type FrameHandler = extern "C" fn(&mut UserFrame) -> i64;

/// One call's entry as the assembly reads it.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub struct SyscallEntry {
    stub: unsafe extern "C" fn(),
    handler: Handler,
    second: RegisterHandler,
}

#[derive(Clone, Copy)]
#[repr(C)]
union Handler {
    registers: RegisterHandler,
    frame: FrameHandler,
}

const _: () = assert!(size_of::<SyscallEntry>() == 32 && offset_of!(SyscallEntry, handler) == 8 && offset_of!(SyscallEntry, second) == 16);

unsafe extern "C" {
    fn syscall_entry();
    fn syscall_fast();
    fn syscall_hybrid();
    fn syscall_legacy();
}

extern "C" fn no_such_call(_: u64, _: u64, _: u64, _: u64, _: u64, _: u64) -> i64 {
    -ENOSYS
}

impl SyscallEntry {
    /// No such call: `ENOSYS`.
    pub const NONE: Self = Self::fast(no_such_call);

    /// A Fast call that never escalates.
    #[must_use]
    pub const fn fast(handler: RegisterHandler) -> Self {
        Self::fast_with(handler, no_such_call)
    }

    /// A Fast call; `second` runs on the Hybrid path when the handler answers [`ESCALATE`].
    #[must_use]
    pub const fn fast_with(handler: RegisterHandler, second: RegisterHandler) -> Self {
        Self { stub: syscall_fast, handler: Handler { registers: handler }, second }
    }

    /// A Hybrid call.
    #[must_use]
    pub const fn hybrid(handler: RegisterHandler) -> Self {
        Self { stub: syscall_hybrid, handler: Handler { registers: handler }, second: no_such_call }
    }

    /// A Legacy call.
    #[must_use]
    pub const fn legacy(handler: FrameHandler) -> Self {
        Self { stub: syscall_legacy, handler: Handler { frame: handler }, second: no_such_call }
    }
}

/// The table that `SYSCALL` dispatches through.
#[repr(C, align(64))]
pub struct SyscallTable([SyscallEntry; SYSCALLS]);

impl SyscallTable {
    /// A table of these entries, indexed by call number.
    #[must_use]
    pub const fn new(entries: [SyscallEntry; SYSCALLS]) -> Self {
        Self(entries)
    }
}

global_asm!(
    include_str!("syscall.S"),
    scratch = const local::SCRATCH,
    syscall_stack = const local::SYSCALL_STACK,
    table = const local::SYSCALL_TABLE,
    work = const local::WORK,
    user_code = const USER_CODE,
    user_data = const USER_DATA,
    calls = const SYSCALLS,
    enosys = const -ENOSYS,
    frame_rax = const offset_of!(UserFrame, rax),
);

/// Leads `SYSCALL` on the running CPU here.
pub(crate) fn init_cpu() {
    // SAFETY: the selectors match the GDT; the entry point is code for exactly this.
    unsafe {
        Efer::update(|flags| flags.insert(EferFlags::SYSTEM_CALL_EXTENSIONS));
        Star::write_raw(USER_CODE - 16, KERNEL_CODE);
    }
    LStar::write(VirtAddr::new(syscall_entry as *const () as u64));
    SFMask::write(
        RFlags::INTERRUPT_FLAG
            | RFlags::TRAP_FLAG
            | RFlags::DIRECTION_FLAG
            | RFlags::ALIGNMENT_CHECK
            | RFlags::NESTED_TASK
            | RFlags::IOPL_LOW
            | RFlags::IOPL_HIGH
            | RFlags::RESUME_FLAG,
    );
}
