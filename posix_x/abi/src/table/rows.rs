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

            // process
            __NR_fork fork Legacy process::fork();
            __NR_vfork vfork Legacy process::vfork();
            __NR_clone clone Legacy
                process::clone(flags: u64, stack: u64, parent_tid: UserAddr, child_tid: UserAddr, tls: u64)
                partial "no namespaces, no pidfd, no tracing";
            __NR_clone3 clone3 Legacy process::clone3(args: UserAddr, size: usize)
                partial "no namespaces, no pidfd, no cgroup, no set_tid";
            __NR_exit exit Legacy process::exit(code: i32);
            __NR_exit_group exit_group Legacy process::exit_group(code: i32);
            __NR_wait4 wait4 Legacy process::wait4(pid: Pid, status: UserPtr<i32>, options: u32, usage: UserPtr<RUsage>);
            __NR_waitid waitid Legacy
                process::waitid(kind: u32, id: i32, info: UserPtr<SigInfo>, options: u32, usage: UserPtr<RUsage>)
                partial "no P_PIDFD";
            __NR_setpgid setpgid Hybrid process::setpgid(pid: Pid, group: Pid);
            __NR_getpgid getpgid Hybrid process::getpgid(pid: Pid);
            __NR_getpgrp getpgrp Fast process::getpgrp();
            __NR_setsid setsid Hybrid process::setsid();
            __NR_getsid getsid Hybrid process::getsid(pid: Pid);
            __NR_getrusage getrusage Hybrid process::getrusage(who: i32, usage: UserPtr<RUsage>)
                partial "system time counts as user time";
            __NR_times times Hybrid process::times(times: UserPtr<Tms>)
                partial "system time counts as user time";
            __NR_getpriority getpriority Hybrid process::getpriority(which: u32, who: i32);
            __NR_setpriority setpriority Hybrid process::setpriority(which: u32, who: i32, nice: i32);

            // thread
            __NR_gettid gettid Fast thread::gettid();
            __NR_set_tid_address set_tid_address Fast thread::set_tid_address(address: UserAddr);
            __NR_set_robust_list set_robust_list Fast thread::set_robust_list(head: UserAddr, size: usize);
            __NR_get_robust_list get_robust_list Hybrid
                thread::get_robust_list(pid: Pid, head: UserPtr<u64>, size: UserPtr<usize>);
            __NR_futex futex Hybrid
                thread::futex(address: UserAddr, operation: u32, value: u32, timeout: UserPtr<TimeSpec>, address2: UserAddr, value3: u32)
                partial "no priority inheritance";
            __NR_sched_yield sched_yield Hybrid thread::sched_yield();
            __NR_sched_setaffinity sched_setaffinity Hybrid thread::sched_setaffinity(pid: Pid, size: usize, mask: UserAddr);
            __NR_sched_getaffinity sched_getaffinity Hybrid thread::sched_getaffinity(pid: Pid, size: usize, mask: UserAddr);
            __NR_sched_getscheduler sched_getscheduler Hybrid thread::sched_getscheduler(pid: Pid);
            __NR_sched_setscheduler sched_setscheduler Hybrid
                thread::sched_setscheduler(pid: Pid, policy: u32, param: UserPtr<i32>)
                partial "SCHED_RESET_ON_FORK is accepted without effect";
            __NR_sched_getparam sched_getparam Hybrid thread::sched_getparam(pid: Pid, param: UserPtr<i32>);
            __NR_sched_setparam sched_setparam Hybrid thread::sched_setparam(pid: Pid, param: UserPtr<i32>);
            __NR_sched_get_priority_max sched_get_priority_max Fast thread::sched_get_priority_max(policy: u32);
            __NR_sched_get_priority_min sched_get_priority_min Fast thread::sched_get_priority_min(policy: u32);
            __NR_sched_rr_get_interval sched_rr_get_interval Hybrid
                thread::sched_rr_get_interval(pid: Pid, interval: UserPtr<TimeSpec>);

            // signal
            __NR_rt_sigaction rt_sigaction Hybrid
                signal::rt_sigaction(signal: i32, new: UserPtr<SigAction>, old: UserPtr<SigAction>, set_size: usize);
            __NR_rt_sigprocmask rt_sigprocmask Fast
                signal::rt_sigprocmask(how: u32, set: UserPtr<u64>, old: UserPtr<u64>, set_size: usize)
                => signal::rt_sigprocmask_faulting;
            __NR_rt_sigpending rt_sigpending Hybrid signal::rt_sigpending(set: UserPtr<u64>, set_size: usize);
            __NR_rt_sigsuspend rt_sigsuspend Hybrid signal::rt_sigsuspend(set: UserPtr<u64>, set_size: usize);
            __NR_rt_sigtimedwait rt_sigtimedwait Hybrid
                signal::rt_sigtimedwait(set: UserPtr<u64>, info: UserPtr<SigInfo>, timeout: UserPtr<TimeSpec>, set_size: usize);
            __NR_rt_sigqueueinfo rt_sigqueueinfo Hybrid
                signal::rt_sigqueueinfo(pid: Pid, signal: i32, info: UserPtr<SigInfo>);
            __NR_rt_tgsigqueueinfo rt_tgsigqueueinfo Hybrid
                signal::rt_tgsigqueueinfo(pid: Pid, tid: Pid, signal: i32, info: UserPtr<SigInfo>);
            __NR_rt_sigreturn rt_sigreturn Legacy signal::rt_sigreturn();
            __NR_restart_syscall restart_syscall Hybrid signal::restart_syscall();
            __NR_sigaltstack sigaltstack Legacy signal::sigaltstack(new: UserPtr<StackT>, old: UserPtr<StackT>);
            __NR_kill kill Hybrid signal::kill(pid: Pid, signal: i32);
            __NR_tgkill tgkill Hybrid signal::tgkill(pid: Pid, tid: Pid, signal: i32);
            __NR_tkill tkill Hybrid signal::tkill(tid: Pid, signal: i32);
            __NR_pause pause Hybrid signal::pause();

            // time
            __NR_clock_gettime clock_gettime Fast time::clock_gettime(clock: i32, time: UserPtr<TimeSpec>)
                => time::clock_gettime_faulting;
            __NR_clock_settime clock_settime Hybrid time::clock_settime(clock: i32, time: UserPtr<TimeSpec>);
            __NR_clock_getres clock_getres Hybrid time::clock_getres(clock: i32, resolution: UserPtr<TimeSpec>);
            __NR_clock_nanosleep clock_nanosleep Hybrid
                time::clock_nanosleep(clock: i32, flags: i32, request: UserPtr<TimeSpec>, remainder: UserPtr<TimeSpec>);
            __NR_nanosleep nanosleep Hybrid time::nanosleep(request: UserPtr<TimeSpec>, remainder: UserPtr<TimeSpec>);
            __NR_gettimeofday gettimeofday Fast time::gettimeofday(time: UserPtr<TimeVal>, zone: UserPtr<u64>)
                => time::gettimeofday_faulting;
            __NR_settimeofday settimeofday Hybrid time::settimeofday(time: UserPtr<TimeVal>, zone: UserAddr)
                partial "the time zone is ignored";
            __NR_time time Fast time::time(seconds: UserPtr<i64>) => time::time_faulting;
            __NR_alarm alarm Hybrid time::alarm(seconds: u32);
            __NR_getitimer getitimer Hybrid time::getitimer(which: u32, value: UserPtr<ITimerVal>);
            __NR_setitimer setitimer Hybrid
                time::setitimer(which: u32, new: UserPtr<ITimerVal>, old: UserPtr<ITimerVal>)
                partial "ITIMER_VIRTUAL counts system time too";

            // native
            __NR_exo_null_fast exo_null_fast Fast native::null_fast();
            __NR_exo_null_hybrid exo_null_hybrid Hybrid native::null_hybrid();
            __NR_exo_null_legacy exo_null_legacy Legacy native::null_legacy();
        }
    };
}
