//! Memory: mmap(2) and its family, brk(2), madvise(2), msync(2), mincore(2), mlock(2).

use alloc::sync::Arc;
use alloc::vec;

use abi::flags::{MapFlags, MapType, MremapFlags, MsyncFlags, Prot};
use abi::{Errno, Fd, Result, UserAddr};
use kernel::credentials::Capability;
use kernel::files;
use kernel::mm::{AddressSpace, Advice, Backing, Bring, MapRequest, Sharing};
use kernel::task::Task;
use kernel::task::limits::Resource;
use kernel::vfs::File;
use kernel::vfs::mount::MountFlags;
use kernel_core::addr::{PAGE_SHIFT, PAGE_SIZE, PAGE_SIZE_U64, USER_END, VirtAddr, VirtRange, page_align_up};
use linux_raw_sys::general as raw;

use crate::context::{Fast, FastError, Hybrid};
use crate::user;

/// Flags that every kernel knows; `MAP_SHARED_VALIDATE` refuses others.
const LEGACY_FLAGS: MapFlags = MapFlags::FIXED
    .union(MapFlags::FIXED_NOREPLACE)
    .union(MapFlags::ANONYMOUS)
    .union(MapFlags::LOW_32BIT)
    .union(MapFlags::GROWSDOWN)
    .union(MapFlags::DENYWRITE)
    .union(MapFlags::EXECUTABLE)
    .union(MapFlags::LOCKED)
    .union(MapFlags::NORESERVE)
    .union(MapFlags::POPULATE)
    .union(MapFlags::NONBLOCK)
    .union(MapFlags::STACK)
    .union(MapFlags::HUGETLB);
const ALL_PROT: Prot = Prot::READ.union(Prot::WRITE).union(Prot::EXEC);

/// mmap(2).
pub fn mmap(ctx: &Hybrid<'_>, addr: u64, len: u64, prot: u32, flags: u32, fd: Fd, offset: u64) -> Result<usize> {
    if !offset.is_multiple_of(PAGE_SIZE_U64) {
        return Err(Errno::EINVAL);
    }
    let prot = Prot::from_bits_truncate(prot);
    let kind = MapType::from_raw(flags).ok_or(Errno::EINVAL)?;
    let unknown = flags & !(LEGACY_FLAGS.bits() | raw::MAP_TYPE);
    if kind == MapType::SharedValidate && unknown != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let flags = MapFlags::from_bits_truncate(flags & !raw::MAP_TYPE);
    if flags.contains(MapFlags::HUGETLB) {
        // The pool of huge pages is empty.
        return Err(Errno::ENOMEM);
    }
    if flags.contains(MapFlags::LOCKED) {
        require_locking(ctx.task())?;
    }
    let mut max_prot = ALL_PROT;
    let backing = match (flags.contains(MapFlags::ANONYMOUS), kind) {
        (true, MapType::Private) => Backing::Anonymous,
        (true, MapType::Shared | MapType::SharedValidate) => Backing::SharedAnonymous,
        (false, kind) => {
            let file = ctx.task().files().get::<files::Map>(fd.0)?;
            let sharing = if kind == MapType::Private { Sharing::Private } else { Sharing::Shared };
            max_prot = permitted(&file, sharing, prot)?;
            Backing::Object { object: file.ops().map_object(&file)?, first_page: offset >> PAGE_SHIFT, sharing }
        }
    };
    let request = MapRequest { hint: VirtAddr::new(addr), len, prot, max_prot, flags, backing };
    Ok(space(ctx.task())?.map(&request)?.as_usize())
}

/// munmap(2).
pub fn munmap(ctx: &Hybrid<'_>, addr: u64, len: u64) -> Result<usize> {
    space(ctx.task())?.unmap(VirtAddr::new(addr), len)?;
    Ok(0)
}

/// mprotect(2).
pub fn mprotect(ctx: &Hybrid<'_>, addr: u64, len: u64, prot: u32) -> Result<usize> {
    let prot = Prot::from_bits(prot).filter(|prot| !prot.contains(Prot::GROWSUP)).ok_or(Errno::EINVAL)?;
    space(ctx.task())?.protect(VirtAddr::new(addr), len, prot)?;
    Ok(0)
}

/// mremap(2).
pub fn mremap(ctx: &Hybrid<'_>, old: u64, old_len: u64, new_len: u64, flags: u32, target: u64) -> Result<usize> {
    let flags = MremapFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    let start = space(ctx.task())?.remap(VirtAddr::new(old), old_len, new_len, flags, VirtAddr::new(target))?;
    Ok(start.as_usize())
}

/// brk(2), the query; a change escalates.
pub fn brk(ctx: &Fast<'_>, end: u64) -> Result<usize, FastError> {
    if end != 0 {
        return Err(FastError::Escalate);
    }
    Ok(space(ctx.task())?.current_brk().as_usize())
}

/// brk(2), the change: answers the end of the heap, moved or not.
pub fn brk_change(ctx: &Hybrid<'_>, end: u64) -> Result<usize> {
    Ok(space(ctx.task())?.set_brk(VirtAddr::new(end)).as_usize())
}

/// madvise(2).
pub fn madvise(ctx: &Hybrid<'_>, addr: u64, len: u64, advice: i32) -> Result<usize> {
    let advice = Advice::parse(advice)?;
    space(ctx.task())?.advise(VirtAddr::new(addr), len, advice)?;
    Ok(0)
}

/// msync(2).
pub fn msync(ctx: &Hybrid<'_>, addr: u64, len: u64, flags: u32) -> Result<usize> {
    let flags = MsyncFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    space(ctx.task())?.sync(VirtAddr::new(addr), len, flags)?;
    Ok(0)
}

/// mincore(2).
pub fn mincore(ctx: &Hybrid<'_>, addr: u64, len: u64, vec: UserAddr) -> Result<usize> {
    if !addr.is_multiple_of(PAGE_SIZE_U64) {
        return Err(Errno::EINVAL);
    }
    let len = page_align_up(len).ok_or(Errno::ENOMEM)?;
    let range = VirtRange::from_len(VirtAddr::new(addr), len)
        .filter(|range| range.end.as_u64() <= USER_END)
        .ok_or(Errno::ENOMEM)?;
    let space = space(ctx.task())?;
    let mut report = vec![0; PAGE_SIZE];
    let (mut at, mut to) = (range.start, vec);
    while at < range.end {
        let end = (at + (PAGE_SIZE_U64 << PAGE_SHIFT)).min(range.end);
        let part = VirtRange::new(at, end);
        let bytes = &mut report[..usize::try_from(part.pages()).map_err(|_| Errno::ENOMEM)?];
        space.resident(part, bytes)?;
        user::write_bytes(to, bytes)?;
        to = to.checked_add(part.pages()).ok_or(Errno::EFAULT)?;
        at = end;
    }
    Ok(0)
}

/// mlock(2).
pub fn mlock(ctx: &Hybrid<'_>, addr: u64, len: u64) -> Result<usize> {
    require_locking(ctx.task())?;
    space(ctx.task())?.lock_range(VirtAddr::new(addr), len, Bring::Now)?;
    Ok(0)
}

/// mlock2(2).
pub fn mlock2(ctx: &Hybrid<'_>, addr: u64, len: u64, flags: u32) -> Result<usize> {
    let bring = match flags {
        0 => Bring::Now,
        raw::MLOCK_ONFAULT => Bring::OnFault,
        _ => return Err(Errno::EINVAL),
    };
    require_locking(ctx.task())?;
    space(ctx.task())?.lock_range(VirtAddr::new(addr), len, bring)?;
    Ok(0)
}

/// munlock(2).
pub fn munlock(ctx: &Hybrid<'_>, addr: u64, len: u64) -> Result<usize> {
    space(ctx.task())?.unlock_range(VirtAddr::new(addr), len)?;
    Ok(0)
}

/// mlockall(2).
pub fn mlockall(ctx: &Hybrid<'_>, flags: u32) -> Result<usize> {
    let known = raw::MCL_CURRENT | raw::MCL_FUTURE | raw::MCL_ONFAULT;
    if flags == 0 || flags & !known != 0 || flags == raw::MCL_ONFAULT {
        return Err(Errno::EINVAL);
    }
    require_locking(ctx.task())?;
    let space = space(ctx.task())?;
    if flags & raw::MCL_CURRENT != 0 {
        let bring = if flags & raw::MCL_ONFAULT != 0 { Bring::OnFault } else { Bring::Now };
        space.lock_all(bring)?;
    }
    if flags & raw::MCL_FUTURE != 0 {
        space.lock_future();
    }
    Ok(0)
}

/// munlockall(2).
pub fn munlockall(ctx: &Hybrid<'_>) -> Result<usize> {
    space(ctx.task())?.unlock_all();
    Ok(0)
}

/// The caller's memory; a thread that makes calls has some.
fn space(task: &Task) -> Result<Arc<AddressSpace>> {
    task.try_address_space().ok_or(Errno::EFAULT)
}

/// `EPERM` for who may lock nothing at all.
fn require_locking(task: &Task) -> Result<()> {
    let allowed = task.process().limit(Resource::MEMLOCK) > 0 || task.credentials().may(Capability::IpcLock);
    if allowed { Ok(()) } else { Err(Errno::EPERM) }
}

/// Checks that a file may be mapped like this; what mprotect may grant later.
fn permitted(file: &File, sharing: Sharing, prot: Prot) -> Result<Prot> {
    if !file.is_readable() {
        return Err(Errno::EACCES);
    }
    let mut max_prot = ALL_PROT;
    if sharing == Sharing::Shared && !file.is_writable() {
        max_prot -= Prot::WRITE;
    }
    if file.path().mount.flags().contains(MountFlags::NOEXEC) {
        if prot.contains(Prot::EXEC) {
            return Err(Errno::EPERM);
        }
        max_prot -= Prot::EXEC;
    }
    if prot.contains(Prot::WRITE) && !max_prot.contains(Prot::WRITE) {
        return Err(Errno::EACCES);
    }
    Ok(max_prot)
}
