/* Threads: creation, results, identity, shared and private state. */
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>

static __thread int private = 5;
static __thread char big_private[20000];
static int shared;
static atomic_int started;
static pid_t tids[8];
static int private_of[8];

static void *square(void *arg)
{
	long n = (long)arg;

	return (void *)(n * n);
}

static void *identity(void *arg)
{
	long i = (long)arg;

	tids[i] = (pid_t)syscall(SYS_gettid);
	private_of[i] = private;
	private = (int)i;
	memset(big_private, (int)i, sizeof big_private);
	atomic_fetch_add(&started, 1);
	while (atomic_load(&started) < 8)
		sched_yield();
	return (void *)(long)(private == i && big_private[19999] == (char)i && getpid() != tids[i]);
}

static void *change_state(void *arg)
{
	(void)arg;
	shared = 7;
	umask(011);
	return (void *)(long)open("shared-fd", O_RDWR | O_CREAT, 0600);
}

static void *exits_early(void *arg)
{
	pthread_exit(arg);
}

static void *detached(void *arg)
{
	atomic_fetch_add(&started, 1);
	return arg;
}

int main(void)
{
	pthread_t threads[8], one;
	pthread_attr_t attr;
	void *result;
	long sum = 0;
	int distinct = 0;
	size_t size;

	for (long i = 0; i < 8; i++)
		NEED(pthread_create(&threads[i], NULL, square, (void *)i) == 0);
	for (long i = 0; i < 8; i++) {
		pthread_join(threads[i], &result);
		sum += (long)result;
	}
	CHECK_EQ("results_of_eight_threads", sum, 140);
	for (long i = 0; i < 8; i++)
		NEED(pthread_create(&threads[i], NULL, identity, (void *)i) == 0);
	sum = 0;
	for (long i = 0; i < 8; i++) {
		pthread_join(threads[i], &result);
		sum += (long)result;
	}
	CHECK_EQ("thread_local_storage_is_private", sum, 8);
	for (int i = 0; i < 8; i++) {
		bool unique = tids[i] != getpid();

		for (int j = 0; j < i; j++)
			unique = unique && tids[i] != tids[j];
		distinct += unique && private_of[i] == 5;
	}
	CHECK_EQ("distinct_tids_and_fresh_tls", distinct, 8);
	CHECK_EQ("main_keeps_its_tls", private, 5);
	CHECK_EQ("main_tid_is_pid", syscall(SYS_gettid), getpid());
	pthread_create(&one, NULL, change_state, NULL);
	pthread_join(one, &result);
	CHECK_EQ("memory_is_shared", shared, 7);
	CHECK("files_are_shared", fcntl((int)(long)result, F_GETFD) == 0);
	CHECK_EQ("umask_is_shared", umask(022), 011);
	close((int)(long)result);
	unlink("shared-fd");
	pthread_create(&one, NULL, exits_early, (void *)77L);
	pthread_join(one, &result);
	CHECK_EQ("pthread_exit", (long)result, 77);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 256 << 10);
	started = 0;
	NEED(pthread_create(&one, &attr, detached, NULL) == 0);
	while (atomic_load(&started) == 0)
		sched_yield();
	CHECK("detached", pthread_attr_getstacksize(&attr, &size) == 0 && size == 256 << 10);
	sum = 0;
	for (int i = 0; i < 300; i++) {
		NEED(pthread_create(&one, NULL, square, (void *)2L) == 0);
		pthread_join(one, &result);
		sum += (long)result;
	}
	CHECK_EQ("three_hundred_threads_in_a_row", sum, 1200);
	return check_result();
}
