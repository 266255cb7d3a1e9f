/* Eight threads count under one mutex. Prints `800000`, exits 0. */
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long counter;

static void *count(void *arg)
{
	for (int i = 0; i < 100000; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

int main(void)
{
	pthread_t threads[8];

	for (int i = 0; i < 8; i++)
		if (pthread_create(&threads[i], NULL, count, NULL) != 0)
			return 1;
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	printf("%ld\n", counter);
	return counter != 800000;
}
