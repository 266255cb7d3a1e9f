/* What `exo run` is tested with: the first argument says what to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int echo(void)
{
	static char buffer[65536];
	ssize_t n;

	while ((n = read(0, buffer, sizeof buffer)) > 0)
		for (ssize_t done = 0, m; done < n; done += m)
			if ((m = write(1, buffer + done, (size_t)(n - done))) < 0)
				return 1;
	return n < 0;
}

static int world(void)
{
	char note[16] = "";
	FILE *file = fopen("note", "r");

	if (!file || !fgets(note, sizeof note, file) || !getenv("A"))
		return 1;
	printf("%d %d %s %s\n", (int)getuid(), (int)getgid(), getenv("A"), note);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "streams") == 0)
		return fputs("out\n", stdout) < 0 || fputs("err\n", stderr) < 0;
	if (strcmp(what, "exit") == 0 && argc > 2)
		return atoi(argv[2]);
	if (strcmp(what, "null") == 0) {
		volatile int *nowhere = argc > 100 ? &argc : NULL;

		return *nowhere;
	}
	if (strcmp(what, "abort") == 0)
		abort();
	if (strcmp(what, "echo") == 0)
		return echo();
	if (strcmp(what, "world") == 0)
		return world();
	if (strcmp(what, "sleep") == 0)
		sleep(1000);
	return 2;
}
