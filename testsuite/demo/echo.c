/* Copies its stdin to its stdout: `head -c 1048576 /dev/urandom | ./exo run testsuite/demo/echo.c`. */
#include <unistd.h>

int main(void)
{
	static char bytes[65536];
	ssize_t n, done;

	while ((n = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
		for (ssize_t at = 0; at < n; at += done)
			if ((done = write(STDOUT_FILENO, bytes + at, (size_t)(n - at))) < 0)
				return 1;
	return n < 0;
}
