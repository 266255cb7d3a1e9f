//! Who the processor says it is: vendor, model and features by name, for `/proc/cpuinfo`.

use alloc::string::{String, ToString};
use core::arch::x86_64::{__cpuid, __cpuid_count};

/// The processor by its numbers.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Family, extended part included.
    pub family: u32,
    /// Model, extended part included.
    pub model: u32,
    /// Stepping.
    pub stepping: u32,
}

/// The identity of the boot processor; all are alike.
#[must_use]
pub fn identity() -> Identity {
    let signature = __cpuid(1).eax;
    let base_family = signature >> 8 & 0xf;
    let family = if base_family == 0xf { base_family + (signature >> 20 & 0xff) } else { base_family };
    let extended = if base_family >= 6 { signature >> 16 & 0xf } else { 0 };
    Identity { family, model: extended << 4 | signature >> 4 & 0xf, stepping: signature & 0xf }
}

impl Identity {
    /// The vendor string.
    #[must_use]
    pub fn vendor(&self) -> String {
        let leaf = __cpuid(0);
        text(&[leaf.ebx, leaf.edx, leaf.ecx])
    }

    /// The brand string.
    #[must_use]
    pub fn name(&self) -> String {
        const FIRST: u32 = 0x8000_0002;
        const LAST: u32 = 0x8000_0004;
        if __cpuid(0x8000_0000).eax < LAST {
            return "unknown".to_string();
        }
        let parts = (FIRST..=LAST).map(__cpuid);
        parts.map(|leaf| text(&[leaf.eax, leaf.ebx, leaf.ecx, leaf.edx])).collect::<String>().trim().to_string()
    }

    /// The names of the features that are there, in the order of their bits.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let base = __cpuid(1);
        let structured = if __cpuid(0).eax >= 7 { __cpuid_count(7, 0).ebx } else { 0 };
        let extended = if __cpuid(0x8000_0000).eax > 0x8000_0000 { __cpuid(0x8000_0001) } else { __cpuid(0x8000_0000) };
        let known = __cpuid(0x8000_0000).eax > 0x8000_0000;
        let words = [
            (base.edx, BASE_EDX),
            (if known { extended.edx } else { 0 }, EXTENDED_EDX),
            (base.ecx, BASE_ECX),
            (if known { extended.ecx } else { 0 }, EXTENDED_ECX),
            (structured, STRUCTURED_EBX),
        ];
        words.into_iter().flat_map(|(word, names)| {
            names.iter().filter(move |(bit, _)| word & 1 << bit != 0).map(|(_, name)| *name)
        })
    }
}

type Names = &'static [(u32, &'static str)];

const BASE_EDX: Names = &[
    (0, "fpu"), (1, "vme"), (2, "de"), (3, "pse"), (4, "tsc"), (5, "msr"), (6, "pae"), (7, "mce"), (8, "cx8"), (9, "apic"),
    (11, "sep"), (12, "mtrr"), (13, "pge"), (14, "mca"), (15, "cmov"), (16, "pat"), (17, "pse36"), (19, "clflush"),
    (23, "mmx"), (24, "fxsr"), (25, "sse"), (26, "sse2"), (27, "ss"), (28, "ht"),
];
const EXTENDED_EDX: Names = &[(11, "syscall"), (20, "nx"), (22, "mmxext"), (25, "fxsr_opt"), (26, "pdpe1gb"), (27, "rdtscp"), (29, "lm")];
const BASE_ECX: Names = &[
    (0, "pni"), (1, "pclmulqdq"), (3, "monitor"), (9, "ssse3"), (12, "fma"), (13, "cx16"), (17, "pcid"), (19, "sse4_1"),
    (20, "sse4_2"), (21, "x2apic"), (22, "movbe"), (23, "popcnt"), (25, "aes"), (26, "xsave"), (28, "avx"), (29, "f16c"),
    (30, "rdrand"), (31, "hypervisor"),
];
const EXTENDED_ECX: Names = &[(0, "lahf_lm"), (2, "svm"), (5, "abm"), (6, "sse4a"), (8, "3dnowprefetch")];
const STRUCTURED_EBX: Names = &[
    (0, "fsgsbase"), (3, "bmi1"), (5, "avx2"), (7, "smep"), (8, "bmi2"), (9, "erms"), (10, "invpcid"), (16, "avx512f"),
    (18, "rdseed"), (19, "adx"), (20, "smap"), (23, "clflushopt"), (29, "sha_ni"),
];

fn text(words: &[u32]) -> String {
    let bytes = words.iter().flat_map(|word| word.to_le_bytes());
    bytes.take_while(|&byte| byte != 0).map(char::from).collect()
}
