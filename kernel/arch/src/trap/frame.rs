//! The register frame at the top of every kernel stack.

use crate::local::{USER_CODE, USER_DATA};

/// Flags that user code may set for itself.
const USER_FLAGS: u64 = 0x25_0dd5;
const INTERRUPT_FLAG: u64 = 1 << 9;
const ALWAYS_ONE: u64 = 1 << 1;

/// A thread's user registers as entry code saves them; the order is Linux's `pt_regs`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
#[expect(missing_docs, reason = "the fields are registers")]
pub struct UserFrame {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    /// The call number of a system call, -1 for a trap.
    pub orig_rax: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

const _: () = assert!(size_of::<UserFrame>() == 21 * 8);

impl UserFrame {
    /// The frame of a program that starts: everything zero but these two.
    #[must_use]
    pub fn start(rip: u64, rsp: u64) -> Self {
        let mut frame = Self { rip, rsp, orig_rax: u64::MAX, ..Self::default() };
        frame.sanitise();
        frame
    }

    /// Makes the frame fit for user mode whatever its fields say: segments, flags.
    pub fn sanitise(&mut self) {
        self.cs = u64::from(USER_CODE);
        self.ss = u64::from(USER_DATA);
        self.rflags = self.rflags & USER_FLAGS | INTERRUPT_FLAG | ALWAYS_ONE;
    }

    /// Whether the frame was saved in user mode.
    #[must_use]
    pub fn is_user(&self) -> bool {
        self.cs & 3 != 0
    }

    /// Whether interrupts were on.
    #[must_use]
    pub fn interrupts_on(&self) -> bool {
        self.rflags & INTERRUPT_FLAG != 0
    }
}
