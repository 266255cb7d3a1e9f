/* eventfd(2): counting, semaphores, blocking, readiness, errors. */
#include "check.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

static int put(int fd, uint64_t value)
{
	return (int)write(fd, &value, sizeof value);
}

static long long take(int fd)
{
	uint64_t value;

	return read(fd, &value, sizeof value) == sizeof value ? (long long)value : -1;
}

static int state(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&ready, 1, 0) < 0 ? -1 : ready.revents;
}

static void counting(void)
{
	int fd = eventfd(3, EFD_NONBLOCK);
	uint64_t two[2] = { 5, 6 };
	char few[7];

	NEED(fd >= 0);
	CHECK_EQ("starts_at_the_count", take(fd), 3);
	CHECK_ERR("empty", take(fd), EAGAIN);
	CHECK_EQ("write_gives_eight", put(fd, 4), 8);
	CHECK_EQ("writes_add_up", (put(fd, 5), take(fd)), 9);
	CHECK_EQ("adding_nothing", put(fd, 0), 8);
	CHECK_ERR("leaves_it_empty", take(fd), EAGAIN);
	CHECK_ERR("short_write", write(fd, few, 7), EINVAL);
	CHECK_ERR("short_read", read(fd, few, 7), EINVAL);
	put(fd, 5);
	CHECK_EQ("long_read_gives_eight", read(fd, two, sizeof two), 8);
	CHECK("and_changes_no_more", two[0] == 5 && two[1] == 6);
	CHECK_ERR("the_largest_number", put(fd, UINT64_MAX), EINVAL);
	CHECK_EQ("one_less", put(fd, UINT64_MAX - 1), 8);
	CHECK_EQ("full_is_readable_only", state(fd), POLLIN);
	CHECK_ERR("overflow", put(fd, 1), EAGAIN);
	CHECK_EQ("full_takes_zero", put(fd, 0), 8);
	CHECK("all_comes_back", read(fd, two, 8) == 8 && two[0] == UINT64_MAX - 1);
	CHECK_EQ("empty_is_writable_only", state(fd), POLLOUT);
	put(fd, 1);
	CHECK_EQ("both", state(fd), POLLIN | POLLOUT);
	CHECK_ERR("read_to_bad_memory", read(fd, (void *)8, 8), EFAULT);
	CHECK_ERR("write_from_bad_memory", write(fd, (void *)8, 8), EFAULT);
	CHECK_ERR("no_positions", pread(fd, two, 8, 0), ESPIPE);
	close(fd);
}

static void vectors(void)
{
	int fd = eventfd(7, EFD_NONBLOCK);
	uint32_t low = 0, high = 9;
	struct iovec parts[2] = { { &low, 4 }, { &high, 4 } };

	NEED(fd >= 0);
	CHECK_EQ("readv", readv(fd, parts, 2), 8);
	CHECK("in_two_parts", low == 7 && high == 0);
	close(fd);
}

static void semaphore(void)
{
	int fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);

	NEED(fd >= 0);
	CHECK_EQ("semaphore_takes_one", take(fd), 1);
	CHECK_EQ("and_one", take(fd), 1);
	CHECK_ERR("and_no_more", take(fd), EAGAIN);
	put(fd, 3);
	CHECK("a_write_adds_all", take(fd) == 1 && take(fd) == 1 && take(fd) == 1);
	CHECK_ERR("three", take(fd), EAGAIN);
	close(fd);
}

static void blocking(void)
{
	int fd = eventfd(0, 0);
	pid_t pid;

	NEED(fd >= 0);
	pid = fork();
	if (pid == 0) {
		sleep_ms(20);
		put(fd, 6);
		_exit(0);
	}
	CHECK_EQ("read_waits_for_a_write", take(fd), 6);
	check_wait(pid);
	put(fd, UINT64_MAX - 1);
	pid = fork();
	if (pid == 0) {
		sleep_ms(20);
		_exit(take(fd) == -1);
	}
	CHECK_EQ("write_waits_for_a_read", put(fd, 2), 8);
	check_wait(pid);
	CHECK_EQ("and_counts_after_it", take(fd), 2);
	pid = fork();
	if (pid == 0) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };

		_exit(poll(&ready, 1, 5000) != 1 || take(fd) != 1);
	}
	sleep_ms(20);
	put(fd, 1);
	CHECK_EQ("poll_waits_for_a_write", check_wait(pid), 0);
	close(fd);
}

static void nothing(int sig)
{
	(void)sig;
}

static void interrupted(void)
{
	int fd = eventfd(0, 0);
	struct sigaction action = { .sa_handler = nothing };
	pid_t pid;

	sigaction(SIGUSR1, &action, NULL);
	pid = fork();
	if (pid == 0) {
		sleep_ms(20);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	CHECK_ERR("a_signal_ends_the_wait", take(fd), EINTR);
	check_wait(pid);
	close(fd);
}

static void flags(void)
{
	int fd;
	char path[64], link[64];

	CHECK_ERR("unknown_flags", eventfd(0, 0x10), EINVAL);
	fd = eventfd(0, EFD_CLOEXEC);
	CHECK_EQ("close_on_exec", fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ("opened_for_both", fcntl(fd, F_GETFL), O_RDWR);
	close(fd);
	fd = eventfd(0, EFD_NONBLOCK);
	CHECK_EQ("not_by_itself", fcntl(fd, F_GETFD), 0);
	CHECK_EQ("nonblocking", fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	CHECK("name_in_proc", readlink(path, link, sizeof link) == 20 && memcmp(link, "anon_inode:[eventfd]", 20) == 0);
	close(fd);
	fd = (int)syscall(SYS_eventfd, 4);
	CHECK_EQ("the_old_call", take(fd), 4);
	close(fd);
	CHECK_ERR("closed", put(fd, 1), EBADF);
}

int main(void)
{
	counting();
	vectors();
	semaphore();
	blocking();
	interrupted();
	flags();
	return check_result();
}
