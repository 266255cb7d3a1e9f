/* uname, sysinfo, getrusage, prctl, and calls that do not exist. */
#include "check.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

int main(void)
{
	struct utsname name;
	struct sysinfo info;
	struct rusage usage;
	char comm[17] = "";
	int number;

	CHECK_EQ("uname", uname(&name), 0);
	CHECK("machine", strcmp(name.machine, "x86_64") == 0);
	CHECK("names_are_there", name.sysname[0] && name.nodename[0] && name.version[0]);
	CHECK("release_is_a_version", sscanf(name.release, "%d.%d", &number, &number) == 2);
	CHECK_ERR("uname_bad_pointer", syscall(SYS_uname, 8L), EFAULT);
	CHECK_EQ("sysinfo", sysinfo(&info), 0);
	CHECK("sysinfo_values", info.totalram > info.freeram && info.freeram > 0 && info.mem_unit >= 1 && info.procs >= 1);
	CHECK("pages", sysconf(_SC_PHYS_PAGES) > 1000 && sysconf(_SC_PAGESIZE) == 4096);
	CHECK("processors", sysconf(_SC_NPROCESSORS_ONLN) >= 1);
	CHECK_EQ("getrusage", getrusage(RUSAGE_SELF, &usage), 0);
	CHECK("rss_and_faults", usage.ru_maxrss > 0 && usage.ru_minflt > 0);
	CHECK_EQ("getrusage_of_children", getrusage(RUSAGE_CHILDREN, &usage), 0);
	CHECK_ERR("getrusage_of_nobody", getrusage(77, &usage), EINVAL);
	CHECK("set_name", prctl(PR_SET_NAME, "a name that is too long") == 0 && prctl(PR_GET_NAME, comm) == 0 && strcmp(comm, "a name that is ") == 0);
	CHECK_EQ("parent_death_signal",
		 CHILD(int ends[2]; if (pipe(ends)) _exit(2); pid_t pid = fork();
		       if (pid == 0) { pid_t parent = getppid(); if (fork() == 0) { prctl(PR_SET_PDEATHSIG, SIGKILL); if (getppid() != parent) _exit(0); close(ends[0]);
										    if (write(ends[1], "x", 1) != 1) _exit(1); for (;;) pause(); }
				       char c; close(ends[1]); _exit(read(ends[0], &c, 1) != 1); }
		       close(ends[1]); check_wait(pid); char c; _exit(read(ends[0], &c, 1) == 0)),
		 1);
	CHECK("dumpable", prctl(PR_GET_DUMPABLE) >= 0);
	CHECK("no_new_privs", CHILD(_exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)) == 1);
	CHECK_ERR("prctl_unknown", prctl(0x7fffffff), EINVAL);
	CHECK_ERR("call_that_does_not_exist", syscall(999), ENOSYS);
	CHECK_ERR("huge_call_number", syscall(0x7fffffff), ENOSYS);
	CHECK_ERR("negative_call_number", syscall(-2), ENOSYS);
	CHECK_EQ("getcpu", syscall(SYS_getcpu, &number, NULL, NULL), 0);
	CHECK("ids_agree", getpid() == syscall(SYS_getpid) && getppid() > 0 && getpgrp() == getpgid(0));
	CHECK_ERR("arch_prctl_unknown", syscall(SYS_arch_prctl, 0x9999, 0L), EINVAL);
	unsigned long fs = 0;
	CHECK("arch_prctl_get_fs", syscall(SYS_arch_prctl, 0x1003, &fs) == 0 && fs != 0 && *(unsigned long *)fs == fs);
	CHECK_ERR("arch_prctl_set_fs_to_the_kernel", syscall(SYS_arch_prctl, 0x1002, 0xffffffff80000000UL), EPERM);
	CHECK("arch_prctl_gs", CHILD(unsigned long gs = 0; syscall(SYS_arch_prctl, 0x1001, 0x123000UL); syscall(SYS_sched_yield);
				     syscall(SYS_arch_prctl, 0x1004, &gs); _exit(gs == 0x123000UL)) == 1);
	return check_result();
}
