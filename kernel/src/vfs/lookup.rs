//! The walk along a path: components, symbolic links, mounts, and the right to search each directory.
//!
//! POSIX.1-2024 4.16; Linux path_resolution(7). The walk is a loop over a stack of texts (the path, and the link
//! bodies met on the way), so a chain of links costs no kernel stack.

use super::context::FsContext;
use super::inode::{FileKind, LinkTarget};
use super::mount::Path;
use super::permission::{self, Wanted};
use crate::credentials::Credentials;
use abi::{Errno, Result};
use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;
use kernel_core::path::{self, Component, NAME_MAX, SYMLOOP_MAX, Step};

/// From where, and as whom, paths are walked.
#[derive(Clone)]
pub struct LookupContext {
    /// `/`.
    pub root: Path,
    /// `.`
    pub cwd: Path,
    /// Whose rights count.
    pub credentials: Arc<Credentials>,
}

/// Whether a symbolic link in the last place is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// The link itself is meant.
    No,
    /// What it leads to is meant.
    Yes,
}

impl LookupContext {
    /// That of the running task.
    #[must_use]
    pub fn current() -> Self {
        let task = crate::task::current();
        Self::of(&task.fs(), task.credentials())
    }

    /// That of a root, a current directory and credentials.
    #[must_use]
    pub fn of(fs: &FsContext, credentials: Arc<Credentials>) -> Self {
        let (root, cwd) = fs.places();
        Self { root, cwd, credentials }
    }

    /// Checks a right on what `at` names.
    ///
    /// # Errors
    /// `EACCES`.
    pub fn require(&self, at: &Path, wanted: Wanted) -> Result<()> {
        permission::check_inode(&**at.inode(), &self.credentials, wanted)
    }
}

/// The place that `text` names, walked from `start` when it is relative.
///
/// # Errors
/// `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`.
pub fn lookup(context: &LookupContext, start: &Path, text: &[u8], follow: Follow) -> Result<Path> {
    let mut walk = Walk::new(context, start, text)?;
    loop {
        match walk.advance()? {
            Last::Here => break,
            Last::Parent => {
                walk.at = walk.at.clone().ascend(&context.root);
                break;
            }
            Last::Name(name) => {
                let child = walk.child(&name)?;
                let through = follow == Follow::Yes || walk.directory == Needs::Directory;
                if child.inode().kind() == FileKind::Symlink && through {
                    walk.enter_link(&child)?;
                    continue;
                }
                walk.at = child;
                break;
            }
        }
    }
    if walk.directory == Needs::Directory && walk.at.inode().kind() != FileKind::Directory {
        return Err(Errno::ENOTDIR);
    }
    Ok(walk.at)
}

/// A directory and a name in it, which may not exist.
pub struct Entry<'a> {
    /// The directory; it can be searched.
    pub directory: Path,
    /// What is named.
    pub last: Last<'a>,
    /// Whether a slash followed, so that only a directory will do.
    pub needs: Needs,
}

/// What a path ends in.
#[derive(Debug, PartialEq, Eq)]
pub enum Last<'a> {
    /// The place reached: `/`, or `.` at the end.
    Here,
    /// `..` of the place reached.
    Parent,
    /// A name, no longer than `NAME_MAX`.
    Name(Cow<'a, [u8]>),
}

/// Whether the named thing has to be a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Anything will do.
    Anything,
    /// A slash followed the name.
    Directory,
}

/// The directory that holds the last name of `text`, without looking that name up.
///
/// # Errors
/// As [`lookup`], for the directory.
pub fn lookup_entry<'a>(context: &LookupContext, start: &Path, text: &'a [u8]) -> Result<Entry<'a>> {
    let mut walk = Walk::new(context, start, text)?;
    let last = walk.advance()?;
    Ok(Entry { directory: walk.at, last, needs: walk.directory })
}

impl<'a> Entry<'a> {
    /// The last name, or `error` when the path ends in `.`, `..` or `/`.
    ///
    /// # Errors
    /// `error`.
    pub fn name_or(self, error: Errno) -> Result<(Path, Cow<'a, [u8]>, Needs)> {
        match self.last {
            Last::Name(name) => Ok((self.directory, name, self.needs)),
            Last::Here | Last::Parent => Err(error),
        }
    }
}

/// A walk under way.
pub(super) struct Walk<'c, 'a> {
    context: &'c LookupContext,
    /// Where it stands.
    pub(super) at: Path,
    /// The texts still to walk, innermost last, each with its position.
    texts: Vec<(Cow<'a, [u8]>, usize)>,
    links: u32,
    /// Whether a slash followed the last name.
    pub(super) directory: Needs,
}

impl<'c, 'a> Walk<'c, 'a> {
    pub(super) fn new(context: &'c LookupContext, start: &Path, text: &'a [u8]) -> Result<Self> {
        if text.is_empty() {
            return Err(Errno::ENOENT);
        }
        let at = if path::is_absolute(text) { context.root.clone() } else { start.clone() };
        let texts = alloc::vec![(Cow::Borrowed(text), 0)];
        Ok(Self { context, at: at.descend(), texts, links: 0, directory: Needs::Anything })
    }

    /// Walks to the last component, which is returned and not walked.
    pub(super) fn advance(&mut self) -> Result<Last<'a>> {
        while let Some((text, position)) = self.texts.last_mut() {
            let found = match text {
                Cow::Borrowed(whole) => path::step(whole, *position).map(|step| (step.next, step.last, step.slash, borrowed(step))),
                Cow::Owned(whole) => path::step(whole, *position).map(|step| (step.next, step.last, step.slash, owned(step))),
            };
            let Some((next, ends, slash, name)) = found else {
                self.texts.pop();
                continue;
            };
            *position = next;
            if ends {
                self.texts.pop();
            }
            self.require_searchable()?;
            if self.texts.is_empty() {
                if slash || name == Last::Here || name == Last::Parent {
                    self.directory = Needs::Directory;
                }
                return Ok(name);
            }
            self.walk_through(&name)?;
        }
        Ok(Last::Here)
    }

    /// What `name` leads to from here, mounts on it included.
    pub(super) fn child(&self, name: &[u8]) -> Result<Path> {
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let dentry = self.at.dentry.lookup(name)?;
        Ok(Path { mount: Arc::clone(&self.at.mount), dentry }.descend())
    }

    /// Goes on with the body of a symbolic link met here.
    pub(super) fn enter_link(&mut self, link: &Path) -> Result<()> {
        self.links += 1;
        if self.links > SYMLOOP_MAX {
            return Err(Errno::ELOOP);
        }
        match link.inode().read_link()? {
            LinkTarget::Object(place, _) => self.at = place,
            LinkTarget::Path(body) if body.is_empty() => return Err(Errno::ENOENT),
            LinkTarget::Path(body) => {
                if path::is_absolute(&body) {
                    self.at = self.context.root.clone().descend();
                }
                self.texts.push((Cow::Owned(body), 0));
            }
        }
        Ok(())
    }

    fn walk_through(&mut self, component: &Last<'_>) -> Result<()> {
        match component {
            Last::Here => {}
            Last::Parent => self.at = self.at.clone().ascend(&self.context.root),
            Last::Name(name) => {
                let child = self.child(name)?;
                if child.inode().kind() == FileKind::Symlink {
                    return self.enter_link(&child);
                }
                self.at = child;
            }
        }
        Ok(())
    }

    fn require_searchable(&self) -> Result<()> {
        if self.at.inode().kind() != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        self.context.require(&self.at, Wanted::EXECUTE)
    }
}

fn borrowed(step: Step<'_>) -> Last<'_> {
    match step.component {
        Component::Current => Last::Here,
        Component::Parent => Last::Parent,
        Component::Name(name) => Last::Name(Cow::Borrowed(name)),
    }
}

fn owned(step: Step<'_>) -> Last<'static> {
    match step.component {
        Component::Current => Last::Here,
        Component::Parent => Last::Parent,
        Component::Name(name) => Last::Name(Cow::Owned(name.to_vec())),
    }
}
