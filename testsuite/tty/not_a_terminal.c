/* What terminal calls say about things that are no terminals. */
#include "check.h"
#include <sys/ioctl.h>
#include <termios.h>

int main(void)
{
	struct termios mode;
	struct winsize size;
	int file = open("f", O_RDWR | O_CREAT, 0600), null = open("/dev/null", O_RDWR), ends[2], count;

	NEED(pipe(ends) == 0 && file >= 0 && null >= 0);
	CHECK_ERR("tcgetattr_of_a_pipe", tcgetattr(ends[0], &mode), ENOTTY);
	CHECK_ERR("tcgetattr_of_a_file", tcgetattr(file, &mode), ENOTTY);
	CHECK_ERR("tcgetattr_of_null", tcgetattr(null, &mode), ENOTTY);
	CHECK_ERR("tcsetattr_of_a_pipe", tcsetattr(ends[0], TCSANOW, &(struct termios){ 0 }), ENOTTY);
	CHECK_ERR("window_size_of_a_file", ioctl(file, TIOCGWINSZ, &size), ENOTTY);
	CHECK_ERR("foreground_group_of_a_pipe", tcgetpgrp(ends[0]), ENOTTY);
	CHECK_ERR("unknown_request", ioctl(file, 0x12345678, &count), ENOTTY);
	CHECK_ERR("bad_fd", ioctl(99, TIOCGWINSZ, &size), EBADF);
	CHECK_EQ("isatty_of_a_pipe", isatty(ends[0]), 0);
	CHECK_EQ("isatty_sets_errno", (errno = 0, isatty(file), errno), ENOTTY);
	CHECK_EQ("fionread_of_a_file", write(file, "abc", 3) == 3 && lseek(file, 1, SEEK_SET) == 1 && ioctl(file, FIONREAD, &count) == 0 ? count : -1, 2);
	CHECK("fionbio", ioctl(ends[0], FIONBIO, &(int){ 1 }) == 0 && (fcntl(ends[0], F_GETFL) & O_NONBLOCK));
	CHECK("fioclex", ioctl(file, FIOCLEX) == 0 && fcntl(file, F_GETFD) == FD_CLOEXEC && ioctl(file, FIONCLEX) == 0 && fcntl(file, F_GETFD) == 0);
	CHECK_EQ("dev_tty_without_a_terminal", CHILD(setsid(); _exit(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO)), 1);
	unlink("f");
	return check_result();
}
