//! Load plans of built images, of this very test binary, and of corrupt input.

extern crate std;

use abi::flags::Prot;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

use crate::{ElfError, ImageKind, LoadPlan, PAGE_SIZE, USER_END};

const PT_LOAD: u32 = 1;
const PT_INTERP: u32 = 3;
const PT_GNU_STACK: u32 = 0x6474_e551;

struct Ph {
    kind: u32,
    flags: u32,
    offset: u64,
    vaddr: u64,
    filesz: u64,
    memsz: u64,
    align: u64,
}

fn load(flags: u32, offset: u64, vaddr: u64, filesz: u64, memsz: u64) -> Ph {
    Ph { kind: PT_LOAD, flags, offset, vaddr, filesz, memsz, align: PAGE_SIZE }
}

fn image(kind: u16, headers: &[Ph]) -> Vec<u8> {
    let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend(kind.to_le_bytes());
    bytes.extend(62_u16.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(0x40_1000_u64.to_le_bytes());
    bytes.extend(64_u64.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    for half in [64, 56, u16::try_from(headers.len()).unwrap(), 0, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    for header in headers {
        bytes.extend(header.kind.to_le_bytes());
        bytes.extend(header.flags.to_le_bytes());
        for word in [header.offset, header.vaddr, header.vaddr, header.filesz, header.memsz, header.align] {
            bytes.extend(word.to_le_bytes());
        }
    }
    bytes
}

#[test]
fn text_and_data_with_bss_become_pages_and_a_zero_tail() {
    let plan = LoadPlan::parse(&image(
        2,
        &[load(5, 0, 0x40_0000, 0x1234, 0x1234), load(6, 0x1e10, 0x40_2e10, 0x300, 0x2000)],
    ))
    .unwrap();
    assert_eq!(plan.kind, ImageKind::Fixed);
    assert_eq!(plan.entry, 0x40_1000);
    assert_eq!(plan.headers_addr, Some(0x40_0040));
    assert_eq!(plan.span, 0x40_0000..0x40_5000);
    assert_eq!(plan.memory_end(), 0x40_4e10);
    let data = &plan.segments[1];
    assert_eq!(data.pages, 0x40_2000..0x40_5000);
    assert_eq!(data.file_pages_end, 0x40_4000);
    assert_eq!(data.file_offset, 0x1000);
    assert_eq!(data.zero_tail(), Some(0x40_3110..0x40_4000));
    assert_eq!(data.prot, Prot::READ | Prot::WRITE);
    assert_eq!(plan.segments[0].zero_tail(), None);
}

#[test]
fn a_pure_bss_segment_has_no_file_pages() {
    let plan = LoadPlan::parse(&image(3, &[load(6, 0x77, 0x5000, 0, 0x10)])).unwrap();
    assert_eq!(plan.kind, ImageKind::Relocatable);
    assert_eq!(plan.segments[0].file_pages_end, plan.segments[0].pages.start);
    assert_eq!(plan.segments[0].zero_tail(), None);
}

#[test]
fn the_interpreter_is_read_without_its_nul() {
    let interp = Ph { kind: PT_INTERP, flags: 4, offset: 64 + 112, vaddr: 0, filesz: 8, memsz: 8, align: 1 };
    let mut bytes = image(3, &[load(5, 0, 0, 0x200, 0x200), interp]);
    bytes.extend(b"/lib/ld\0");
    assert_eq!(LoadPlan::parse(&bytes).unwrap().interpreter.as_deref(), Some(&b"/lib/ld"[..]));
    let last = bytes.len() - 1;
    bytes[last] = b'x';
    assert_eq!(LoadPlan::parse(&bytes), Err(ElfError::BadInterpreter));
}

#[test]
fn only_an_executable_gnu_stack_gives_an_executable_stack() {
    let stack = |flags| Ph { kind: PT_GNU_STACK, flags, offset: 0, vaddr: 0, filesz: 0, memsz: 0, align: 16 };
    let plan = |flags| LoadPlan::parse(&image(2, &[load(5, 0, 0x40_0000, 1, 1), stack(flags)])).unwrap();
    assert!(plan(7).stack.contains(Prot::EXEC));
    assert!(!plan(6).stack.contains(Prot::EXEC));
}

#[test]
fn foreign_and_malformed_images_are_refused() {
    let good = image(2, &[load(5, 0, 0x40_0000, 1, 1)]);
    assert_eq!(LoadPlan::parse(b"#!/bin/sh\n"), Err(ElfError::NotElf));
    assert_eq!(LoadPlan::parse(&good[..100]), Err(ElfError::BadHeader));
    for (place, value, error) in [
        (4, 1, ElfError::WrongMachine),
        (18, 3, ElfError::WrongMachine),
        (16, 1, ElfError::NotExecutable),
        (54, 55, ElfError::BadHeader),
        (56, 0, ElfError::BadHeader),
    ] {
        let mut bad = good.clone();
        bad[place] = value;
        assert_eq!(LoadPlan::parse(&bad), Err(error), "byte {place}");
    }
}

#[test]
fn segments_outside_user_space_or_with_more_file_than_memory_are_refused() {
    for bad in [
        load(5, 0, USER_END, 0x10, 0x10),
        load(5, 0, u64::MAX - 0xfff, 0x10, 0x2000),
        load(5, 0, 0x40_0000, 0x20, 0x10),
        load(5, 1, 0x40_0000, 0x10, 0x10),
        load(5, u64::MAX - 0xfff, 0x40_0000, 0x10, 0x10),
    ] {
        assert_eq!(LoadPlan::parse(&image(2, &[bad])), Err(ElfError::BadSegment));
    }
    assert_eq!(LoadPlan::parse(&image(2, &[load(5, 0, 0, 0, 0)])), Err(ElfError::BadSegment));
}

#[test]
fn this_test_binary_has_a_plan() {
    let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let plan = LoadPlan::parse(&bytes).unwrap();
    assert!(plan.headers_addr.is_some());
    check(&plan);
}

/// What exec relies on.
fn check(plan: &LoadPlan) {
    assert!(!plan.segments.is_empty());
    assert!(plan.align.is_power_of_two() && plan.align >= PAGE_SIZE);
    assert!(plan.span.end <= USER_END);
    for segment in &plan.segments {
        assert!(segment.pages.start < segment.pages.end && segment.pages.end <= plan.span.end);
        assert!(segment.pages.start % PAGE_SIZE == 0 && segment.pages.end % PAGE_SIZE == 0);
        assert!(segment.pages.start <= segment.file_pages_end && segment.file_pages_end <= segment.pages.end);
        assert!(segment.file_offset % PAGE_SIZE == 0);
        assert!(segment.memory_end <= plan.memory_end());
        if let Some(tail) = segment.zero_tail() {
            assert!(tail.start < tail.end && tail.end <= segment.pages.end);
        }
    }
}

proptest! {
    #[test]
    fn corrupt_images_never_panic_and_plans_keep_their_promises(
        changes in prop::collection::vec((0_usize..64 + 56 * 3 + 16, any::<u8>()), 0..24),
        cut in 0_usize..260,
    ) {
        let interp = Ph { kind: PT_INTERP, flags: 4, offset: 64 + 168, vaddr: 0, filesz: 8, memsz: 8, align: 1 };
        let mut bytes = image(3, &[load(5, 0, 0, 0x200, 0x200), load(6, 0x200, 0x1200, 8, 0x1000), interp]);
        bytes.extend(b"/lib/ld\0");
        for (place, value) in changes {
            if let Some(byte) = bytes.get_mut(place) { *byte = value; }
        }
        bytes.truncate(bytes.len().saturating_sub(cut.saturating_sub(200)));
        if let Ok(plan) = LoadPlan::parse(&bytes) { check(&plan); }
    }

    #[test]
    fn wild_program_headers_never_panic(words in prop::collection::vec(any::<u64>(), 12), flags in any::<u32>()) {
        let ph = |w: &[u64]| Ph { kind: PT_LOAD, flags, offset: w[0], vaddr: w[1], filesz: w[2], memsz: w[3], align: w[4] };
        if let Ok(plan) = LoadPlan::parse(&image(2, &[ph(&words[..6]), ph(&words[6..])])) { check(&plan); }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = LoadPlan::parse(&bytes);
    }
}
