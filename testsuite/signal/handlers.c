/* sigaction(2): installing handlers and how they run. */
#include "check.h"

static volatile int calls, depth, deepest, last_signal;
static volatile bool masked_inside, other_masked_inside;
static int order[8];
static volatile int order_len;

static void count(int sig)
{
	sigset_t now;

	calls++;
	last_signal = sig;
	sigprocmask(SIG_BLOCK, NULL, &now);
	masked_inside = sigismember(&now, sig);
	other_masked_inside = sigismember(&now, SIGUSR2);
}

static void recurse(int sig)
{
	if (++depth > deepest)
		deepest = depth;
	if (calls++ < 3)
		raise(sig);
	depth--;
}

static void note_order(int sig)
{
	order[order_len++] = sig;
}

static void change_errno(int sig)
{
	(void)sig;
	errno = E2BIG;
}

static int install(int sig, void (*handler)(int), int flags, int also_blocked)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigemptyset(&action.sa_mask);
	if (also_blocked)
		sigaddset(&action.sa_mask, also_blocked);
	return sigaction(sig, &action, NULL);
}

static void basics(void)
{
	struct sigaction old;

	CHECK_EQ("default_disposition", sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL, 1);
	CHECK_EQ("install", install(SIGUSR1, count, SA_RESTART, SIGUSR2), 0);
	CHECK("read_back", sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == count && (old.sa_flags & SA_RESTART) &&
				   sigismember(&old.sa_mask, SIGUSR2) && !sigismember(&old.sa_mask, SIGTERM));
	raise(SIGUSR1);
	CHECK("handler_ran_before_raise_returned", calls == 1 && last_signal == SIGUSR1);
	CHECK("own_signal_is_blocked_inside", masked_inside);
	CHECK("sa_mask_is_blocked_inside", other_masked_inside);
	kill(getpid(), SIGUSR1);
	CHECK_EQ("kill_of_self_is_synchronous", calls, 2);
	sigset_t now;
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK("mask_restored_afterwards", !sigismember(&now, SIGUSR1) && !sigismember(&now, SIGUSR2));
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);
	CHECK_EQ("ignored", calls, 2);
	signal(SIGUSR1, SIG_DFL);
}

static void flags(void)
{
	struct sigaction old;

	calls = 0;
	install(SIGUSR1, count, SA_RESETHAND, 0);
	raise(SIGUSR1);
	CHECK("resethand_resets", sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL && calls == 1);
	calls = deepest = 0;
	install(SIGUSR1, recurse, SA_NODEFER, 0);
	raise(SIGUSR1);
	CHECK("nodefer_nests", deepest == 4 && calls == 4);
	calls = deepest = 0;
	install(SIGUSR1, recurse, 0, 0);
	raise(SIGUSR1);
	CHECK("without_nodefer_it_runs_in_sequence", deepest == 1 && calls == 4);
	install(SIGUSR1, change_errno, 0, 0);
	calls = 0;
	CHECK_EQ("many_signals_in_a_row",
		 CHILD(install(SIGUSR2, count, 0, 0); for (int i = 0; i < 2000; i++) raise(SIGUSR2); _exit(calls == 2000)), 1);
	signal(SIGUSR1, SIG_DFL);
}

static void errors(void)
{
	struct sigaction action = { .sa_handler = SIG_IGN };
	struct sigaction old;

	CHECK_ERR("sigkill_cannot_be_ignored", sigaction(SIGKILL, &action, NULL), EINVAL);
	CHECK_ERR("sigstop_cannot_be_caught", sigaction(SIGSTOP, &action, NULL), EINVAL);
	CHECK_ERR("signal_zero", sigaction(0, &action, NULL), EINVAL);
	CHECK_ERR("signal_65", sigaction(65, &action, NULL), EINVAL);
	CHECK_EQ("sigkill_can_be_asked", syscall(SYS_rt_sigaction, SIGKILL, NULL, &old, 8), 0);
	CHECK_ERR("wrong_set_size", syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, 4), EINVAL);
	CHECK_ERR("bad_pointer", syscall(SYS_rt_sigaction, SIGUSR1, 8L, NULL, 8), EFAULT);
}

static void order_of_delivery(void)
{
	sigset_t set, old;

	install(SIGUSR1, note_order, 0, 0);
	install(SIGUSR2, note_order, 0, 0);
	install(SIGHUP, note_order, 0, 0);
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, &old);
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGHUP);
	raise(SIGUSR1); /* not queued twice */
	sigprocmask(SIG_SETMASK, &old, NULL);
	CHECK_EQ("each_standard_signal_once", order_len, 3);
	/* frames are stacked lowest first, so the highest number's handler runs first */
	CHECK("all_three_arrived", order[0] + order[1] + order[2] == SIGHUP + SIGUSR1 + SIGUSR2);
	CHECK("stacked_frames_run_in_the_order_of_linux", order[0] == SIGUSR2 && order[1] == SIGUSR1 && order[2] == SIGHUP);
}

int main(void)
{
	basics();
	flags();
	errors();
	order_of_delivery();
	return check_result();
}
