//! In-kernel tests of this crate. They run before the hooks are installed, on the boot thread.

use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use alloc::boxed::Box;
use alloc::vec;
use kernel_core::addr::{PAGE_SIZE, USER_END, VirtAddr};

use crate::context::{Context, switch};
use crate::frame::PageRef;
use crate::fpu::{self, FpuState};
use crate::paging::{PteFlags, UserTable};
use crate::trap::UserFrame;
use crate::user::{self, AtomicOp, UserFault};
use crate::{clock, cpu, frame, ktests, layout, smp};

/// The tests.
pub const TESTS: &[crate::ktest::Test] = ktests![
    time_passes_and_never_goes_back,
    wall_time_is_in_this_century,
    every_cpu_answers_a_call,
    concurrent_calls_do_not_deadlock,
    kernel_threads_switch_both_ways,
    user_copies_stop_at_the_end_of_what_is_mapped,
    user_copies_refuse_kernel_addresses,
    atomic_user_words_change_in_one_step,
    strings_end_at_their_nul_or_fault,
    floating_point_state_survives_a_signal_frame,
    invalid_floating_point_state_is_refused,
    frames_are_made_fit_for_user_mode,
    the_boot_map_is_sorted_and_disjoint,
];

fn time_passes_and_never_goes_back() {
    let start = clock::now();
    let mut last = start;
    while last.as_nanos() - start.as_nanos() < 5_000_000 {
        let now = clock::now();
        assert!(now >= last);
        last = now;
    }
    assert!(clock::tsc_khz() > 0);
}

fn wall_time_is_in_this_century() {
    let year_2020 = 1_577_836_800;
    let year_2100 = 4_102_444_800;
    assert!((year_2020..year_2100).contains(&clock::rtc()));
}

static ANSWERS: AtomicUsize = AtomicUsize::new(0);

fn answer(by: usize) {
    ANSWERS.fetch_add(by, Ordering::Relaxed);
}

fn every_cpu_answers_a_call() {
    ANSWERS.store(0, Ordering::Relaxed);
    smp::call_on(smp::online(), answer, 3);
    assert_eq!(ANSWERS.load(Ordering::Relaxed), 3 * (cpu::count() - 1));
}

fn concurrent_calls_do_not_deadlock() {
    ANSWERS.store(0, Ordering::Relaxed);
    for _ in 0..200 {
        // The called CPUs call everyone in turn.
        smp::call_on(smp::online(), |_| smp::call_on(smp::online(), answer, 1), 0);
    }
    let others = cpu::count() - 1;
    assert_eq!(ANSWERS.load(Ordering::Relaxed), 200 * others * others);
}

static BOOT: AtomicPtr<Context> = AtomicPtr::new(core::ptr::null_mut());
static OTHER: AtomicPtr<Context> = AtomicPtr::new(core::ptr::null_mut());
static ROUNDS: AtomicUsize = AtomicUsize::new(0);

fn context(pointer: &AtomicPtr<Context>) -> &'static Context {
    // SAFETY: the test leaks both contexts before it stores them.
    unsafe { pointer.load(Ordering::Relaxed).as_ref() }.expect("the test stored it")
}

fn kernel_threads_switch_both_ways() {
    fn body(step: usize) {
        loop {
            ROUNDS.fetch_add(step, Ordering::Relaxed);
            let _irq = kernel_sync::irq::disable();
            switch(context(&OTHER), context(&BOOT));
        }
    }
    BOOT.store(Box::leak(Box::new(Context::idle())), Ordering::Relaxed);
    OTHER.store(Box::leak(Box::new(Context::kernel(body, 7).expect("memory"))), Ordering::Relaxed);
    for round in 1..=100 {
        let _irq = kernel_sync::irq::disable();
        switch(context(&BOOT), context(&OTHER));
        assert_eq!(ROUNDS.load(Ordering::Relaxed), 7 * round);
    }
    assert!(!context(&OTHER).is_running() && context(&BOOT).is_running());
}

const MAPPED: u64 = 0x40_0000;

/// Runs `test` in an address space with one page at `MAPPED`.
fn with_user_page(test: impl FnOnce()) {
    let table = UserTable::new().expect("memory");
    let mut gather = table.gather();
    let flags = PteFlags::PRESENT | PteFlags::USER | PteFlags::WRITE | PteFlags::NO_EXEC;
    let page = PageRef::alloc_zeroed().expect("memory");
    let mapped = table.lock().map(VirtAddr::new(MAPPED), page, flags, &mut gather);
    mapped.expect("memory");
    drop(gather);
    table.activate();
    test();
}

fn user_copies_stop_at_the_end_of_what_is_mapped() {
    with_user_page(|| {
        let near_end = VirtAddr::new(MAPPED + PAGE_SIZE as u64 - 13);
        let mut buffer = [0xff; 32];
        assert_eq!(user::copy_out(near_end, b"hello, world!"), Ok(()));
        assert_eq!(user::copy_in(&mut buffer[..13], near_end), Ok(()));
        assert_eq!(&buffer[..13], b"hello, world!");
        assert_eq!(user::copy_in(&mut buffer, near_end), Err(UserFault));
        assert_eq!(user::copy_in_partial(&mut buffer, near_end), 13);
        assert_eq!(user::copy_out_partial(near_end, &[1; 20]), 13);
        assert_eq!(user::zero_out(near_end, 13), Ok(()));
        assert_eq!(user::zero_out(near_end, 14), Err(UserFault));
        assert_eq!(user::read::<u64>(VirtAddr::new(MAPPED)), Ok(0));
        assert_eq!(user::read::<u64>(VirtAddr::new(MAPPED - 8)), Err(UserFault));
    });
}

fn user_copies_refuse_kernel_addresses() {
    with_user_page(|| {
        for address in [USER_END, USER_END - 3, layout::DIRECT_MAP, layout::KERNEL_BASE, u64::MAX, 1 << 47, 0xdead << 44] {
            let at = VirtAddr::new(address);
            assert_eq!(user::read::<u32>(at), Err(UserFault));
            assert_eq!(user::write(at, 1_u32), Err(UserFault));
            assert_eq!(user::load_u32(at), Err(UserFault));
            assert_eq!(user::zero_out(at, 16), Err(UserFault));
            assert_eq!(user::copy_str(&mut [0; 8], at), Err(UserFault));
        }
    });
}

fn atomic_user_words_change_in_one_step() {
    with_user_page(|| {
        let word = VirtAddr::new(MAPPED + 64);
        assert_eq!(user::cmpxchg_u32(word, 0, 5), Ok(0));
        assert_eq!(user::cmpxchg_u32(word, 0, 6), Ok(5));
        assert_eq!(user::fetch_op_u32(word, AtomicOp::Add, 2), Ok(5));
        assert_eq!(user::fetch_op_u32(word, AtomicOp::AndNot, 3), Ok(7));
        assert_eq!(user::load_u32(word), Ok(4));
        assert_eq!(user::load_u32(word + 1), Err(UserFault));
    });
}

fn strings_end_at_their_nul_or_fault() {
    with_user_page(|| {
        let near_end = VirtAddr::new(MAPPED + PAGE_SIZE as u64 - 4);
        let mut buffer = vec![0; 64];
        user::copy_out(near_end, b"abc\0").expect("mapped");
        assert_eq!(user::copy_str(&mut buffer, near_end), Ok(3));
        assert_eq!(user::copy_str(&mut buffer[..2], near_end), Ok(2));
        user::copy_out(near_end, b"abcd").expect("mapped");
        assert_eq!(user::copy_str(&mut buffer, near_end), Err(UserFault));
    });
}

fn floating_point_state_survives_a_signal_frame() {
    let mut frame = vec![0; fpu::signal_frame_size()];
    let pattern: [u64; 2] = [0x1122_3344_5566_7788, 0x99aa_bbcc_ddee_ff00];
    let mut read = [0_u64; 2];
    // SAFETY: the kernel keeps nothing in xmm7; both buffers are 16 bytes.
    unsafe { core::arch::asm!("movups xmm7, [{}]", in(reg) &raw const pattern, options(nostack)) };
    fpu::save_to_signal_frame(&mut frame);
    fpu::reset();
    assert_eq!(fpu::restore_from_signal_frame(&frame), Ok(()));
    // SAFETY: as above.
    unsafe { core::arch::asm!("movups [{}], xmm7", in(reg) &raw mut read, options(nostack)) };
    assert_eq!(read, pattern);
    FpuState::fresh().restore();
}

fn invalid_floating_point_state_is_refused() {
    let mut frame = vec![0; fpu::signal_frame_size()];
    fpu::save_to_signal_frame(&mut frame);
    frame[24..28].fill(0xff);
    assert!(fpu::restore_from_signal_frame(&frame).is_err());
    assert!(fpu::restore_from_signal_frame(&frame[..100]).is_err());
    // Garbage in the header must not reach the CPU.
    fpu::save_to_signal_frame(&mut frame);
    if frame.len() > 576 {
        frame[512..576].fill(0xff);
    }
    assert_eq!(fpu::restore_from_signal_frame(&frame), Ok(()));
    fpu::reset();
}

fn frames_are_made_fit_for_user_mode() {
    let mut frame = UserFrame { cs: 0x10, ss: 0x18, rflags: u64::MAX, ..UserFrame::default() };
    frame.sanitise();
    assert!(frame.is_user() && frame.interrupts_on());
    // No I/O privilege, no nested task, no virtual-8086 mode.
    assert_eq!(frame.rflags & (3 << 12 | 1 << 14 | 1 << 17), 0);
}

fn the_boot_map_is_sorted_and_disjoint() {
    let map = crate::boot::info().memory;
    assert!(map.windows(2).all(|pair| pair[0].end <= pair[1].start));
    assert!(map.iter().all(|range| range.start < range.end));
    assert!(frame::stats().total > 0);
}
