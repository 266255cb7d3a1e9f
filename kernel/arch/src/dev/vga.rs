//! The VGA text screen: 80 × 25 cells of memory, and the cursor.

use crate::vmap::{self, Mmio};
use kernel_core::addr::PhysAddr;
use kernel_core::screen::{COLUMNS, Cell, ROWS};
use x86_64::instructions::port::Port;

const MEMORY: PhysAddr = PhysAddr::new(0xb_8000);
const CELL_SIZE: usize = 2;
const INDEX_PORT: u16 = 0x3d4;
const DATA_PORT: u16 = 0x3d5;
const CURSOR_HIGH: u8 = 0x0e;
const CURSOR_LOW: u8 = 0x0f;

/// The screen memory.
pub struct TextMemory {
    cells: Mmio,
}

impl TextMemory {
    /// Maps it; none without room for the mapping.
    #[must_use]
    pub fn map() -> Option<Self> {
        let cells = vmap::map_mmio(MEMORY, COLUMNS * ROWS * CELL_SIZE).ok()?;
        Some(Self { cells })
    }

    /// Shows the cells of a row, below [`ROWS`].
    pub fn write_row(&self, row: usize, cells: &[Cell; COLUMNS]) {
        let start = row * COLUMNS * CELL_SIZE;
        for (nth, pair) in cells.chunks_exact(2).enumerate() {
            let word = u32::from_le_bytes([pair[0].character, pair[0].attribute, pair[1].character, pair[1].attribute]);
            self.cells.write32(start + nth * 2 * CELL_SIZE, word);
        }
    }

    /// Puts the cursor at a row and column.
    pub fn set_cursor(&self, row: usize, column: usize) {
        let at = u16::try_from(row * COLUMNS + column).unwrap_or(0);
        let [low, high] = at.to_le_bytes();
        for (register, value) in [(CURSOR_HIGH, high), (CURSOR_LOW, low)] {
            // SAFETY: the CRT controller's index and data ports; these registers only place the cursor.
            unsafe {
                Port::new(INDEX_PORT).write(register);
                Port::new(DATA_PORT).write(value);
            }
        }
    }
}
