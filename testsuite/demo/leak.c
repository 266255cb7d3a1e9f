/*
 * Runs fork + exec + exit ten thousand times (or as often as its argument says), and compares the kernel's memory in
 * use before and after, once warmed up: the frames that live objects need (holes in slab pages left out). Prints
 * the two figures and `equal` or the difference; exits 0 when they are equal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static long frames_in_use(void)
{
	char line[128];
	long value = -1;
	FILE *file;

	usleep(200000); /* the last child's stack is given back a little after its end */
	file = fopen("/proc/exo/frames", "r");

	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "live %ld", &value) == 1)
			break;
	if (file)
		fclose(file);
	return value;
}

/* The least of several readings: what other threads of the kernel hold for a moment only adds. */
static long least_in_use(void)
{
	long least = frames_in_use();

	for (int i = 0; i < 10; i++) {
		long now = frames_in_use();

		if (now < least)
			least = now;
	}
	return least;
}

static void rounds(const char *self, long count)
{
	for (long i = 0; i < count; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			execl(self, self, "child", NULL);
			_exit(1);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
			fprintf(stderr, "round %ld failed\n", i);
			exit(1);
		}
	}
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 10000, before, after;

	if (argc > 1 && strcmp(argv[1], "child") == 0)
		return 0;
	frames_in_use();
	rounds("/proc/self/exe", 500); /* fills caches */
	before = frames_in_use();
	rounds("/proc/self/exe", count);
	after = least_in_use();
	printf("frames in use before %ld, after %ld: ", before, after);
	if (before == after)
		puts("equal");
	else
		printf("%ld more\n", after - before);
	return before != after;
}
