//! The per-CPU block that GS points at in the kernel: what entry code needs, the GDT, the TSS and the IST stacks.
//!
//! Entry code finds its own stack and scratch space here by fixed offsets, checked below at compile time.
//! `kernel_sync` reads the CPU's index at offset 8.

use alloc::boxed::Box;
use core::cell::UnsafeCell;
use core::mem::offset_of;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

use kernel_sync::MAX_CPUS;

use crate::context::Context;
use x86_64::VirtAddr as X86VirtAddr;
use x86_64::registers::model_specific::GsBase;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable};
use x86_64::structures::tss::TaskStateSegment;

/// Size and alignment of an IST stack. Its lowest word points at the CPU's block.
pub(crate) const IST_STACK_SIZE: usize = 16 * 1024;
pub(crate) const IST_STACKS: usize = 4;
/// Interrupt-stack indices as the IDT counts them, from 1.
pub(crate) const IST_NMI: u8 = 1;
pub(crate) const IST_DEBUG: u8 = 2;
pub(crate) const IST_MACHINE_CHECK: u8 = 3;
pub(crate) const IST_DOUBLE_FAULT: u8 = 4;

/// Selectors, laid out as on Linux (SYSCALL and SYSRET fix their order).
pub(crate) const KERNEL_CODE: u16 = 0x10;
pub(crate) const KERNEL_DATA: u16 = 0x18;
pub(crate) const USER_DATA: u16 = 0x2b;
pub(crate) const USER_CODE: u16 = 0x33;
const TSS_SELECTOR: u16 = 0x40;

/// What one CPU's entry code and traps work with.
#[repr(C, align(64))]
pub(crate) struct CpuLocal {
    own_address: AtomicU64,
    id: AtomicU32,
    /// Not zero: the next return to user mode takes the slow way.
    pub(crate) work: AtomicU8,
    /// Eight below the top of the running thread's kernel stack: `SYSCALL` skips the SS slot.
    pub(crate) syscall_stack: AtomicU64,
    pub(crate) scratch: AtomicU64,
    pub(crate) syscall_table: AtomicU64,
    /// Nesting depth of user copies that must not fault in.
    pub(crate) no_fault: AtomicU32,
    pub(crate) apic_id: AtomicU32,
    /// The context of the running thread, once a thread was switched to.
    pub(crate) context: AtomicPtr<Context>,
    gdt: UnsafeCell<GlobalDescriptorTable<10>>,
    tss: UnsafeCell<TaskStateSegment>,
}

pub(crate) const WORK: usize = offset_of!(CpuLocal, work);
pub(crate) const SYSCALL_STACK: usize = offset_of!(CpuLocal, syscall_stack);
pub(crate) const SCRATCH: usize = offset_of!(CpuLocal, scratch);
pub(crate) const SYSCALL_TABLE: usize = offset_of!(CpuLocal, syscall_table);
const _: () = assert!(offset_of!(CpuLocal, own_address) == 0 && offset_of!(CpuLocal, id) == 8);

// SAFETY: the two cells are written by `install` on the owning CPU before others can see the block, and the TSS's
// stack pointer later only by that CPU with interrupts off; everything else is atomic.
unsafe impl Sync for CpuLocal {}

/// One IST stack.
#[repr(C, align(16384))]
pub(crate) struct IstStack([u8; IST_STACK_SIZE]);

/// The stacks of one CPU for NMI, #DB, #MC and #DF.
#[repr(C)]
pub(crate) struct IstStacks(UnsafeCell<[IstStack; IST_STACKS]>);

// SAFETY: only the hardware of the owning CPU and `install` write it.
unsafe impl Sync for IstStacks {}

impl IstStacks {
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new([const { IstStack([0; IST_STACK_SIZE]) }; IST_STACKS]))
    }

    /// Zeroed stacks from the heap, without a copy on the caller's stack.
    pub(crate) fn boxed() -> Box<Self> {
        // SAFETY: bytes, for which zero is a value.
        unsafe { Box::new_zeroed().assume_init() }
    }
}

static BOOT_LOCAL: CpuLocal = CpuLocal::new();
static BOOT_STACKS: IstStacks = IstStacks::new();
static LOCALS: [AtomicPtr<CpuLocal>; MAX_CPUS] = [const { AtomicPtr::new(core::ptr::null_mut()) }; MAX_CPUS];

impl CpuLocal {
    pub(crate) const fn new() -> Self {
        Self {
            own_address: AtomicU64::new(0),
            id: AtomicU32::new(0),
            work: AtomicU8::new(0),
            syscall_stack: AtomicU64::new(0),
            scratch: AtomicU64::new(0),
            syscall_table: AtomicU64::new(0),
            no_fault: AtomicU32::new(0),
            apic_id: AtomicU32::new(0),
            context: AtomicPtr::new(core::ptr::null_mut()),
            gdt: UnsafeCell::new(GlobalDescriptorTable::empty()),
            tss: UnsafeCell::new(TaskStateSegment::new()),
        }
    }

    /// Makes the running CPU use this block: GDT, TSS with the IST stacks, segments, GS.
    pub(crate) fn install(&'static self, id: u32, stacks: &'static IstStacks) {
        self.own_address.store(core::ptr::from_ref(self) as u64, Ordering::Relaxed);
        self.id.store(id, Ordering::Relaxed);
        // SAFETY: nobody else uses the block yet; it lives for ever.
        let (gdt, tss) = unsafe { (&mut *self.gdt.get(), &mut *self.tss.get()) };
        for index in 0..IST_STACKS {
            let bottom = stacks.0.get().cast::<IstStack>().wrapping_add(index);
            // SAFETY: the stack is this CPU's and not in use; its lowest word is reserved for this pointer.
            unsafe { bottom.cast::<u64>().write(core::ptr::from_ref(self) as u64) };
            tss.interrupt_stack_table[index] = X86VirtAddr::new(bottom.wrapping_add(1) as u64);
        }
        *gdt = GlobalDescriptorTable::empty();
        gdt.append(Descriptor::UserSegment(0)); // 0x08
        gdt.append(Descriptor::kernel_code_segment()); // 0x10
        gdt.append(Descriptor::kernel_data_segment()); // 0x18
        gdt.append(Descriptor::UserSegment(0)); // 0x20: 32-bit user code, not offered
        gdt.append(Descriptor::user_data_segment()); // 0x28
        gdt.append(Descriptor::user_code_segment()); // 0x30
        gdt.append(Descriptor::UserSegment(0)); // 0x38
        // SAFETY: the TSS lives in this block, for ever.
        gdt.append(unsafe { Descriptor::tss_segment_unchecked(self.tss.get()) }); // 0x40
        // SAFETY: the table has the segments named by the selectors; the old segments' uses end here.
        unsafe { load_segments(&*self.gdt.get()) };
        GsBase::write(X86VirtAddr::new(core::ptr::from_ref(self) as u64));
        // Release pairs with the Acquire in of().
        LOCALS[id as usize].store(core::ptr::from_ref(self).cast_mut(), Ordering::Release);
    }

    /// The stack pointer that the CPU takes on an interrupt from user mode, and `SYSCALL`'s. Interrupts are off.
    pub(crate) fn set_kernel_stack(&self, top: u64) {
        self.syscall_stack.store(top - 8, Ordering::Relaxed);
        // SAFETY: this CPU's own TSS; nobody else writes it, and the hardware reads it only on a change of privilege.
        unsafe { (*self.tss.get()).privilege_stack_table[0] = X86VirtAddr::new(top) };
    }
}

/// The running CPU's block.
#[inline]
pub(crate) fn this() -> &'static CpuLocal {
    let address: *const CpuLocal;
    // SAFETY: GS points at the block in the kernel; its first word is its own address.
    unsafe {
        core::arch::asm!("mov {}, gs:[0]", out(reg) address, options(nostack, preserves_flags, readonly));
        &*address
    }
}

/// CPU `id`'s block, once it has started.
pub(crate) fn of(id: usize) -> Option<&'static CpuLocal> {
    // Acquire pairs with the Release in install().
    let pointer = LOCALS.get(id)?.load(Ordering::Acquire);
    // SAFETY: a non-null entry is a block that lives for ever.
    unsafe { pointer.as_ref() }
}

pub(crate) fn install_boot() {
    BOOT_LOCAL.install(0, &BOOT_STACKS);
}

/// # Safety
/// The table holds the segments that the selector constants name, and lives for ever.
unsafe fn load_segments(gdt: &'static GlobalDescriptorTable<10>) {
    use x86_64::instructions::segmentation::{CS, DS, ES, FS, GS, SS, Segment};
    use x86_64::structures::gdt::SegmentSelector;
    gdt.load();
    // SAFETY: passed on.
    unsafe {
        CS::set_reg(SegmentSelector(KERNEL_CODE));
        SS::set_reg(SegmentSelector(KERNEL_DATA));
        DS::set_reg(SegmentSelector(0));
        ES::set_reg(SegmentSelector(0));
        FS::set_reg(SegmentSelector(0));
        GS::set_reg(SegmentSelector(0));
        x86_64::instructions::tables::load_tss(SegmentSelector(TSS_SELECTOR));
    }
}
