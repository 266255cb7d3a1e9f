/* Threads that map, fault, fork and allocate at the same time. */
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

static atomic_int bad;

static void *maps(void *arg)
{
	for (int i = 0; i < 100; i++) {
		size_t len = (size_t)(i % 7 + 1) * 4096;
		char *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED || at[len - 1] != 0)
			atomic_fetch_add(&bad, 1);
		memset(at, (int)(long)arg, len);
		for (size_t j = 0; j < len; j += 512)
			if (at[j] != (char)(long)arg)
				atomic_fetch_add(&bad, 1);
		munmap(at, len);
	}
	return NULL;
}

static void *allocates(void *arg)
{
	char *blocks[50];

	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < 50; i++) {
			blocks[i] = malloc(i * 97 + 1);
			memset(blocks[i], (int)(long)arg, i * 97 + 1);
		}
		for (size_t i = 0; i < 50; i++) {
			if (blocks[i][i * 97] != (char)(long)arg)
				atomic_fetch_add(&bad, 1);
			free(blocks[i]);
		}
	}
	return NULL;
}

static void *forks(void *arg)
{
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit((int)(long)arg);
		if (pid < 0 || check_wait(pid) != (int)(long)arg)
			atomic_fetch_add(&bad, 1);
	}
	return NULL;
}

static void *writes(void *arg)
{
	char name[20];

	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof name, "t%ld-%d", (long)arg, i);
		int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);

		if (fd < 0 || write(fd, name, 5) != 5 || close(fd) != 0 || unlink(name) != 0)
			atomic_fetch_add(&bad, 1);
	}
	return NULL;
}

static void run(const char *name, void *(*const bodies[])(void *), size_t kinds)
{
	pthread_t threads[8];

	bad = 0;
	for (size_t i = 0; i < 8; i++)
		NEED(pthread_create(&threads[i], NULL, bodies[i % kinds], (void *)(long)(i + 1)) == 0);
	for (size_t i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(name, atomic_load(&bad), 0);
}

int main(void)
{
	void *(*const all[])(void *) = { maps, allocates, forks, writes };

	run("mapping", (void *(*const[])(void *)){ maps }, 1);
	run("allocating", (void *(*const[])(void *)){ allocates }, 1);
	run("forking", (void *(*const[])(void *)){ forks }, 1);
	run("files", (void *(*const[])(void *)){ writes }, 1);
	run("everything", all, 4);
	return check_result();
}
