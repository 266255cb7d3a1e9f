//! Scripts: the `#!` line at the head of a file (execve(2), Linux `binfmt_script`).

/// Bytes of a file's head that the kernel looks at; a longer `#!` line is cut (Linux 5.1).
pub const HEAD: usize = 256;

/// What a `#!` line names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Script<'a> {
    /// Path of the interpreter.
    pub interpreter: &'a [u8],
    /// The rest of the line, one argument however many words it has.
    pub argument: Option<&'a [u8]>,
}

impl<'a> Script<'a> {
    /// Parses the head of a file (at most [`HEAD`] bytes of it). `None` when it is no script, or names no interpreter, or
    /// the interpreter's path may have been cut.
    #[must_use]
    pub fn parse(head: &'a [u8]) -> Option<Self> {
        let head = &head[..head.len().min(HEAD)];
        let text = head.strip_prefix(b"#!")?;
        let newline = text.iter().position(|byte| *byte == b'\n');
        let end = newline.or_else(|| text.iter().position(|byte| *byte == 0));
        let line = trim(&text[..end.unwrap_or(text.len())]);
        let path_end = line.iter().position(|byte| is_blank(*byte) || *byte == 0);
        if end.is_none() && head.len() == HEAD && path_end.is_none() {
            return None;
        }
        let (interpreter, rest) = line.split_at(path_end.unwrap_or(line.len()));
        if interpreter.is_empty() {
            return None;
        }
        let argument = trim(rest.split(|byte| *byte == 0).next().unwrap_or(rest));
        Some(Self { interpreter, argument: (!argument.is_empty()).then_some(argument) })
    }
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_blank(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_blank(*last)
    {
        text = rest;
    }
    text
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec;

    fn parts(head: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
        Script::parse(head).map(|script| (script.interpreter, script.argument))
    }

    #[test]
    fn the_rest_of_the_line_is_one_argument() {
        assert_eq!(parts(b"#!/bin/sh\necho"), Some((&b"/bin/sh"[..], None)));
        assert_eq!(parts(b"#! /usr/bin/awk  -f x \t\n"), Some((&b"/usr/bin/awk"[..], Some(&b"-f x"[..]))));
        assert_eq!(parts(b"#!/bin/sh"), Some((&b"/bin/sh"[..], None)));
    }

    #[test]
    fn lines_without_an_interpreter_are_no_scripts() {
        assert_eq!(parts(b"#!\n/bin/sh"), None);
        assert_eq!(parts(b"#!   \n"), None);
        assert_eq!(parts(b"#"), None);
        assert_eq!(parts(b""), None);
    }

    #[test]
    fn an_interpreter_cut_by_the_head_is_refused_and_a_cut_argument_is_not() {
        let mut long = vec![b'a'; HEAD * 2];
        long[..3].copy_from_slice(b"#!/");
        assert_eq!(parts(&long), None);
        long[10] = b' ';
        assert_eq!(parts(&long).and_then(|(_, argument)| argument).map(<[u8]>::len), Some(HEAD - 11));
    }
}
