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
                partial "no kexec, no suspend, halting powers off, Ctrl-Alt-Del cannot be turned on";

            __NR_syslog syslog Hybrid klog::syslog(action: u32, buf: UserAddr, len: i32);

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

            // pipe
            __NR_pipe pipe Hybrid pipe::pipe(fds: UserPtr<i32>);
            __NR_pipe2 pipe2 Hybrid pipe::pipe2(fds: UserPtr<i32>, flags: u32)
                partial "no O_NOTIFICATION_PIPE";

            // socket
            __NR_socket socket Hybrid socket::socket(family: u32, kind: u32, protocol: u32)
                partial "AF_UNIX streams only: no datagrams, no seqpackets; cycles of sockets in flight are not collected";
            __NR_socketpair socketpair Hybrid socket::socketpair(family: u32, kind: u32, protocol: u32, fds: UserPtr<i32>)
                partial "AF_UNIX streams only";
            __NR_bind bind Hybrid socket::bind(fd: Fd, name: UserAddr, len: i32);
            __NR_listen listen Hybrid socket::listen(fd: Fd, backlog: i32);
            __NR_connect connect Hybrid socket::connect(fd: Fd, name: UserAddr, len: i32);
            __NR_accept accept Hybrid socket::accept(fd: Fd, name: UserAddr, len: UserPtr<i32>);
            __NR_accept4 accept4 Hybrid socket::accept4(fd: Fd, name: UserAddr, len: UserPtr<i32>, flags: u32);
            __NR_getsockname getsockname Hybrid socket::getsockname(fd: Fd, name: UserAddr, len: UserPtr<i32>);
            __NR_getpeername getpeername Hybrid socket::getpeername(fd: Fd, name: UserAddr, len: UserPtr<i32>);
            __NR_sendto sendto Hybrid
                socket::sendto(fd: Fd, buf: UserAddr, count: usize, flags: u32, name: UserAddr, len: i32)
                partial "no MSG_OOB";
            __NR_recvfrom recvfrom Hybrid
                socket::recvfrom(fd: Fd, buf: UserAddr, count: usize, flags: u32, name: UserAddr, len: UserPtr<i32>)
                partial "no MSG_OOB";
            __NR_sendmsg sendmsg Hybrid socket::sendmsg(fd: Fd, message: UserPtr<MsgHdr>, flags: u32)
                partial "no MSG_OOB; no limit on descriptors in flight per user";
            __NR_recvmsg recvmsg Hybrid socket::recvmsg(fd: Fd, message: UserPtr<MsgHdr>, flags: u32)
                partial "no MSG_OOB";
            __NR_shutdown shutdown Hybrid socket::shutdown(fd: Fd, how: u32);
            __NR_getsockopt getsockopt Hybrid
                socket::getsockopt(fd: Fd, level: u32, option: u32, value: UserAddr, len: UserPtr<i32>)
                partial "type, domain, protocol, error, buffers, time limits, credentials, listening";
            __NR_setsockopt setsockopt Hybrid
                socket::setsockopt(fd: Fd, level: u32, option: u32, value: UserAddr, len: i32)
                partial "buffers, time limits, SO_PASSCRED";

            // poll
            __NR_poll poll Hybrid poll::poll(fds: UserPtr<PollFd>, count: u32, timeout_ms: i32);
            __NR_ppoll ppoll Hybrid
                poll::ppoll(fds: UserPtr<PollFd>, count: u32, timeout: UserPtr<TimeSpec>, mask: UserPtr<u64>, set_size: usize);
            __NR_select select Hybrid
                poll::select(count: i32, read: UserPtr<u64>, write: UserPtr<u64>, except: UserPtr<u64>, timeout: UserPtr<TimeVal>);
            __NR_pselect6 pselect6 Hybrid
                poll::pselect6(count: i32, read: UserPtr<u64>, write: UserPtr<u64>, except: UserPtr<u64>, timeout: UserPtr<TimeSpec>, mask: UserPtr<MaskArgument>);

            // eventfd
            __NR_eventfd eventfd Hybrid eventfd::eventfd(count: u32);
            __NR_eventfd2 eventfd2 Hybrid eventfd::eventfd2(count: u32, flags: u32);

            // epoll
            __NR_epoll_create epoll_create Hybrid epoll::epoll_create(size: i32);
            __NR_epoll_create1 epoll_create1 Hybrid epoll::epoll_create1(flags: u32);
            __NR_epoll_ctl epoll_ctl Hybrid epoll::epoll_ctl(epoll: Fd, operation: u32, fd: Fd, event: UserPtr<EpollEvent>)
                partial "EPOLLEXCLUSIVE wakes all, EPOLLWAKEUP does nothing, no max_user_watches";
            __NR_epoll_wait epoll_wait Hybrid
                epoll::epoll_wait(epoll: Fd, events: UserPtr<EpollEvent>, count: i32, timeout_ms: i32);
            __NR_epoll_pwait epoll_pwait Hybrid
                epoll::epoll_pwait(epoll: Fd, events: UserPtr<EpollEvent>, count: i32, timeout_ms: i32, mask: UserPtr<u64>, set_size: usize);
            __NR_epoll_pwait2 epoll_pwait2 Hybrid
                epoll::epoll_pwait2(epoll: Fd, events: UserPtr<EpollEvent>, count: i32, timeout: UserPtr<TimeSpec>, mask: UserPtr<u64>, set_size: usize);

            // terminal
            __NR_ioctl ioctl Hybrid terminal::ioctl(fd: Fd, command: u32, argument: u64);

            // file
            __NR_open open Hybrid file::open(path: UserStr, flags: u32, mode: u32);
            __NR_openat openat Hybrid file::openat(dir: Fd, path: UserStr, flags: u32, mode: u32);
            __NR_creat creat Hybrid file::creat(path: UserStr, mode: u32);
            __NR_close close Hybrid file::close(fd: Fd);
            __NR_close_range close_range Hybrid file::close_range(first: u32, last: u32, flags: u32);
            __NR_dup dup Hybrid file::dup(fd: Fd);
            __NR_dup2 dup2 Hybrid file::dup2(old: Fd, new: Fd);
            __NR_dup3 dup3 Hybrid file::dup3(old: Fd, new: Fd, flags: u32);
            __NR_umask umask Fast file::umask(mask: u32);

            // transfer
            __NR_read read Hybrid transfer::read(fd: Fd, buf: UserAddr, count: usize);
            __NR_write write Hybrid transfer::write(fd: Fd, buf: UserAddr, count: usize);
            __NR_pread64 pread64 Hybrid transfer::pread64(fd: Fd, buf: UserAddr, count: usize, offset: i64);
            __NR_pwrite64 pwrite64 Hybrid transfer::pwrite64(fd: Fd, buf: UserAddr, count: usize, offset: i64);
            __NR_readv readv Hybrid transfer::readv(fd: Fd, iov: UserPtr<IoVec>, count: usize);
            __NR_writev writev Hybrid transfer::writev(fd: Fd, iov: UserPtr<IoVec>, count: usize);
            __NR_preadv preadv Hybrid transfer::preadv(fd: Fd, iov: UserPtr<IoVec>, count: usize, offset: i64);
            __NR_pwritev pwritev Hybrid transfer::pwritev(fd: Fd, iov: UserPtr<IoVec>, count: usize, offset: i64);
            __NR_preadv2 preadv2 Hybrid
                transfer::preadv2(fd: Fd, iov: UserPtr<IoVec>, count: usize, offset: i64, offset_high: u64, flags: u32)
                partial "no RWF_NOWAIT, no RWF_APPEND";
            __NR_pwritev2 pwritev2 Hybrid
                transfer::pwritev2(fd: Fd, iov: UserPtr<IoVec>, count: usize, offset: i64, offset_high: u64, flags: u32)
                partial "no RWF_NOWAIT, no RWF_APPEND";
            __NR_lseek lseek Hybrid transfer::lseek(fd: Fd, offset: i64, whence: u32);
            __NR_sendfile sendfile Hybrid transfer::sendfile(to: Fd, from: Fd, offset: UserPtr<i64>, count: usize);
            __NR_copy_file_range copy_file_range Hybrid
                transfer::copy_file_range(from: Fd, from_offset: UserPtr<i64>, to: Fd, to_offset: UserPtr<i64>, count: usize, flags: u32);

            // control
            __NR_fcntl fcntl Hybrid control::fcntl(fd: Fd, command: u32, argument: u64)
                partial "no leases, no notification, no seals, no SIGIO; lock cycles are not found";
            __NR_flock flock Hybrid control::flock(fd: Fd, operation: u32);
            __NR_fsync fsync Hybrid control::fsync(fd: Fd);
            __NR_fdatasync fdatasync Hybrid control::fsync(fd: Fd);
            __NR_syncfs syncfs Hybrid control::syncfs(fd: Fd);
            __NR_sync sync Hybrid control::sync();
            __NR_sync_file_range sync_file_range Hybrid control::sync_file_range(fd: Fd, offset: i64, len: i64, flags: u32);
            __NR_fadvise64 fadvise64 Hybrid control::fadvise64(fd: Fd, offset: i64, len: i64, advice: u32);

            // attribute
            __NR_stat stat Hybrid attribute::stat(path: UserStr, buf: UserPtr<Stat>);
            __NR_lstat lstat Hybrid attribute::lstat(path: UserStr, buf: UserPtr<Stat>);
            __NR_fstat fstat Hybrid attribute::fstat(fd: Fd, buf: UserPtr<Stat>);
            __NR_newfstatat newfstatat Hybrid attribute::newfstatat(dir: Fd, path: UserStr, buf: UserPtr<Stat>, flags: u32);
            __NR_statx statx Hybrid attribute::statx(dir: Fd, path: UserStr, flags: u32, mask: u32, buf: UserPtr<Statx>);
            __NR_access access Hybrid attribute::access(path: UserStr, mode: u32);
            __NR_faccessat faccessat Hybrid attribute::faccessat(dir: Fd, path: UserStr, mode: u32);
            __NR_faccessat2 faccessat2 Hybrid attribute::faccessat2(dir: Fd, path: UserStr, mode: u32, flags: u32);
            __NR_chmod chmod Hybrid attribute::chmod(path: UserStr, mode: u32);
            __NR_fchmod fchmod Hybrid attribute::fchmod(fd: Fd, mode: u32);
            __NR_fchmodat fchmodat Hybrid attribute::fchmodat(dir: Fd, path: UserStr, mode: u32);
            __NR_chown chown Hybrid attribute::chown(path: UserStr, uid: u32, gid: u32);
            __NR_lchown lchown Hybrid attribute::lchown(path: UserStr, uid: u32, gid: u32);
            __NR_fchown fchown Hybrid attribute::fchown(fd: Fd, uid: u32, gid: u32);
            __NR_fchownat fchownat Hybrid attribute::fchownat(dir: Fd, path: UserStr, uid: u32, gid: u32, flags: u32);
            __NR_utimensat utimensat Hybrid
                attribute::utimensat(dir: Fd, path: UserStr, times: UserPtr<[TimeSpec; 2]>, flags: u32);
            __NR_utimes utimes Hybrid attribute::utimes(path: UserStr, times: UserPtr<[TimeVal; 2]>);
            __NR_futimesat futimesat Hybrid attribute::futimesat(dir: Fd, path: UserStr, times: UserPtr<[TimeVal; 2]>);
            __NR_utime utime Hybrid attribute::utime(path: UserStr, times: UserPtr<UTimBuf>);
            __NR_truncate truncate Hybrid attribute::truncate(path: UserStr, size: i64);
            __NR_ftruncate ftruncate Hybrid attribute::ftruncate(fd: Fd, size: i64);
            __NR_fallocate fallocate Hybrid attribute::fallocate(fd: Fd, mode: u32, offset: i64, len: i64)
                partial "allocate and punch; no zero, collapse or insert";
            __NR_statfs statfs Hybrid attribute::statfs(path: UserStr, buf: UserPtr<StatFs>);
            __NR_fstatfs fstatfs Hybrid attribute::fstatfs(fd: Fd, buf: UserPtr<StatFs>);

            // path
            __NR_mkdir mkdir Hybrid path::mkdir(path: UserStr, mode: u32);
            __NR_mkdirat mkdirat Hybrid path::mkdirat(dir: Fd, path: UserStr, mode: u32);
            __NR_mknod mknod Hybrid path::mknod(path: UserStr, mode: u32, device: u64);
            __NR_mknodat mknodat Hybrid path::mknodat(dir: Fd, path: UserStr, mode: u32, device: u64);
            __NR_symlink symlink Hybrid path::symlink(target: UserStr, path: UserStr);
            __NR_symlinkat symlinkat Hybrid path::symlinkat(target: UserStr, dir: Fd, path: UserStr);
            __NR_readlink readlink Hybrid path::readlink(path: UserStr, buf: UserAddr, size: i32);
            __NR_readlinkat readlinkat Hybrid path::readlinkat(dir: Fd, path: UserStr, buf: UserAddr, size: i32);
            __NR_link link Hybrid path::link(old: UserStr, new: UserStr);
            __NR_linkat linkat Hybrid path::linkat(old_dir: Fd, old: UserStr, new_dir: Fd, new: UserStr, flags: u32);
            __NR_unlink unlink Hybrid path::unlink(path: UserStr);
            __NR_unlinkat unlinkat Hybrid path::unlinkat(dir: Fd, path: UserStr, flags: u32);
            __NR_rmdir rmdir Hybrid path::rmdir(path: UserStr);
            __NR_rename rename Hybrid path::rename(old: UserStr, new: UserStr);
            __NR_renameat renameat Hybrid path::renameat(old_dir: Fd, old: UserStr, new_dir: Fd, new: UserStr);
            __NR_renameat2 renameat2 Hybrid
                path::renameat2(old_dir: Fd, old: UserStr, new_dir: Fd, new: UserStr, flags: u32)
                partial "no RENAME_WHITEOUT";
            __NR_mount mount Legacy path::mount(source: UserStr, target: UserStr, kind: UserStr, flags: u64, data: UserStr)
                partial "tmpfs, ramfs, proc, devtmpfs, bind of one mount, remount of flags; no move, no propagation";
            __NR_umount2 umount2 Legacy path::umount2(target: UserStr, flags: u32)
                partial "no MNT_EXPIRE";

            // dir
            __NR_getdents getdents Hybrid dir::getdents(fd: Fd, buf: UserAddr, count: u32);
            __NR_getdents64 getdents64 Hybrid dir::getdents64(fd: Fd, buf: UserAddr, count: u32);
            __NR_getcwd getcwd Hybrid dir::getcwd(buf: UserAddr, size: usize);
            __NR_chdir chdir Hybrid dir::chdir(path: UserStr);
            __NR_fchdir fchdir Hybrid dir::fchdir(fd: Fd);
            __NR_chroot chroot Hybrid dir::chroot(path: UserStr);

            // xattr
            __NR_setxattr setxattr Hybrid
                xattr::setxattr(path: UserStr, name: UserStr, value: UserAddr, size: usize, flags: u32) partial "none can be set";
            __NR_lsetxattr lsetxattr Hybrid
                xattr::lsetxattr(path: UserStr, name: UserStr, value: UserAddr, size: usize, flags: u32) partial "none can be set";
            __NR_fsetxattr fsetxattr Hybrid
                xattr::fsetxattr(fd: Fd, name: UserStr, value: UserAddr, size: usize, flags: u32) partial "none can be set";
            __NR_getxattr getxattr Hybrid xattr::getxattr(path: UserStr, name: UserStr, value: UserAddr, size: usize);
            __NR_lgetxattr lgetxattr Hybrid xattr::lgetxattr(path: UserStr, name: UserStr, value: UserAddr, size: usize);
            __NR_fgetxattr fgetxattr Hybrid xattr::fgetxattr(fd: Fd, name: UserStr, value: UserAddr, size: usize);
            __NR_listxattr listxattr Hybrid xattr::listxattr(path: UserStr, list: UserAddr, size: usize);
            __NR_llistxattr llistxattr Hybrid xattr::llistxattr(path: UserStr, list: UserAddr, size: usize);
            __NR_flistxattr flistxattr Hybrid xattr::flistxattr(fd: Fd, list: UserAddr, size: usize);
            __NR_removexattr removexattr Hybrid xattr::removexattr(path: UserStr, name: UserStr);
            __NR_lremovexattr lremovexattr Hybrid xattr::lremovexattr(path: UserStr, name: UserStr);
            __NR_fremovexattr fremovexattr Hybrid xattr::fremovexattr(fd: Fd, name: UserStr);

            // native
            __NR_exo_null_fast exo_null_fast Fast native::null_fast();
            __NR_exo_null_hybrid exo_null_hybrid Hybrid native::null_hybrid();
            __NR_exo_null_legacy exo_null_legacy Legacy native::null_legacy();
        }
    };
}
