/* fork(2): what the child shares with its parent, and what it does not. */
#include "check.h"
#include <sys/mman.h>

static int counter = 1;
static char big[1 << 20];

static void memory_is_private(void)
{
	char *heap = malloc(100000);
	int local = 5;

	memset(big, 1, sizeof big);
	memset(heap, 2, 100000);
	CHECK_EQ("child_sees_data", CHILD(_exit(counter == 1 && big[99999] == 1 && heap[99999] == 2 && local == 5)), 1);
	CHECK_EQ("child_writes", CHILD(counter = 9; local = 9; memset(big, 9, sizeof big); memset(heap, 9, 100000)), 0);
	CHECK("parent_data_unchanged", counter == 1 && big[0] == 1 && big[sizeof big - 1] == 1);
	CHECK("parent_heap_unchanged", heap[0] == 2 && heap[99999] == 2);
	CHECK("parent_stack_unchanged", local == 5);
	free(heap);
}

static void parent_write_is_hidden(void)
{
	int gate[2];
	char byte;
	pid_t pid;

	memset(big, 3, sizeof big);
	NEED(pipe(gate) == 0);
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) != 0)
			_exit(1);
		for (size_t i = 0; i < sizeof big; i += 4096)
			if (big[i] != 3)
				_exit(2);
		_exit(0);
	}
	memset(big, 4, sizeof big);
	close(gate[0]);
	close(gate[1]);
	CHECK_EQ("child_keeps_data_of_fork_time", check_wait(pid), 0);
}

static void identity(void)
{
	pid_t parent = getpid();

	CHECK_EQ("child_has_parent", CHILD(_exit(getppid() == parent)), 1);
	CHECK_EQ("child_has_own_pid", CHILD(_exit(getpid() != parent)), 1);
	CHECK_EQ("child_pid_is_its_tid", CHILD(_exit(getpid() == syscall(SYS_gettid))), 1);
	CHECK_EQ("group_is_inherited", CHILD(_exit(getpgrp() == getpgid(parent))), 1);
	CHECK_EQ("session_is_inherited", CHILD(_exit(getsid(0) == getsid(parent))), 1);
}

static void files(void)
{
	int fd = open("shared", O_RDWR | O_CREAT | O_TRUNC, 0600), extra;
	char text[8] = "";

	NEED(fd >= 0);
	CHECK_EQ("child_writes_to_inherited_fd", CHILD(_exit(write(fd, "abc", 3) == 3)), 1);
	CHECK_EQ("offset_is_shared", lseek(fd, 0, SEEK_CUR), 3);
	CHECK_EQ("child_closes", CHILD(close(fd)), 0);
	CHECK_EQ("fd_still_open_in_parent", write(fd, "d", 1), 1);
	CHECK("all_bytes_are_there", pread(fd, text, 8, 0) == 4 && strcmp(text, "abcd") == 0);
	CHECK_EQ("child_opens", CHILD(extra = open("shared", O_RDONLY); _exit(extra == fd + 1)), 1);
	CHECK_ERR("fd_of_child_is_not_in_parent", fcntl(fd + 1, F_GETFD), EBADF);
	CHECK_EQ("child_changes_cwd", CHILD(_exit(mkdir("sub", 0700) == 0 && chdir("sub") == 0)), 1);
	CHECK_EQ("cwd_of_parent_unchanged", access("shared", F_OK), 0);
	CHECK_EQ("child_changes_umask", CHILD(umask(0)), 0);
	CHECK_EQ("umask_of_parent_unchanged", umask(022), 022);
	rmdir("sub");
	unlink("shared");
	close(fd);
}

static void signals(void)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGUSR1);
	CHECK_EQ("mask_is_inherited", CHILD(sigprocmask(SIG_BLOCK, NULL, &set); _exit(sigismember(&set, SIGUSR1))), 1);
	CHECK_EQ("pending_is_not_inherited", CHILD(sigpending(&set); _exit(sigismember(&set, SIGUSR1))), 0);
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_SETMASK, &old, NULL);
	CHECK_EQ("disposition_is_inherited", CHILD(raise(SIGUSR1); _exit(6)), 6);
	signal(SIGUSR1, SIG_DFL);
	alarm(100);
	CHECK_EQ("alarm_is_not_inherited", CHILD(_exit((int)alarm(0))), 0);
	CHECK("alarm_of_parent_stays", alarm(0) > 0);
}

static void two_hundred(void)
{
	static pid_t pids[200];
	int good = 0, reaped = 0, status;

	for (int i = 0; i < 200; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(i % 100);
		NEED(pids[i] > 0);
	}
	for (int i = 0; i < 200; i++) {
		pid_t pid = wait(&status);

		for (int j = 0; j < 200; j++)
			if (pids[j] == pid)
				good += WIFEXITED(status) && WEXITSTATUS(status) == j % 100, reaped++;
	}
	CHECK_EQ("200_children_reaped", reaped, 200);
	CHECK_EQ("200_children_statuses", good, 200);
	CHECK_ERR("no_child_left", wait(&status), ECHILD);
}

static void deep(void)
{
	int depth = 0;

	/* each child forks the next; the statuses come back up */
	while (depth < 30) {
		pid_t pid = fork();

		if (pid < 0)
			_exit(100);
		if (pid > 0) {
			int below = check_wait(pid);

			if (depth > 0)
				_exit(below + 1);
			CHECK_EQ("chain_of_30_forks", below, 29);
			return;
		}
		depth++;
	}
	_exit(0);
}

int main(void)
{
	memory_is_private();
	parent_write_is_hidden();
	identity();
	files();
	signals();
	two_hundred();
	deep();
	return check_result();
}
