//! The bootable image: order of initialisation, nothing else.
#![no_std]
#![no_main]

extern crate alloc;

mod init;

use kernel::{log as kernel_log, sched, task, time, vfs};
use kernel_arch::{boot, cpu, frame};

kernel_arch::entry!(main);

/// The boot CPU, with interrupts off and the boot page tables; ends as that CPU's idle thread.
fn main() -> ! {
    frame::init(boot::info());
    kernel_log::init();
    log::info!("Exo-OS {}, {:?}", env!("CARGO_PKG_VERSION"), boot::info().protocol);
    log::info!("{} MiB of memory free", frame::stats().free >> 8);
    kernel_arch::init_platform();
    time::init();
    #[cfg(feature = "ktest")]
    if boot::flag("exo.test") {
        kernel_arch::ktest::run(kernel_arch::tests::TESTS);
        kernel_arch::ktest::run(kernel_arch::paging::tests::TESTS);
    }
    posix_x::install();
    sched::init_cpu();
    sched::init();
    cpu::start_others(further_cpu);
    log::info!("{} CPUs", cpu::count());
    vfs::init(boot::initrd()).expect("an empty tree takes the first mounts");
    task::spawn_init(init::start, 0).expect("memory for the first process");
    sched::idle_loop()
}

/// Every other CPU, with interrupts off.
fn further_cpu() -> ! {
    sched::init_cpu();
    sched::idle_loop()
}
