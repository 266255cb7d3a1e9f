/* Mutexes, condition variables, barriers, rwlocks, semaphores, once: all of them futexes below. */
#include "check.h"
#include <pthread.h>
#include <semaphore.h>

#define THREADS 8
#define ROUNDS 3000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t slots;
static long counter, turn, first_phase, seen_early, once_calls, inside, most_inside, pair[2], torn;

static void *add(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		if (i % 512 == 0)
			sched_yield();
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

static void *take_turns(void *arg)
{
	long me = (long)arg;

	for (int i = 0; i < 50; i++) {
		pthread_mutex_lock(&lock);
		while (turn % THREADS != me)
			pthread_cond_wait(&changed, &lock);
		turn++;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void *phases(void *arg)
{
	for (int i = 0; i < 20; i++) {
		pthread_mutex_lock(&lock);
		first_phase++;
		pthread_mutex_unlock(&lock);
		pthread_barrier_wait(&barrier);
		pthread_mutex_lock(&lock);
		seen_early += first_phase != THREADS * (i + 1);
		pthread_mutex_unlock(&lock);
		pthread_barrier_wait(&barrier);
	}
	return arg;
}

static void count_once(void)
{
	once_calls++;
}

static void *call_once(void *arg)
{
	pthread_once(&once, count_once);
	return arg;
}

static void *limited(void *arg)
{
	for (int i = 0; i < 20; i++) {
		sem_wait(&slots);
		pthread_mutex_lock(&lock);
		if (++inside > most_inside)
			most_inside = inside;
		pthread_mutex_unlock(&lock);
		sched_yield();
		pthread_mutex_lock(&lock);
		inside--;
		pthread_mutex_unlock(&lock);
		sem_post(&slots);
	}
	return arg;
}

static void *readers_and_writers(void *arg)
{
	for (int i = 0; i < 300; i++) {
		if ((long)arg % 4 == 0) {
			pthread_rwlock_wrlock(&rwlock);
			pair[0]++;
			sched_yield();
			pair[1]++;
		} else {
			pthread_rwlock_rdlock(&rwlock);
			if (pair[0] != pair[1])
				__atomic_fetch_add(&torn, 1, __ATOMIC_RELAXED);
		}
		pthread_rwlock_unlock(&rwlock);
	}
	return NULL;
}

static void run(void *(*body)(void *))
{
	pthread_t threads[THREADS];

	for (long i = 0; i < THREADS; i++)
		NEED(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void *try_locked(void *arg)
{
	(void)arg;
	return (void *)(long)pthread_mutex_trylock(&lock);
}

static void timeouts(void)
{
	struct timespec past = { 1, 0 }, soon;
	pthread_t thread;
	void *result;

	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 20000000;
	if (soon.tv_nsec >= 1000000000)
		soon.tv_sec++, soon.tv_nsec -= 1000000000;
	pthread_mutex_lock(&lock);
	pthread_create(&thread, NULL, try_locked, NULL);
	pthread_join(thread, &result);
	CHECK_EQ("trylock_of_a_locked_mutex", (long)result, EBUSY);
	CHECK_EQ("timedwait_in_the_past", pthread_cond_timedwait(&changed, &lock, &past), ETIMEDOUT);
	CHECK_EQ("timedwait_soon", pthread_cond_timedwait(&changed, &lock, &soon), ETIMEDOUT);
	CHECK_EQ("timedlock_of_own_mutex", pthread_mutex_timedlock(&lock, &past), ETIMEDOUT);
	pthread_mutex_unlock(&lock);
}

static void kinds(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t mutex;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&mutex, &attr);
	CHECK("recursive", !pthread_mutex_lock(&mutex) && !pthread_mutex_lock(&mutex) && !pthread_mutex_unlock(&mutex) && !pthread_mutex_unlock(&mutex));
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&mutex, &attr);
	pthread_mutex_lock(&mutex);
	CHECK_EQ("errorcheck_deadlock", pthread_mutex_lock(&mutex), EDEADLK);
	pthread_mutex_unlock(&mutex);
	CHECK_EQ("errorcheck_not_owner", pthread_mutex_unlock(&mutex), EPERM);
}

int main(void)
{
	run(add);
	CHECK_EQ("mutex_counts_right", counter, THREADS * ROUNDS);
	run(take_turns);
	CHECK_EQ("condition_variable_takes_turns", turn, THREADS * 50);
	pthread_barrier_init(&barrier, NULL, THREADS);
	run(phases);
	CHECK_EQ("barrier_holds_everybody", seen_early, 0);
	run(call_once);
	CHECK_EQ("once", once_calls, 1);
	sem_init(&slots, 0, 3);
	run(limited);
	CHECK("semaphore_admits_three", most_inside >= 1 && most_inside <= 3);
	run(readers_and_writers);
	CHECK("rwlock_shows_no_torn_pair", torn == 0 && pair[0] == 600);
	timeouts();
	kinds();
	return check_result();
}
