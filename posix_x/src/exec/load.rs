//! Building the memory of a program: its segments, its interpreter's, its stack, while the old program still stands.

use abi::flags::{MapFlags, Prot};
use abi::raw::auxvec as at;
use abi::types::{SigInfo, UContext};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use elf::stack::{AuxEntry, InitialStack, StackContents};
use elf::{ImageKind, LoadPlan, Segment};
use kernel::mm::{AddressSpace, Backing, MapRequest, Sharing};
use kernel::task::limits::Resource;
use kernel::task::{CommandLine, Task};
use kernel::uts;
use kernel::vfs::file::File;
use kernel_arch::{cpu, fpu};
use kernel_core::addr::{PAGE_SIZE, PAGE_SIZE_U64, VirtAddr};

use super::layout::Layout;
use super::program::Program;

/// How much of the stack below the initial contents is mapped at once.
const STACK_RESERVE: u64 = 128 << 10;
/// Clock ticks per second, as times(2) and `AT_CLKTCK` count them.
const CLOCK_TICKS: u64 = 100;
/// `AT_HWCAP2`: the FS and GS base instructions work in user mode.
const HWCAP2_FSGSBASE: u64 = 1 << 1;

/// What the tail of a segment's last page from the file is overwritten with.
static ZEROS: [u8; PAGE_SIZE] = [0; PAGE_SIZE];

/// How the new program starts.
pub(super) struct Entry {
    pub(super) rip: u64,
    pub(super) rsp: u64,
    pub(super) command_line: CommandLine,
}

/// Builds the address space of `program`.
///
/// # Errors
/// `ENOMEM`, `E2BIG` when the strings leave no room on the stack, and what mapping the files gives.
pub(super) fn build(task: &Task, program: &Program) -> Result<(Arc<AddressSpace>, Entry)> {
    let stack_limit = task.process().limit(Resource::STACK);
    let layout = Layout::draw(&program.plan, stack_limit);
    let space = AddressSpace::new()?;
    space.set_mmap_top(VirtAddr::new(layout.mapping_top));
    space.set_brk_start(VirtAddr::new(layout.heap));

    map_image(&space, &program.file, &program.plan, layout.bias)?;
    let program_entry = layout.bias.wrapping_add(program.plan.entry);
    let (rip, interpreter_bias) = match &program.interpreter {
        None => (program_entry, 0),
        Some(image) => {
            let bias = interpreter_bias(&space, &image.plan)?;
            map_image(&space, &image.file, &image.plan, bias)?;
            (bias.wrapping_add(image.plan.entry), bias)
        }
    };

    let auxv = auxiliary_vector(program, &layout, program_entry, interpreter_bias);
    let stack = InitialStack::build(
        layout.stack_top,
        &StackContents {
            argv: &program.args.argv,
            envp: &program.args.envp,
            file_name: &program.name,
            platform: uts::MACHINE.as_bytes(),
            random: layout.seed,
            gap: layout.stack_gap,
            auxv: &auxv,
        },
    )
    .ok_or(Errno::ENOMEM)?;
    map_stack(&space, &stack, &layout, program.plan.stack, stack_limit)?;

    let command_line = CommandLine {
        arguments_start: stack.args.start,
        arguments_end: stack.args.end,
        environment_start: stack.env.start,
        environment_end: stack.env.end,
        stack_start: stack.pointer,
    };
    Ok((space, Entry { rip, rsp: stack.pointer, command_line }))
}

/// Maps every segment, in the order of the file: a later one replaces what it overlaps.
fn map_image(space: &Arc<AddressSpace>, file: &Arc<File>, plan: &LoadPlan, bias: u64) -> Result<()> {
    for segment in &plan.segments {
        map_segment(space, file, segment, bias)?;
    }
    Ok(())
}

fn map_segment(space: &Arc<AddressSpace>, file: &Arc<File>, segment: &Segment, bias: u64) -> Result<()> {
    let file_len = segment.file_pages_end - segment.pages.start;
    if file_len > 0 {
        let object = file.ops().map_object(file)?;
        let first_page = segment.file_offset / PAGE_SIZE_U64;
        let backing = Backing::Object { object, first_page, sharing: Sharing::Private };
        map_fixed(space, bias.wrapping_add(segment.pages.start), file_len, segment.prot, MapFlags::empty(), backing)?;
    }
    if let Some(tail) = segment.zero_tail() {
        let len = (tail.end - tail.start) as usize;
        let page = VirtAddr::new(bias.wrapping_add(tail.end - PAGE_SIZE_U64));
        space.protect(page, PAGE_SIZE_U64, segment.prot | Prot::WRITE)?;
        space.write_bytes(VirtAddr::new(bias.wrapping_add(tail.start)), &ZEROS[..len])?;
        space.protect(page, PAGE_SIZE_U64, segment.prot)?;
    }
    let rest = segment.pages.end - segment.file_pages_end;
    if rest > 0 {
        let start = bias.wrapping_add(segment.file_pages_end);
        map_fixed(space, start, rest, segment.prot, MapFlags::empty(), Backing::Anonymous)?;
    }
    Ok(())
}

/// What is added to the interpreter's addresses: a free place for all of it.
fn interpreter_bias(space: &Arc<AddressSpace>, plan: &LoadPlan) -> Result<u64> {
    if plan.kind == ImageKind::Fixed {
        return Ok(0);
    }
    let len = plan.span.end - plan.span.start;
    let padded = len.checked_add(plan.align - PAGE_SIZE_U64).ok_or(Errno::ENOMEM)?;
    let place = space.map(&MapRequest {
        hint: VirtAddr::new(0),
        len: padded,
        prot: Prot::empty(),
        max_prot: Prot::all(),
        flags: MapFlags::NORESERVE,
        backing: Backing::Anonymous,
    })?;
    space.unmap(place, padded)?;
    let start = place.align_up(plan.align).as_u64();
    Ok(start.wrapping_sub(plan.span.start))
}

fn map_stack(
    space: &Arc<AddressSpace>,
    stack: &InitialStack,
    layout: &Layout,
    prot: Prot,
    limit: u64,
) -> Result<()> {
    let used = layout.stack_top - stack.pointer;
    if used > limit {
        return Err(Errno::E2BIG);
    }
    let reserve = STACK_RESERVE.min(limit - used);
    let bottom = (stack.pointer - reserve) & !(PAGE_SIZE_U64 - 1);
    map_fixed(space, bottom, layout.stack_top - bottom, prot, MapFlags::GROWSDOWN, Backing::Anonymous)?;
    space.write_bytes(VirtAddr::new(stack.pointer), &stack.bytes)
}

fn map_fixed(
    space: &Arc<AddressSpace>,
    start: u64,
    len: u64,
    prot: Prot,
    flags: MapFlags,
    backing: Backing,
) -> Result<()> {
    space.map(&MapRequest {
        hint: VirtAddr::new(start),
        len,
        prot,
        max_prot: Prot::all(),
        flags: flags | MapFlags::FIXED,
        backing,
    })?;
    Ok(())
}

fn auxiliary_vector(program: &Program, layout: &Layout, entry: u64, interpreter_bias: u64) -> Vec<AuxEntry> {
    let features = cpu::features();
    let credentials = &program.credentials;
    let headers = program.plan.headers_addr.map_or(0, |addr| layout.bias.wrapping_add(addr));
    Vec::from([
        (at::AT_MINSIGSTKSZ, signal_frame_size()),
        (at::AT_HWCAP, u64::from(features.hwcap)),
        (at::AT_PAGESZ, PAGE_SIZE_U64),
        (at::AT_CLKTCK, CLOCK_TICKS),
        (at::AT_PHDR, headers),
        (at::AT_PHENT, LoadPlan::HEADER_SIZE),
        (at::AT_PHNUM, u64::from(program.plan.headers_count)),
        (at::AT_BASE, interpreter_bias),
        (at::AT_FLAGS, 0),
        (at::AT_ENTRY, entry),
        (at::AT_UID, u64::from(credentials.uid())),
        (at::AT_EUID, u64::from(credentials.euid())),
        (at::AT_GID, u64::from(credentials.gid())),
        (at::AT_EGID, u64::from(credentials.egid())),
        (at::AT_SECURE, u64::from(program.secure)),
        (at::AT_HWCAP2, if features.fsgsbase { HWCAP2_FSGSBASE } else { 0 }),
    ])
}

/// The most stack that a signal's delivery takes: return address, context, siginfo, FPU state with its alignment.
fn signal_frame_size() -> u64 {
    const ALIGNMENT: u64 = 64 + 16;
    (size_of::<u64>() + size_of::<UContext>() + size_of::<SigInfo>() + fpu::signal_frame_size()) as u64 + ALIGNMENT
}
