//! From the boot loader to `exo_main`.
//!
//! Layers: `entry.S` (protected mode to long mode), [`pvh`] and [`multiboot2`] (read what the loader left),
//! [`crate::memory_map`] (make it disjoint), `rust_entry` (copy it, set up the boot CPU, call `exo_main`).
//! Everything that is kept is copied into static memory before anything is allocated: PVH leaves its structures in
//! RAM that the map calls usable, and GRUB puts the initrd right after the image.

mod multiboot2;
mod pvh;

use core::arch::global_asm;
use core::fmt::Write;
use core::ops::Range;

use arrayvec::ArrayVec;
use kernel_core::addr::{PAGE_SIZE_U64, PhysAddr, VirtAddr, VirtRange};
use kernel_sync::Once;

use crate::{cpu, firmware, layout, paging, serial, smp};
use crate::memory_map::{self, MAX_RANGES, MAX_REPORTED};
pub use crate::memory_map::{MemoryKind, MemoryRange};

global_asm!(include_str!("entry.S"), options(att_syntax));

const CMDLINE_SIZE: usize = 2048;
/// Less RAM than this is refused with a message.
const MINIMUM_RAM: u64 = 20 << 20;

/// How the kernel was booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// QEMU `-kernel` and microVMs.
    Pvh,
    /// GRUB.
    Multiboot2,
}

/// What the boot loader told, copied.
pub struct BootInfo {
    /// The kernel command line.
    pub cmdline: &'static str,
    /// Physical memory: sorted, disjoint, page-aligned.
    pub memory: &'static [MemoryRange],
    /// The initial RAM disk.
    pub initrd: Option<Range<PhysAddr>>,
    /// The ACPI root pointer, where the loader named it.
    pub rsdp: Option<PhysAddr>,
    /// Which loader.
    pub protocol: Protocol,
}

struct Store {
    cmdline: ArrayVec<u8, CMDLINE_SIZE>,
    memory: ArrayVec<MemoryRange, MAX_RANGES>,
    rsdp: [u8; 36],
}

/// What a protocol's reader found.
#[derive(Default)]
struct Gathered {
    cmdline: ArrayVec<u8, CMDLINE_SIZE>,
    reported: ArrayVec<MemoryRange, MAX_REPORTED>,
    initrd: Option<Range<PhysAddr>>,
    rsdp: Option<PhysAddr>,
    rsdp_copy: Option<[u8; 36]>,
}

impl Gathered {
    fn set_cmdline(&mut self, text: &[u8]) {
        let fits = &text[..text.len().min(CMDLINE_SIZE)];
        self.cmdline = fits.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' }).collect();
    }

    fn set_initrd(&mut self, start: u64, end: u64) {
        self.initrd = (start < end).then(|| PhysAddr::new(start)..PhysAddr::new(end));
    }

    fn push(&mut self, range: Option<MemoryRange>) {
        if let Some(range) = range {
            // Ranges beyond the capacity stay unknown, and so unused.
            let _ = self.reported.try_push(range);
        }
    }
}

static STORE: Once<Store> = Once::new();
static INFO: Once<BootInfo> = Once::new();

unsafe extern "Rust" {
    /// The image's own start: the order of initialisation. Defined by the root crate.
    safe fn exo_main() -> !;
}

unsafe extern "C" {
    static __kernel_start: u8;
    static __kernel_end: u8;
    static boot_stack_guard: u8;
}

/// What the boot loader told.
///
/// # Panics
/// Before `rust_entry` has copied it.
pub fn info() -> &'static BootInfo {
    INFO.get().expect("boot data is copied before anything else runs")
}

/// The initial RAM disk's bytes, through the direct map; empty when there is none.
pub fn initrd() -> &'static [u8] {
    let Some(range) = info().initrd.clone() else {
        return &[];
    };
    let len = usize::try_from(range.end - range.start).unwrap_or(0);
    // SAFETY: the range is RAM of kind `Initrd`: in the direct map, never allocated, never written.
    unsafe { core::slice::from_raw_parts(layout::direct(range.start).as_u64() as *const u8, len) }
}

/// The kernel image in physical memory, page-aligned.
pub fn kernel_image() -> Range<PhysAddr> {
    let start = VirtAddr::new(&raw const __kernel_start as u64);
    let end = VirtAddr::new(&raw const __kernel_end as u64);
    layout::image_phys(start)..layout::image_phys(end).align_up(4096)
}

/// The value of `key=value` on the command line, last one wins; words after `--` are not the kernel's.
pub fn option(key: &str) -> Option<&'static str> {
    words().filter_map(|word| word.split_once('=')).filter(|(name, _)| *name == key).map(|(_, value)| value).last()
}

/// Whether a word stands on the command line before `--`.
pub fn flag(name: &str) -> bool {
    words().any(|word| word == name)
}

fn words() -> impl Iterator<Item = &'static str> {
    info().cmdline.split_ascii_whitespace().take_while(|word| *word != "--")
}

/// First Rust code, on the boot stack, interrupts off, boot page tables.
#[unsafe(no_mangle)]
extern "C" fn rust_entry(protocol: u32, info: u64) -> ! {
    cpu::init_boot_cpu();
    serial::init();
    let (protocol, gathered) = match protocol {
        1 => (Protocol::Pvh, pvh::gather(PhysAddr::new(info))),
        _ => (Protocol::Multiboot2, multiboot2::gather(PhysAddr::new(info))),
    };
    let Some(gathered) = gathered else {
        refuse(format_args!("exo-os: the boot loader left no memory map\n"));
    };
    keep(protocol, gathered);
    serial::choose_log_port();
    let ram: u64 = self::info().memory.iter().filter(|range| range.kind.is_ram()).map(MemoryRange::len).sum();
    if ram < MINIMUM_RAM {
        refuse(format_args!("exo-os: {} KiB of memory is too little; {} MiB are needed\n", ram >> 10, MINIMUM_RAM >> 20));
    }
    firmware::init();
    smp::copy_trampoline();
    exo_main()
}

fn keep(protocol: Protocol, gathered: Gathered) {
    let memory = memory_map::build(&gathered.reported, kernel_image(), gathered.initrd.clone());
    let store = STORE.call_once(|| Store {
        cmdline: gathered.cmdline,
        memory,
        rsdp: gathered.rsdp_copy.unwrap_or([0; 36]),
    });
    let rsdp = match gathered.rsdp_copy {
        Some(_) => Some(layout::image_phys(VirtAddr::new(store.rsdp.as_ptr() as u64))),
        None => gathered.rsdp,
    };
    INFO.call_once(|| BootInfo {
        cmdline: core::str::from_utf8(&store.cmdline).unwrap_or(""),
        memory: &store.memory,
        initrd: gathered.initrd,
        rsdp,
        protocol,
    });
}

/// Unmaps the page below the boot stack, on which the boot CPU's idle thread runs. The kernel's own tables are active.
pub(crate) fn guard_stack() {
    let page = VirtAddr::new(&raw const boot_stack_guard as u64);
    if paging::unmap_kernel(page).is_some() {
        paging::flush_kernel(VirtRange::new(page, page + PAGE_SIZE_U64));
    }
}

/// Says why the machine cannot be used, and stops.
fn refuse(why: core::fmt::Arguments<'_>) -> ! {
    let _ = serial::Writer.write_fmt(why);
    crate::power::debug_exit(crate::power::EXIT_PANIC);
    crate::power::off()
}

/// Bytes of boot data; `None` beyond what the boot page tables map.
pub(crate) fn early_bytes(address: PhysAddr, len: usize) -> Option<&'static [u8]> {
    let end = address.checked_add(u64::try_from(len).ok()?)?;
    if address.is_null() || end.as_u64() > layout::EARLY_MAPPED {
        return None;
    }
    // SAFETY: the boot page tables map the first 4 GiB, and nothing writes boot data before it has been copied.
    Some(unsafe { core::slice::from_raw_parts(layout::direct(address).as_u64() as *const u8, len) })
}

/// A NUL-terminated string of boot data, cut at the command line's capacity.
fn early_string(address: PhysAddr) -> &'static [u8] {
    let bytes = early_bytes(address, CMDLINE_SIZE).unwrap_or(&[]);
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    &bytes[..end]
}
