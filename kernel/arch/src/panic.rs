//! Kernel panics: the message, a symbolised backtrace, the other CPUs stopped, the machine ended.

use core::fmt::Write;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::backtrace::{self, Symbol};
use crate::trap::UserFrame;
use crate::{apic, cpu, power, serial};

const NOBODY: usize = usize::MAX;
static PANICKING: AtomicUsize = AtomicUsize::new(NOBODY);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    begin();
    let _ = writeln!(serial::Writer, "cpu {}: {info}", cpu::id());
    backtrace::here(print_frame);
    end()
}

/// An exception in the kernel that nothing expected.
pub(crate) fn report_exception(frame: &UserFrame, vector: u32, error: u64, address: u64) -> ! {
    begin();
    let mut out = serial::Writer;
    let _ = writeln!(out, "cpu {}: {} (vector {vector}, error {error:#x}, address {address:#x})", cpu::id(), name(vector));
    let _ = writeln!(out, "rip {} rsp {:#x} rflags {:#x} cs {:#x}", Symbol(frame.rip), frame.rsp, frame.rflags, frame.cs);
    let _ = writeln!(out, "rax {:#018x} rbx {:#018x} rcx {:#018x} rdx {:#018x}", frame.rax, frame.rbx, frame.rcx, frame.rdx);
    let _ = writeln!(out, "rsi {:#018x} rdi {:#018x} rbp {:#018x} r8  {:#018x}", frame.rsi, frame.rdi, frame.rbp, frame.r8);
    let _ = writeln!(out, "r9  {:#018x} r10 {:#018x} r11 {:#018x} r12 {:#018x}", frame.r9, frame.r10, frame.r11, frame.r12);
    let _ = writeln!(out, "r13 {:#018x} r14 {:#018x} r15 {:#018x}", frame.r13, frame.r14, frame.r15);
    print_frame(frame.rip);
    backtrace::from(frame.rbp, print_frame);
    end()
}

/// A non-maskable interrupt: the order to stop while another CPU panics; otherwise not for us.
pub(crate) fn nmi() {
    let panicking = PANICKING.load(Ordering::Relaxed);
    if panicking != NOBODY && panicking != cpu::id() {
        cpu::halt_forever();
    }
}

/// Makes this CPU the one that panics. Of two the second stops; a panic within a panic ends the machine.
fn begin() {
    x86_64::instructions::interrupts::disable();
    let me = cpu::id();
    match PANICKING.compare_exchange(NOBODY, me, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => {}
        Err(first) if first == me => {
            serial::write_bytes(b"panic within a panic\n");
            end()
        }
        Err(_) => cpu::halt_forever(),
    }
    apic::stop_others();
    serial::write_bytes(b"\n---[ kernel panic ]---\n");
}

fn end() -> ! {
    serial::write_bytes(b"---[ end kernel panic ]---\n");
    #[cfg(feature = "ktest")]
    crate::ktest::fail_running();
    power::debug_exit(power::EXIT_PANIC);
    cpu::halt_forever()
}

fn print_frame(address: u64) {
    let _ = writeln!(serial::Writer, "  at {}", Symbol(address));
}

fn name(vector: u32) -> &'static str {
    match vector {
        0 => "division error",
        1 => "debug exception",
        3 => "breakpoint",
        4 => "overflow",
        6 => "invalid instruction",
        7 => "no coprocessor",
        8 => "double fault (kernel stack overflow?)",
        10 => "invalid TSS",
        11 => "segment not present",
        12 => "stack segment fault",
        13 => "general protection fault",
        14 => "page fault",
        16 => "x87 error",
        17 => "alignment check",
        18 => "machine check",
        19 => "SIMD error",
        _ => "unexpected exception",
    }
}
