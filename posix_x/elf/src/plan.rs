//! The load plan: what to map where, from the program headers (System V ABI, chapter 5; Linux `binfmt_elf`).

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use abi::flags::Prot;
use goblin::container::{Container, Ctx, Endian};
use goblin::elf::header::{
    EI_CLASS, EI_DATA, ELFCLASS64, ELFDATA2LSB, ELFMAG, EM_X86_64, ET_DYN, ET_EXEC, SELFMAG, header64::SIZEOF_EHDR,
};
use goblin::elf::{Elf, Header, ProgramHeader};
use goblin::elf::program_header::{
    PF_R, PF_W, PF_X, PT_GNU_STACK, PT_INTERP, PT_LOAD, program_header64::SIZEOF_PHDR,
};

use crate::error::ElfError;
use crate::reader::{ReadAt, read_exact};

/// The page size that segments are laid out for.
pub const PAGE_SIZE: u64 = 4096;
/// First address above user space.
pub const USER_END: u64 = 0x7fff_ffff_f000;
/// Linux refuses program headers of more bytes than this.
const MAX_HEADER_BYTES: usize = 65_536;
/// Longest interpreter path, its NUL included (`PATH_MAX`).
const MAX_INTERPRETER: u64 = 4096;

/// Whether the image has a fixed place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImageKind {
    /// At the addresses it names.
    Fixed,
    /// Anywhere: addresses are relative to a load bias.
    Relocatable,
}

/// One `PT_LOAD` segment, in pages. Addresses lack the load bias.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Whole pages that the segment covers in memory.
    pub pages: Range<u64>,
    /// End of the pages that come from the file; the rest up to `pages.end` is anonymous.
    pub file_pages_end: u64,
    /// Offset in the file of the first page; page-aligned.
    pub file_offset: u64,
    /// End of the file's bytes; what follows in its last page reads as zero when `zero_tail` is set.
    pub data_end: u64,
    /// End of the segment in memory, to the byte.
    pub memory_end: u64,
    /// Protection.
    pub prot: Prot,
}

impl Segment {
    /// The bytes that must be zeroed in the last page from the file: the start of the bss.
    #[must_use]
    pub fn zero_tail(&self) -> Option<Range<u64>> {
        let end = self.file_pages_end;
        (self.memory_end > self.data_end && self.data_end < end).then_some(self.data_end..end)
    }

    fn new(header: &ProgramHeader) -> Result<Option<Self>, ElfError> {
        if header.p_filesz > header.p_memsz {
            return Err(ElfError::BadSegment);
        }
        if header.p_memsz == 0 {
            return Ok(None);
        }
        let (start, offset) = (header.p_vaddr, header.p_offset);
        let memory_end = start.checked_add(header.p_memsz).ok_or(ElfError::BadSegment)?;
        let file_end = offset.checked_add(header.p_filesz).ok_or(ElfError::BadSegment)?;
        if memory_end > USER_END || file_end > i64::MAX as u64 {
            return Err(ElfError::BadSegment);
        }
        if header.p_filesz > 0 && start % PAGE_SIZE != offset % PAGE_SIZE {
            return Err(ElfError::BadSegment);
        }
        let first_page = page_down(start);
        let data_end = start + header.p_filesz;
        Ok(Some(Self {
            pages: first_page..page_up(memory_end),
            file_pages_end: if header.p_filesz > 0 { page_up(data_end) } else { first_page },
            file_offset: page_down(offset),
            data_end,
            memory_end,
            prot: protection(header.p_flags),
        }))
    }
}

/// Everything that exec needs to know about an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadPlan {
    /// Fixed or relocatable.
    pub kind: ImageKind,
    /// Entry point (without the bias).
    pub entry: u64,
    /// Address of the program headers in memory, when a segment holds them.
    pub headers_addr: Option<u64>,
    /// How many program headers there are.
    pub headers_count: u16,
    /// Segments in the order of the file; there is at least one.
    pub segments: Vec<Segment>,
    /// Pages from the lowest to the highest.
    pub span: Range<u64>,
    /// Alignment that the segments want: a power of two, at least a page.
    pub align: u64,
    /// Path of the interpreter, without its NUL.
    pub interpreter: Option<Vec<u8>>,
    /// Protection of the stack.
    pub stack: Prot,
}

impl LoadPlan {
    /// Bytes of one program header, for `AT_PHENT`.
    pub const HEADER_SIZE: u64 = SIZEOF_PHDR as u64;

    /// Parses an image that is in memory.
    ///
    /// # Errors
    /// See [`ElfError`].
    pub fn parse(mut bytes: &[u8]) -> Result<Self, ElfError> {
        Self::read(&mut bytes)
    }

    /// Reads the headers of an image.
    ///
    /// # Errors
    /// See [`ElfError`].
    pub fn read(reader: &mut impl ReadAt) -> Result<Self, ElfError> {
        let header = read_header(reader)?;
        let headers = read_program_headers(reader, &header)?;

        let mut segments = Vec::with_capacity(headers.len());
        for load in headers.iter().filter(|header| header.p_type == PT_LOAD) {
            segments.extend(Segment::new(load)?);
        }
        let low = segments.iter().map(|segment| segment.pages.start).min().ok_or(ElfError::BadSegment)?;
        let high = segments.iter().map(|segment| segment.pages.end).max().ok_or(ElfError::BadSegment)?;
        Ok(Self {
            kind: if header.e_type == ET_DYN { ImageKind::Relocatable } else { ImageKind::Fixed },
            entry: header.e_entry,
            headers_addr: headers_addr(&headers, header.e_phoff),
            headers_count: header.e_phnum,
            segments,
            span: low..high,
            align: alignment(&headers),
            interpreter: read_interpreter(reader, &headers)?,
            stack: stack_protection(&headers),
        })
    }

    /// End of the highest segment, to the byte: where the heap may start.
    #[must_use]
    pub fn memory_end(&self) -> u64 {
        self.segments.iter().map(|segment| segment.memory_end).max().unwrap_or(0)
    }
}

fn read_header(reader: &mut impl ReadAt) -> Result<Header, ElfError> {
    let mut bytes = [0; SIZEOF_EHDR];
    read_exact(reader, 0, &mut bytes, ElfError::NotElf)?;
    if &bytes[..SELFMAG] != ELFMAG {
        return Err(ElfError::NotElf);
    }
    let header = Elf::parse_header(&bytes).map_err(|_| ElfError::WrongMachine)?;
    if header.e_ident[EI_CLASS] != ELFCLASS64
        || header.e_ident[EI_DATA] != ELFDATA2LSB
        || header.e_machine != EM_X86_64
    {
        return Err(ElfError::WrongMachine);
    }
    if !matches!(header.e_type, ET_EXEC | ET_DYN) {
        return Err(ElfError::NotExecutable);
    }
    Ok(header)
}

fn read_program_headers(reader: &mut impl ReadAt, header: &Header) -> Result<Vec<ProgramHeader>, ElfError> {
    let size = usize::from(header.e_phnum) * SIZEOF_PHDR;
    if usize::from(header.e_phentsize) != SIZEOF_PHDR || size == 0 || size > MAX_HEADER_BYTES {
        return Err(ElfError::BadHeader);
    }
    let mut bytes = vec![0; size];
    read_exact(reader, header.e_phoff, &mut bytes, ElfError::BadHeader)?;
    let layout = Ctx::new(Container::Big, Endian::Little);
    ProgramHeader::parse(&bytes, 0, usize::from(header.e_phnum), layout).map_err(|_| ElfError::BadHeader)
}

fn read_interpreter(reader: &mut impl ReadAt, headers: &[ProgramHeader]) -> Result<Option<Vec<u8>>, ElfError> {
    let Some(header) = headers.iter().find(|header| header.p_type == PT_INTERP) else {
        return Ok(None);
    };
    if !(2..=MAX_INTERPRETER).contains(&header.p_filesz) {
        return Err(ElfError::BadInterpreter);
    }
    let mut path = vec![0; header.p_filesz as usize];
    read_exact(reader, header.p_offset, &mut path, ElfError::BadInterpreter)?;
    if path.last() != Some(&0) {
        return Err(ElfError::BadInterpreter);
    }
    let len = path.iter().position(|byte| *byte == 0).ok_or(ElfError::BadInterpreter)?;
    path.truncate(len);
    Ok(Some(path))
}

/// Where a segment puts the program headers that start at `offset` in the file.
fn headers_addr(headers: &[ProgramHeader], offset: u64) -> Option<u64> {
    headers
        .iter()
        .filter(|header| header.p_type == PT_LOAD && header.p_filesz > 0)
        .find(|header| header.p_offset <= offset && offset - header.p_offset < header.p_filesz)
        .map(|header| offset - header.p_offset + header.p_vaddr)
}

fn alignment(headers: &[ProgramHeader]) -> u64 {
    headers
        .iter()
        .filter(|header| header.p_type == PT_LOAD && header.p_align.is_power_of_two())
        .map(|header| header.p_align)
        .fold(PAGE_SIZE, u64::max)
        .min(1 << 30)
}

fn stack_protection(headers: &[ProgramHeader]) -> Prot {
    let data = Prot::READ | Prot::WRITE;
    match headers.iter().rfind(|header| header.p_type == PT_GNU_STACK) {
        Some(header) if header.p_flags & PF_X != 0 => data | Prot::EXEC,
        _ => data,
    }
}

fn protection(flags: u32) -> Prot {
    let mut prot = Prot::empty();
    prot.set(Prot::READ, flags & PF_R != 0);
    prot.set(Prot::WRITE, flags & PF_W != 0);
    prot.set(Prot::EXEC, flags & PF_X != 0);
    prot
}

const fn page_down(addr: u64) -> u64 {
    addr & !(PAGE_SIZE - 1)
}

/// Rounds up; callers pass at most `USER_END`, so that it cannot overflow.
const fn page_up(addr: u64) -> u64 {
    (addr + PAGE_SIZE - 1) & !(PAGE_SIZE - 1)
}
