//! The switch from one kernel stack to another: the two-word context is stack and instruction pointer; the six
//! callee-saved registers wait on the stack that is left.

use core::arch::naked_asm;

/// Words of a switched-out stack: six registers and the return address.
const SAVED_WORDS: u64 = 7;

/// Leaves the running stack, stores its pointer in `slot`, and goes on on the stack `new`. Returns when something
/// switches back.
///
/// The pointer is stored last, when this stack is no longer in use: another CPU may continue it at once.
///
/// # Safety
/// `new` is a stack that was left by this function or made by [`prepare`], and nobody else takes it; `slot` stays
/// valid until it has been written.
#[unsafe(naked)]
pub unsafe extern "C" fn switch_stacks(new: u64, slot: *mut u64) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov rax, rsp",
        "mov rsp, rdi",
        "mov [rsi], rax",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

/// Makes a stack whose first switch enters `start` with the stack pointer at `top` and these values in rbx and r12;
/// what [`switch_stacks`] takes.
///
/// # Safety
/// The seven words below `top` are writable stack memory in nobody's use.
pub unsafe fn prepare(top: u64, start: unsafe extern "C" fn(), rbx: u64, r12: u64) -> u64 {
    let bottom = top - SAVED_WORDS * 8;
    let words = [0, 0, 0, r12, rbx, 0, start as *const () as u64];
    // SAFETY: the caller's promise.
    unsafe { (bottom as *mut [u64; 7]).write(words) };
    bottom
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    const STACK_WORDS: usize = 8192;

    thread_local! {
        static MAIN: Cell<u64> = const { Cell::new(0) };
        static OTHER: Cell<u64> = const { Cell::new(0) };
        static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    fn to_main() {
        let mut slot = 0;
        OTHER.with(|other| {
            // SAFETY: the main stack waits in MAIN; the slot is this stack's own.
            unsafe { switch_stacks(MAIN.get(), other.as_ptr()) };
            slot = other.get();
        });
        assert_ne!(slot, 0);
    }

    unsafe extern "C" fn body() {
        loop {
            STEPS.set(STEPS.get() + 1);
            to_main();
        }
    }

    #[test]
    fn stacks_continue_where_they_left() {
        let mut stack = vec![0_u64; STACK_WORDS];
        // The entry expects a stack as after a call: 8 below a multiple of 16.
        let top = (stack.as_mut_ptr_range().end as u64 & !15) - 8;
        // SAFETY: the top of a stack of our own.
        OTHER.set(unsafe { prepare(top, body, 0, 0) });
        for step in 1..=1000 {
            let local = step * 3;
            // SAFETY: the other stack waits in OTHER; MAIN outlives the switch.
            unsafe { switch_stacks(OTHER.get(), MAIN.with(Cell::as_ptr)) };
            assert_eq!(STEPS.get(), step);
            assert_eq!(local, step * 3);
        }
    }
}
