//! A text screen: bytes with ANSI escape sequences in, cells and a cursor out.
//!
//! The model of the VGA text console: 80 × 25 cells of code page 437 with VGA attributes. The device
//! copies the rows that changed; nothing here touches hardware. Sequences follow `console_codes(4)`
//! as far as a 16-colour text screen shows them; unknown ones are swallowed.

use vte::{Params, Parser, Perform};

/// Columns of the screen.
pub const COLUMNS: usize = 80;
/// Rows of the screen.
pub const ROWS: usize = 25;

const TAB_WIDTH: usize = 8;
const DEFAULT_ATTRIBUTE: u8 = 0x07;
/// ANSI colour order (black, red, green, yellow, …) to VGA colour order.
const ANSI_TO_VGA: [u8; 8] = [0, 4, 2, 6, 1, 5, 3, 7];

/// One character cell as VGA text memory holds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    /// Code page 437 character.
    pub character: u8,
    /// VGA attribute: background in the high nibble, foreground in the low one.
    pub attribute: u8,
}

impl Cell {
    const BLANK: Cell = Cell { character: b' ', attribute: DEFAULT_ATTRIBUTE };
}

/// The parser and the grid it draws on.
pub struct Screen {
    parser: Parser,
    grid: Grid,
}

impl Screen {
    /// An empty screen with the cursor at its top left.
    #[must_use]
    pub fn new() -> Self {
        Self { parser: Parser::new(), grid: Grid::new() }
    }

    /// Draws `bytes`: UTF-8 text with control characters and escape sequences.
    pub fn write(&mut self, bytes: &[u8]) {
        self.parser.advance(&mut self.grid, bytes);
    }

    /// The cells of one row.
    ///
    /// # Panics
    /// If `row` is not below [`ROWS`].
    #[must_use]
    pub fn row(&self, row: usize) -> &[Cell; COLUMNS] {
        &self.grid.cells[row]
    }

    /// Cursor position as (row, column).
    #[must_use]
    pub fn cursor(&self) -> (usize, usize) {
        (self.grid.row, self.grid.column.min(COLUMNS - 1))
    }

    /// A bit per row changed since the last call.
    pub fn take_changed_rows(&mut self) -> u32 {
        core::mem::take(&mut self.grid.changed)
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

struct Grid {
    cells: [[Cell; COLUMNS]; ROWS],
    row: usize,
    /// May equal [`COLUMNS`]: the next character wraps first.
    column: usize,
    saved: (usize, usize),
    foreground: u8,
    background: u8,
    bold: bool,
    reverse: bool,
    changed: u32,
}

impl Grid {
    fn new() -> Self {
        Self {
            cells: [[Cell::BLANK; COLUMNS]; ROWS],
            row: 0,
            column: 0,
            saved: (0, 0),
            foreground: 7,
            background: 0,
            bold: false,
            reverse: false,
            changed: u32::MAX,
        }
    }

    fn attribute(&self) -> u8 {
        let foreground = self.foreground | if self.bold { 8 } else { 0 };
        if self.reverse {
            (foreground & 7) << 4 | self.background
        } else {
            self.background << 4 | foreground
        }
    }

    fn blank(&self) -> Cell {
        Cell { character: b' ', attribute: self.background << 4 | self.foreground }
    }

    fn touch(&mut self, row: usize) {
        self.changed |= 1 << row;
    }

    fn put(&mut self, character: u8) {
        if self.column >= COLUMNS {
            self.column = 0;
            self.line_feed();
        }
        self.cells[self.row][self.column] = Cell { character, attribute: self.attribute() };
        self.touch(self.row);
        self.column += 1;
    }

    fn line_feed(&mut self) {
        if self.row + 1 < ROWS {
            self.row += 1;
            return;
        }
        self.cells.copy_within(1.., 0);
        self.cells[ROWS - 1] = [self.blank(); COLUMNS];
        self.changed = u32::MAX;
    }

    fn move_to(&mut self, row: usize, column: usize) {
        self.row = row.min(ROWS - 1);
        self.column = column.min(COLUMNS - 1);
    }

    /// Blanks cells from `start` up to `end`, both as row × columns + column.
    fn erase(&mut self, start: usize, end: usize) {
        let blank = self.blank();
        for at in start..end.min(ROWS * COLUMNS) {
            self.cells[at / COLUMNS][at % COLUMNS] = blank;
            self.touch(at / COLUMNS);
        }
    }

    fn position(&self) -> usize {
        self.row * COLUMNS + self.column.min(COLUMNS - 1)
    }

    fn erase_display(&mut self, mode: u16) {
        let here = self.position();
        match mode {
            0 => self.erase(here, ROWS * COLUMNS),
            1 => self.erase(0, here + 1),
            2 | 3 => self.erase(0, ROWS * COLUMNS),
            _ => {}
        }
    }

    fn erase_line(&mut self, mode: u16) {
        let (here, start) = (self.position(), self.row * COLUMNS);
        match mode {
            0 => self.erase(here, start + COLUMNS),
            1 => self.erase(start, here + 1),
            2 => self.erase(start, start + COLUMNS),
            _ => {}
        }
    }

    fn insert_lines(&mut self, count: usize) {
        let count = count.min(ROWS - self.row);
        self.cells.copy_within(self.row..ROWS - count, self.row + count);
        let blank = self.blank();
        self.cells[self.row..self.row + count].fill([blank; COLUMNS]);
        self.changed = u32::MAX;
    }

    fn delete_lines(&mut self, count: usize) {
        let count = count.min(ROWS - self.row);
        self.cells.copy_within(self.row + count.., self.row);
        let blank = self.blank();
        self.cells[ROWS - count..].fill([blank; COLUMNS]);
        self.changed = u32::MAX;
    }

    fn shift_cells(&mut self, count: usize, direction: Shift) {
        let column = self.column.min(COLUMNS - 1);
        let count = count.min(COLUMNS - column);
        let blank = self.blank();
        let row = &mut self.cells[self.row];
        match direction {
            Shift::Insert => {
                row.copy_within(column..COLUMNS - count, column + count);
                row[column..column + count].fill(blank);
            }
            Shift::Delete => {
                row.copy_within(column + count.., column);
                row[COLUMNS - count..].fill(blank);
            }
        }
        self.touch(self.row);
    }

    fn select_graphics(&mut self, params: &Params) {
        if params.is_empty() {
            self.reset_graphics();
        }
        for group in params {
            match group.first().copied().unwrap_or(0) {
                0 => self.reset_graphics(),
                1 => self.bold = true,
                2 | 22 => self.bold = false,
                7 => self.reverse = true,
                27 => self.reverse = false,
                code @ 30..=37 => self.foreground = ANSI_TO_VGA[usize::from(code - 30)],
                39 => self.foreground = 7,
                code @ 40..=47 => self.background = ANSI_TO_VGA[usize::from(code - 40)],
                49 => self.background = 0,
                code @ 90..=97 => self.foreground = ANSI_TO_VGA[usize::from(code - 90)] | 8,
                code @ 100..=107 => self.background = ANSI_TO_VGA[usize::from(code - 100)],
                _ => {}
            }
        }
    }

    fn reset_graphics(&mut self) {
        (self.foreground, self.background, self.bold, self.reverse) = (7, 0, false, false);
    }
}

#[derive(Clone, Copy)]
enum Shift {
    Insert,
    Delete,
}

impl Perform for Grid {
    fn print(&mut self, character: char) {
        self.put(code_page_437(character));
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' | 0x0b | 0x0c => self.line_feed(),
            b'\r' => self.column = 0,
            0x08 => self.column = self.column.min(COLUMNS - 1).saturating_sub(1),
            b'\t' => self.column = ((self.column / TAB_WIDTH + 1) * TAB_WIDTH).min(COLUMNS - 1),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        if ignore || !intermediates.is_empty() {
            return;
        }
        let raw = |at: usize| params.iter().nth(at).and_then(|group| group.first().copied()).unwrap_or(0);
        let count = |at: usize| usize::from(raw(at).max(1));
        let (row, column) = (self.row, self.column.min(COLUMNS - 1));
        match action {
            'A' => self.move_to(row.saturating_sub(count(0)), column),
            'B' | 'e' => self.move_to(row + count(0), column),
            'C' | 'a' => self.move_to(row, column + count(0)),
            'D' => self.move_to(row, column.saturating_sub(count(0))),
            'E' => self.move_to(row + count(0), 0),
            'F' => self.move_to(row.saturating_sub(count(0)), 0),
            'G' | '`' => self.move_to(row, count(0) - 1),
            'H' | 'f' => self.move_to(count(0) - 1, count(1) - 1),
            'd' => self.move_to(count(0) - 1, column),
            'J' => self.erase_display(raw(0)),
            'K' => self.erase_line(raw(0)),
            'L' => self.insert_lines(count(0)),
            'M' => self.delete_lines(count(0)),
            '@' => self.shift_cells(count(0), Shift::Insert),
            'P' => self.shift_cells(count(0), Shift::Delete),
            'X' => self.erase(self.position(), (self.position() + count(0)).min((row + 1) * COLUMNS)),
            'm' => self.select_graphics(params),
            's' => self.saved = (row, column),
            'u' => self.move_to(self.saved.0, self.saved.1),
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        if !intermediates.is_empty() {
            return;
        }
        match byte {
            b'7' => self.saved = (self.row, self.column.min(COLUMNS - 1)),
            b'8' => self.move_to(self.saved.0, self.saved.1),
            b'D' => self.line_feed(),
            b'E' => {
                self.column = 0;
                self.line_feed();
            }
            b'c' => *self = Self::new(),
            _ => {}
        }
    }
}

/// The code page 437 character for `character`; a solid box where the page has none.
fn code_page_437(character: char) -> u8 {
    match character {
        ' '..='~' => u8::try_from(u32::from(character)).unwrap_or(b'?'),
        '─' => 0xc4,
        '│' => 0xb3,
        '┌' => 0xda,
        '┐' => 0xbf,
        '└' => 0xc0,
        '┘' => 0xd9,
        '├' => 0xc3,
        '┤' => 0xb4,
        '┬' => 0xc2,
        '┴' => 0xc1,
        '┼' => 0xc5,
        '═' => 0xcd,
        '║' => 0xba,
        '█' => 0xdb,
        '░' => 0xb0,
        '▒' => 0xb1,
        '▓' => 0xb2,
        'é' => 0x82,
        'ä' => 0x84,
        'ö' => 0x94,
        'ü' => 0x81,
        'ß' => 0xe1,
        '°' => 0xf8,
        '·' => 0xfa,
        _ => 0xfe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn text(screen: &Screen, row: usize) -> String {
        let line: String = screen.row(row).iter().map(|cell| char::from(cell.character)).collect();
        line.trim_end().into()
    }

    #[test]
    fn a_long_line_wraps() {
        let mut screen = Screen::new();
        screen.write(&[b'x'; COLUMNS + 1]);
        assert_eq!(screen.cursor(), (1, 1));
        assert_eq!(text(&screen, 1), "x");
    }

    #[test]
    fn the_screen_scrolls_at_its_end() {
        let mut screen = Screen::new();
        for line in 0..ROWS {
            screen.write(std::format!("line {line}\r\n").as_bytes());
        }
        assert_eq!(text(&screen, 0), "line 1");
        assert_eq!(text(&screen, ROWS - 1), "");
    }

    #[test]
    fn colours_and_reset_reach_the_attribute() {
        let mut screen = Screen::new();
        screen.write(b"\x1b[1;31;44mA\x1b[0mB");
        assert_eq!(screen.row(0)[0], Cell { character: b'A', attribute: 0x1c });
        assert_eq!(screen.row(0)[1], Cell { character: b'B', attribute: DEFAULT_ATTRIBUTE });
    }

    #[test]
    fn cursor_moves_stay_on_the_screen() {
        let mut screen = Screen::new();
        screen.write(b"\x1b[999;999H");
        assert_eq!(screen.cursor(), (ROWS - 1, COLUMNS - 1));
        screen.write(b"\x1b[500A\x1b[500D");
        assert_eq!(screen.cursor(), (0, 0));
    }

    #[test]
    fn erasing_to_the_end_keeps_what_stands_before() {
        let mut screen = Screen::new();
        screen.write(b"abcdef\x1b[4G\x1b[K");
        assert_eq!(text(&screen, 0), "abc");
    }

    #[test]
    fn huge_counts_do_not_overflow() {
        let mut screen = Screen::new();
        screen.write(b"\x1b[65535L\x1b[65535M\x1b[65535@\x1b[65535P\x1b[65535X\x1b[65535B");
        assert_eq!(screen.cursor().0, ROWS - 1);
    }

    #[test]
    fn only_rows_written_to_are_reported() {
        let mut screen = Screen::new();
        screen.take_changed_rows();
        screen.write(b"\x1b[3;1Hx");
        assert_eq!(screen.take_changed_rows(), 1 << 2);
    }
}
