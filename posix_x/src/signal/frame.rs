//! The frame of a signal handler on the user's stack, exactly as Linux lays it out on x86-64, and the way back.
//!
//! From the stack pointer of the handler upward: the return address (the restorer), `struct ucontext`, `siginfo_t`,
//! and, 64-byte aligned, the floating-point state.

use abi::flags::{AltStackFlags, SaFlags};
use abi::signal::SigSet;
use abi::types::{SigContext, SigInfo, StackT, UContext};
use abi::{Errno, Result, UserAddr, UserPtr};
use alloc::vec;
use kernel::signal::{AltStack, Delivery, Handler};
use kernel::task;
use kernel_arch::fpu;
use kernel_arch::trap::UserFrame;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::user::{UserStruct, read_bytes, write_bytes};

/// `struct rt_sigframe`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct RtSigFrame {
    return_address: u64,
    context: UContext,
    info: SigInfo,
}

const _: () = assert!(size_of::<RtSigFrame>() == 440);

/// Bytes below the stack pointer that belong to the interrupted function.
const RED_ZONE: u64 = 128;
const DIRECTION_RESUME_TRAP: u64 = 1 << 10 | 1 << 16 | 1 << 8;
/// Flags that rt_sigreturn(2) takes from the frame: alignment check, overflow, direction, trap, and the arithmetic ones.
const RESTORED_FLAGS: u64 = 0x5_0dd5;

/// Builds the frame of `delivery` and makes `registers` enter the handler.
pub(super) fn push(registers: &mut UserFrame, delivery: &Delivery) -> Result<()> {
    let me = task::current();
    let action = &delivery.action;
    let Handler::User(handler) = action.handler else { return Err(Errno::EINVAL) };
    if !action.flags.contains(SaFlags::RESTORER) {
        return Err(Errno::EFAULT);
    }
    let stack = me.signals.alt_stack();
    let place = Place::choose(registers.rsp, &stack, action.flags)?;
    let mut state = vec![0; fpu::signal_frame_size()];
    fpu::save_to_signal_frame(&mut state);
    write_bytes(UserAddr(place.state), &state)?;

    let blocked = me.signals.blocked();
    let mask = me.signals.take_saved_mask().unwrap_or(blocked);
    let fault = me.signals.fault();
    let frame = RtSigFrame {
        return_address: action.restorer,
        context: UContext {
            flags: context_flags(),
            link: 0,
            stack: describe(&stack, registers.rsp),
            context: SigContext {
                err: fault.error,
                trapno: u64::from(fault.vector),
                cr2: fault.address,
                oldmask: mask.0,
                fpstate: place.state,
                ..saved(registers)
            },
            mask: mask.0,
        },
        info: delivery.info.to_abi(),
    };
    UserPtr::new(place.frame).put(&frame)?;

    if stack.autodisarm {
        me.signals.set_alt_stack(AltStack::default());
    }
    let own = if action.flags.contains(SaFlags::NODEFER) { SigSet::EMPTY } else { SigSet::of(delivery.info.signal) };
    me.set_blocked(blocked | action.mask | own);
    registers.rdi = u64::from(delivery.info.signal.number());
    registers.rsi = place.frame + core::mem::offset_of!(RtSigFrame, info) as u64;
    registers.rdx = place.frame + core::mem::offset_of!(RtSigFrame, context) as u64;
    registers.rax = 0;
    registers.rip = handler;
    registers.rsp = place.frame;
    registers.rflags &= !DIRECTION_RESUME_TRAP;
    registers.orig_rax = u64::MAX;
    Ok(())
}

/// rt_sigreturn(2): restores what the frame at the stack pointer saved. The value for `rax`.
///
/// # Errors
/// `EFAULT` when the frame cannot be read, `EINVAL` when its floating-point state is not valid.
pub fn sigreturn(registers: &mut UserFrame) -> Result<usize> {
    let me = task::current();
    let address = registers.rsp.wrapping_sub(8);
    let frame: RtSigFrame = UserPtr::new(address).get()?;
    let context = frame.context.context;
    restore_state(context.fpstate)?;
    restore(registers, &context);
    me.set_blocked(SigSet(frame.context.mask));
    // As on Linux, a stack that is not valid any more is left out.
    let _ = restore_stack(&frame.context.stack, registers.rsp);
    usize::try_from(context.rax).map_err(|_| Errno::EINVAL)
}

/// Installs an alternate stack, from a program's description of it (`sigaltstack(2)`).
///
/// # Errors
/// `EPERM` while the thread is on the present one, `EINVAL` for unknown flags, `ENOMEM` for one that is too small.
pub fn restore_stack(new: &StackT, rsp: u64) -> Result<()> {
    let signals = &task::current().signals;
    let old = signals.alt_stack();
    if old.size != 0 && old.contains(rsp) {
        return Err(Errno::EPERM);
    }
    let flags = AltStackFlags::from_bits(new.flags).ok_or(Errno::EINVAL)?;
    let mode = flags - AltStackFlags::AUTODISARM;
    if mode == AltStackFlags::DISABLE {
        signals.set_alt_stack(AltStack::default());
        return Ok(());
    }
    if !mode.is_empty() && mode != AltStackFlags::ONSTACK {
        return Err(Errno::EINVAL);
    }
    if new.size < u64::from(linux_raw_sys::general::MINSIGSTKSZ) {
        return Err(Errno::ENOMEM);
    }
    signals.set_alt_stack(AltStack {
        base: new.sp,
        size: new.size,
        autodisarm: flags.contains(AltStackFlags::AUTODISARM),
    });
    Ok(())
}

/// The alternate stack as a program sees it while its stack pointer is `rsp`.
pub fn describe(stack: &AltStack, rsp: u64) -> StackT {
    let mut flags = if stack.size == 0 {
        AltStackFlags::DISABLE
    } else if stack.contains(rsp) {
        AltStackFlags::ONSTACK
    } else {
        AltStackFlags::empty()
    };
    if stack.autodisarm {
        flags |= AltStackFlags::AUTODISARM;
    }
    StackT { sp: stack.base, flags: flags.bits(), pad: 0, size: stack.size }
}

/// Where the parts of a frame go.
struct Place {
    frame: u64,
    state: u64,
}

impl Place {
    fn choose(rsp: u64, stack: &AltStack, flags: SaFlags) -> Result<Self> {
        let on_stack = stack.size != 0 && stack.contains(rsp);
        let enters = flags.contains(SaFlags::ONSTACK) && stack.size != 0 && !on_stack;
        let top = if enters { stack.base.checked_add(stack.size) } else { rsp.checked_sub(RED_ZONE) };
        let top = top.ok_or(Errno::EFAULT)?;
        let state = top.checked_sub(fpu::signal_frame_size() as u64).ok_or(Errno::EFAULT)? & !63;
        let frame = state.checked_sub(size_of::<RtSigFrame>() as u64).ok_or(Errno::EFAULT)? & !15;
        // As at the entry of any function: the return address below a 16-byte boundary.
        let frame = frame.checked_sub(8).ok_or(Errno::EFAULT)?;
        if (enters || on_stack) && frame < stack.base {
            return Err(Errno::EFAULT);
        }
        Ok(Self { frame, state })
    }
}

fn context_flags() -> u64 {
    let extended = if kernel_arch::cpu::features().xsave { UContext::FP_XSTATE } else { 0 };
    extended | UContext::SIGCONTEXT_SS | UContext::STRICT_RESTORE_SS
}

fn saved(registers: &UserFrame) -> SigContext {
    let segment = |selector: u64| u16::try_from(selector).unwrap_or(0);
    SigContext {
        r8: registers.r8,
        r9: registers.r9,
        r10: registers.r10,
        r11: registers.r11,
        r12: registers.r12,
        r13: registers.r13,
        r14: registers.r14,
        r15: registers.r15,
        rdi: registers.rdi,
        rsi: registers.rsi,
        rbp: registers.rbp,
        rbx: registers.rbx,
        rdx: registers.rdx,
        rax: registers.rax,
        rcx: registers.rcx,
        rsp: registers.rsp,
        rip: registers.rip,
        eflags: registers.rflags,
        cs: segment(registers.cs),
        ss: segment(registers.ss),
        ..SigContext::default()
    }
}

fn restore(registers: &mut UserFrame, context: &SigContext) {
    *registers = UserFrame {
        r8: context.r8,
        r9: context.r9,
        r10: context.r10,
        r11: context.r11,
        r12: context.r12,
        r13: context.r13,
        r14: context.r14,
        r15: context.r15,
        rdi: context.rdi,
        rsi: context.rsi,
        rbp: context.rbp,
        rbx: context.rbx,
        rdx: context.rdx,
        rax: context.rax,
        rcx: context.rcx,
        rsp: context.rsp,
        rip: context.rip,
        rflags: registers.rflags & !RESTORED_FLAGS | context.eflags & RESTORED_FLAGS,
        orig_rax: u64::MAX,
        cs: registers.cs,
        ss: registers.ss,
    };
    registers.sanitise();
}

/// Loads the floating-point state; a frame without one resets it.
fn restore_state(address: u64) -> Result<()> {
    if address == 0 {
        fpu::reset();
        return Ok(());
    }
    let mut state = vec![0; fpu::signal_frame_size()];
    read_bytes(UserAddr(address), &mut state)?;
    fpu::restore_from_signal_frame(&state).map_err(|_| Errno::EINVAL)
}
