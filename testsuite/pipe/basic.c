/* pipe(2): order, end of file, broken pipes, non-blocking ends, capacity. */
#include "check.h"
#include <sys/ioctl.h>
#include <sys/uio.h>

static volatile int signals;

static void count(int sig)
{
	(void)sig;
	signals++;
}

static void plain(void)
{
	char text[20] = "";
	int ends[2], unread;

	CHECK("pipe", pipe(ends) == 0 && ends[1] == ends[0] + 1);
	CHECK_EQ("write", write(ends[1], "hello ", 6) + write(ends[1], "world", 5), 11);
	CHECK("bytes_waiting", ioctl(ends[0], FIONREAD, &unread) == 0 && unread == 11);
	CHECK("short_read", read(ends[0], text, 3) == 3 && memcmp(text, "hel", 3) == 0);
	CHECK("rest_in_one_read", read(ends[0], text, 20) == 8 && memcmp(text, "lo world", 8) == 0);
	CHECK_EQ("read_of_nothing", read(ends[0], text, 0), 0);
	CHECK_ERR("read_of_the_write_end", read(ends[1], text, 1), EBADF);
	CHECK_ERR("write_to_the_read_end", write(ends[0], text, 1), EBADF);
	NEED(write(ends[1], "last", 4) == 4);
	close(ends[1]);
	CHECK_EQ("what_is_there_after_the_writer_went", read(ends[0], text, 20), 4);
	CHECK_EQ("then_end_of_file", read(ends[0], text, 20), 0);
	CHECK_EQ("again_end_of_file", read(ends[0], text, 20), 0);
	close(ends[0]);
	CHECK_ERR("bad_pointer", syscall(SYS_pipe, 8L), EFAULT);
	CHECK_ERR("unknown_flag", syscall(SYS_pipe2, ends, 1), EINVAL);
	CHECK("pipe2_flags", pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0 && fcntl(ends[0], F_GETFD) == FD_CLOEXEC && (fcntl(ends[1], F_GETFL) & O_NONBLOCK));
	close(ends[0]);
	close(ends[1]);
}

static void broken(void)
{
	int ends[2];

	NEED(pipe(ends) == 0);
	close(ends[0]);
	CHECK_EQ("sigpipe_kills", CHILD(if (write(ends[1], "x", 1)) _exit(1)), 128 + SIGPIPE);
	signal(SIGPIPE, count);
	CHECK_ERR("epipe", write(ends[1], "x", 1), EPIPE);
	CHECK_EQ("with_a_signal", signals, 1);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR("epipe_when_ignored", write(ends[1], "x", 1), EPIPE);
	CHECK_EQ("write_of_nothing_is_fine", write(ends[1], "", 0), 0);
	signal(SIGPIPE, SIG_DFL);
	close(ends[1]);
}

static void nonblocking(void)
{
	static char block[70000];
	int ends[2];
	size_t total = 0;
	ssize_t n;

	NEED(pipe2(ends, O_NONBLOCK) == 0);
	CHECK_ERR("empty", read(ends[0], block, 1), EAGAIN);
	while ((n = write(ends[1], block, 4096)) > 0)
		total += (size_t)n;
	CHECK_EQ("capacity", total, 65536);
	CHECK_EQ("full", n, -1);
	CHECK_ERR("not_one_byte_more", write(ends[1], block, 1), EAGAIN);
	NEED(read(ends[0], block, 100) == 100);
	CHECK_ERR("atomic_write_does_not_fit", write(ends[1], block, 4096), EAGAIN);
	NEED(read(ends[0], block, 5000) == 5000);
	CHECK("a_page_is_free_again", write(ends[1], block, 4096) == 4096);
	while (read(ends[0], block, sizeof block) > 0)
		;
	CHECK_EQ("a_large_write_is_cut", write(ends[1], block, sizeof block), 65536);
	close(ends[0]);
	close(ends[1]);
}

static void capacity(void)
{
	static char block[1 << 20];
	int ends[2];

	NEED(pipe2(ends, O_NONBLOCK) == 0);
	CHECK_EQ("getpipe_sz", fcntl(ends[0], F_GETPIPE_SZ), 65536);
	CHECK_EQ("setpipe_sz", fcntl(ends[1], F_SETPIPE_SZ, 200000), 262144);
	CHECK_EQ("getpipe_sz_again", fcntl(ends[0], F_GETPIPE_SZ), 262144);
	CHECK_EQ("more_fits", write(ends[1], block, sizeof block), 262144);
	CHECK_ERR("cannot_shrink_below_the_contents", fcntl(ends[1], F_SETPIPE_SZ, 65536), EBUSY);
	while (read(ends[0], block, sizeof block) > 0)
		;
	CHECK_EQ("smallest_is_a_page", fcntl(ends[1], F_SETPIPE_SZ, 1), 4096);
	CHECK_EQ("only_a_page_fits", write(ends[1], block, 10000), 4096);
	close(ends[0]);
	close(ends[1]);
}

static void blocking(void)
{
	static char block[300000], back[300000];
	char byte;
	int ends[2], other[2];
	size_t got = 0;
	ssize_t n;
	pid_t pid;

	NEED(pipe(ends) == 0 && pipe(other) == 0);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		for (size_t i = 0; i < sizeof block; i++)
			block[i] = (char)(i / 251);
		_exit(write(ends[1], block, sizeof block) != (ssize_t)sizeof block);
	}
	close(ends[1]);
	while ((n = read(ends[0], back + got, 777 < sizeof back - got ? 777 : sizeof back - got)) > 0)
		got += (size_t)n;
	CHECK_EQ("blocked_writer_gets_everything_through", got, sizeof back);
	for (size_t i = 0; i < sizeof back; i++)
		if (back[i] != (char)(i / 251))
			got = 0;
	CHECK_EQ("in_order", got, sizeof back);
	CHECK_EQ("writer_ends", check_wait(pid), 0);
	close(ends[0]);
	NEED(pipe(ends) == 0);
	pid = fork();
	if (pid == 0) { /* ping-pong */
		for (int i = 0; i < 500; i++)
			if (read(ends[0], &byte, 1) != 1 || write(other[1], &byte, 1) != 1)
				_exit(1);
		_exit(0);
	}
	int good = 0;
	for (int i = 0; i < 500; i++)
		good += write(ends[1], &(char){ (char)i }, 1) == 1 && read(other[0], &byte, 1) == 1 && byte == (char)i;
	CHECK_EQ("five_hundred_round_trips", good, 500);
	check_wait(pid);
	close(ends[0]), close(ends[1]), close(other[0]), close(other[1]);
}

static void vectors(void)
{
	char a[4] = "", b[4] = "";
	struct iovec out[] = { { "abc", 3 }, { "de", 2 } }, in[] = { { a, 2 }, { b, 3 } };
	int ends[2];

	NEED(pipe(ends) == 0);
	CHECK_EQ("writev", writev(ends[1], out, 2), 5);
	CHECK("readv", readv(ends[0], in, 2) == 5 && memcmp(a, "ab", 2) == 0 && memcmp(b, "cde", 3) == 0);
	CHECK_ERR("write_from_a_bad_pointer", write(ends[1], (void *)8, 3), EFAULT);
	NEED(write(ends[1], "xyz", 3) == 3);
	CHECK_ERR("read_into_a_bad_pointer", read(ends[0], (void *)8, 3), EFAULT);
	CHECK("nothing_is_lost_by_it", read(ends[0], a, 3) == 3 && memcmp(a, "xyz", 3) == 0);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	plain();
	broken();
	nonblocking();
	capacity();
	blocking();
	vectors();
	return check_result();
}
