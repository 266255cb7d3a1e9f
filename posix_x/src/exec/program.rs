//! The program to load: from a path, through `#!` lines, to an ELF file with its interpreter and the credentials it runs with.

use abi::flags::{AtFlags, OpenFlags};
use abi::{Errno, Fd, Result};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use elf::script::{HEAD, Script};
use elf::{LoadPlan, ReadAt};
use kernel::credentials::Credentials;
use kernel::io::SliceSink;
use kernel::files::{CloseOnExec, Execute, Walk};
use kernel::task::{ProcessFlag, Task};
use kernel::vfs::file::{File, OpenRequest};
use kernel::vfs::inode::{FileKind, S_ISGID, S_ISUID};
use kernel::vfs::lookup::{Follow, LookupContext, lookup};
use kernel::vfs::mount::{MountFlags, Path};
use kernel::vfs::permission::Wanted;

use super::strings::Arguments;

/// How many interpreters may start one another.
const MAX_DEPTH: usize = 5;
/// Group execution: makes `S_ISGID` mean set-group-id.
const S_IXGRP: u32 = 0o010;

/// What exec was asked to run.
pub(super) struct Start {
    place: Path,
    /// The name that the program learns (`AT_EXECFN`), and that an interpreter opens.
    name: Vec<u8>,
    /// Whether `name` still opens the file once close-on-exec descriptors are closed.
    reachable: bool,
}

impl Start {
    pub(super) fn new(task: &Task, dir: Fd, path: &[u8], flags: AtFlags) -> Result<Self> {
        if !AtFlags::EMPTY_PATH.union(AtFlags::SYMLINK_NOFOLLOW).contains(flags) {
            return Err(Errno::EINVAL);
        }
        let context = LookupContext::current();
        if path.is_empty() && !flags.contains(AtFlags::EMPTY_PATH) {
            return Err(Errno::ENOENT);
        }
        if dir == Fd::CWD || path.starts_with(b"/") {
            let start = context.cwd.clone();
            let place = resolve(&context, &start, path, flags)?;
            return Ok(Self { place, name: path.to_vec(), reachable: true });
        }
        let files = task.files();
        let reachable = files.close_on_exec_of(dir.raw())? == CloseOnExec::No;
        let mut name = format!("/dev/fd/{}", dir.raw()).into_bytes();
        let place = if path.is_empty() {
            files.get::<Execute>(dir.raw())?.file().path().clone()
        } else {
            name.push(b'/');
            name.extend_from_slice(path);
            let base = files.get::<Walk>(dir.raw())?.file().path().clone();
            resolve(&context, &base, path, flags)?
        };
        Ok(Self { place, name, reachable })
    }
}

fn resolve(context: &LookupContext, start: &Path, path: &[u8], flags: AtFlags) -> Result<Path> {
    let follow = if flags.contains(AtFlags::SYMLINK_NOFOLLOW) { Follow::No } else { Follow::Yes };
    let place = lookup(context, start, path, follow)?;
    if place.inode().kind() == FileKind::Symlink { Err(Errno::ELOOP) } else { Ok(place) }
}

/// An ELF file and its plan.
pub(super) struct Image {
    pub(super) file: Arc<File>,
    pub(super) plan: LoadPlan,
}

/// Everything that is known of the new program before its memory is built.
pub(super) struct Program {
    /// The ELF file itself.
    pub(super) file: Arc<File>,
    /// Its plan.
    pub(super) plan: LoadPlan,
    /// The dynamic linker.
    pub(super) interpreter: Option<Image>,
    /// Arguments, those of `#!` lines included.
    pub(super) args: Arguments,
    /// The path given to exec.
    pub(super) name: Vec<u8>,
    /// What it runs with.
    pub(super) credentials: Credentials,
    /// Whether it gained privileges (`AT_SECURE`).
    pub(super) secure: bool,
}

impl Program {
    /// Finds the ELF file that `start` leads to.
    ///
    /// # Errors
    /// `ENOEXEC`, `EACCES`, `ELOOP`, `ELIBBAD`, and what reading the files gives.
    pub(super) fn find(task: &Task, start: Start, mut args: Arguments) -> Result<Self> {
        let context = LookupContext::current();
        let mut file = open(&context, start.place)?;
        let mut script_name = start.name.clone();
        for _ in 0..=MAX_DEPTH {
            let mut head = [0; HEAD];
            let count = Reader(&file).read_at(0, &mut head)?;
            let Some(script) = Script::parse(&head[..count]) else {
                return Self::of_elf(task, file, args, start.name);
            };
            if !start.reachable {
                return Err(Errno::ENOENT);
            }
            let mut heads: Vec<&[u8]> = Vec::with_capacity(3);
            heads.push(script.interpreter);
            heads.extend(script.argument);
            heads.push(&script_name);
            args.argv = args.argv.with_first_replaced(&heads).map_err(|_| Errno::ENOMEM)?;
            let place = lookup(&context, &context.cwd, script.interpreter, Follow::Yes)?;
            script_name = script.interpreter.to_vec();
            file = open(&context, place)?;
        }
        Err(Errno::ELOOP)
    }

    /// A thread is named after the last component of its program's path.
    pub(super) fn comm(&self) -> &[u8] {
        self.name.rsplit(|byte| *byte == b'/').next().unwrap_or(&self.name)
    }

    fn of_elf(task: &Task, file: Arc<File>, args: Arguments, name: Vec<u8>) -> Result<Self> {
        let plan = LoadPlan::read(&mut Reader(&file))?;
        let interpreter = match &plan.interpreter {
            Some(path) => Some(open_interpreter(path)?),
            None => None,
        };
        let (credentials, secure) = credentials_for(task, &file);
        Ok(Self { file, plan, interpreter, args, name, credentials, secure })
    }
}

fn open_interpreter(path: &[u8]) -> Result<Image> {
    let context = LookupContext::current();
    let file = open(&context, lookup(&context, &context.cwd, path, Follow::Yes)?)?;
    let plan = LoadPlan::read(&mut Reader(&file)).map_err(|error| match error {
        elf::ElfError::Io(errno) => errno,
        elf::ElfError::BadSegment => Errno::EINVAL,
        elf::ElfError::NotElf
        | elf::ElfError::WrongMachine
        | elf::ElfError::NotExecutable
        | elf::ElfError::BadHeader
        | elf::ElfError::BadInterpreter => Errno::ELIBBAD,
    })?;
    Ok(Image { file, plan })
}

/// Opens a file for execution: execute permission is asked for, read permission is not.
fn open(context: &LookupContext, place: Path) -> Result<Arc<File>> {
    if place.inode().kind() != FileKind::Regular || place.mount.flags().contains(MountFlags::NOEXEC) {
        return Err(Errno::EACCES);
    }
    context.require(&place, Wanted::EXECUTE)?;
    let inode = Arc::clone(place.inode());
    let flags = OpenFlags::empty();
    let ops = Arc::clone(&inode).open(&OpenRequest { flags, credentials: &context.credentials })?;
    Ok(File::new(ops, inode, place, flags))
}

/// What the program runs with, and whether it gained privileges: set-id bits, and the rules of capabilities(7).
fn credentials_for(task: &Task, file: &File) -> (Credentials, bool) {
    let old = task.credentials();
    let mut new = Credentials::clone(&old);
    let owner = file.inode().ownership();
    let allowed = !file.path().mount.flags().contains(MountFlags::NOSUID)
        && !task.process().has(ProcessFlag::NoNewPrivileges);
    if allowed && owner.mode & S_ISUID != 0 {
        new.user.effective = owner.uid;
    }
    if allowed && owner.mode & (S_ISGID | S_IXGRP) == S_ISGID | S_IXGRP {
        new.group.effective = owner.gid;
    }
    new.recompute_for_exec();
    let ids_changed = new.user.effective != old.user.effective || new.group.effective != old.group.effective;
    let ids_differ = new.user.real != new.user.effective || new.group.real != new.group.effective;
    (new, ids_changed || ids_differ)
}

/// A file as the ELF reader sees it.
struct Reader<'a>(&'a File);

impl ReadAt for Reader<'_> {
    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            let count = self.0.read_at(&mut SliceSink::new(&mut buf[done..]), offset.saturating_add(done as u64))?;
            if count == 0 {
                break;
            }
            done += count;
        }
        Ok(done)
    }
}
