//! Resource limits of a process (`getrlimit(2)`).

use abi::{Errno, Result};
use linux_raw_sys::general as raw;

/// No limit.
pub const INFINITY: u64 = u64::MAX;

/// A resource that can be limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resource(usize);

macro_rules! resources {
    ($($(#[$doc:meta])* $name:ident = $raw:ident: $soft:expr, $hard:expr;)*) => {
        impl Resource {
            $($(#[$doc])* pub const $name: Resource = Resource(raw::$raw as usize);)*
        }
        const INITIAL: [Limit; COUNT] = {
            let mut limits = [Limit { soft: INFINITY, hard: INFINITY }; COUNT];
            $(limits[raw::$raw as usize] = Limit { soft: $soft, hard: $hard };)*
            limits
        };
    };
}

const COUNT: usize = raw::RLIM_NLIMITS as usize;

resources! {
    /// CPU time in seconds.
    CPU = RLIMIT_CPU: INFINITY, INFINITY;
    /// Size of a file.
    FSIZE = RLIMIT_FSIZE: INFINITY, INFINITY;
    /// Data segment and private writable mappings.
    DATA = RLIMIT_DATA: INFINITY, INFINITY;
    /// Stack of the first thread.
    STACK = RLIMIT_STACK: 8 << 20, INFINITY;
    /// Size of a core file.
    CORE = RLIMIT_CORE: 0, INFINITY;
    /// Resident set (of no effect, as on Linux).
    RSS = RLIMIT_RSS: INFINITY, INFINITY;
    /// Processes of the user.
    NPROC = RLIMIT_NPROC: 7680, 7680;
    /// Descriptors.
    NOFILE = RLIMIT_NOFILE: 1024, 4096;
    /// Locked memory.
    MEMLOCK = RLIMIT_MEMLOCK: 8 << 20, 8 << 20;
    /// Address space.
    AS = RLIMIT_AS: INFINITY, INFINITY;
    /// File locks.
    LOCKS = RLIMIT_LOCKS: INFINITY, INFINITY;
    /// Queued signals.
    SIGPENDING = RLIMIT_SIGPENDING: 7680, 7680;
    /// Bytes in message queues.
    MSGQUEUE = RLIMIT_MSGQUEUE: 819_200, 819_200;
    /// Nice ceiling.
    NICE = RLIMIT_NICE: 0, 0;
    /// Real-time priority ceiling.
    RTPRIO = RLIMIT_RTPRIO: 0, 0;
    /// Real-time CPU time without blocking, in microseconds.
    RTTIME = RLIMIT_RTTIME: INFINITY, INFINITY;
}

impl Resource {
    /// The resource with this number.
    ///
    /// # Errors
    /// `EINVAL` for an unknown one.
    pub fn parse(number: u32) -> Result<Self> {
        usize::try_from(number).ok().filter(|&number| number < COUNT).map(Self).ok_or(Errno::EINVAL)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Resource> {
        (0..COUNT).map(Resource)
    }
}

/// Soft and hard limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    /// What is enforced.
    pub soft: u64,
    /// What the soft limit may be raised to.
    pub hard: u64,
}

/// The limits of a process.
#[derive(Clone, Copy, Debug)]
pub struct Limits([Limit; COUNT]);

impl Limits {
    /// Those of the first process.
    pub const INITIAL: Limits = Limits(INITIAL);

    /// Soft and hard limit of `resource`.
    #[must_use]
    pub const fn get(&self, resource: Resource) -> Limit {
        self.0[resource.0]
    }

    /// Sets both.
    pub const fn set(&mut self, resource: Resource, limit: Limit) {
        self.0[resource.0] = limit;
    }
}
