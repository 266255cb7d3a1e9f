//! The initial stack of a program: strings, auxiliary vector, `envp`, `argv`, `argc` (System V ABI x86-64, 3.4.1).
//!
//! From the top downwards: eight zero bytes, the file name, the environment strings, the argument strings, the platform name,
//! sixteen random bytes, a gap, and the vectors; the stack pointer ends 16-aligned on `argc`.

use alloc::collections::TryReserveError;
use alloc::vec::Vec;
use core::ops::Range;

/// A list of NUL-terminated strings in one block, as they lie on the stack.
#[derive(Clone, Default, Debug)]
pub struct StringList {
    bytes: Vec<u8>,
    count: usize,
}

impl StringList {
    /// The empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), count: 0 }
    }

    /// Strings in the list.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Bytes of the block, NULs included.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Appends a string, given without its NUL. It must not hold one.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn push(&mut self, string: &[u8]) -> Result<(), TryReserveError> {
        self.extend(string)?;
        self.finish()
    }

    /// Appends a part of a string; [`StringList::finish`] ends it.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn extend(&mut self, part: &[u8]) -> Result<(), TryReserveError> {
        self.bytes.try_reserve(part.len() + 1)?;
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    /// Ends the string that [`StringList::extend`] began.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn finish(&mut self) -> Result<(), TryReserveError> {
        self.bytes.try_reserve(1)?;
        self.bytes.push(0);
        self.count += 1;
        Ok(())
    }

    /// The strings without their NULs.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split_inclusive(|byte| *byte == 0).map(|string| &string[..string.len() - 1])
    }

    /// The list with its first string replaced by `heads`: the arguments of an interpreter.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn with_first_replaced(&self, heads: &[&[u8]]) -> Result<Self, TryReserveError> {
        let mut list = Self::new();
        for head in heads {
            list.push(head)?;
        }
        for string in self.iter().skip(1) {
            list.push(string)?;
        }
        Ok(list)
    }
}

/// One entry of the auxiliary vector: type and value.
pub type AuxEntry = (u32, u64);

/// What goes onto the stack.
#[derive(Clone, Copy, Debug)]
pub struct StackContents<'a> {
    /// Arguments.
    pub argv: &'a StringList,
    /// Environment.
    pub envp: &'a StringList,
    /// The path given to execve, for `AT_EXECFN`.
    pub file_name: &'a [u8],
    /// `AT_PLATFORM`.
    pub platform: &'a [u8],
    /// The bytes of `AT_RANDOM`.
    pub random: [u8; 16],
    /// Bytes left free above the vectors, so that cache sets differ between programs.
    pub gap: u64,
    /// The auxiliary vector without `AT_EXECFN`, `AT_PLATFORM`, `AT_RANDOM` and `AT_NULL`.
    pub auxv: &'a [AuxEntry],
}

/// A finished stack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InitialStack {
    /// What to store at `pointer`, up to the top.
    pub bytes: Vec<u8>,
    /// The stack pointer: where `argc` lies.
    pub pointer: u64,
    /// Where the argument strings lie.
    pub args: Range<u64>,
    /// Where the environment strings lie.
    pub env: Range<u64>,
    /// The whole auxiliary vector, `AT_NULL` included.
    pub auxv: Vec<AuxEntry>,
}

const AT_NULL: u32 = 0;
const AT_PLATFORM: u32 = 15;
const AT_RANDOM: u32 = 25;
const AT_EXECFN: u32 = 31;

impl InitialStack {
    /// Lays the contents out below `top`. `None` when they do not fit above address zero or there is no memory.
    #[must_use]
    pub fn build(top: u64, contents: &StackContents<'_>) -> Option<Self> {
        let mut place = Place(top);
        place.down(8)?;
        let file_name = place.down(contents.file_name.len() as u64 + 1)?;
        let env = place.down(contents.envp.size() as u64)?;
        let args = place.down(contents.argv.size() as u64)?;
        place.down(contents.gap)?;
        let platform = place.down(contents.platform.len() as u64 + 1)?;
        let random = place.down(16)?;

        let mut auxv = Vec::new();
        auxv.try_reserve(contents.auxv.len() + 4).ok()?;
        auxv.extend_from_slice(contents.auxv);
        auxv.extend([(AT_RANDOM, random), (AT_EXECFN, file_name), (AT_PLATFORM, platform), (AT_NULL, 0)]);

        let words = (1 + contents.argv.count() + 1 + contents.envp.count() + 1 + auxv.len() * 2) as u64;
        place.down(words.checked_mul(8)?)?;
        let pointer = place.0 & !15;

        let mut image = Image { base: pointer, bytes: Vec::new() };
        let size = usize::try_from(top - pointer).ok()?;
        image.bytes.try_reserve_exact(size).ok()?;
        image.word(contents.argv.count() as u64);
        image.pointers(args, contents.argv);
        image.pointers(env, contents.envp);
        for (kind, value) in &auxv {
            image.word(u64::from(*kind));
            image.word(*value);
        }
        image.at(random, &contents.random);
        image.at(platform, contents.platform);
        image.at(args, &contents.argv.bytes);
        image.at(env, &contents.envp.bytes);
        image.at(file_name, contents.file_name);
        image.bytes.resize(size, 0);
        Some(Self { bytes: image.bytes, pointer, args: args..env, env: env..file_name, auxv })
    }
}

/// A place that only moves down.
struct Place(u64);

impl Place {
    fn down(&mut self, bytes: u64) -> Option<u64> {
        self.0 = self.0.checked_sub(bytes)?;
        Some(self.0)
    }
}

/// Bytes from `base` upwards, filled in ascending order; gaps are zero.
struct Image {
    base: u64,
    bytes: Vec<u8>,
}

impl Image {
    fn word(&mut self, word: u64) {
        self.bytes.extend_from_slice(&word.to_le_bytes());
    }

    fn at(&mut self, addr: u64, bytes: &[u8]) {
        self.bytes.resize((addr - self.base) as usize, 0);
        self.bytes.extend_from_slice(bytes);
    }

    /// The addresses of the strings of a list that lies at `start`, and a null pointer.
    fn pointers(&mut self, start: u64, list: &StringList) {
        let mut addr = start;
        for string in list.iter() {
            self.word(addr);
            addr += string.len() as u64 + 1;
        }
        self.word(0);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    const TOP: u64 = 0x7fff_ffff_e000;

    fn list(strings: &[&[u8]]) -> StringList {
        let mut list = StringList::new();
        for string in strings {
            list.push(string).unwrap();
        }
        list
    }

    fn build(argv: &StringList, envp: &StringList, gap: u64) -> InitialStack {
        let contents = StackContents {
            argv,
            envp,
            file_name: b"/bin/prog",
            platform: b"x86_64",
            random: [7; 16],
            gap,
            auxv: &[(6, 4096)],
        };
        InitialStack::build(TOP, &contents).unwrap()
    }

    fn word(stack: &InitialStack, index: usize) -> u64 {
        u64::from_le_bytes(stack.bytes[index * 8..index * 8 + 8].try_into().unwrap())
    }

    fn string(stack: &InitialStack, addr: u64) -> Vec<u8> {
        let start = (addr - stack.pointer) as usize;
        stack.bytes[start..].iter().copied().take_while(|byte| *byte != 0).collect()
    }

    #[test]
    fn vectors_point_at_their_strings() {
        let stack = build(&list(&[b"prog", b"", b"two"]), &list(&[b"A=1"]), 0x130);
        assert_eq!(stack.pointer % 16, 0);
        assert_eq!(stack.pointer + stack.bytes.len() as u64, TOP);
        assert_eq!(word(&stack, 0), 3);
        assert_eq!(string(&stack, word(&stack, 1)), b"prog");
        assert_eq!(string(&stack, word(&stack, 2)), b"");
        assert_eq!(string(&stack, word(&stack, 3)), b"two");
        assert_eq!(word(&stack, 4), 0);
        assert_eq!(string(&stack, word(&stack, 5)), b"A=1");
        assert_eq!(word(&stack, 6), 0);
        assert_eq!((word(&stack, 7), word(&stack, 8)), (6, 4096));
        assert_eq!(stack.args.start, word(&stack, 1));
        assert_eq!(stack.env, word(&stack, 5)..word(&stack, 5) + 4);
        let execfn = stack.auxv.iter().find(|entry| entry.0 == AT_EXECFN).unwrap().1;
        assert_eq!(string(&stack, execfn), b"/bin/prog");
        let random = stack.auxv.iter().find(|entry| entry.0 == AT_RANDOM).unwrap().1;
        assert_eq!(string(&stack, random)[..16], [7; 16]);
        assert_eq!(stack.auxv.last(), Some(&(AT_NULL, 0)));
    }

    #[test]
    fn an_interpreter_takes_the_place_of_the_first_argument() {
        let argv = list(&[b"script", b"x"]).with_first_replaced(&[b"/bin/sh", b"-e", b"/tmp/script"]).unwrap();
        assert_eq!(argv.iter().collect::<Vec<_>>(), [&b"/bin/sh"[..], b"-e", b"/tmp/script", b"x"]);
        assert_eq!(argv.count(), 4);
    }

    #[test]
    fn a_stack_that_does_not_fit_is_refused() {
        let argv = list(&[b"a"]);
        let contents = StackContents {
            argv: &argv,
            envp: &argv,
            file_name: b"a",
            platform: b"p",
            random: [0; 16],
            gap: 0,
            auxv: &[],
        };
        assert!(InitialStack::build(64, &contents).is_none());
    }
}
