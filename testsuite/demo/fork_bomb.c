/*
 * Forks without end, as user 1000 and with at most 100 processes, for two seconds; then kills them all.
 * Prints `the limit held` and `healthy`, exits 0. Needs root (it becomes user 1000).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void bomb(void)
{
	for (;;)
		fork();
}

int main(void)
{
	struct rlimit limit = { 100, 100 };
	int status, refused[2];
	char byte;
	pid_t pid;

	if (pipe(refused) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		if (setrlimit(RLIMIT_NPROC, &limit) < 0 || setgid(1000) < 0 || setuid(1000) < 0)
			_exit(1);
		for (int i = 0; i < 300; i++) {
			pid_t child = fork();

			if (child == 0)
				for (;;)
					pause();
			if (child < 0) {
				if (errno == EAGAIN && i <= 100 && write(refused[1], "x", 1) != 1)
					_exit(1);
				break;
			}
		}
		bomb();
	}
	setpgid(pid, pid);
	close(refused[1]);
	if (read(refused[0], &byte, 1) == 1)
		puts("the limit held");
	fflush(stdout);
	sleep(2);
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	while (kill(-pid, SIGKILL) == 0)
		usleep(1000);
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, &status, 0);
	puts(pid > 0 && status == 0 ? "healthy" : "not healthy");
	return status != 0;
}
