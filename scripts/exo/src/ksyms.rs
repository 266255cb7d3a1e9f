//! The kernel's own symbols: a table written into the image's reserved section `.ksyms`, from which a panic names its
//! callers.
//!
//! Format, little endian: `u32` magic, `u32` count, then for each function, by rising address, `u32` offset from the
//! kernel's base and `u32` offset of its name from the start of the table; then the names, each ended by a NUL.

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

const SECTION: &str = ".ksyms";
const MAGIC: u32 = 0x4d59_534b;
const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;
const HEADER_LEN: usize = 8;
const ENTRY_LEN: usize = 8;
const LONGEST_NAME: usize = 120;

/// A function of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Function {
    offset: u32,
    size: u64,
    name: String,
}

/// Writes the table into the ELF image in `elf`. An image without the section stays as it is.
pub fn patch(elf: &mut [u8]) -> Result<()> {
    let (functions, place) = {
        let file = object::File::parse(&*elf).context("the kernel is not an ELF file")?;
        let Some(section) = file.section_by_name(SECTION) else { return Ok(()) };
        let (start, len) = section.file_range().context("the kernel's .ksyms section takes no room in the file")?;
        (functions_of(&file), usize::try_from(start)?..usize::try_from(start + len)?)
    };
    let Some(room) = elf.get_mut(place) else { bail!("the kernel's .ksyms section lies outside the file") };
    let table = encode(functions, room.len());
    room.fill(0);
    if let Some(room) = room.get_mut(..table.len()) {
        room.copy_from_slice(&table);
    }
    Ok(())
}

fn functions_of(file: &object::File<'_>) -> Vec<Function> {
    let mut functions: Vec<Function> = file
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
        .filter_map(|symbol| {
            let offset = u32::try_from(symbol.address().checked_sub(KERNEL_BASE)?).ok()?;
            let name = readable(symbol.name().ok()?);
            (!name.is_empty()).then_some(Function { offset, size: symbol.size(), name })
        })
        .collect();
    functions.sort_by(|a, b| a.offset.cmp(&b.offset).then(b.size.cmp(&a.size)));
    functions.dedup_by_key(|function| function.offset);
    functions
}

/// The demangled name without its hash, cut to what a backtrace has room for.
fn readable(name: &str) -> String {
    let mut text = format!("{:#}", rustc_demangle::demangle(name)).replace('\0', "");
    let mut end = text.len().min(LONGEST_NAME);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// The table of `functions`, which are in order of address; where it would exceed `room`, the smallest functions are
/// left out.
fn encode(mut functions: Vec<Function>, room: usize) -> Vec<u8> {
    let cost = |function: &Function| ENTRY_LEN + function.name.len() + 1;
    let mut total = HEADER_LEN + functions.iter().map(cost).sum::<usize>();
    if total > room {
        let mut by_size: Vec<usize> = (0..functions.len()).collect();
        by_size.sort_by_key(|&at| functions[at].size);
        let mut keep = vec![true; functions.len()];
        for at in by_size {
            if total <= room {
                break;
            }
            total -= cost(&functions[at]);
            keep[at] = false;
        }
        let mut kept = keep.into_iter();
        functions.retain(|_| kept.next().unwrap_or(false));
    }
    if total > room {
        return Vec::new();
    }
    let mut name_at = HEADER_LEN + functions.len() * ENTRY_LEN;
    let mut table = Vec::with_capacity(total);
    let mut put = |value: usize| table.extend(u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
    put(MAGIC as usize);
    put(functions.len());
    for function in &functions {
        put(function.offset as usize);
        put(name_at);
        name_at += function.name.len() + 1;
    }
    for function in &functions {
        table.extend(function.name.as_bytes());
        table.push(0);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(offset: u32, size: u64, name: &str) -> Function {
        Function { offset, size, name: name.to_owned() }
    }

    fn word(table: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(table[at..at + 4].try_into().unwrap())
    }

    #[test]
    fn entries_point_at_their_names() {
        let table = encode(vec![function(0x10, 4, "a"), function(0x20, 4, "main")], 1000);
        assert_eq!((word(&table, 0), word(&table, 4)), (MAGIC, 2));
        assert_eq!(word(&table, 16), 0x20);
        let name = word(&table, 20) as usize;
        assert_eq!(&table[name..], b"main\0");
    }

    #[test]
    fn the_smallest_functions_go_when_room_is_short() {
        let table = encode(
            vec![function(1, 100, "big"), function(2, 1, "tiny"), function(3, 50, "mid")],
            HEADER_LEN + 2 * (ENTRY_LEN + 4),
        );
        assert_eq!(word(&table, 4), 2);
        assert!(table.ends_with(b"big\0mid\0"));
    }

    #[test]
    fn no_room_at_all_leaves_an_empty_table() {
        assert!(encode(vec![function(1, 1, "f")], 4).is_empty());
    }

    #[test]
    fn names_are_demangled_and_cut() {
        assert_eq!(readable("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE"), "core::fmt::Formatter::pad");
        assert_eq!(readable(&"x".repeat(300)).len(), LONGEST_NAME);
    }
}
