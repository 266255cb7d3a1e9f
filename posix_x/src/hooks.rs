//! What the entry code calls upward, joined in one place.

use kernel::{mm, sched};
use kernel_arch::trap::{self, Hooks};

use crate::dispatch::TABLE;
use crate::signal;

static HOOKS: Hooks = Hooks {
    user_page_fault: mm::user_page_fault,
    user_exception: signal::user_exception,
    timer: sched::timer_interrupt,
    reschedule: sched::reschedule_interrupt,
    exit_to_user: signal::exit_to_user,
    thread_start: sched::thread_start,
    syscall_table: &TABLE,
};

/// Gives the entry code its hooks; before the first user thread.
pub fn install() {
    trap::install(&HOOKS);
}
