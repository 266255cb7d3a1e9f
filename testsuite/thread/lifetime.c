/* How threads end, and what their end does to the process. */
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static char self[PATH_MAX];
static atomic_int ready;

static void *forever(void *arg)
{
	atomic_fetch_add(&ready, 1);
	for (;;)
		pause();
	return arg;
}

static void *spin(void *arg)
{
	atomic_fetch_add(&ready, 1);
	for (;;)
		;
	return arg;
}

static void *exit_process(void *arg)
{
	(void)arg;
	exit(33);
}

static void *exit_late(void *arg)
{
	(void)arg;
	sleep_ms(30);
	exit(34);
}

static void *fault(void *arg)
{
	(void)arg;
	*(volatile char *)0 = 1;
	return NULL;
}

static void *exec_self(void *arg)
{
	(void)arg;
	char pid[20];

	snprintf(pid, sizeof pid, "%d", getpid());
	execl(self, self, pid, NULL);
	return NULL;
}

static void *fork_here(void *arg)
{
	(void)arg;
	return (void *)(long)CHILD(_exit(getpid() == syscall(SYS_gettid) ? 21 : 1));
}

static void *wait_for(void *arg)
{
	return (void *)(long)check_wait((pid_t)(long)arg);
}

static void *plain_exit(void *arg)
{
	syscall(SYS_exit, 0);
	return arg;
}

static void go(void *(*body)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, NULL) != 0)
		_exit(90);
}

static void wait_ready(int count)
{
	while (atomic_load(&ready) < count)
		sched_yield();
}

static int child_body(void *arg)
{
	*(int *)arg = 55;
	return 0;
}

int main(int argc, char **argv)
{
	static char stack[65536] __attribute__((aligned(16)));
	pthread_t thread;
	void *result;
	int value = 0;
	pid_t pid, tid_word = 1;

	if (argc > 1)
		return getpid() == atoi(argv[1]) && syscall(SYS_gettid) == getpid() ? 17 : 1;
	NEED(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	CHECK_EQ("exit_in_a_thread_ends_all", CHILD(go(forever); wait_ready(1); go(exit_process); pause()), 33);
	CHECK_EQ("exit_ends_spinning_threads", CHILD(go(spin); go(spin); wait_ready(2); _exit(35)), 35);
	CHECK_EQ("main_may_end_before_the_others", CHILD(go(exit_late); pthread_exit(NULL)), 34);
	CHECK_EQ("last_thread_ends_the_process", CHILD(go(plain_exit); pthread_exit(NULL)), 0);
	CHECK_EQ("fault_in_a_thread_kills_all", CHILD(go(forever); wait_ready(1); go(fault); pause()), 128 + SIGSEGV);
	CHECK_EQ("sigkill_kills_all", CHILD(go(forever); go(spin); wait_ready(2); kill(getpid(), SIGKILL)), 128 + SIGKILL);
	CHECK_EQ("exec_in_a_thread_keeps_the_pid", CHILD(go(forever); go(spin); wait_ready(2); go(exec_self); pause()), 17);
	CHECK_EQ("exec_in_main_ends_the_others", CHILD(go(forever); go(spin); wait_ready(2); exec_self(NULL)), 17);
	pthread_create(&thread, NULL, fork_here, NULL);
	pthread_join(thread, &result);
	CHECK_EQ("fork_in_a_thread_copies_only_it", (long)result, 21);
	pid = fork();
	if (pid == 0) {
		sleep_ms(20);
		_exit(22);
	}
	pthread_create(&thread, NULL, wait_for, (void *)(long)pid);
	pthread_join(thread, &result);
	CHECK_EQ("any_thread_may_wait_for_a_child", (long)result, 22);

	pid = clone(child_body, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &value);
	CHECK_EQ("clone_with_shared_memory", pid > 0 && check_wait(pid) == 0 ? value : -1, 55);
	value = 0;
	pid = clone(child_body, stack + sizeof stack, SIGCHLD, &value);
	CHECK_EQ("clone_without_it", pid > 0 && check_wait(pid) == 0 ? value : -1, 0);
	pid = clone(child_body, stack + sizeof stack, CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, &value, &tid_word, NULL, &tid_word);
	CHECK("clear_tid_happens_at_the_end", pid > 0 && check_wait(pid) == 0 && tid_word == 0);
	CHECK_ERR("thread_without_shared_signals", syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_ERR("signals_without_shared_memory", syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_EQ("set_tid_address_returns_tid", syscall(SYS_set_tid_address, &tid_word), getpid());
	return check_result();
}
