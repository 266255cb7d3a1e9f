/* Cancellation, clean-up handlers, thread-specific data, robust mutexes. */
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

static atomic_int ready, cleaned, destroyed;
static int ends[2];

static void clean(void *arg)
{
	(void)arg;
	atomic_fetch_add(&cleaned, 1);
}

static void *blocks_in_read(void *arg)
{
	char byte;

	pthread_cleanup_push(clean, NULL);
	atomic_fetch_add(&ready, 1);
	(void)!read(ends[0], &byte, 1);
	pthread_cleanup_pop(0);
	return arg;
}

static void *refuses(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	atomic_fetch_add(&ready, 1);
	sleep_ms(50);
	return arg;
}

static void *spins(void *arg)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	atomic_fetch_add(&ready, 1);
	for (;;)
		;
	return arg;
}

static void destroy(void *arg)
{
	(void)arg;
	atomic_fetch_add(&destroyed, 1);
}

static pthread_key_t key;

static void *uses_key(void *arg)
{
	pthread_setspecific(key, arg);
	return (void *)(long)(pthread_getspecific(key) == arg);
}

static void *cancelled(void *(*body)(void *))
{
	pthread_t thread;
	void *result;

	ready = 0;
	NEED(pthread_create(&thread, NULL, body, (void *)5L) == 0);
	while (atomic_load(&ready) == 0)
		sched_yield();
	sleep_ms(20);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	return result;
}

static pthread_mutex_t *robust;

static void *dies_with_the_lock(void *arg)
{
	pthread_mutex_lock(robust);
	return arg;
}

int main(void)
{
	pthread_mutexattr_t attr;
	pthread_t thread;
	void *result;

	NEED(pipe(ends) == 0);
	CHECK("blocked_read_is_cancelled", cancelled(blocks_in_read) == PTHREAD_CANCELED);
	CHECK_EQ("its_cleanup_ran", atomic_load(&cleaned), 1);
	CHECK("disabled_cancellation_waits", cancelled(refuses) == (void *)5L);
	CHECK("asynchronous_cancellation_stops_a_loop", cancelled(spins) == PTHREAD_CANCELED);

	pthread_key_create(&key, destroy);
	pthread_create(&thread, NULL, uses_key, &key);
	pthread_join(thread, &result);
	CHECK("thread_specific_data", result == (void *)1L && pthread_getspecific(key) == NULL);
	CHECK_EQ("its_destructor_ran", atomic_load(&destroyed), 1);

	robust = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(robust, &attr);
	pthread_create(&thread, NULL, dies_with_the_lock, NULL);
	pthread_join(thread, NULL);
	CHECK_EQ("robust_mutex_of_a_dead_thread", pthread_mutex_lock(robust), EOWNERDEAD);
	CHECK_EQ("is_made_consistent", pthread_mutex_consistent(robust) | pthread_mutex_unlock(robust), 0);
	CHECK_EQ("robust_mutex_of_a_killed_process_setup", CHILD(pthread_mutex_lock(robust); kill(getpid(), SIGKILL)), 128 + SIGKILL);
	CHECK_EQ("robust_mutex_of_a_killed_process", pthread_mutex_lock(robust), EOWNERDEAD);
	CHECK_EQ("unlocked_without_consistent", pthread_mutex_unlock(robust), 0);
	CHECK_EQ("is_lost_for_good", pthread_mutex_lock(robust), ENOTRECOVERABLE);
	return check_result();
}
