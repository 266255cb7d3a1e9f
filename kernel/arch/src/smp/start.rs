//! Starting further CPUs: trampoline, INIT and start-up interrupts, one CPU after the other.

use alloc::boxed::Box;
use core::arch::global_asm;
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;

use kernel_core::addr::PhysAddr;
use kernel_sync::{MAX_CPUS, Once};
use x86_64::registers::model_specific::{Efer, EferFlags};

use super::ONLINE;
use crate::local::{self, CpuLocal, IstStacks};
use crate::paging::{self, direct_ptr};
use crate::vmap::KernelStack;
use crate::{apic, clock, cpu, firmware, layout};

const START_TIMEOUT: Duration = Duration::from_millis(200);

/// What the CPU that starts now gets.
static ROOT: AtomicU64 = AtomicU64::new(0);
static STACK: AtomicU64 = AtomicU64::new(0);
static LOCAL: AtomicPtr<CpuLocal> = AtomicPtr::new(core::ptr::null_mut());
static STACKS: AtomicPtr<IstStacks> = AtomicPtr::new(core::ptr::null_mut());
static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
static ENTRY: Once<fn() -> !> = Once::new();

global_asm!(
    include_str!("trampoline.S"),
    base = const layout::TRAMPOLINE,
    kernel_base = const layout::KERNEL_BASE.cast_signed(),
    root = sym ROOT,
    stack = sym STACK,
    entry = sym further_cpu_entry,
    options(att_syntax)
);

unsafe extern "C" {
    static trampoline_start: u8;
    static trampoline_end: u8;
    static trampoline_efer: u8;
}

/// Starts every CPU that firmware names; each runs `entry` on a stack of its own, interrupts off. A CPU that does not
/// answer is left alone.
pub fn start_others(entry: fn() -> !) {
    ENTRY.call_once(|| entry);
    let Some(firmware) = firmware::get() else { return };
    let own = local::this().apic_id.load(Ordering::Relaxed);
    if firmware.cpus.len() < 2 {
        return;
    }
    ROOT.store(paging::kernel_root().as_u64(), Ordering::Relaxed);
    for &apic_id in firmware.cpus.iter().filter(|id| **id != own) {
        let id = cpu::count();
        if id == MAX_CPUS {
            log::warn!("more than {MAX_CPUS} CPUs; the rest is not used");
            return;
        }
        if !start(id, apic_id) {
            log::warn!("the CPU with APIC id {apic_id} did not start");
            return;
        }
    }
}

fn start(id: usize, apic_id: u32) -> bool {
    let Ok(stack) = KernelStack::alloc() else { return false };
    STACK.store(stack.top().as_u64(), Ordering::Relaxed);
    LOCAL.store(Box::leak(Box::new(CpuLocal::new())), Ordering::Relaxed);
    STACKS.store(Box::leak(IstStacks::boxed()), Ordering::Relaxed);
    // The CPU may start late, so the stack stays even when the time is up.
    core::mem::forget(stack);
    // Release pairs with the Acquire in further_cpu_entry().
    NEXT_ID.store(id, Ordering::Release);

    let page = u8::try_from(layout::TRAMPOLINE >> 12).expect("the trampoline lies below 1 MiB");
    apic::send_init(apic_id);
    clock::spin(Duration::from_millis(10));
    for _ in 0..2 {
        apic::send_startup(apic_id, page);
        let deadline = clock::now() + START_TIMEOUT;
        while clock::now() < deadline {
            // Acquire pairs with the Release in further_cpu_entry().
            if ONLINE.load(Ordering::Acquire) & 1 << id != 0 {
                clock::compare_as_first();
                return true;
            }
            cpu::relax();
        }
    }
    false
}

/// Copies the trampoline to low memory, while the boot page tables still map it.
pub(crate) fn copy_trampoline() {
    let start = &raw const trampoline_start;
    let len = &raw const trampoline_end as usize - start as usize;
    let efer_at = &raw const trampoline_efer as usize - start as usize;
    let efer = (Efer::read() & (EferFlags::LONG_MODE_ENABLE | EferFlags::NO_EXECUTE_ENABLE)).bits();
    let target: *mut u8 = direct_ptr(PhysAddr::new(layout::TRAMPOLINE));
    let efer = u32::try_from(efer).expect("the enable bits are low");
    // SAFETY: the page lies in the first megabyte, which is never allocated and which the boot tables' direct
    // map covers; the trampoline is smaller than a page.
    unsafe {
        core::ptr::copy_nonoverlapping(start, target, len);
        target.add(efer_at).cast::<u32>().write_unaligned(efer);
    }
}

/// First Rust code of a further CPU, on its own stack, in the kernel's page tables, interrupts off.
extern "C" fn further_cpu_entry() -> ! {
    // Acquire pairs with the Release in start().
    let id = NEXT_ID.load(Ordering::Acquire);
    // SAFETY: start() leaked both for this CPU and starts the next one only after this one is online.
    let (block, stacks) = unsafe { (&*LOCAL.load(Ordering::Relaxed), &*STACKS.load(Ordering::Relaxed)) };
    block.install(u32::try_from(id).expect("an index below MAX_CPUS"), stacks);
    cpu::init_cpu();
    apic::init_cpu();
    cpu::ONLINE.fetch_add(1, Ordering::Relaxed);
    // Release pairs with the Acquire in start().
    ONLINE.fetch_or(1 << id, Ordering::Release);
    clock::compare_as_second();
    let entry = ENTRY.get().expect("start_others() sets the entry first");
    entry()
}
