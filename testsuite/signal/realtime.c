/* Real-time signals queue, in order, with their values. */
#include "check.h"
#include <sys/resource.h>

static int values[64], signals[64];
static volatile int len;

static void note(int sig, siginfo_t *info, void *context)
{
	(void)context;
	signals[len] = sig;
	values[len++] = info->si_value.sival_int;
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };
	sigset_t set, old;
	siginfo_t info;
	int queued = 0;

	sigfillset(&action.sa_mask);
	for (int sig = SIGRTMIN; sig <= SIGRTMIN + 3; sig++)
		sigaction(sig, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, &old);
	for (int i = 0; i < 5; i++)
		queued += sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = i }) == 0;
	for (int i = 0; i < 3; i++)
		queued += sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 10 + i }) == 0;
	for (int i = 0; i < 3; i++)
		queued += sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 20 + i }) == 0;
	CHECK_EQ("all_were_accepted", queued, 11);
	NEED(sigemptyset(&set) == 0 && sigaddset(&set, SIGRTMIN) == 0);
	CHECK_EQ("sigwaitinfo_takes_the_oldest", sigwaitinfo(&set, &info), SIGRTMIN);
	CHECK_EQ("its_value", info.si_value.sival_int, 10);
	sigprocmask(SIG_SETMASK, &old, NULL);
	CHECK_EQ("standard_signal_counts_once", len, 1 + 5 + 2);
	CHECK("standard_signal_is_first", signals[0] == SIGUSR1 && values[0] == 20);
	CHECK("lower_number_first", signals[1] == SIGRTMIN && signals[2] == SIGRTMIN && signals[3] == SIGRTMIN + 1);
	CHECK("in_the_order_of_sending", values[1] == 11 && values[2] == 12 && values[3] == 0 && values[4] == 1 && values[5] == 2 &&
						 values[6] == 3 && values[7] == 4);
	CHECK_EQ("queue_limit",
		 CHILD(sigset_t all; sigfillset(&all); sigprocmask(SIG_SETMASK, &all, NULL); become_user();
		       struct rlimit few = { 10, 10 }; setrlimit(RLIMIT_SIGPENDING, &few); int n = 0;
		       while (n < 100 && sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }) == 0) n++;
		       _exit(n <= 10 && errno == EAGAIN)),
		 1);
	CHECK_EQ("fork_empties_the_queue",
		 CHILD(sigset_t all; sigset_t pending; sigfillset(&all); sigprocmask(SIG_SETMASK, &all, NULL); raise(SIGRTMIN);
		       _exit(CHILD(sigpending(&pending); _exit(sigismember(&pending, SIGRTMIN))))),
		 0);
	return check_result();
}
