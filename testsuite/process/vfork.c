/* vfork(2) and posix_spawn(3). */
#include "check.h"
#include <spawn.h>

static char self[PATH_MAX];
static char *no_env[] = { NULL };
static volatile int shared;

static int spawn(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr, char **argv)
{
	pid_t pid;
	int error = posix_spawn(&pid, self, actions, attr, argv, no_env);

	return error ? -error : check_wait(pid);
}

static int second_life(char **argv)
{
	sigset_t mask;

	if (strcmp(argv[1], "exit") == 0)
		return atoi(argv[2]);
	if (strcmp(argv[1], "say") == 0)
		return write(STDOUT_FILENO, "said\n", 5) != 5;
	if (strcmp(argv[1], "group") == 0)
		return getpgrp() != getpid();
	if (strcmp(argv[1], "mask") == 0)
		return sigprocmask(SIG_BLOCK, NULL, &mask) || !sigismember(&mask, SIGUSR2);
	return 77;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	char text[8] = "";
	sigset_t mask;
	pid_t pid, missing;

	if (argc > 1)
		return second_life(argv);
	NEED(readlink("/proc/self/exe", self, sizeof self - 1) > 0);

	pid = vfork();
	if (pid == 0) {
		shared = 42;
		_exit(6);
	}
	CHECK_EQ("memory_is_shared_and_parent_waits", shared, 42);
	CHECK_EQ("exit_status", check_wait(pid), 6);
	pid = vfork();
	if (pid == 0) {
		execve(self, (char *[]){ "x", "exit", "12", NULL }, no_env);
		_exit(111);
	}
	CHECK_EQ("exec_from_vfork", check_wait(pid), 12);
	pid = vfork();
	if (pid == 0) {
		execve("missing", (char *[]){ "x", NULL }, no_env);
		shared = errno;
		_exit(1);
	}
	check_wait(pid);
	CHECK_EQ("failed_exec_returns_to_the_child", shared, ENOENT);
	pid = vfork();
	if (pid == 0) {
		kill(getpid(), SIGKILL);
		_exit(1);
	}
	CHECK_EQ("killed_child_releases_parent", check_wait(pid), 128 + SIGKILL);
	pid = getpid();
	if (vfork() == 0) {
		shared = getpid() != pid && getppid() == pid;
		_exit(0);
	}
	CHECK_EQ("identity_in_the_child", shared, 1);
	wait(NULL);
	CHECK_EQ("identity_in_the_parent_afterwards", getpid(), pid);

	CHECK_EQ("spawn", spawn(NULL, NULL, (char *[]){ "x", "exit", "3", NULL }), 3);
	CHECK_EQ("spawn_missing", posix_spawn(&missing, "missing", NULL, NULL, (char *[]){ "x", NULL }, no_env), ENOENT);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "out", O_WRONLY | O_CREAT, 0600);
	CHECK_EQ("spawn_with_redirection", spawn(&actions, NULL, (char *[]){ "x", "say", NULL }), 0);
	posix_spawn_file_actions_destroy(&actions);
	int fd = open("out", O_RDONLY);
	CHECK("redirected_output", read(fd, text, sizeof text) == 5 && memcmp(text, "said\n", 5) == 0);
	close(fd);
	unlink("out");
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	CHECK_EQ("spawn_in_a_new_group", spawn(NULL, &attr, (char *[]){ "x", "group", NULL }), 0);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &mask);
	CHECK_EQ("spawn_with_a_mask", spawn(NULL, &attr, (char *[]){ "x", "mask", NULL }), 0);
	posix_spawnattr_destroy(&attr);
	return check_result();
}
