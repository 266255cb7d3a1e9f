/* Blocking, pending, sigsuspend, sigtimedwait. */
#include "check.h"

static volatile int calls;

static void count(int sig)
{
	(void)sig;
	calls++;
}

static sigset_t set_of(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	if (sig)
		sigaddset(&set, sig);
	return set;
}

static bool blocked(int sig)
{
	sigset_t now;

	sigprocmask(SIG_BLOCK, NULL, &now);
	return sigismember(&now, sig);
}

static bool pending(int sig)
{
	sigset_t now;

	return sigpending(&now) == 0 && sigismember(&now, sig);
}

static void masks(void)
{
	sigset_t usr1 = set_of(SIGUSR1), usr2 = set_of(SIGUSR2), none = set_of(0), old;

	CHECK("block", sigprocmask(SIG_BLOCK, &usr1, &old) == 0 && blocked(SIGUSR1) && !sigismember(&old, SIGUSR1));
	CHECK("block_adds", sigprocmask(SIG_BLOCK, &usr2, &old) == 0 && blocked(SIGUSR1) && blocked(SIGUSR2));
	CHECK("old_set", sigismember(&old, SIGUSR1) && !sigismember(&old, SIGUSR2));
	raise(SIGUSR1);
	CHECK("blocked_signal_does_not_run", calls == 0);
	CHECK("it_is_pending", pending(SIGUSR1) && !pending(SIGUSR2));
	CHECK("unblock_delivers", sigprocmask(SIG_UNBLOCK, &usr1, NULL) == 0 && calls == 1 && !pending(SIGUSR1));
	CHECK("unblock_leaves_others", blocked(SIGUSR2));
	CHECK("set_replaces", sigprocmask(SIG_SETMASK, &none, NULL) == 0 && !blocked(SIGUSR2));
	CHECK_ERR("unknown_how", sigprocmask(9, &usr1, NULL), EINVAL);
	CHECK_ERR("wrong_set_size", syscall(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 16), EINVAL);
	CHECK_ERR("bad_set_pointer", syscall(SYS_rt_sigprocmask, SIG_BLOCK, 8L, NULL, 8), EFAULT);
	CHECK("how_without_set_is_ignored", syscall(SYS_rt_sigprocmask, 9, NULL, &old, 8) == 0);
	CHECK_EQ("sigkill_is_never_blocked",
		 CHILD(sigset_t all; sigfillset(&all); sigprocmask(SIG_SETMASK, &all, NULL); _exit(blocked(SIGKILL) || blocked(SIGSTOP))), 0);
	CHECK_EQ("kill_works_with_everything_blocked",
		 CHILD(sigset_t all; sigfillset(&all); sigprocmask(SIG_SETMASK, &all, NULL); kill(getpid(), SIGKILL); _exit(1)),
		 128 + SIGKILL);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	CHECK("ignoring_discards_what_is_pending", !pending(SIGUSR1));
	raise(SIGUSR1);
	CHECK("ignored_while_blocked_is_discarded_or_lost_on_unblock",
	      sigprocmask(SIG_UNBLOCK, &usr1, NULL) == 0 && calls == 1 && !pending(SIGUSR1));
	signal(SIGUSR1, count);
}

static void suspend(void)
{
	sigset_t usr1 = set_of(SIGUSR1), none = set_of(0);
	pid_t pid, parent = getpid();

	sigprocmask(SIG_BLOCK, &usr1, NULL);
	calls = 0;
	raise(SIGUSR1);
	CHECK_ERR("sigsuspend_takes_a_pending_signal", sigsuspend(&none), EINTR);
	CHECK("its_handler_ran", calls == 1);
	CHECK("mask_is_back", blocked(SIGUSR1));
	pid = fork();
	if (pid == 0) {
		sleep_ms(30);
		kill(parent, SIGUSR1);
		_exit(0);
	}
	CHECK_ERR("sigsuspend_waits", sigsuspend(&none), EINTR);
	CHECK_EQ("until_the_handler_ran", calls, 2);
	check_wait(pid);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	pid = fork();
	if (pid == 0)
		_exit(pause() == -1 && errno == EINTR ? 0 : 1);
	sleep_ms(50);
	kill(pid, SIGUSR1);
	CHECK_EQ("pause", check_wait(pid), 0);
}

static void synchronous(void)
{
	sigset_t usr1 = set_of(SIGUSR1);
	struct timespec now = { 0, 0 }, soon = { 0, 20000000 }, wrong = { 0, 2000000000 };
	siginfo_t info;
	pid_t pid, parent = getpid();
	int sig;

	sigprocmask(SIG_BLOCK, &usr1, NULL);
	calls = 0;
	CHECK_ERR("nothing_pending", sigtimedwait(&usr1, &info, &now), EAGAIN);
	CHECK_ERR("nothing_arrives", sigtimedwait(&usr1, &info, &soon), EAGAIN);
	CHECK_ERR("bad_time", sigtimedwait(&usr1, &info, &wrong), EINVAL);
	kill(getpid(), SIGUSR1);
	CHECK_EQ("takes_what_is_pending", sigtimedwait(&usr1, &info, &now), SIGUSR1);
	CHECK("its_info", info.si_signo == SIGUSR1 && info.si_code == SI_USER && info.si_pid == getpid());
	pid = fork();
	if (pid == 0) {
		sleep_ms(30);
		kill(parent, SIGUSR1);
		_exit(0);
	}
	CHECK("sigwait_waits", sigwait(&usr1, &sig) == 0 && sig == SIGUSR1);
	check_wait(pid);
	CHECK_EQ("no_handler_ran", calls, 0);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
}

int main(void)
{
	signal(SIGUSR1, count);
	masks();
	suspend();
	synchronous();
	return check_result();
}
