use super::*;
use crate::termios::OutputModes;

struct Terminal {
    discipline: LineDiscipline,
    screen: Vec<u8>,
}

impl Terminal {
    fn new() -> Self {
        Self { discipline: LineDiscipline::new(Termios::standard()), screen: Vec::new() }
    }

    fn with(change: impl FnOnce(&mut Termios)) -> Self {
        let mut termios = Termios::standard();
        change(&mut termios);
        Self { discipline: LineDiscipline::new(termios), screen: Vec::new() }
    }

    fn typed(&mut self, bytes: &[u8]) -> Vec<Signal> {
        bytes.iter().filter_map(|&byte| self.discipline.receive(byte, &mut self.screen).signal).collect()
    }

    fn read(&mut self) -> Vec<u8> {
        let bytes = self.discipline.peek().to_vec();
        self.discipline.consume(bytes.len());
        bytes
    }
}

#[test]
fn a_line_is_readable_when_it_ends() {
    let mut tty = Terminal::new();
    tty.typed(b"ab");
    assert!(!tty.discipline.has_input(1));
    tty.typed(b"c\rd");
    assert_eq!(tty.read(), b"abc\n");
    assert!(!tty.discipline.has_input(1));
    assert_eq!(tty.screen, b"abc\r\nd");
}

#[test]
fn one_read_gets_one_line() {
    let mut tty = Terminal::new();
    tty.typed(b"one\ntwo\n");
    assert_eq!(tty.read(), b"one\n");
    assert_eq!(tty.read(), b"two\n");
}

#[test]
fn a_line_may_be_read_in_parts() {
    let mut tty = Terminal::new();
    tty.typed(b"abc\n");
    tty.discipline.consume(2);
    assert_eq!(tty.read(), b"c\n");
    assert!(!tty.discipline.has_input(1));
}

#[test]
fn erase_word_erase_and_kill_edit_the_line_and_the_screen() {
    let mut tty = Terminal::new();
    tty.typed(b"foo barx\x7f\x17baz\n");
    assert_eq!(tty.read(), b"foo baz\n");
    let mut tty = Terminal::new();
    tty.typed(b"ab\x15c\n");
    assert_eq!(tty.read(), b"c\n");
    assert_eq!(tty.screen, b"ab\x08 \x08\x08 \x08c\r\n");
}

#[test]
fn erase_of_nothing_does_nothing() {
    let mut tty = Terminal::new();
    tty.typed(b"\x7f\x17\x15");
    assert!(tty.screen.is_empty());
}

#[test]
fn erasing_a_tab_moves_back_to_where_it_began() {
    let mut tty = Terminal::new();
    tty.typed(b"ab\t\x7f");
    assert_eq!(tty.screen, b"ab\t\x08\x08\x08\x08\x08\x08");
}

#[test]
fn erase_takes_a_whole_utf8_character() {
    let mut tty = Terminal::with(|termios| termios.input |= InputModes::IUTF8);
    tty.typed("aé\x7f\n".as_bytes());
    assert_eq!(tty.read(), b"a\n");
}

#[test]
fn eof_ends_a_line_without_a_byte_and_an_empty_one_reads_as_the_end() {
    let mut tty = Terminal::new();
    tty.typed(b"ab\x04");
    assert_eq!(tty.read(), b"ab");
    assert!(!tty.discipline.has_input(1));
    tty.typed(b"\x04");
    assert!(tty.discipline.has_input(1));
    assert_eq!(tty.read(), b"");
    assert!(!tty.discipline.has_input(1));
}

#[test]
fn interrupt_quit_and_suspend_signal_and_flush() {
    let mut tty = Terminal::new();
    assert_eq!(tty.typed(b"abc\x03"), [Signal::SIGINT]);
    assert_eq!(tty.screen.as_slice(), b"^C");
    assert_eq!(tty.typed(b"\x1c\x1a"), [Signal::SIGQUIT, Signal::SIGTSTP]);
    tty.typed(b"\n");
    assert_eq!(tty.read(), b"\n");
}

#[test]
fn literal_next_takes_the_meaning_away() {
    let mut tty = Terminal::new();
    assert!(tty.typed(b"\x16\x03\n").is_empty());
    assert_eq!(tty.read(), b"\x03\n");
    assert_eq!(tty.screen, b"^\x08^C\r\n");
}

#[test]
fn raw_mode_gives_bytes_as_they_come() {
    let mut tty = Terminal::with(|termios| {
        termios.local = LocalModes::empty();
        termios.input = InputModes::empty();
        termios.output = OutputModes::empty();
    });
    assert!(tty.typed(b"a\x03\r\x7f").is_empty());
    assert!(tty.screen.is_empty() && tty.discipline.has_input(4) && !tty.discipline.has_input(5));
    assert_eq!(tty.read(), b"a\x03\r\x7f");
}

#[test]
fn leaving_canonical_mode_shows_the_unfinished_line() {
    let mut tty = Terminal::new();
    tty.typed(b"x\nab");
    let mut termios = *tty.discipline.termios();
    termios.local -= LocalModes::ICANON;
    tty.discipline.set_termios(termios);
    assert_eq!(tty.read(), b"x\nab");
}

#[test]
fn stop_and_start_hold_the_output() {
    let mut tty = Terminal::new();
    tty.typed(b"\x13");
    assert!(tty.discipline.is_stopped());
    tty.typed(b"\x11");
    assert!(!tty.discipline.is_stopped() && tty.screen.is_empty());
}

#[test]
fn an_overlong_line_keeps_a_place_for_its_end() {
    let mut tty = Terminal::new();
    tty.typed(&[b'a'; INPUT_SIZE + 10]);
    tty.typed(b"\n");
    let line = tty.read();
    assert_eq!((line.len(), line.last()), (INPUT_SIZE, Some(&b'\n')));
}

#[test]
fn output_translates_new_lines_and_expands_tabs() {
    let mut tty = Terminal::with(|termios| termios.output |= OutputModes::XTABS);
    let mut out = Vec::new();
    tty.discipline.process_output(b"a\tb\n\tc", &mut out);
    assert_eq!(out, b"a       b\r\n        c");
}

#[test]
fn reprint_shows_the_line_anew() {
    let mut tty = Terminal::new();
    tty.typed(b"ab\x12");
    assert_eq!(tty.screen, b"ab^R\r\nab");
}
