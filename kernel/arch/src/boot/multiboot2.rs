//! Multiboot2: the boot protocol of GRUB.

use super::{MemoryKind, MemoryRange};
use super::Gathered;
use crate::layout;
use kernel_core::addr::{PhysAddr, VirtAddr};
use multiboot2::{BootInformation, BootInformationHeader};

/// Reads what the loader left at `info`. `None` when it is not Multiboot2 data with a memory map.
pub(super) fn gather(info: PhysAddr) -> Option<Gathered> {
    if info.as_u64() >= layout::EARLY_MAPPED || !info.is_aligned(8) {
        return None;
    }
    let pointer = layout::direct(info).as_u64() as *const BootInformationHeader;
    // SAFETY: the loader passed this address; the boot page tables map it and nothing has been allocated over it yet.
    let boot = unsafe { BootInformation::load(pointer) }.ok()?;

    let mut gathered = Gathered::default();
    if let Some(text) = boot.command_line_tag().and_then(|tag| tag.cmdline().ok()) {
        gathered.set_cmdline(text.as_bytes());
    }
    if let Some(module) = boot.module_tags().next() {
        gathered.set_initrd(u64::from(module.start_address()), u64::from(module.end_address()));
    }
    for area in boot.memory_map_tag()?.memory_areas() {
        let kind = MemoryKind::from_e820(u32::from(area.typ()));
        gathered.push(MemoryRange::new(area.start_address(), area.end_address(), kind));
    }
    if let Some(tag) = boot.rsdp_v2_tag() {
        gathered.rsdp_copy = Some(copy_of_rsdp(VirtAddr::new(core::ptr::from_ref(tag).cast::<u8>() as u64)));
    } else if let Some(tag) = boot.rsdp_v1_tag() {
        gathered.rsdp_copy = Some(copy_of_rsdp(VirtAddr::new(core::ptr::from_ref(tag).cast::<u8>() as u64)));
    }
    Some(gathered)
}

/// The tag is an 8-byte header and a copy of the RSDP (20 bytes in version 1, 36 in version 2).
fn copy_of_rsdp(tag: VirtAddr) -> [u8; 36] {
    let mut copy = [0; 36];
    let bytes = (tag + 8).as_u64() as *const u8;
    // SAFETY: the tag is mapped whole; 36 bytes past a version 1 tag still lie in the information block or the page
    // after it, which the boot page tables map; the table's own length decides what is used.
    unsafe { core::ptr::copy_nonoverlapping(bytes, copy.as_mut_ptr(), copy.len()) };
    copy
}
