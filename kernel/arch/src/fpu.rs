//! Floating-point and SIMD state of user threads: XSAVE with x87, SSE and AVX where the CPU has it, else FXSAVE.
//!
//! The kernel uses no such registers, so a thread's state stays in them until a switch. In a signal frame the state
//! is laid out as Linux does: the legacy area with a description in its software bytes, the XSAVE header and the AVX
//! area, a closing magic number.

use core::arch::asm;

use crate::cpu;

const LEGACY_SIZE: usize = 512;
const HEADER_SIZE: usize = 64;
const AVX_SIZE: usize = 256;
/// Bytes of the largest state that the kernel enables.
pub const STATE_SIZE: usize = LEGACY_SIZE + HEADER_SIZE + AVX_SIZE;
const X87_SSE: u64 = 3;
const AVX: u64 = 4;

const CONTROL_WORD: usize = 0;
const MXCSR: usize = 24;
const MXCSR_MASK: usize = 28;
const SOFTWARE_BYTES: usize = 464;
const XSTATE_BV: usize = 512;
const XCOMP_BV: usize = 520;
const DEFAULT_CONTROL_WORD: [u8; 2] = 0x037f_u16.to_le_bytes();
const DEFAULT_MXCSR: [u8; 4] = 0x1f80_u32.to_le_bytes();
const DEFAULT_MXCSR_MASK: u32 = 0xffbf;

/// `FP_XSTATE_MAGIC1` and `FP_XSTATE_MAGIC2` of Linux's `asm/sigcontext.h`.
const MAGIC1: u32 = 0x4650_5853;
const MAGIC2: u32 = 0x4650_5845;

/// One thread's saved state.
#[derive(Clone)]
#[repr(C, align(64))]
pub struct FpuState([u8; STATE_SIZE]);

/// A state from user memory that the CPU would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidState;

impl FpuState {
    /// The state that a program starts with.
    #[must_use]
    pub const fn fresh() -> Self {
        let mut state = [0; STATE_SIZE];
        [state[CONTROL_WORD], state[CONTROL_WORD + 1]] = DEFAULT_CONTROL_WORD;
        [state[MXCSR], state[MXCSR + 1], state[MXCSR + 2], state[MXCSR + 3]] = DEFAULT_MXCSR;
        Self(state)
    }

    /// Copies the registers into this state.
    #[inline]
    pub fn save(&mut self) {
        let area = self.0.as_mut_ptr();
        // SAFETY: the area is 64-byte aligned and holds every component that init_cpu() enables.
        unsafe {
            if cpu::features().xsave {
                asm!("xsave64 [{}]", in(reg) area, in("eax") u32::MAX, in("edx") u32::MAX, options(nostack, preserves_flags));
            } else {
                asm!("fxsave64 [{}]", in(reg) area, options(nostack, preserves_flags));
            }
        }
    }

    /// Loads the registers from this state.
    #[inline]
    pub fn restore(&self) {
        let area = self.0.as_ptr();
        // SAFETY: as in save(); the content was saved by it or checked by from_signal_frame(), so the CPU accepts it.
        unsafe {
            if cpu::features().xsave {
                asm!("xrstor64 [{}]", in(reg) area, in("eax") u32::MAX, in("edx") u32::MAX, options(nostack, preserves_flags));
            } else {
                asm!("fxrstor64 [{}]", in(reg) area, options(nostack, preserves_flags));
            }
        }
    }

    /// The state in the layout of a signal frame's `fpstate`.
    fn from_signal_frame(frame: &[u8]) -> Result<Self, InvalidState> {
        let mut state = Self::fresh();
        state.0[..LEGACY_SIZE].copy_from_slice(frame.get(..LEGACY_SIZE).ok_or(InvalidState)?);
        state.0[SOFTWARE_BYTES..LEGACY_SIZE].fill(0);
        let mxcsr = state.u32_at(MXCSR);
        if mxcsr & !mxcsr_mask() != 0 {
            return Err(InvalidState);
        }
        if !cpu::features().xsave {
            return Ok(state);
        }
        state.set_u64(XSTATE_BV, X87_SSE);
        let described = frame.get(SOFTWARE_BYTES..SOFTWARE_BYTES + 4).map(le_u32) == Some(MAGIC1);
        if described && let Some(rest) = frame.get(LEGACY_SIZE..state_size()) {
            if frame.get(state_size()..state_size() + 4).map(le_u32) != Some(MAGIC2) {
                return Ok(state);
            }
            state.0[LEGACY_SIZE..state_size()].copy_from_slice(rest);
            // Only components that are enabled, the standard form, the header's reserved bytes zero.
            let enabled = state.u64_at(XSTATE_BV) & enabled_components();
            state.0[XCOMP_BV - 8..LEGACY_SIZE + HEADER_SIZE].fill(0);
            state.set_u64(XSTATE_BV, enabled);
        }
        Ok(state)
    }

    fn u32_at(&self, offset: usize) -> u32 {
        le_u32(&self.0[offset..offset + 4])
    }

    fn u64_at(&self, offset: usize) -> u64 {
        u64::from(self.u32_at(offset)) | u64::from(self.u32_at(offset + 4)) << 32
    }

    fn set_u64(&mut self, offset: usize, value: u64) {
        self.0[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
    }
}

/// Bytes that `save_to_signal_frame` fills.
#[must_use]
pub fn signal_frame_size() -> usize {
    if cpu::features().xsave { state_size() + 4 } else { LEGACY_SIZE }
}

/// Writes the running thread's state into `frame`, laid out for a signal frame. `frame` has at least
/// [`signal_frame_size`] bytes; it should lie 64-byte aligned in user memory.
pub fn save_to_signal_frame(frame: &mut [u8]) {
    let mut state = FpuState::fresh();
    state.save();
    if !cpu::features().xsave {
        frame[..LEGACY_SIZE].copy_from_slice(&state.0[..LEGACY_SIZE]);
        frame[SOFTWARE_BYTES..LEGACY_SIZE].fill(0);
        return;
    }
    let size = state_size();
    frame[..size].copy_from_slice(&state.0[..size]);
    frame[SOFTWARE_BYTES..LEGACY_SIZE].fill(0);
    put(frame, SOFTWARE_BYTES, &MAGIC1.to_le_bytes());
    put(frame, SOFTWARE_BYTES + 4, &u32::try_from(size + 4).unwrap_or(0).to_le_bytes());
    put(frame, SOFTWARE_BYTES + 8, &enabled_components().to_le_bytes());
    put(frame, SOFTWARE_BYTES + 16, &u32::try_from(size).unwrap_or(0).to_le_bytes());
    put(frame, size, &MAGIC2.to_le_bytes());
}

/// Gives the running thread the state of a signal frame.
///
/// # Errors
/// The frame is too short, or sets MXCSR bits that the CPU does not have.
pub fn restore_from_signal_frame(frame: &[u8]) -> Result<(), InvalidState> {
    FpuState::from_signal_frame(frame)?.restore();
    Ok(())
}

/// Gives the running thread the state that a program starts with.
pub fn reset() {
    FpuState::fresh().restore();
}

/// Enables the state's components on the running CPU, and loads the fresh state.
pub(crate) fn init_cpu() {
    if cpu::features().xsave {
        let components = enabled_components();
        // SAFETY: CR4.OSXSAVE is set, and these components exist.
        unsafe {
            asm!("xsetbv", in("ecx") 0, in("eax") components as u32, in("edx") 0, options(nomem, nostack, preserves_flags));
        }
    }
    reset();
}

fn enabled_components() -> u64 {
    if cpu::features().avx { X87_SSE | AVX } else { X87_SSE }
}

fn state_size() -> usize {
    if cpu::features().avx { STATE_SIZE } else { LEGACY_SIZE + HEADER_SIZE }
}

fn mxcsr_mask() -> u32 {
    let mut state = FpuState::fresh();
    state.save();
    match state.u32_at(MXCSR_MASK) {
        0 => DEFAULT_MXCSR_MASK,
        mask => mask,
    }
}

fn put(frame: &mut [u8], offset: usize, bytes: &[u8]) {
    frame[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn le_u32(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}
