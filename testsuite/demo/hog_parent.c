/* Lets a child touch memory without end, then goes on working. Prints `killed by 9` and `healthy`, exits 0. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		for (;;) {
			char *at = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

			if (at == MAP_FAILED)
				_exit(1);
			memset(at, 1, 16 << 20);
		}
	waitpid(pid, &status, 0);
	printf("killed by %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	char *again = mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (again == MAP_FAILED)
		return 1;
	memset(again, 2, 32 << 20);
	pid = fork();
	if (pid == 0)
		_exit(again[12345] == 2 ? 0 : 1);
	waitpid(pid, &status, 0);
	puts(status == 0 ? "healthy" : "not healthy");
	return status != 0;
}
