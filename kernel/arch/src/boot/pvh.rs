//! PVH: the boot protocol of QEMU's `-kernel` for 64-bit ELF images (Xen `public/arch-x86/hvm/start_info.h`).

use super::{MemoryKind, MemoryRange};
use super::{Gathered, early_bytes, early_string};
use kernel_core::addr::PhysAddr;
use zerocopy::{FromBytes, Immutable, KnownLayout};

const MAGIC: u32 = 0x336e_c578;

#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    module_list: u64,
    cmdline: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Module {
    address: u64,
    size: u64,
    cmdline: u64,
    reserved: u64,
}

#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct MapEntry {
    address: u64,
    size: u64,
    kind: u32,
    reserved: u32,
}

/// Reads what the loader left at `info`. `None` when it is not PVH data with a memory map.
pub(super) fn gather(info: PhysAddr) -> Option<Gathered> {
    let start_info: &StartInfo = read(info.as_u64())?;
    if start_info.magic != MAGIC || start_info.version < 1 || start_info.memory_map_entries == 0 {
        return None;
    }
    let mut gathered = Gathered::default();
    if start_info.cmdline != 0 {
        gathered.set_cmdline(early_string(PhysAddr::new(start_info.cmdline)));
    }
    if start_info.rsdp != 0 {
        gathered.rsdp = Some(PhysAddr::new(start_info.rsdp));
    }
    if start_info.modules > 0 {
        let module: &Module = read(start_info.module_list)?;
        gathered.set_initrd(module.address, module.address.checked_add(module.size)?);
    }
    for index in 0..u64::from(start_info.memory_map_entries) {
        let entry: &MapEntry = read(start_info.memory_map + index * size_of::<MapEntry>() as u64)?;
        let end = entry.address.saturating_add(entry.size);
        gathered.push(MemoryRange::new(entry.address, end, MemoryKind::from_e820(entry.kind)));
    }
    Some(gathered)
}

fn read<T: FromBytes + Immutable + KnownLayout>(address: u64) -> Option<&'static T> {
    T::ref_from_bytes(early_bytes(PhysAddr::new(address), size_of::<T>())?).ok()
}
