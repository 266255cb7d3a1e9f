//! The random places of an address space (Linux `arch/x86/mm/mmap.c`, `fs/binfmt_elf.c`): stack, mappings, image, heap.

use elf::{ImageKind, LoadPlan, USER_END};
use kernel::random;
use kernel_core::addr::PAGE_SIZE_U64;

/// Pages by which mappings and relocatable images move: 28 bits.
const MAPPING_PAGES: u64 = 1 << 28;
/// Pages by which the stack moves: 22 bits, 16 GiB.
const STACK_PAGES: u64 = 1 << 22;
/// Pages by which the heap moves: 32 MiB.
const HEAP_PAGES: u64 = 1 << 13;
/// Where relocatable programs go before they move: two thirds of user space.
const IMAGE_BASE: u64 = USER_END / 3 * 2 / PAGE_SIZE_U64 * PAGE_SIZE_U64;
/// Least and most room that mappings leave for the stack to grow.
const MIN_STACK_ROOM: u64 = 128 << 20;
const MAX_STACK_ROOM: u64 = USER_END / 6 * 5;
/// Pages kept free below a growing stack.
const STACK_GUARD: u64 = 256 * PAGE_SIZE_U64;

/// Where the parts of a new address space go.
pub(super) struct Layout {
    /// Top of the stack.
    pub(super) stack_top: u64,
    /// Mappings grow downwards from here.
    pub(super) mapping_top: u64,
    /// What is added to every address of the program.
    pub(super) bias: u64,
    /// Start of the heap.
    pub(super) heap: u64,
    /// Bytes between the strings and the vectors on the stack.
    pub(super) stack_gap: u64,
    /// The bytes of `AT_RANDOM`.
    pub(super) seed: [u8; 16],
}

impl Layout {
    /// Draws the places for a program under a stack limit.
    pub(super) fn draw(plan: &LoadPlan, stack_limit: u64) -> Self {
        let stack_top = USER_END - below(STACK_PAGES) * PAGE_SIZE_U64;
        let room = stack_limit.saturating_add(STACK_GUARD + STACK_PAGES * PAGE_SIZE_U64);
        let room = room.clamp(MIN_STACK_ROOM, MAX_STACK_ROOM) / PAGE_SIZE_U64 * PAGE_SIZE_U64;
        let mapping_top = page_down(USER_END - room - below(MAPPING_PAGES) * PAGE_SIZE_U64);
        let bias = match plan.kind {
            ImageKind::Fixed => 0,
            ImageKind::Relocatable => {
                let base = (IMAGE_BASE + below(MAPPING_PAGES) * PAGE_SIZE_U64) & !(plan.align - 1);
                base.saturating_sub(plan.span.start & !(plan.align - 1))
            }
        };
        let program_end = page_up(bias.saturating_add(plan.memory_end()));
        let mut seed = [0; 16];
        random::fill(&mut seed);
        Self {
            stack_top,
            mapping_top,
            bias,
            heap: program_end.saturating_add(below(HEAP_PAGES) * PAGE_SIZE_U64),
            stack_gap: below(512) * 16,
            seed,
        }
    }
}

/// A random number below `bound`, a power of two.
fn below(bound: u64) -> u64 {
    let mut bytes = [0; 8];
    random::fill(&mut bytes);
    u64::from_le_bytes(bytes) & (bound - 1)
}

const fn page_down(addr: u64) -> u64 {
    addr & !(PAGE_SIZE_U64 - 1)
}

const fn page_up(addr: u64) -> u64 {
    page_down(addr.saturating_add(PAGE_SIZE_U64 - 1))
}
