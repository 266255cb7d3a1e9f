//! The rows of the system-call table (a declarative table: exempt from the length rule).
//!
//! `NUMBER NAME PATH MODULE::HANDLER(ARGUMENTS) [=> MODULE::SECOND] [partial "what is missing"];`
//! — the handler is `posix_x::syscalls::MODULE::HANDLER(ctx, arguments…)`, `SECOND` the Hybrid handler that a Fast one
//! escalates to. A call without a row answers `ENOSYS`.

/// Hands every row of the system-call table to the macro named by the argument.
#[macro_export]
macro_rules! for_each_syscall {
    ($($callback:tt)+) => {
        $($callback)+! {
            // identity
            __NR_getpid getpid Fast identity::getpid();
            __NR_getppid getppid Fast identity::getppid();
            __NR_getuid getuid Fast identity::getuid();
            __NR_geteuid geteuid Fast identity::geteuid();
            __NR_getgid getgid Fast identity::getgid();
            __NR_getegid getegid Fast identity::getegid();
            __NR_setuid setuid Hybrid identity::setuid(uid: u32);
            __NR_setgid setgid Hybrid identity::setgid(gid: u32);
            __NR_setreuid setreuid Hybrid identity::setreuid(real: u32, effective: u32);
            __NR_setregid setregid Hybrid identity::setregid(real: u32, effective: u32);
            __NR_setresuid setresuid Hybrid identity::setresuid(real: u32, effective: u32, saved: u32);
            __NR_setresgid setresgid Hybrid identity::setresgid(real: u32, effective: u32, saved: u32);
            __NR_getresuid getresuid Hybrid identity::getresuid(real: UserPtr<u32>, effective: UserPtr<u32>, saved: UserPtr<u32>);
            __NR_getresgid getresgid Hybrid identity::getresgid(real: UserPtr<u32>, effective: UserPtr<u32>, saved: UserPtr<u32>);
            __NR_setfsuid setfsuid Hybrid identity::setfsuid(uid: u32);
            __NR_setfsgid setfsgid Hybrid identity::setfsgid(gid: u32);
            __NR_getgroups getgroups Hybrid identity::getgroups(size: i32, list: UserPtr<u32>);
            __NR_setgroups setgroups Hybrid identity::setgroups(size: usize, list: UserPtr<u32>);
            __NR_capget capget Hybrid identity::capget(header: UserPtr<CapHeader>, data: UserPtr<CapData>);
            __NR_capset capset Hybrid identity::capset(header: UserPtr<CapHeader>, data: UserPtr<CapData>);

            // system
            __NR_uname uname Hybrid system::uname(name: UserPtr<UtsName>);
            __NR_sysinfo sysinfo Hybrid system::sysinfo(info: UserPtr<SysInfo>);
            __NR_getrandom getrandom Hybrid system::getrandom(buf: UserAddr, count: usize, flags: u32);
            __NR_getcpu getcpu Fast system::getcpu(cpu: UserPtr<u32>, node: UserPtr<u32>) => system::getcpu_faulting;
            __NR_sethostname sethostname Hybrid system::sethostname(name: UserAddr, len: i32);
            __NR_setdomainname setdomainname Hybrid system::setdomainname(name: UserAddr, len: i32);
            __NR_reboot reboot Legacy system::reboot(magic1: u32, magic2: u32, command: u32, argument: UserStr)
                partial "no kexec, no suspend, Ctrl-Alt-Del cannot be turned on";

            // prctl
            __NR_prctl prctl Hybrid prctl::prctl(option: u32, arg2: u64, arg3: u64, arg4: u64, arg5: u64)
                partial "name, death signal, dumpable, keep-capabilities, bounding set, no-new-privileges, subreaper";
            __NR_arch_prctl arch_prctl Fast prctl::arch_prctl(code: u32, addr: UserPtr<u64>) => prctl::arch_prctl_faulting
                partial "the FS and GS bases";

            // limit
            __NR_getrlimit getrlimit Fast limit::getrlimit(resource: u32, old: UserPtr<RLimit>) => limit::getrlimit_faulting;
            __NR_setrlimit setrlimit Hybrid limit::setrlimit(resource: u32, new: UserPtr<RLimit>);
            __NR_prlimit64 prlimit64 Hybrid limit::prlimit64(pid: Pid, resource: u32, new: UserPtr<RLimit>, old: UserPtr<RLimit>);

            // exec
            __NR_execve execve Legacy exec::execve(path: UserStr, argv: UserPtr<u64>, envp: UserPtr<u64>);
            __NR_execveat execveat Legacy
                exec::execveat(dir: Fd, path: UserStr, argv: UserPtr<u64>, envp: UserPtr<u64>, flags: u32);

            // memory
            __NR_mmap mmap Hybrid memory::mmap(addr: u64, len: u64, prot: u32, flags: u32, fd: Fd, offset: u64)
                partial "no huge pages";
            __NR_munmap munmap Hybrid memory::munmap(addr: u64, len: u64);
            __NR_mprotect mprotect Hybrid memory::mprotect(addr: u64, len: u64, prot: u32);
            __NR_mremap mremap Hybrid memory::mremap(old: u64, old_len: u64, new_len: u64, flags: u32, target: u64);
            __NR_brk brk Fast memory::brk(end: u64) => memory::brk_change;
            __NR_madvise madvise Hybrid memory::madvise(addr: u64, len: u64, advice: i32)
                partial "no huge pages, merging or poisoning";
            __NR_msync msync Hybrid memory::msync(addr: u64, len: u64, flags: u32);
            __NR_mincore mincore Hybrid memory::mincore(addr: u64, len: u64, vec: UserAddr);
            __NR_mlock mlock Hybrid memory::mlock(addr: u64, len: u64);
            __NR_mlock2 mlock2 Hybrid memory::mlock2(addr: u64, len: u64, flags: u32);
            __NR_munlock munlock Hybrid memory::munlock(addr: u64, len: u64);
            __NR_mlockall mlockall Hybrid memory::mlockall(flags: u32);
            __NR_munlockall munlockall Hybrid memory::munlockall();

            // native
            __NR_exo_null_fast exo_null_fast Fast native::null_fast();
            __NR_exo_null_hybrid exo_null_hybrid Hybrid native::null_hybrid();
            __NR_exo_null_legacy exo_null_legacy Legacy native::null_legacy();
        }
    };
}
