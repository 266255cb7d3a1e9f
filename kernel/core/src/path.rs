//! Path names: a POSIX path split into components, without a file system.
//!
//! POSIX.1-2024 4.16 "Pathname Resolution". The walk itself (symbolic links, mounts, permissions) is the
//! kernel's; here a text is only cut into steps.

/// Longest component, in bytes.
pub const NAME_MAX: usize = 255;
/// Longest path with its terminating NUL, in bytes.
pub const PATH_MAX: usize = 4096;
/// Symbolic links followed in one walk before `ELOOP`.
pub const SYMLOOP_MAX: u32 = 40;

/// One component of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component<'a> {
    /// `.`
    Current,
    /// `..`
    Parent,
    /// Any other name; its length is not checked here.
    Name(&'a [u8]),
}

/// One step of a walk: a component, and what the text holds after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// The component.
    pub component: Component<'a>,
    /// Where the next step starts.
    pub next: usize,
    /// No component follows.
    pub last: bool,
    /// A slash follows, so the component must be a directory.
    pub slash: bool,
}

/// Whether `path` starts at the root.
#[must_use]
pub fn is_absolute(path: &[u8]) -> bool {
    path.first() == Some(&b'/')
}

/// The step at or after byte `from`; `None` when only slashes are left.
#[must_use]
pub fn step(path: &[u8], from: usize) -> Option<Step<'_>> {
    let start = skip(path, from, |byte| byte == b'/');
    if start >= path.len() {
        return None;
    }
    let end = skip(path, start, |byte| byte != b'/');
    let next = skip(path, end, |byte| byte == b'/');
    let component = match &path[start..end] {
        b"." => Component::Current,
        b".." => Component::Parent,
        name => Component::Name(name),
    };
    Some(Step { component, next, last: next == path.len(), slash: next != end })
}

/// The steps of `path`, in order.
pub fn steps(path: &[u8]) -> impl Iterator<Item = Step<'_>> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let found = step(path, at)?;
        at = found.next;
        Some(found)
    })
}

/// Splits a path into its directory part and its last name, for creation in bulk (archives):
/// `a/b/c` gives (`a/b`, `c`). Slashes at the end are ignored; `None` when there is no name.
#[must_use]
pub fn split_last(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = path.iter().rposition(|&byte| byte != b'/')? + 1;
    let start = path[..end].iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    Some((&path[..start], &path[start..end]))
}

fn skip(path: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> usize {
    path.iter().skip(from).position(|&byte| !wanted(byte)).map_or(path.len(), |count| from + count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn names(path: &[u8]) -> Vec<Component<'_>> {
        steps(path).map(|step| step.component).collect()
    }

    #[test]
    fn repeated_slashes_count_once() {
        assert_eq!(names(b"//usr///lib/"), [Component::Name(b"usr"), Component::Name(b"lib")]);
    }

    #[test]
    fn root_has_no_step() {
        assert_eq!(step(b"///", 0), None);
        assert!(is_absolute(b"///"));
        assert_eq!(step(b"", 0), None);
    }

    #[test]
    fn trailing_slash_asks_for_a_directory() {
        let first = step(b"a/", 0).expect("one component");
        assert!(first.last && first.slash);
        let first = step(b"a/b", 0).expect("two components");
        assert!(!first.last && first.slash);
    }

    #[test]
    fn dots_are_told_from_names_that_start_with_dots() {
        assert_eq!(names(b"./../..."), [Component::Current, Component::Parent, Component::Name(b"...")]);
    }

    #[test]
    fn last_name_splits_off() {
        assert_eq!(split_last(b"a/b/c"), Some((&b"a/b/"[..], &b"c"[..])));
        assert_eq!(split_last(b"c//"), Some((&b""[..], &b"c"[..])));
        assert_eq!(split_last(b"/"), None);
    }

    proptest! {
        #[test]
        fn steps_agree_with_a_plain_split(path in proptest::collection::vec(prop_oneof![Just(b'/'), Just(b'.'), Just(b'a')], 0..40)) {
            let naive: Vec<&[u8]> = path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).collect();
            let walked: Vec<&[u8]> = steps(&path).map(|step| match step.component {
                Component::Current => &b"."[..],
                Component::Parent => &b".."[..],
                Component::Name(name) => name,
            }).collect();
            prop_assert_eq!(&walked, &naive);
            let lasts = steps(&path).filter(|step| step.last).count();
            prop_assert_eq!(lasts, usize::from(!naive.is_empty()));
        }
    }
}
