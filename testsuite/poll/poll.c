/* poll(2), ppoll(2), select(2), pselect(2) on pipes and files. */
#include "check.h"
#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>

static int ends[2];

static int state(int fd, short events)
{
	struct pollfd ready = { .fd = fd, .events = events };

	return poll(&ready, 1, 0) < 0 ? -1 : ready.revents;
}

static void states(void)
{
	static char block[65536];
	int file = open("f", O_RDWR | O_CREAT, 0600), more[2];

	NEED(pipe2(ends, O_NONBLOCK) == 0);
	CHECK_EQ("empty_pipe", state(ends[0], POLLIN), 0);
	CHECK_EQ("empty_pipe_is_writable", state(ends[1], POLLOUT), POLLOUT);
	CHECK_EQ("write_end_is_not_readable", state(ends[1], POLLIN), 0);
	NEED(write(ends[1], "x", 1) == 1);
	CHECK_EQ("readable", state(ends[0], POLLIN), POLLIN);
	CHECK_EQ("only_what_was_asked", state(ends[0], POLLOUT), 0);
	CHECK_EQ("normal_data_bit", state(ends[0], POLLIN | POLLRDNORM), POLLIN | POLLRDNORM);
	while (write(ends[1], block, 4096) > 0)
		;
	while (write(ends[1], block, 1) > 0)
		;
	CHECK_EQ("full_pipe", state(ends[1], POLLOUT), 0);
	NEED(read(ends[0], block, 8192) == 8192);
	CHECK_EQ("writable_again", state(ends[1], POLLOUT), POLLOUT);
	close(ends[1]);
	CHECK_EQ("writer_gone_with_data", state(ends[0], POLLIN), POLLIN | POLLHUP);
	while (read(ends[0], block, sizeof block) > 0)
		;
	CHECK_EQ("writer_gone", state(ends[0], POLLIN), POLLHUP);
	NEED(pipe(more) == 0);
	close(more[0]);
	CHECK_EQ("reader_gone", state(more[1], POLLOUT), POLLOUT | POLLERR);
	CHECK_EQ("file_is_always_ready", state(file, POLLIN | POLLOUT), POLLIN | POLLOUT);
	CHECK_EQ("closed_fd", state(99, POLLIN), POLLNVAL);
	CHECK_EQ("negative_fd_is_skipped", state(-1, POLLIN), 0);
	close(more[1]);
	close(ends[0]);
	close(file);
	unlink("f");
}

static pid_t later(int ms, int fd)
{
	pid_t pid = fork();

	if (pid == 0) {
		sleep_ms(ms);
		_exit(write(fd, "x", 1) != 1);
	}
	return pid;
}

static void waiting(void)
{
	struct pollfd many[3];
	struct timespec before, after, zero = { 0, 0 };
	int a[2], b[2];
	pid_t pid;

	NEED(pipe(a) == 0 && pipe(b) == 0);
	many[0] = (struct pollfd){ .fd = a[0], .events = POLLIN };
	many[1] = (struct pollfd){ .fd = -5, .events = POLLIN, .revents = 99 };
	many[2] = (struct pollfd){ .fd = b[0], .events = POLLIN };
	clock_gettime(CLOCK_MONOTONIC, &before);
	CHECK_EQ("times_out", poll(many, 3, 30), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	CHECK("after_at_least_that_time", (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 29);
	CHECK_EQ("revents_of_a_skipped_fd_is_cleared", many[1].revents, 0);
	pid = later(30, b[1]);
	CHECK_EQ("wakes_for_one_of_several", poll(many, 3, -1), 1);
	CHECK("for_the_right_one", many[0].revents == 0 && many[2].revents == POLLIN);
	check_wait(pid);
	CHECK_EQ("stays_ready", poll(many, 3, 0), 1);
	NEED(write(a[1], "y", 1) == 1);
	CHECK_EQ("counts_both", poll(many, 3, -1), 2);
	CHECK_EQ("no_fds_is_a_sleep", poll(NULL, 0, 5), 0);
	CHECK_EQ("ppoll", ppoll(many, 3, &zero, NULL), 2);
	CHECK_ERR("ppoll_bad_time", ppoll(many, 3, &(struct timespec){ 0, -1 }, NULL), EINVAL);
	CHECK_ERR("bad_pointer", poll((void *)8, 1, 0), EFAULT);
	CHECK_EQ("more_fds_than_the_limit",
		 CHILD(struct rlimit few = { 3, 3 }; setrlimit(RLIMIT_NOFILE, &few); struct pollfd set[5] = { 0 };
		       _exit(poll(set, 5, 0) == -1 && errno == EINVAL)),
		 1);
	close(a[0]), close(a[1]), close(b[0]), close(b[1]);
}

static volatile int calls;

static void count(int sig)
{
	(void)sig;
	calls++;
}

static void masks(void)
{
	sigset_t blocked, none;
	struct timespec soon = { 5, 0 };

	signal(SIGUSR1, count);
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	raise(SIGUSR1);
	CHECK_ERR("ppoll_unblocks_while_it_waits", ppoll(NULL, 0, &soon, &none), EINTR);
	CHECK_EQ("the_handler_ran", calls, 1);
	raise(SIGUSR1);
	CHECK_ERR("pselect_unblocks_while_it_waits", pselect(0, NULL, NULL, NULL, &soon, &none), EINTR);
	CHECK_EQ("the_handler_ran_again", calls, 2);
	sigprocmask(SIG_BLOCK, NULL, &none);
	CHECK("the_mask_is_back", sigismember(&none, SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

static void selects(void)
{
	struct timeval soon = { 0, 20000 }, now = { 0, 0 };
	fd_set in, out;
	int a[2], b[2];
	pid_t pid;

	NEED(pipe(a) == 0 && pipe(b) == 0);
	FD_ZERO(&in);
	FD_SET(a[0], &in);
	FD_SET(b[0], &in);
	CHECK_EQ("select_times_out", select(b[1] + 1, &in, NULL, NULL, &soon), 0);
	CHECK("sets_are_cleared", !FD_ISSET(a[0], &in) && !FD_ISSET(b[0], &in));
	soon = (struct timeval){ 0, 20000 };
	CHECK("the_call_itself_tells_the_rest", syscall(SYS_select, 0, NULL, NULL, NULL, &soon) == 0 && soon.tv_sec == 0 && soon.tv_usec == 0);
	FD_SET(a[0], &in);
	FD_SET(b[0], &in);
	pid = later(30, a[1]);
	CHECK_EQ("select_wakes", select(b[1] + 1, &in, NULL, NULL, NULL), 1);
	CHECK("for_that_fd", FD_ISSET(a[0], &in) && !FD_ISSET(b[0], &in));
	check_wait(pid);
	FD_ZERO(&out);
	FD_SET(a[1], &out);
	FD_SET(b[1], &out);
	CHECK_EQ("select_counts_all_sets", select(b[1] + 1, &in, &out, NULL, &now), 3);
	close(b[0]), close(b[1]);
	FD_ZERO(&in);
	FD_SET(b[0], &in);
	CHECK_ERR("select_on_a_closed_fd", select(b[0] + 1, &in, NULL, NULL, &now), EBADF);
	CHECK_ERR("negative_count", select(-1, NULL, NULL, NULL, &now), EINVAL);
	now.tv_usec = -1;
	CHECK_ERR("negative_time", select(0, NULL, NULL, NULL, &now), EINVAL);
	close(a[0]), close(a[1]);
}

int main(void)
{
	states();
	waiting();
	masks();
	selects();
	return check_result();
}
