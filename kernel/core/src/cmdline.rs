//! The kernel command line, as Linux reads it: words of its own, the rest goes to init.
//!
//! Words before `--` that the kernel does not know become init's environment (`name=value`) or arguments; words after
//! it are arguments. Double quotes keep spaces together.

/// Words without a value that are the kernel's.
const FLAGS: [&str; 4] = ["quiet", "debug", "ro", "rw"];
/// Words with a value that are the kernel's.
const OPTIONS: [&str; 6] = ["console", "log", "init", "rdinit", "loglevel", "root"];
/// Words of the kernel's own name space, `exo.test` for instance.
const OWN_PREFIX: &str = "exo.";

/// A command line.
#[derive(Clone, Copy, Debug)]
pub struct CommandLine<'a>(&'a str);

impl<'a> CommandLine<'a> {
    /// Reads `text`.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The value of the last `name=value`.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&'a str> {
        self.own().filter_map(|word| word.split_once('=')).filter(|(key, _)| *key == name).map(|(_, value)| value).last()
    }

    /// Whether the word stands there.
    #[must_use]
    pub fn has(&self, word: &str) -> bool {
        self.own().any(|found| found == word)
    }

    /// Init's path, where the line names it.
    #[must_use]
    pub fn init(&self) -> Option<&'a str> {
        self.option("rdinit").or_else(|| self.option("init"))
    }

    /// Arguments for init.
    pub fn init_arguments(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let before = self.own().filter(|word| !word.contains('=') && !is_kernels(word));
        let after = words(self.0).skip_while(|word| *word != "--").skip(1);
        before.chain(after)
    }

    /// Environment for init, each `name=value`.
    pub fn init_environment(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.own().filter(|word| word.contains('=') && !is_kernels(word))
    }

    fn own(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        words(self.0).take_while(|word| *word != "--")
    }
}

fn is_kernels(word: &str) -> bool {
    let name = word.split_once('=').map_or(word, |(name, _)| name);
    // Words with a dot before any `=` are parameters of modules, as on Linux.
    FLAGS.contains(&word) || OPTIONS.contains(&name) || name.starts_with(OWN_PREFIX) || name.contains('.')
}

/// Words between blanks; quotes around a word, or around its value, are dropped.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    core::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let mut quoted = false;
        let end = rest.find(|character: char| {
            quoted ^= character == '"';
            !quoted && character.is_ascii_whitespace()
        });
        let (word, next) = rest.split_at(end.unwrap_or(rest.len()));
        rest = next;
        Some(word.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn unknown_words_go_to_init() {
        let line = CommandLine::new("console=ttyS0 init=/bin/sh HOME=/root single quiet exo.test net.x=1 -- -c \"echo a b\" A=1");
        assert_eq!(line.option("console"), Some("ttyS0"));
        assert_eq!(line.init(), Some("/bin/sh"));
        assert!(line.has("quiet") && line.has("exo.test") && !line.has("single2"));
        assert_eq!(line.init_arguments().collect::<Vec<_>>(), ["single", "-c", "echo a b", "A=1"]);
        assert_eq!(line.init_environment().collect::<Vec<_>>(), ["HOME=/root"]);
    }

    #[test]
    fn the_last_of_an_option_counts() {
        let line = CommandLine::new("  console=tty0 console=ttyS1  ");
        assert_eq!(line.option("console"), Some("ttyS1"));
        assert_eq!(line.init(), None);
        assert_eq!(line.init_arguments().count(), 0);
    }
}
