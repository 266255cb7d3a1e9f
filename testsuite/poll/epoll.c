/* epoll(7): levels, edges, one-shots, nesting, lifetimes, waiting, errors. */
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int ep;

static int control(int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	return epoll_ctl(ep, op, fd, &event);
}

/* The one event that is there now; 0 for none, -1 for several. */
static long long now(uint64_t *data)
{
	struct epoll_event events[8];
	int count = epoll_wait(ep, events, 8, 0);

	if (count != 1)
		return count == 0 ? 0 : -1;
	if (data)
		*data = events[0].data.u64;
	return events[0].events;
}

static void put(int fd)
{
	uint64_t one = 1;

	NEED(write(fd, &one, 8) == 8);
}

static void take(int fd)
{
	uint64_t value;

	NEED(read(fd, &value, 8) == 8);
}

static void levels(void)
{
	int fd = eventfd(0, EFD_NONBLOCK), ends[2];
	uint64_t data = 0;

	NEED((ep = epoll_create1(0)) >= 0 && fd >= 0);
	CHECK_EQ("watches_nothing", now(NULL), 0);
	CHECK_EQ("add", control(EPOLL_CTL_ADD, fd, EPOLLIN, 0x123456789abcdefULL), 0);
	CHECK_EQ("not_ready", now(NULL), 0);
	put(fd);
	CHECK_EQ("ready", now(&data), EPOLLIN);
	CHECK("with_its_data", data == 0x123456789abcdefULL);
	CHECK_EQ("still_ready", now(NULL), EPOLLIN);
	take(fd);
	CHECK_EQ("no_longer", now(NULL), 0);
	CHECK_EQ("modify", control(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT, 2), 0);
	CHECK_EQ("writable", now(&data), EPOLLOUT);
	CHECK_EQ("new_data", data, 2);
	put(fd);
	CHECK_EQ("both", now(NULL), EPOLLIN | EPOLLOUT);
	CHECK_EQ("modify_to_nothing", control(EPOLL_CTL_MOD, fd, 0, 0), 0);
	CHECK_EQ("nothing_asked", now(NULL), 0);
	CHECK_EQ("remove", control(EPOLL_CTL_DEL, fd, 0, 0), 0);
	CHECK_EQ("removed", now(NULL), 0);
	CHECK_EQ("ready_when_added", (control(EPOLL_CTL_ADD, fd, EPOLLIN, 0), now(NULL)), EPOLLIN);
	close(fd);
	NEED(pipe(ends) == 0);
	control(EPOLL_CTL_ADD, ends[0], 0, 0);
	close(ends[1]);
	CHECK_EQ("hang_up_unasked", now(NULL), EPOLLHUP);
	close(ends[0]);
	NEED(pipe(ends) == 0);
	control(EPOLL_CTL_ADD, ends[1], 0, 0);
	close(ends[0]);
	CHECK_EQ("error_unasked", now(NULL), EPOLLERR);
	close(ends[1]);
	CHECK_EQ("gone_with_the_last_close", now(NULL), 0);
	close(ep);
}

static void edges(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE), ends[2];
	char byte;

	NEED((ep = epoll_create1(0)) >= 0 && fd >= 0);
	control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 0);
	CHECK_EQ("edge_none", now(NULL), 0);
	put(fd);
	put(fd);
	CHECK_EQ("edge_once_for_two", now(NULL), EPOLLIN);
	CHECK_EQ("edge_then_quiet", now(NULL), 0);
	put(fd);
	CHECK_EQ("edge_again", now(NULL), EPOLLIN);
	take(fd);
	CHECK_EQ("a_read_is_no_edge_to_a_reader", now(NULL), 0);
	put(fd), take(fd), take(fd), take(fd);
	CHECK_EQ("an_edge_that_is_over", now(NULL), 0);
	put(fd);
	CHECK_EQ("edge_before", now(NULL), EPOLLIN);
	control(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET, 0);
	CHECK_EQ("modify_arms_anew", now(NULL), EPOLLIN);
	CHECK_EQ("and_once", now(NULL), 0);
	close(fd);
	NEED(pipe(ends) == 0);
	control(EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLET, 0);
	NEED(write(ends[1], "ab", 2) == 2);
	CHECK_EQ("pipe_edge", now(NULL), EPOLLIN);
	NEED(read(ends[0], &byte, 1) == 1);
	CHECK_EQ("rest_is_no_edge", now(NULL), 0);
	NEED(write(ends[1], "c", 1) == 1);
	CHECK_EQ("more_is_an_edge", now(NULL), EPOLLIN);
	close(ends[0]), close(ends[1]), close(ep);
}

static void one_shots(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	NEED((ep = epoll_create1(0)) >= 0 && fd >= 0);
	control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT, 0);
	put(fd);
	CHECK_EQ("one_shot", now(NULL), EPOLLIN);
	CHECK_EQ("is_off", now(NULL), 0);
	put(fd);
	CHECK_EQ("stays_off", now(NULL), 0);
	CHECK_ERR("but_is_there", control(EPOLL_CTL_ADD, fd, EPOLLIN, 0), EEXIST);
	control(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT, 0);
	CHECK_EQ("modify_turns_it_on", now(NULL), EPOLLIN);
	CHECK_EQ("once_more", now(NULL), 0);
	close(fd), close(ep);
}

static void many(void)
{
	struct epoll_event events[8];
	int fds[5], seen = 0;

	NEED((ep = epoll_create1(0)) >= 0);
	for (int i = 0; i < 5; i++) {
		fds[i] = eventfd(1, EFD_NONBLOCK);
		control(EPOLL_CTL_ADD, fds[i], EPOLLIN, (uint64_t)i);
	}
	CHECK_EQ("all", epoll_wait(ep, events, 8, 0), 5);
	for (int i = 0; i < 5; i++)
		seen |= 1 << events[i].data.u64;
	CHECK_EQ("each_once", seen, 31);
	CHECK_EQ("no_more_than_asked", epoll_wait(ep, events, 2, 0), 2);
	seen = 1 << events[0].data.u64 | 1 << events[1].data.u64;
	CHECK_EQ("two_more", epoll_wait(ep, events, 2, 0), 2);
	seen |= 1 << events[0].data.u64 | 1 << events[1].data.u64;
	CHECK_EQ("and_one", epoll_wait(ep, events, 1, 0), 1);
	seen |= 1 << events[0].data.u64;
	CHECK_EQ("take_turns", seen, 31);
	take(fds[2]), take(fds[3]);
	CHECK_EQ("only_ready_ones", epoll_wait(ep, events, 8, 0), 3);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	CHECK_EQ("closed_ones_are_gone", epoll_wait(ep, events, 8, 0), 0);
	close(ep);
}

static void lifetimes(void)
{
	int fd = eventfd(1, EFD_NONBLOCK), copy = dup(fd);
	uint64_t data = 0;

	NEED((ep = epoll_create1(0)) >= 0 && copy >= 0);
	control(EPOLL_CTL_ADD, fd, EPOLLIN, 1);
	CHECK_ERR("same_again", control(EPOLL_CTL_ADD, fd, EPOLLIN, 1), EEXIST);
	CHECK_EQ("a_duplicate_is_another", control(EPOLL_CTL_ADD, copy, EPOLLIN | EPOLLONESHOT, 2), 0);
	CHECK_EQ("both_report", now(NULL), -1);
	CHECK_EQ("then_one", now(&data), EPOLLIN);
	CHECK_EQ("the_first", data, 1);
	control(EPOLL_CTL_DEL, copy, 0, 0);
	close(fd);
	CHECK_EQ("lives_with_the_description", now(&data), EPOLLIN);
	CHECK_ERR("cannot_be_named", control(EPOLL_CTL_DEL, fd, 0, 0), EBADF);
	close(copy);
	CHECK_EQ("dies_with_it", now(NULL), 0);
	copy = eventfd(1, 0);
	CHECK_EQ("the_number_can_be_used_again", control(EPOLL_CTL_ADD, copy, EPOLLIN, 5), 0);
	CHECK_EQ("for_the_new_file", (now(&data), data), 5);
	CHECK_EQ("shared_by_fork", CHILD(_exit(now(NULL) != EPOLLIN)), 0);
	close(copy), close(ep);
}

static void nesting(void)
{
	int fd = eventfd(0, EFD_NONBLOCK), inner = epoll_create1(0), outer = epoll_create1(0), chain[12], made, refused;
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd ready = { .fd = inner, .events = POLLIN };

	ep = inner;
	control(EPOLL_CTL_ADD, fd, EPOLLIN, 0);
	ep = outer;
	CHECK_EQ("watch_an_instance", control(EPOLL_CTL_ADD, inner, EPOLLIN, 0), 0);
	CHECK_EQ("inner_not_ready", now(NULL), 0);
	CHECK_EQ("poll_inner_not_ready", poll(&ready, 1, 0), 0);
	put(fd);
	CHECK_EQ("inner_ready", now(NULL), EPOLLIN);
	CHECK("poll_inner", poll(&ready, 1, 0) == 1 && ready.revents == POLLIN);
	take(fd);
	CHECK_EQ("inner_no_longer", now(NULL), 0);
	CHECK_ERR("itself", control(EPOLL_CTL_ADD, outer, EPOLLIN, 0), EINVAL);
	ep = inner;
	CHECK_ERR("a_cycle", control(EPOLL_CTL_ADD, outer, EPOLLIN, 0), ELOOP);
	ep = epoll_create1(0);
	control(EPOLL_CTL_ADD, outer, EPOLLIN, 0);
	CHECK_ERR("a_longer_cycle", epoll_ctl(inner, EPOLL_CTL_ADD, ep, &event), ELOOP);
	CHECK_EQ("a_cycle_undone", (control(EPOLL_CTL_DEL, outer, 0, 0), epoll_ctl(inner, EPOLL_CTL_ADD, ep, &event)), 0);
	close(ep);
	put(fd);
	ready.fd = outer;
	CHECK("poll_outer", poll(&ready, 1, 0) == 1 && ready.revents == POLLIN);
	close(inner), close(outer), close(fd);
	for (made = 0; made < 12; made++)
		NEED((chain[made] = epoll_create1(0)) >= 0);
	for (made = 1; made < 12; made++)
		if (epoll_ctl(chain[made], EPOLL_CTL_ADD, chain[made - 1], &event) < 0)
			break;
	refused = errno;
	CHECK_EQ("too_long_a_chain", made < 12 ? refused : 0, ELOOP);
	CHECK("a_chain_of_five", made >= 5);
	for (made = 0; made < 12; made++)
		close(chain[made]);
}

static pid_t later(int fd)
{
	pid_t pid = fork();

	if (pid == 0) {
		sleep_ms(20);
		put(fd);
		_exit(0);
	}
	return pid;
}

static volatile int calls;

static void count(int sig)
{
	(void)sig;
	calls++;
}

static long elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static void waiting(void)
{
	int fd = eventfd(0, EFD_NONBLOCK), outer = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN };
	struct timespec start, length = { 0, 20000000 };
	sigset_t none, blocked;
	pid_t pid;

	NEED((ep = epoll_create1(0)) >= 0);
	control(EPOLL_CTL_ADD, fd, EPOLLIN, 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK_EQ("times_out", epoll_wait(ep, &event, 1, 20), 0);
	CHECK("not_early", elapsed_ms(&start) >= 19);
	pid = later(fd);
	CHECK_EQ("wakes", epoll_wait(ep, &event, 1, -1), 1);
	check_wait(pid);
	take(fd);
	NEED(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &event) == 0);
	pid = later(fd);
	CHECK_EQ("wakes_through_an_instance", epoll_wait(outer, &event, 1, 5000), 1);
	check_wait(pid);
	take(fd);
	pid = fork();
	if (pid == 0)
		_exit(epoll_wait(ep, &event, 1, 5000) != 1);
	sleep_ms(20);
	control(EPOLL_CTL_MOD, fd, EPOLLOUT, 0);
	CHECK_EQ("a_change_wakes", check_wait(pid), 0);
	control(EPOLL_CTL_MOD, fd, EPOLLIN, 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK_EQ("pwait2_times_out", syscall(SYS_epoll_pwait2, ep, &event, 1, &length, NULL, 8), 0);
	CHECK("pwait2_not_early", elapsed_ms(&start) >= 19);
	length.tv_nsec = -1;
	CHECK_ERR("pwait2_bad_time", syscall(SYS_epoll_pwait2, ep, &event, 1, &length, NULL, 8), EINVAL);
	signal(SIGUSR1, count);
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	raise(SIGUSR1);
	CHECK_EQ("blocked_signal", epoll_wait(ep, &event, 1, 5), 0);
	CHECK_ERR("pwait_opens_the_mask", epoll_pwait(ep, &event, 1, 5000, &none), EINTR);
	CHECK_EQ("handler_ran", calls, 1);
	raise(SIGUSR1);
	CHECK_ERR("pwait2_opens_the_mask", syscall(SYS_epoll_pwait2, ep, &event, 1, NULL, &none, 8), EINTR);
	CHECK_EQ("handler_ran_again", calls, 2);
	sigprocmask(SIG_BLOCK, NULL, &none);
	CHECK("mask_is_back", sigismember(&none, SIGUSR1));
	CHECK_ERR("mask_of_wrong_size", syscall(SYS_epoll_pwait, ep, &event, 1, 0, &none, 4), EINVAL);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	pid = fork();
	if (pid == 0) {
		sleep_ms(20);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	CHECK_ERR("never_restarts", epoll_wait(ep, &event, 1, 5000), EINTR);
	check_wait(pid);
	close(outer), close(ep), close(fd);
}

static void exclusive(void)
{
	int fd = eventfd(0, EFD_NONBLOCK), woken = 0;
	struct epoll_event event;
	pid_t pids[2];

	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			ep = epoll_create1(0);
			_exit(control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLEXCLUSIVE, 0) == 0 ? epoll_wait(ep, &event, 1, 200) : 9);
		}
	}
	sleep_ms(50);
	put(fd);
	for (int i = 0; i < 2; i++)
		woken += check_wait(pids[i]);
	CHECK("exclusive_wakes_one_or_more", woken == 1 || woken == 2);
	ep = epoll_create1(0);
	CHECK_EQ("exclusive", control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, 0), 0);
	CHECK_ERR("cannot_be_modified", control(EPOLL_CTL_MOD, fd, EPOLLIN, 0), EINVAL);
	CHECK_ERR("nor_modified_to", control(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLEXCLUSIVE, 0), EINVAL);
	control(EPOLL_CTL_DEL, fd, 0, 0);
	CHECK_ERR("not_with_one_shot", control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT | EPOLLEXCLUSIVE, 0), EINVAL);
	CHECK_ERR("not_on_an_instance", ({
			  int other = epoll_create1(0), result = control(EPOLL_CTL_ADD, other, EPOLLIN | EPOLLEXCLUSIVE, 0);
			  int error = errno;
			  close(other);
			  errno = error;
			  result;
		  }),
		  EINVAL);
	close(fd), close(ep);
}

static void errors(void)
{
	int fd = eventfd(1, 0), file = open("f", O_RDWR | O_CREAT, 0600), dir = open(".", O_RDONLY), null = open("/dev/null", O_RDWR);
	struct epoll_event event = { .events = EPOLLIN };
	char byte, path[64], link[64];

	CHECK_ERR("create_size", syscall(SYS_epoll_create, 0), EINVAL);
	CHECK_ERR("create_flags", epoll_create1(1), EINVAL);
	ep = (int)syscall(SYS_epoll_create, 1);
	CHECK_EQ("create", fcntl(ep, F_GETFD), 0);
	CHECK_EQ("status", fcntl(ep, F_GETFL), O_RDWR);
	snprintf(path, sizeof path, "/proc/self/fd/%d", ep);
	CHECK("name_in_proc", readlink(path, link, sizeof link) == 22 && memcmp(link, "anon_inode:[eventpoll]", 22) == 0);
	CHECK_ERR("read", read(ep, &byte, 1), EINVAL);
	CHECK_ERR("write", write(ep, &byte, 1), EINVAL);
	CHECK_ERR("file", control(EPOLL_CTL_ADD, file, EPOLLIN, 0), EPERM);
	CHECK_ERR("directory", control(EPOLL_CTL_ADD, dir, EPOLLIN, 0), EPERM);
	CHECK_ERR("null_device", control(EPOLL_CTL_ADD, null, EPOLLIN, 0), EPERM);
	CHECK_ERR("modify_a_stranger", control(EPOLL_CTL_MOD, fd, EPOLLIN, 0), ENOENT);
	CHECK_ERR("remove_a_stranger", control(EPOLL_CTL_DEL, fd, EPOLLIN, 0), ENOENT);
	CHECK_ERR("unknown_operation", control(9, fd, EPOLLIN, 0), EINVAL);
	CHECK_ERR("add_closed", control(EPOLL_CTL_ADD, 99, EPOLLIN, 0), EBADF);
	CHECK_ERR("to_closed", epoll_ctl(99, EPOLL_CTL_ADD, fd, &event), EBADF);
	CHECK_ERR("to_no_instance", epoll_ctl(fd, EPOLL_CTL_ADD, ep, &event), EINVAL);
	CHECK_ERR("add_bad_pointer", epoll_ctl(ep, EPOLL_CTL_ADD, fd, (void *)8), EFAULT);
	CHECK_EQ("remove_needs_no_event", (control(EPOLL_CTL_ADD, fd, EPOLLIN, 0), epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL)), 0);
	CHECK_ERR("wait_for_none", epoll_wait(ep, &event, 0, 0), EINVAL);
	CHECK_ERR("wait_for_less", epoll_wait(ep, &event, -1, 0), EINVAL);
	CHECK_ERR("wait_for_too_many", epoll_wait(ep, &event, INT_MAX, 0), EINVAL);
	CHECK_ERR("wait_on_closed", epoll_wait(99, &event, 1, 0), EBADF);
	CHECK_ERR("wait_on_no_instance", epoll_wait(fd, &event, 1, 0), EINVAL);
	CHECK_EQ("bad_pointer_without_events", epoll_wait(ep, (void *)8, 1, 0), 0);
	control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 0);
	CHECK_ERR("bad_pointer", epoll_wait(ep, (void *)8, 1, 0), EFAULT);
	CHECK_EQ("keeps_the_event", now(NULL), EPOLLIN);
	close(ep);
	ep = epoll_create1(EPOLL_CLOEXEC);
	CHECK_EQ("close_on_exec", fcntl(ep, F_GETFD), FD_CLOEXEC);
	close(ep), close(fd), close(file), close(dir), close(null);
	unlink("f");
}

/* Descriptors that many threads of events pass through: none is lost. */
static void busy(void)
{
	enum { ROUNDS = 200, WRITERS = 3 };
	int fds[WRITERS];
	uint64_t total = 0, value;
	pid_t pids[WRITERS];
	struct epoll_event events[WRITERS];

	ep = epoll_create1(0);
	for (int i = 0; i < WRITERS; i++) {
		fds[i] = eventfd(0, EFD_NONBLOCK);
		control(EPOLL_CTL_ADD, fds[i], EPOLLIN | EPOLLET, (uint64_t)i);
		pids[i] = fork();
		if (pids[i] == 0) {
			for (int round = 0; round < ROUNDS; round++)
				put(fds[i]);
			_exit(0);
		}
	}
	while (total < ROUNDS * WRITERS) {
		int count = epoll_wait(ep, events, WRITERS, 2000);

		if (count <= 0)
			break;
		for (int i = 0; i < count; i++)
			if (read(fds[events[i].data.u64], &value, 8) == 8)
				total += value;
	}
	CHECK_EQ("no_edge_is_lost", total, ROUNDS * WRITERS);
	for (int i = 0; i < WRITERS; i++)
		check_wait(pids[i]), close(fds[i]);
	close(ep);
}

int main(void)
{
	levels();
	edges();
	one_shots();
	many();
	lifetimes();
	nesting();
	waiting();
	exclusive();
	errors();
	busy();
	return check_result();
}
