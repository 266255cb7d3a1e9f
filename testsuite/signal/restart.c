/* Interrupted calls: EINTR, or restarted under SA_RESTART. */
#include "check.h"
#include <poll.h>
#include <sys/select.h>

static volatile int calls;
static int ends[2];

static void count(int sig)
{
	(void)sig;
	calls++;
}

static void install(int flags)
{
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = count, .sa_flags = flags }, NULL);
	calls = 0;
}

/* A child that signals us twice, some time apart, and then writes one byte. */
static pid_t nuisance(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		sleep_ms(40);
		kill(parent, SIGUSR1);
		sleep_ms(40);
		kill(parent, SIGUSR1);
		sleep_ms(40);
		_exit(write(ends[1], "x", 1) != 1);
	}
	return pid;
}

static void drain(pid_t pid)
{
	char byte;

	check_wait(pid);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	while (read(ends[0], &byte, 1) > 0)
		;
	fcntl(ends[0], F_SETFL, 0);
}

static void reads(void)
{
	char byte;
	pid_t pid;

	install(0);
	pid = nuisance();
	CHECK_ERR("read_is_interrupted", read(ends[0], &byte, 1), EINTR);
	drain(pid);
	install(SA_RESTART);
	pid = nuisance();
	CHECK_EQ("read_is_restarted", read(ends[0], &byte, 1), 1);
	CHECK_EQ("both_handlers_ran", calls, 2);
	drain(pid);
}

static void waits(void)
{
	int status;
	pid_t pid;

	install(0);
	pid = nuisance();
	CHECK_ERR("wait_is_interrupted", waitpid(pid, &status, 0), EINTR);
	drain(pid);
	install(SA_RESTART);
	pid = nuisance();
	CHECK_EQ("wait_is_restarted", waitpid(pid, &status, 0), pid);
	CHECK_EQ("after_both_handlers", calls, 2);
	drain(-1);
}

static void sleeps(void)
{
	struct timespec long_time = { 100, 0 }, left = { 0, 0 };
	pid_t pid;

	install(SA_RESTART);
	pid = nuisance();
	CHECK_ERR("nanosleep_is_never_restarted", nanosleep(&long_time, &left), EINTR);
	CHECK("what_is_left_is_told", left.tv_sec >= 90 && left.tv_sec < 100);
	drain(pid);
	install(SA_RESTART);
	pid = nuisance();
	CHECK_EQ("clock_nanosleep_tells_the_error", clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, &left), EINTR);
	drain(pid);
}

static void polls(void)
{
	struct pollfd ready = { .fd = ends[0], .events = POLLIN };
	fd_set set;
	pid_t pid;

	install(SA_RESTART);
	pid = nuisance();
	CHECK_ERR("poll_is_never_restarted", poll(&ready, 1, -1), EINTR);
	drain(pid);
	install(SA_RESTART);
	pid = nuisance();
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	CHECK_ERR("select_is_never_restarted", select(ends[0] + 1, &set, NULL, NULL, NULL), EINTR);
	drain(pid);
	install(SA_RESTART);
	pid = nuisance();
	CHECK_ERR("pause_is_never_restarted", pause(), EINTR);
	drain(pid);
}

static void writes(void)
{
	static char block[70000];
	pid_t pid;
	ssize_t written;

	install(0);
	pid = nuisance();
	written = write(ends[1], block, sizeof block);
	CHECK_EQ("interrupted_write_tells_what_went", written, 65536);
	kill(pid, SIGKILL);
	drain(pid);
}

static void stops(void)
{
	char byte = 0;
	pid_t pid = fork();

	if (pid == 0) /* no handler runs for SIGCONT: the read goes on */
		_exit(read(ends[0], &byte, 1) == 1 && byte == 'y' ? 0 : 1);
	sleep_ms(40);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	kill(pid, SIGCONT);
	sleep_ms(20);
	NEED(write(ends[1], "y", 1) == 1);
	CHECK_EQ("stop_and_continue_restart_read", check_wait(pid), 0);
	pid = fork();
	if (pid == 0) {
		struct timespec time = { 0, 150000000 };

		_exit(nanosleep(&time, NULL) == 0 ? 0 : 1);
	}
	sleep_ms(40);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	kill(pid, SIGCONT);
	CHECK_EQ("stop_and_continue_restart_nanosleep", check_wait(pid), 0);
	pid = fork();
	if (pid == 0) { /* an ignored signal interrupts nothing */
		signal(SIGUSR1, SIG_IGN);
		_exit(read(ends[0], &byte, 1) == 1 ? 0 : 1);
	}
	sleep_ms(40);
	kill(pid, SIGUSR1);
	sleep_ms(20);
	NEED(write(ends[1], "y", 1) == 1);
	CHECK_EQ("ignored_signal_interrupts_nothing", check_wait(pid), 0);
}

int main(void)
{
	NEED(pipe(ends) == 0);
	reads();
	waits();
	sleeps();
	polls();
	writes();
	stops();
	return check_result();
}
