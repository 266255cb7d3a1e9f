/*
 * Every call number from 0 to 450 with arguments that point nowhere, each in a child of its own. The child must
 * get an answer or die by a signal; the system must live on. What the answer is, other checks say.
 */
#include "check.h"
#include <sys/resource.h>
#include <sys/time.h>

static const int left_out[] = {
	SYS_reboot, SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module, SYS_delete_module, /* end the machine */
	SYS_vhangup, SYS_acct, SYS_swapon, SYS_swapoff, SYS_sethostname, SYS_setdomainname, SYS_settimeofday,
	SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_syslog, SYS_iopl, SYS_ioperm, SYS_quotactl, SYS_bpf,
	SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, /* may hit others */
	SYS_setpriority, SYS_ioprio_set, SYS_sched_setattr, SYS_sched_setscheduler, SYS_sched_setparam, SYS_migrate_pages, SYS_move_pages,
	SYS_sync, SYS_syncfs, SYS_mlockall, SYS_pivot_root, SYS_mount, SYS_umount2, SYS_unshare, SYS_setns, SYS_ptrace,
	SYS_shmget, SYS_shmctl, SYS_semget, SYS_semctl, SYS_msgget, SYS_msgctl, SYS_shmat, /* leave things behind */
	SYS_userfaultfd, SYS_perf_event_open, SYS_fanotify_init, SYS_pause, SYS_io_uring_setup, SYS_add_key, SYS_request_key, SYS_keyctl,
};

#define AT_ONCE 48

static const long patterns[][6] = {
	{ 0, 0, 0, 0, 0, 0 },
	{ -1, -1, -1, -1, -1, -1 },
	{ 8, 8, 8, 8, 8, 8 },
	{ 1, 8, 4096, 8, 8, 8 },
	{ (long)0xffffffff80000000, (long)0xffffffff80000000, 16, (long)0xffffffff80000000, 8, 8 },
	{ 0x7fffffffeff8, 0x7fffffffeff8, 4096, 0x7fffffffeff8, 4096, 0x7fffffffeff8 },
	{ 0x123456789abcdef0, 0x123456789abcdef0, 0x123456789abcdef0, 0x123456789abcdef0, 1, 1 },
	{ LONG_MIN, LONG_MAX, LONG_MIN, LONG_MAX, LONG_MIN, LONG_MAX },
};

static void try_one(long number, const long *a)
{
	struct rlimit none = { 0, 0 };
	int null;

	setsid();
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, 300000 } }, NULL); /* some calls wait for ever */
	setrlimit(RLIMIT_CORE, &none);
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	become_user();
	if (number == SYS_fork || number == SYS_vfork || number == SYS_clone || number == SYS_clone3)
		setrlimit(RLIMIT_NPROC, &none); /* the children would run on with us */
	syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	_exit(0);
}

static bool skipped(long number)
{
	for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
		if (left_out[i] == number)
			return true;
	return false;
}

int main(void)
{
	char name[60];

	for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++) {
		int answered = 0, tried = 0, running = 0;

		for (long number = 0; number <= 450; number++) {
			if (skipped(number))
				continue;
			tried++;
			if (fork() == 0)
				try_one(number, patterns[p]);
			if (++running < AT_ONCE)
				continue;
			answered += wait(NULL) > 0; /* it ended, by itself or by a signal */
			running--;
		}
		while (running-- > 0)
			answered += wait(NULL) > 0;
		snprintf(name, sizeof name, "every_call_with_pattern_%zu_ends", p);
		CHECK_EQ(name, answered, tried);
	}
	CHECK_EQ("the_system_lives_on", CHILD(_exit(7)), 7);
	return check_result();
}
