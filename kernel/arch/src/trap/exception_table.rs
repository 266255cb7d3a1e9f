//! The exception table: instructions of user copies that may fault, and where to go on when they do.

/// Two addresses as the assembler lays them out.
#[repr(C)]
struct Entry {
    instruction: u64,
    fixup: u64,
}

unsafe extern "C" {
    static __ex_table_start: Entry;
    static __ex_table_end: Entry;
}

/// Where to continue when the instruction at `rip` faults; `None` when it must not.
pub(super) fn fixup(rip: u64) -> Option<u64> {
    let start = &raw const __ex_table_start;
    let len = (&raw const __ex_table_end as usize - start as usize) / size_of::<Entry>();
    // SAFETY: the linker script brackets the table with these symbols; it is constant.
    let table = unsafe { core::slice::from_raw_parts(start, len) };
    table.iter().find(|entry| entry.instruction == rip).map(|entry| entry.fixup)
}
