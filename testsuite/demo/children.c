/* Forks 200 children and reaps them all. Prints `200 children`, exits 0. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	int reaped = 0, status;

	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("fork");
			return 1;
		}
		if (pid == 0)
			_exit(i % 256);
	}
	while (wait(&status) > 0)
		reaped++;
	printf("%d children\n", reaped);
	return reaped != 200;
}
