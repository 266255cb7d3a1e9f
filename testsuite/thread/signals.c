/* Signals in a process with threads. */
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>

static atomic_int ready, calls;
static atomic_int handled_by;
static atomic_bool done;

static void handler(int sig)
{
	(void)sig;
	atomic_store(&handled_by, (int)syscall(SYS_gettid));
	atomic_fetch_add(&calls, 1);
}

static void set_blocked(int sig, int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(how, &set, NULL);
}

static void *open_to_signals(void *arg)
{
	set_blocked(SIGUSR1, SIG_UNBLOCK);
	*(pid_t *)arg = (pid_t)syscall(SYS_gettid);
	atomic_fetch_add(&ready, 1);
	while (!atomic_load(&done))
		sleep_ms(1);
	return NULL;
}

static void *waits_for_it(void *arg)
{
	sigset_t set;
	int sig = 0;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	atomic_fetch_add(&ready, 1);
	sigwait(&set, &sig);
	return (void *)(long)sig;
}

static void *mask_of_thread(void *arg)
{
	sigset_t now;

	(void)arg;
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	return (void *)(long)(sigismember(&now, SIGUSR1) | sigismember(&now, SIGUSR2) << 1);
}

int main(void)
{
	pthread_t thread;
	pid_t tid = 0;
	void *result;
	sigset_t pending;

	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handler }, NULL);
	set_blocked(SIGUSR1, SIG_BLOCK);
	set_blocked(SIGUSR2, SIG_BLOCK);
	pthread_create(&thread, NULL, mask_of_thread, NULL);
	pthread_join(thread, &result);
	CHECK_EQ("a_new_thread_inherits_the_mask", (long)result, 3);

	pthread_create(&thread, NULL, open_to_signals, &tid);
	while (atomic_load(&ready) < 1)
		sched_yield();
	kill(getpid(), SIGUSR1);
	while (atomic_load(&calls) < 1)
		sched_yield();
	CHECK("process_signal_goes_to_a_thread_that_takes_it", atomic_load(&handled_by) == tid);
	pthread_kill(thread, SIGUSR1);
	while (atomic_load(&calls) < 2)
		sched_yield();
	CHECK("pthread_kill_reaches_its_thread", atomic_load(&handled_by) == tid);
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	sigpending(&pending);
	CHECK("directed_signal_waits_for_its_thread", sigismember(&pending, SIGUSR1) && atomic_load(&calls) == 2);
	set_blocked(SIGUSR1, SIG_UNBLOCK);
	CHECK("and_runs_there", atomic_load(&calls) == 3 && atomic_load(&handled_by) == getpid());
	atomic_store(&done, true);
	pthread_join(thread, NULL);

	ready = 0;
	pthread_create(&thread, NULL, waits_for_it, NULL);
	while (atomic_load(&ready) < 1)
		sched_yield();
	kill(getpid(), SIGUSR2);
	pthread_join(thread, &result);
	CHECK_EQ("sigwait_in_a_thread", (long)result, SIGUSR2);
	return check_result();
}
