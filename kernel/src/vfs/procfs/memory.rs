//! What `/proc/PID` tells about a process's memory: arguments, environment, mappings, sizes.

use super::process::Subject;
use super::text::{Text, put};
use crate::mm::{AddressSpace, AreaLabel, Sharing};
use crate::vfs::inode::DeviceId;
use abi::Result;
use abi::flags::Prot;
use alloc::sync::Arc;
use alloc::vec;
use kernel_core::addr::{PAGE_SIZE, VirtAddr};

/// Most bytes of arguments or environment that are shown.
const SHOWN_MAX: u64 = 1 << 21;

/// The address space; kernel threads and zombies have none.
pub fn space(subject: Subject) -> Option<Arc<AddressSpace>> {
    subject.task().ok()?.try_address_space()
}

pub fn command_line(subject: Subject, text: &mut Text) -> Result<()> {
    let line = subject.get()?.command_line();
    show(subject, line.arguments_start, line.arguments_end, text);
    Ok(())
}

pub fn environment(subject: Subject, text: &mut Text) -> Result<()> {
    let line = subject.get()?.command_line();
    show(subject, line.environment_start, line.environment_end, text);
    Ok(())
}

/// Appends the bytes from `start` to `end`, as far as they can be read.
fn show(subject: Subject, start: u64, end: u64, text: &mut Text) {
    let Some(space) = space(subject) else { return };
    let mut left = usize::try_from(end.saturating_sub(start).min(SHOWN_MAX)).unwrap_or(0);
    let mut at = VirtAddr::new(start);
    let mut buffer = vec![0; PAGE_SIZE];
    while left > 0 {
        let len = left.min(PAGE_SIZE - at.page_offset());
        if space.read_bytes(at, &mut buffer[..len]).is_err() {
            return;
        }
        text.bytes(&buffer[..len]);
        at = at.saturating_add(len as u64);
        left -= len;
    }
}

pub fn maps(subject: Subject, text: &mut Text) -> Result<()> {
    let Some(space) = space(subject) else { return Ok(()) };
    space.for_each_area(|area| {
        let device = DeviceId::from_raw(area.device);
        let bit = |prot: Prot, shown: char| if area.prot.contains(prot) { shown } else { '-' };
        let sharing = if area.sharing == Sharing::Shared { 's' } else { 'p' };
        put!(text, "{:08x}-{:08x} ", area.range.start.as_u64(), area.range.end.as_u64());
        put!(text, "{}{}{}{sharing} ", bit(Prot::READ, 'r'), bit(Prot::WRITE, 'w'), bit(Prot::EXEC, 'x'));
        put!(text, "{:08x} {:02x}:{:02x} {} ", area.offset, device.major(), device.minor(), area.inode);
        let name: &[u8] = match (&area.path, area.label) {
            (Some(path), _) => path,
            (None, Some(AreaLabel::Heap)) => b"[heap]",
            (None, Some(AreaLabel::Stack)) => b"[stack]",
            (None, None) => b"",
        };
        if !name.is_empty() {
            put!(text, "                   ");
            text.bytes(name);
        }
        put!(text, "\n");
    });
    Ok(())
}

pub fn sizes(subject: Subject, text: &mut Text) -> Result<()> {
    subject.get()?;
    let usage = space(subject).map(|space| space.usage()).unwrap_or_default();
    let resident = usage.anonymous + usage.object;
    put!(text, "{} {resident} {} {} 0 {} 0\n", usage.total, usage.object, usage.text, usage.data + usage.stack);
    Ok(())
}
