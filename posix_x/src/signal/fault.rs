//! Exceptions of user code as signals (Linux `arch/x86/kernel/traps.c`).

use abi::signal::Signal;
use alloc::vec;
use kernel::signal::{self, Fault, SigInfo};
use kernel::task;
use kernel_arch::fpu;
use kernel_arch::trap::UserFrame;
use linux_raw_sys::general as raw;

const DIVIDE: u32 = 0;
const DEBUG: u32 = 1;
const BREAKPOINT: u32 = 3;
const INVALID_OPCODE: u32 = 6;
const SEGMENT_NOT_PRESENT: u32 = 11;
const STACK_SEGMENT: u32 = 12;
const PAGE_FAULT: u32 = 14;
const X87: u32 = 16;
const ALIGNMENT: u32 = 17;
const SIMD: u32 = 19;

/// `SEGV_ACCERR`.
const NOT_PERMITTED: i32 = 2;

/// Kinds of page fault, as the fault handler answers them.
const NOT_PERMITTED_FAULT: u32 = 2;
const BEYOND_OBJECT: u32 = 3;
const KILLED: u32 = 4;

/// Raises the signal of an exception at the instruction that `frame` names.
pub(super) fn raise(frame: &UserFrame, vector: u32, error: u64, address: u64, fault: u32) {
    let at = |signal, code: u32, address| SigInfo::fault(signal, code.cast_signed(), address);
    let info = match vector {
        DIVIDE => at(Signal::SIGFPE, raw::FPE_INTDIV, frame.rip),
        DEBUG => at(Signal::SIGTRAP, raw::TRAP_TRACE, frame.rip),
        BREAKPOINT => SigInfo::forced(Signal::SIGTRAP),
        INVALID_OPCODE => at(Signal::SIGILL, raw::ILL_ILLOPN, frame.rip),
        SEGMENT_NOT_PRESENT | STACK_SEGMENT => SigInfo::forced(Signal::SIGBUS),
        ALIGNMENT => at(Signal::SIGBUS, raw::BUS_ADRALN, 0),
        X87 | SIMD => at(Signal::SIGFPE, arithmetic_code(vector), frame.rip),
        PAGE_FAULT => match fault {
            KILLED => return,
            BEYOND_OBJECT => at(Signal::SIGBUS, raw::BUS_ADRERR, address),
            NOT_PERMITTED_FAULT => SigInfo::fault(Signal::SIGSEGV, NOT_PERMITTED, address),
            _ => at(Signal::SIGSEGV, raw::SEGV_MAPERR, address),
        },
        // Overflow, bounds, general protection, and whatever else user code can provoke.
        _ => SigInfo::forced(Signal::SIGSEGV),
    };
    let cr2 = if vector == PAGE_FAULT { address } else { 0 };
    task::current().signals.set_fault(Fault { vector, error, address: cr2 });
    signal::force(info);
}

/// Which arithmetic exception is raised and not masked, from the status words of the unit.
fn arithmetic_code(vector: u32) -> u32 {
    const X87_CONTROL: usize = 0;
    const X87_STATUS: usize = 2;
    const MXCSR: usize = 24;
    let mut state = vec![0; fpu::signal_frame_size()];
    fpu::save_to_signal_frame(&mut state);
    let half = |offset: usize| u32::from(u16::from_le_bytes([state[offset], state[offset + 1]]));
    let raised = if vector == X87 {
        half(X87_STATUS) & !half(X87_CONTROL)
    } else {
        let mxcsr = half(MXCSR);
        mxcsr & !(mxcsr >> 7)
    };
    match raised & 0x3f {
        bits if bits & 1 != 0 => raw::FPE_FLTINV,
        bits if bits & 4 != 0 => raw::FPE_FLTDIV,
        bits if bits & 8 != 0 => raw::FPE_FLTOVF,
        bits if bits & (16 | 2) != 0 => raw::FPE_FLTUND,
        bits if bits & 32 != 0 => raw::FPE_FLTRES,
        _ => raw::FPE_FLTUNK,
    }
}
