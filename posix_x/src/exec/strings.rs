//! The argument and environment strings of exec, copied from user memory under their limits.

use abi::{Errno, Result, UserAddr, UserPtr, UserStr};
use elf::stack::StringList;
use kernel::task::Process;
use kernel::task::limits::Resource;

use crate::user::{self, Terminated, UserStruct};

/// Longest string, its NUL included (`MAX_ARG_STRLEN`).
const MAX_STRING: usize = 32 * 4096;
/// What is allowed however small the stack limit is (`ARG_MAX`).
const MIN_TOTAL: u64 = 32 * 4096;
/// What is allowed however large the stack limit is: three quarters of the usual stack.
const MAX_TOTAL: u64 = 6 << 20;

/// Arguments and environment.
pub struct Arguments {
    /// `argv`.
    pub argv: StringList,
    /// `envp`.
    pub envp: StringList,
}

impl Arguments {
    /// Copies both lists in; a null list is empty, and an empty `argv` gets one empty string (Linux 5.18).
    ///
    /// # Errors
    /// `EFAULT`, `E2BIG`, `ENOMEM`.
    pub fn read(process: &Process, argv: UserPtr<u64>, envp: UserPtr<u64>) -> Result<Self> {
        let mut budget = Budget::new(process.limit(Resource::STACK));
        let mut argv = read_list(argv, &mut budget)?;
        let envp = read_list(envp, &mut budget)?;
        if argv.count() == 0 {
            argv.push(b"").map_err(|_| Errno::ENOMEM)?;
        }
        Ok(Self { argv, envp })
    }
}

/// Bytes that strings and the pointers to them may still take.
struct Budget(u64);

impl Budget {
    fn new(stack_limit: u64) -> Self {
        Self((stack_limit / 4).clamp(MIN_TOTAL, MAX_TOTAL))
    }

    fn take(&mut self, bytes: usize) -> Result<()> {
        self.0 = self.0.checked_sub(bytes as u64).ok_or(Errno::E2BIG)?;
        Ok(())
    }
}

fn read_list(pointers: UserPtr<u64>, budget: &mut Budget) -> Result<StringList> {
    let mut list = StringList::new();
    if pointers.is_null() {
        return Ok(list);
    }
    loop {
        let pointer = pointers.add(list.count()).ok_or(Errno::EFAULT)?.get()?;
        if pointer == 0 {
            return Ok(list);
        }
        budget.take(size_of::<u64>())?;
        read_string(UserStr(pointer), &mut list, budget)?;
    }
}

/// Copies one string piece by piece.
fn read_string(string: UserStr, list: &mut StringList, budget: &mut Budget) -> Result<()> {
    let mut chunk = [0; 512];
    let mut at = UserAddr(string.addr());
    let mut len = 0;
    loop {
        let (count, terminated) = user::read_str(UserStr(at.addr()), &mut chunk)?;
        len += count;
        if len >= MAX_STRING {
            return Err(Errno::E2BIG);
        }
        budget.take(count)?;
        list.extend(&chunk[..count]).map_err(|_| Errno::ENOMEM)?;
        if terminated == Terminated::Yes {
            budget.take(1)?;
            return list.finish().map_err(|_| Errno::ENOMEM);
        }
        at = at.checked_add(count as u64).ok_or(Errno::EFAULT)?;
    }
}
