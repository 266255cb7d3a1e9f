//! C layouts: structures that cross the system-call border.
//!
//! Re-exported from `linux-raw-sys` where it has them in a form that is plain data; ours (zerocopy) where it has none or
//! holds raw pointers. Every one of ours is checked against its size on Linux x86-64.

pub use crate::file_types::{FileLock, OwnerEx, Stat, StatFs, Statx, StatxTime, UTimBuf};
pub use crate::socket_types::{CMsgHdr, MsgHdr, UCred};
pub use linux_raw_sys::general::{
    __kernel_fsid_t, clone_args, epoll_event, f_owner_ex, flock, iovec, itimerspec, itimerval, open_how, pollfd, rlimit,
    rlimit64, robust_list_head, rusage, stat, statfs, statx, statx_timestamp, termios, termios2, timespec, timeval,
    timezone, winsize,
};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Asserts the size of each layout.
macro_rules! sizes {
    ($($type:ty = $size:expr;)*) => { $(const _: () = assert!(size_of::<$type>() == $size);)* };
}

sizes! {
    stat = 144; statx = 256; timespec = 16; rusage = 144; SysInfo = 112; UtsName = 390; pollfd = 8; PollFd = 8;
    SigAction = size_of::<linux_raw_sys::general::kernel_sigaction>();
    StackT = size_of::<linux_raw_sys::general::sigaltstack>();
    IoVec = size_of::<iovec>();
    EpollEvent = size_of::<epoll_event>(); SigInfo = 128; SigContext = 256; UContext = 304; Tms = 32; DirentHeader = 24; MaskArgument = 16;
}

/// `struct iovec` with the address as an integer.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IoVec {
    /// First byte.
    pub base: u64,
    /// Bytes.
    pub len: u64,
}

/// `struct sigaction` as rt_sigaction(2) passes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SigAction {
    /// The handler, or 0 (default) or 1 (ignore).
    pub handler: u64,
    /// [`crate::flags::SaFlags`].
    pub flags: u64,
    /// Where the handler returns to.
    pub restorer: u64,
    /// Blocked while the handler runs.
    pub mask: u64,
}

/// `stack_t` of sigaltstack(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StackT {
    /// Lowest address.
    pub sp: u64,
    /// [`crate::flags::AltStackFlags`].
    pub flags: u32,
    /// Padding.
    pub pad: u32,
    /// Bytes.
    pub size: u64,
}

/// `siginfo_t`: a head of three integers and a union, here as words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SigInfo {
    /// `si_signo`.
    pub signo: i32,
    /// `si_errno`.
    pub errno: i32,
    /// `si_code`.
    pub code: i32,
    /// Padding before the union.
    pub pad: i32,
    /// The union `_sifields`: for kill pid and uid share word 0, for faults word 0 is the address,
    /// for SIGCHLD word 0 is pid and uid, word 1 the status.
    pub fields: [u64; 14],
}

/// `struct sigcontext`: the registers in a signal frame.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "register names")]
pub struct SigContext {
    pub r8: u64,
    pub r9: u64,
    pub r10: u64,
    pub r11: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub rdx: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rsp: u64,
    pub rip: u64,
    pub eflags: u64,
    pub cs: u16,
    pub gs: u16,
    pub fs: u16,
    pub ss: u16,
    pub err: u64,
    pub trapno: u64,
    pub oldmask: u64,
    pub cr2: u64,
    pub fpstate: u64,
    pub reserved: [u64; 8],
}

/// `struct ucontext`, as the third argument of a handler points to it.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct UContext {
    /// [`UContext::FP_XSTATE`] and the like.
    pub flags: u64,
    /// Always 0.
    pub link: u64,
    /// The alternate stack.
    pub stack: StackT,
    /// Registers.
    pub context: SigContext,
    /// The mask to restore.
    pub mask: u64,
}

impl UContext {
    /// `UC_FP_XSTATE`: the floating-point state holds extended state.
    pub const FP_XSTATE: u64 = 1;
    /// `UC_SIGCONTEXT_SS`: `ss` is saved.
    pub const SIGCONTEXT_SS: u64 = 2;
    /// `UC_STRICT_RESTORE_SS`: `ss` is restored as it is.
    pub const STRICT_RESTORE_SS: u64 = 4;
}

/// `struct tms` of times(2), in clock ticks.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Tms {
    /// User time.
    pub utime: i64,
    /// System time.
    pub stime: i64,
    /// User time of waited-for children.
    pub cutime: i64,
    /// System time of waited-for children.
    pub cstime: i64,
}

/// The fixed part of `struct linux_dirent64`; the NUL-terminated name starts [`DirentHeader::NAME_OFFSET`] bytes in.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DirentHeader {
    /// Inode number.
    pub ino: u64,
    /// Cookie of the next entry.
    pub off: i64,
    /// Bytes of this record, a multiple of 8.
    pub reclen: u16,
    /// [`crate::flags::FileKind::dirent_type`].
    pub kind: u8,
    /// The first bytes of the name.
    pub name: [u8; 5],
}

impl DirentHeader {
    /// Where the name starts.
    pub const NAME_OFFSET: usize = 19;
}

/// `struct pollfd`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PollFd {
    /// Descriptor; a negative one is skipped.
    pub fd: i32,
    /// [`crate::flags::PollEvents`] asked for.
    pub events: u16,
    /// Those that are there.
    pub revents: u16,
}

/// `struct epoll_event`, which has no padding on x86-64.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct EpollEvent {
    /// [`crate::flags::EpollFlags`].
    pub events: u32,
    /// The program's own data, low half first.
    pub data: [u32; 2],
}

/// The packed signal mask argument of pselect6(2).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MaskArgument {
    /// Address of the set, or 0.
    pub set: u64,
    /// Bytes of the set.
    pub len: u64,
}

/// `struct new_utsname` of uname(2).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct UtsName {
    /// Operating system.
    pub sysname: [u8; UtsName::FIELD],
    /// Host name.
    pub nodename: [u8; UtsName::FIELD],
    /// Release.
    pub release: [u8; UtsName::FIELD],
    /// Version.
    pub version: [u8; UtsName::FIELD],
    /// Hardware.
    pub machine: [u8; UtsName::FIELD],
    /// NIS domain name.
    pub domainname: [u8; UtsName::FIELD],
}

impl UtsName {
    /// Bytes of each field, its NUL included.
    pub const FIELD: usize = 65;
}

/// `struct sysinfo` of sysinfo(2).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SysInfo {
    /// Seconds since boot.
    pub uptime: i64,
    /// Load averages over 1, 5 and 15 minutes, times 65536.
    pub loads: [u64; 3],
    /// Usable memory, in units.
    pub totalram: u64,
    /// Free memory.
    pub freeram: u64,
    /// Memory shared.
    pub sharedram: u64,
    /// Memory in buffers.
    pub bufferram: u64,
    /// Swap space.
    pub totalswap: u64,
    /// Free swap space.
    pub freeswap: u64,
    /// Threads.
    pub procs: u16,
    /// Padding.
    pub pad: [u16; 3],
    /// High memory.
    pub totalhigh: u64,
    /// Free high memory.
    pub freehigh: u64,
    /// Bytes of a unit.
    pub mem_unit: u32,
    /// Padding.
    pub tail: u32,
}

/// `struct __user_cap_header_struct` of capget(2).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CapHeader {
    /// One of `_LINUX_CAPABILITY_VERSION_*`.
    pub version: u32,
    /// Thread, or 0 for the caller.
    pub pid: i32,
}

/// `struct __user_cap_data_struct` of capget(2): one half of the sets.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CapData {
    /// Effective.
    pub effective: u32,
    /// Permitted.
    pub permitted: u32,
    /// Inheritable.
    pub inheritable: u32,
}

/// `struct rlimit64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RLimit {
    /// Soft limit.
    pub soft: u64,
    /// Hard limit.
    pub hard: u64,
}

/// `struct timespec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TimeSpec {
    /// Seconds.
    pub seconds: i64,
    /// Nanoseconds, 0..1,000,000,000.
    pub nanoseconds: i64,
}

/// `struct timeval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TimeVal {
    /// Seconds.
    pub seconds: i64,
    /// Microseconds, 0..1,000,000.
    pub microseconds: i64,
}

/// `struct itimerval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ITimerVal {
    /// What the timer is reloaded with.
    pub interval: TimeVal,
    /// Time until it fires.
    pub value: TimeVal,
}

/// `struct rusage`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RUsage {
    /// User time.
    pub user: TimeVal,
    /// System time.
    pub system: TimeVal,
    /// Largest resident set in KiB.
    pub max_rss: i64,
    /// Shared, unshared data and stack sizes: 0 on Linux.
    pub sizes: [i64; 3],
    /// Page faults from memory.
    pub minor_faults: i64,
    /// Page faults from a device.
    pub major_faults: i64,
    /// Swaps, block input and output, messages sent and received, signals: 0 here.
    pub unused: [i64; 6],
    /// Voluntary context switches.
    pub voluntary_switches: i64,
    /// Involuntary context switches.
    pub involuntary_switches: i64,
}

/// `struct clone_args` of clone3(2).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CloneArgs {
    /// [`crate::flags::CloneFlags`].
    pub flags: u64,
    /// Where a pidfd goes.
    pub pidfd: u64,
    /// Where the child's memory gets its id.
    pub child_tid: u64,
    /// Where the parent's memory gets the child's id.
    pub parent_tid: u64,
    /// What the parent gets when the child ends.
    pub exit_signal: u64,
    /// Lowest address of the child's stack.
    pub stack: u64,
    /// Bytes of the stack.
    pub stack_size: u64,
    /// Thread pointer.
    pub tls: u64,
    /// Array of wanted ids.
    pub set_tid: u64,
    /// Elements of that array.
    pub set_tid_size: u64,
    /// A cgroup.
    pub cgroup: u64,
}

sizes! {
    TimeSpec = size_of::<timespec>(); TimeVal = size_of::<timeval>(); ITimerVal = size_of::<itimerval>();
    RUsage = size_of::<rusage>(); CloneArgs = size_of::<clone_args>();
}
