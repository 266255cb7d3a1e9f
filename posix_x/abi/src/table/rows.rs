//! The rows of the system-call table (a declarative table: exempt from the length rule).
//!
//! `NUMBER NAME PATH MODULE::HANDLER(ARGUMENTS) [=> MODULE::SECOND] [partial "what is missing"];`
//! — the handler is `posix_x::syscalls::MODULE::HANDLER(ctx, arguments…)`, `SECOND` the Hybrid handler that a Fast one
//! escalates to. A call without a row answers `ENOSYS`.

/// Hands every row of the system-call table to the macro named by the argument.
#[macro_export]
macro_rules! for_each_syscall {
    ($($callback:tt)+) => {
        $($callback)+! {
            // identity
            __NR_getpid getpid Fast identity::getpid();

            // native
            __NR_exo_null_fast exo_null_fast Fast native::null_fast();
            __NR_exo_null_hybrid exo_null_hybrid Hybrid native::null_hybrid();
            __NR_exo_null_legacy exo_null_legacy Legacy native::null_legacy();
        }
    };
}
