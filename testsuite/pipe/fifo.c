/* FIFOs: pipes with a name. */
#include "check.h"
#include <poll.h>

int main(void)
{
	char text[10];
	struct stat st;
	int in, out;
	pid_t pid;

	CHECK("mkfifo", mkfifo("p", 0640) == 0 && stat("p", &st) == 0 && S_ISFIFO(st.st_mode) && (st.st_mode & 0777) == 0640);
	CHECK_ERR("mkfifo_over_an_existing_name", mkfifo("p", 0600), EEXIST);
	CHECK_ERR("writer_without_reader", open("p", O_WRONLY | O_NONBLOCK), ENXIO);
	in = open("p", O_RDONLY | O_NONBLOCK);
	CHECK("reader_without_writer", in >= 0);
	CHECK_EQ("reads_end_of_file", read(in, text, 1), 0);
	out = open("p", O_WRONLY | O_NONBLOCK);
	CHECK("writer_with_reader", out >= 0);
	CHECK_ERR("empty_with_a_writer", read(in, text, 1), EAGAIN);
	CHECK("bytes_go_through", write(out, "abc", 3) == 3 && read(in, text, 10) == 3 && memcmp(text, "abc", 3) == 0);
	close(out);
	CHECK_EQ("end_of_file_after_the_last_writer", read(in, text, 1), 0);
	struct pollfd ready = { .fd = in, .events = POLLIN };
	CHECK("hang_up_is_polled", poll(&ready, 1, 0) == 1 && (ready.revents & POLLHUP));
	out = open("p", O_WRONLY);
	CHECK_EQ("a_new_writer_ends_the_hang_up", poll(&ready, 1, 0), 0);
	close(in);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR("no_reader_left", write(out, "x", 1), EPIPE);
	close(out);

	pid = fork();
	if (pid == 0) {
		int fd = open("p", O_WRONLY); /* waits for the reader */

		_exit(fd < 0 || write(fd, "met", 3) != 3);
	}
	in = open("p", O_RDONLY); /* waits for the writer */
	CHECK("both_opens_meet", in >= 0 && read(in, text, 10) == 3 && memcmp(text, "met", 3) == 0);
	CHECK_EQ("writer_ends", check_wait(pid), 0);
	CHECK_EQ("reader_sees_the_end", read(in, text, 1), 0);
	close(in);
	pid = fork();
	if (pid == 0) {
		in = open("p", O_RDONLY);
		_exit(read(in, text, 1) == 0 ? 0 : 1);
	}
	out = open("p", O_WRONLY);
	close(out);
	CHECK_EQ("open_and_close_wake_the_reader", check_wait(pid), 0);
	in = open("p", O_RDWR);
	CHECK("read_write_never_waits", in >= 0 && write(in, "z", 1) == 1 && read(in, text, 1) == 1);
	unlink("p");
	CHECK("lives_on_without_its_name", write(in, "y", 1) == 1 && read(in, text, 1) == 1 && text[0] == 'y');
	close(in);
	return check_result();
}
