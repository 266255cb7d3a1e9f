/*
 * Checks for C test programs. Each check prints one line:
 *
 *   ok NAME                  it held
 *   not ok NAME: WHY         it did not
 *   skip NAME: WHY           it cannot be asked here (needs root, for example)
 *
 * A program ends with `return check_result();`, 0 when nothing failed. Lines go straight to write(2), so
 * that nothing is lost or doubled by fork, exec or a crash. Output must not hold process ids, addresses or
 * times: the same program runs on Linux and on Exo-OS, and the two outputs are compared.
 */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int check_failures __attribute__((unused));

__attribute__((unused, format(printf, 1, 2))) static void check_print(const char *format, ...)
{
	char line[512];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (len >= (int)sizeof line) {
		len = sizeof line;
		line[len - 1] = '\n';
	}
	if (write(STDOUT_FILENO, line, (size_t)len) < 0)
		_exit(99);
}

__attribute__((unused)) static void check_report(const char *name, bool held, const char *what)
{
	int error = errno;

	if (held) {
		check_print("ok %s\n", name);
		return;
	}
	check_failures++;
	check_print("not ok %s: %s (errno %s)\n", name, what, strerror(error));
}

__attribute__((unused)) static void check_equal(const char *name, long long got, long long want, const char *what)
{
	if (got == want) {
		check_print("ok %s\n", name);
		return;
	}
	check_failures++;
	check_print("not ok %s: %s is %lld, not %lld (errno %s)\n", name, what, got, want, strerror(errno));
}

__attribute__((unused)) static void check_error(const char *name, long long result, int want, const char *what)
{
	int error = errno;

	if (result == -1 && error == want) {
		check_print("ok %s\n", name);
		return;
	}
	check_failures++;
	if (result == -1)
		check_print("not ok %s: %s gave \"%s\", not \"%s\"\n", name, what, strerror(error), strerror(want));
	else
		check_print("not ok %s: %s gave %lld, not \"%s\"\n", name, what, result, strerror(want));
}

/* Waits for one child: its exit status, or 128 + the signal that ended it, or -1. */
__attribute__((unused)) static int check_wait(pid_t pid)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got != pid)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

__attribute__((unused)) static int check_result(void)
{
	return check_failures != 0;
}

/* CONDITION must hold. */
#define CHECK(name, condition) (errno = 0, check_report(name, (condition), #condition))

/* GOT must equal WANT, as integers. */
#define CHECK_EQ(name, got, want) (errno = 0, check_equal(name, (long long)(got), (long long)(want), #got))

/* CALL must return -1 with errno WANT. */
#define CHECK_ERR(name, call, want) (errno = 0, check_error(name, (long long)(call), want, #call))

#define SKIP(name, why) check_print("skip %s: %s\n", name, why)

/* Runs statements in a forked child; the value is its exit status (0 when it gets to the end), or 128 + signal. */
#define CHILD(...)                          \
	({                                  \
		pid_t child_pid_ = fork();  \
		if (child_pid_ == 0) {      \
			__VA_ARGS__;        \
			_exit(0);           \
		}                           \
		check_wait(child_pid_);     \
	})

/* The set-up of a test, not its subject: without it nothing that follows makes sense. */
#define NEED(condition)                                                                              \
	do {                                                                                         \
		if (!(condition)) {                                                                  \
			check_print("not ok set-up: line %d: %s (errno %s)\n", __LINE__, #condition, \
				    strerror(errno));                                                \
			exit(1);                                                                     \
		}                                                                                    \
	} while (0)

/* Becomes an ordinary user: 1000 when root, else whoever runs the test. */
__attribute__((unused)) static void become_user(void)
{
	if (geteuid() != 0)
		return;
	if (setgid(1000) < 0 || setuid(1000) < 0)
		_exit(98);
}

__attribute__((unused)) static void make_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	NEED(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

__attribute__((unused)) static void sleep_ms(int ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

#endif
