//! Exceptions and interrupts: the way in, what arch handles itself, and the hooks to the layers above.
//!
//! `entry.S` builds a [`UserFrame`] for every trap, at the top of the kernel stack when it came from user mode.
//! Traps from user mode end in the `exit_to_user` hook as long as work is pending for the CPU. A fault of the kernel
//! is legal only in a user copy, at an instruction that the exception table names.

mod exception_table;
mod frame;
mod idt;

use core::arch::global_asm;
use core::mem::offset_of;
use core::sync::atomic::Ordering;

use kernel_core::addr::USER_END;
use kernel_sync::Once;
use x86_64::registers::control::Cr2;

use crate::syscall::SyscallTable;
use crate::{cpu, irq, local, panic};
pub use frame::UserFrame;
pub(crate) use idt::load as load_idt;

/// Page-fault access bit: a write.
pub const ACCESS_WRITE: u32 = 1;
/// Page-fault access bit: an instruction fetch.
pub const ACCESS_EXEC: u32 = 2;
/// Page-fault access bit: from user mode (else from a user copy).
pub const ACCESS_USER: u32 = 4;

const VECTOR_DEBUG: u32 = 1;
const VECTOR_NMI: u32 = 2;
const VECTOR_DOUBLE_FAULT: u32 = 8;
const VECTOR_GENERAL_PROTECTION: u32 = 13;
const VECTOR_PAGE_FAULT: u32 = 14;
const VECTOR_MACHINE_CHECK: u32 = 18;

/// What arch calls upward. All are called with interrupts on unless said otherwise.
pub struct Hooks {
    /// Resolves a user page fault; may sleep. Arguments: address, access bits. 0 = resolved, else the kind of fault
    /// (1 not mapped, 2 not permitted, 3 beyond the object, 4 killed for lack of memory).
    pub user_page_fault: extern "C" fn(addr: u64, access: u32) -> u32,
    /// Posts the signal for an exception in user mode: vector, error code, address, and the page fault's kind.
    pub user_exception: extern "C" fn(frame: &mut UserFrame, vector: u32, error: u64, addr: u64, fault: u32),
    /// This CPU's timer went off. Interrupt context, interrupts off.
    pub timer: extern "C" fn(),
    /// Another CPU asks this one to reschedule. Interrupt context, interrupts off.
    pub reschedule: extern "C" fn(),
    /// Work is pending on the way to user mode: deliver signals, reschedule. Arch has cleared the mark before the call.
    pub exit_to_user: extern "C" fn(frame: &mut UserFrame),
    /// First thing on a new thread's stack: finish the switch. Interrupts off.
    pub thread_start: extern "C" fn(),
    /// The table that new user contexts start with.
    pub syscall_table: &'static SyscallTable,
}

static HOOKS: Once<&'static Hooks> = Once::new();

/// Installs the hooks; the first call counts.
pub fn install(hooks: &'static Hooks) {
    HOOKS.call_once(|| hooks);
}

pub(crate) fn hooks() -> Option<&'static Hooks> {
    HOOKS.get().copied()
}

/// The next return to user mode on this CPU takes the slow way through `exit_to_user`.
pub fn set_work_pending() {
    local::this().work.store(1, Ordering::Relaxed);
}

/// Takes the mark back: nothing is pending for the thread that runs now.
pub fn clear_work_pending() {
    local::this().work.store(0, Ordering::Relaxed);
}

global_asm!(
    include_str!("entry.S"),
    smap = sym cpu::SMAP_ENABLED,
    dispatch = sym dispatch,
    ist_dispatch = sym ist_dispatch,
    work_handler = sym exit_work,
    bad_address = sym bad_return_address,
    work = const local::WORK,
    scratch = const local::SCRATCH,
    syscall_stack = const local::SYSCALL_STACK,
    ist_size = const local::IST_STACK_SIZE,
    orig_rax = const offset_of!(UserFrame, orig_rax),
    cs = const offset_of!(UserFrame, cs),
    rip = const offset_of!(UserFrame, rip),
    rcx = const offset_of!(UserFrame, rcx),
    r11 = const offset_of!(UserFrame, r11),
    rflags = const offset_of!(UserFrame, rflags),
);

extern "C" fn dispatch(frame: &mut UserFrame, vector: u32, error: u64) {
    if vector >= irq::FIRST_VECTOR {
        irq::dispatch(vector);
    } else if frame.is_user() {
        user_exception(frame, vector, error);
    } else {
        kernel_exception(frame, vector, error);
    }
}

fn user_exception(frame: &mut UserFrame, vector: u32, error: u64) {
    let mut address = match vector {
        VECTOR_PAGE_FAULT => Cr2::read_raw(),
        _ => frame.rip,
    };
    match vector {
        VECTOR_NMI => return panic::nmi(),
        VECTOR_MACHINE_CHECK => panic!("machine check at {:#x} in user mode", frame.rip),
        VECTOR_DEBUG => {
            address = frame.rip;
            clear_debug_status();
        }
        _ => {}
    }
    let Some(hooks) = hooks() else {
        panic!("exception {vector} in user mode at {:#x} before the hooks are installed", frame.rip);
    };
    x86_64::instructions::interrupts::enable();
    let mut fault = 0;
    if vector == VECTOR_PAGE_FAULT {
        fault = (hooks.user_page_fault)(address, access(error) | ACCESS_USER);
        if fault == 0 {
            x86_64::instructions::interrupts::disable();
            return;
        }
    }
    (hooks.user_exception)(frame, vector, error, address, fault);
    x86_64::instructions::interrupts::disable();
}

fn kernel_exception(frame: &mut UserFrame, vector: u32, error: u64) {
    let address = Cr2::read_raw();
    let fixup = match vector {
        VECTOR_PAGE_FAULT | VECTOR_GENERAL_PROTECTION => exception_table::fixup(frame.rip),
        _ => None,
    };
    let Some(fixup) = fixup else {
        panic::report_exception(frame, vector, error, address);
    };
    let may_fault_in =
        vector == VECTOR_PAGE_FAULT && frame.interrupts_on() && local::this().no_fault.load(Ordering::Relaxed) == 0;
    if may_fault_in && address < USER_END && let Some(hooks) = hooks() {
        x86_64::instructions::interrupts::enable();
        let fault = (hooks.user_page_fault)(address, access(error));
        x86_64::instructions::interrupts::disable();
        if fault == 0 {
            return;
        }
    }
    frame.rip = fixup;
}

extern "C" fn ist_dispatch(frame: &mut UserFrame, vector: u32, error: u64) {
    match vector {
        VECTOR_NMI => panic::nmi(),
        VECTOR_DEBUG => {
            clear_debug_status();
            frame.rflags &= !(1 << 8);
        }
        VECTOR_DOUBLE_FAULT => panic::report_exception(frame, vector, error, Cr2::read_raw()),
        _ => panic::report_exception(frame, vector, error, 0),
    }
}

/// Pending work on the way to user mode. Interrupts are off on entry and exit; the caller looks again.
extern "C" fn exit_work(frame: &mut UserFrame) {
    clear_work_pending();
    if let Some(hooks) = hooks() {
        x86_64::instructions::interrupts::enable();
        (hooks.exit_to_user)(frame);
        x86_64::instructions::interrupts::disable();
    }
    frame.sanitise();
}

/// The frame returns to an address outside user space: as if the jump there had faulted.
extern "C" fn bad_return_address(frame: &mut UserFrame) {
    if let Some(hooks) = hooks() {
        x86_64::instructions::interrupts::enable();
        (hooks.user_exception)(frame, VECTOR_GENERAL_PROTECTION, 0, 0, 0);
        (hooks.exit_to_user)(frame);
        x86_64::instructions::interrupts::disable();
    }
    if frame.rip >= USER_END {
        frame.rip = 0;
    }
    frame.sanitise();
}

/// The debug status register is sticky; its fixed bits read as ones.
fn clear_debug_status() {
    // SAFETY: only status bits are cleared.
    unsafe { core::arch::asm!("mov dr6, {}", in(reg) 0xffff_0ff0_u64, options(nomem, nostack, preserves_flags)) };
}

fn access(error: u64) -> u32 {
    let write = if error & 1 << 1 != 0 { ACCESS_WRITE } else { 0 };
    let exec = if error & 1 << 4 != 0 { ACCESS_EXEC } else { 0 };
    write | exec
}
