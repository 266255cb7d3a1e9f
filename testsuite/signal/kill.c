/* kill(2), tkill, tgkill, sigqueue: whom they reach and when they fail. */
#include "check.h"

int main(void)
{
	pid_t pid = fork();
	siginfo_t info = { .si_code = SI_USER };

	if (pid == 0)
		for (;;)
			pause();
	CHECK_EQ("probe_of_a_child", kill(pid, 0), 0);
	CHECK_EQ("probe_of_self", kill(getpid(), 0), 0);
	CHECK_ERR("nobody", kill(99999, 0), ESRCH);
	CHECK_ERR("no_such_group", kill(-99999, SIGTERM), ESRCH);
	CHECK_ERR("signal_65", kill(getpid(), 65), EINVAL);
	CHECK_ERR("negative_signal", kill(getpid(), -1), EINVAL);
	CHECK_ERR("int_min", kill(INT_MIN, 0), ESRCH);
	CHECK_ERR("tgkill_of_nobody", syscall(SYS_tgkill, 99999, 99999, 0), ESRCH);
	CHECK_ERR("tgkill_of_a_thread_of_another_process", syscall(SYS_tgkill, getpid(), pid, 0), ESRCH);
	CHECK_ERR("tgkill_of_zero", syscall(SYS_tgkill, 0, 0, 0), EINVAL);
	CHECK_ERR("tgkill_of_minus_one", syscall(SYS_tgkill, getpid(), -1, 0), EINVAL);
	CHECK_EQ("tkill_of_self", syscall(SYS_tkill, syscall(SYS_gettid), 0), 0);
	CHECK_ERR("tkill_of_zero", syscall(SYS_tkill, 0, 0), EINVAL);
	CHECK_ERR("queue_with_a_forged_code", syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info), EPERM);
	kill(pid, SIGKILL);
	siginfo_t end;
	NEED(waitid(P_PID, (id_t)pid, &end, WEXITED | WNOWAIT) == 0);
	CHECK_EQ("a_zombie_can_be_signalled", kill(pid, SIGTERM), 0);
	check_wait(pid);
	CHECK_ERR("a_reaped_child_cannot", kill(pid, 0), ESRCH);
	CHECK_EQ("kill_minus_one_as_user_spares_root_or_self",
		 CHILD(become_user(); setsid(); _exit(kill(1, SIGTERM) == -1 && errno == EPERM)), 1);
	CHECK_EQ("same_user_may_signal",
		 CHILD(become_user(); pid_t child = fork(); if (child == 0) for (;;) pause();
		       kill(child, SIGTERM); _exit(check_wait(child) == 128 + SIGTERM)),
		 1);
	return check_result();
}
