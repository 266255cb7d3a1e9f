/* dup, dup2, dup3, fcntl, close_range. */
#include "check.h"

int main(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0600), copy, ends[2];
	char byte;

	NEED(fd >= 0 && write(fd, "0123456789", 10) == 10);
	copy = dup(fd);
	CHECK_EQ("dup_takes_the_lowest", copy, fd + 1);
	lseek(fd, 4, SEEK_SET);
	CHECK_EQ("dup_shares_the_offset", lseek(copy, 0, SEEK_CUR), 4);
	fcntl(fd, F_SETFL, O_APPEND);
	CHECK("dup_shares_status_flags", fcntl(copy, F_GETFL) & O_APPEND);
	fcntl(fd, F_SETFL, 0);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	CHECK_EQ("dup_does_not_share_cloexec", fcntl(copy, F_GETFD), 0);
	close(fd);
	CHECK_EQ("copy_lives_on", read(copy, &byte, 1), 1);
	CHECK_EQ("dup2", dup2(copy, 50), 50);
	CHECK_EQ("dup2_to_itself", dup2(copy, copy), copy);
	CHECK_ERR("dup2_of_a_bad_fd", dup2(99, 50), EBADF);
	CHECK_EQ("dup2_failure_keeps_the_target", fcntl(50, F_GETFD), 0);
	CHECK_ERR("dup2_to_a_bad_number", dup2(copy, -1), EBADF);
	CHECK_ERR("dup2_to_a_huge_number", dup2(copy, 1 << 30), EBADF);
	NEED(pipe(ends) == 0);
	dup2(copy, ends[1]);
	CHECK_EQ("dup2_closes_the_target", read(ends[0], &byte, 1), 0);
	close(ends[0]);
	close(ends[1]);
	CHECK_EQ("dup3_cloexec", dup3(copy, 51, O_CLOEXEC) == 51 ? fcntl(51, F_GETFD) : -1, FD_CLOEXEC);
	CHECK_ERR("dup3_to_itself", dup3(copy, copy, 0), EINVAL);
	CHECK_ERR("dup3_unknown_flag", syscall(SYS_dup3, copy, 52, O_APPEND), EINVAL);
	CHECK_EQ("dupfd_from_a_minimum", fcntl(copy, F_DUPFD, 60), 60);
	CHECK_EQ("dupfd_takes_the_next", fcntl(copy, F_DUPFD, 60), 61);
	CHECK_EQ("dupfd_cloexec", fcntl(copy, F_DUPFD_CLOEXEC, 60) == 62 ? fcntl(62, F_GETFD) : -1, FD_CLOEXEC);
	CHECK_ERR("dupfd_negative", fcntl(copy, F_DUPFD, -1), EINVAL);
	CHECK_ERR("unknown_command", fcntl(copy, 9999, 0), EINVAL);
	CHECK_ERR("bad_fd", fcntl(99, F_GETFL), EBADF);
	CHECK("setfl_changes_only_some", fcntl(copy, F_SETFL, O_NONBLOCK | O_WRONLY) == 0 &&
						 (fcntl(copy, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == (O_RDWR | O_NONBLOCK));
	CHECK_EQ("setfd", fcntl(copy, F_SETFD, FD_CLOEXEC) == 0 ? fcntl(copy, F_GETFD) : -1, FD_CLOEXEC);
	CHECK_ERR("dup_of_a_bad_fd", dup(99), EBADF);
	CHECK_EQ("close_range", syscall(SYS_close_range, 60U, 61U, 0U), 0);
	CHECK("close_range_closes_these_and_no_others", fcntl(60, F_GETFD) == -1 && fcntl(61, F_GETFD) == -1 && fcntl(62, F_GETFD) >= 0);
	CHECK_ERR("close_range_backwards", syscall(SYS_close_range, 61U, 60U, 0U), EINVAL);

	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 3 };
	CHECK_EQ("record_lock", fcntl(copy, F_SETLK, &lock), 0);
	CHECK_EQ("another_process_is_refused",
		 CHILD(struct flock mine = { .l_type = F_WRLCK, .l_start = 4, .l_len = 1 }; int fd2 = open("f", O_RDWR);
		       _exit(fcntl(fd2, F_SETLK, &mine) == -1 && (errno == EAGAIN || errno == EACCES))),
		 1);
	CHECK_EQ("and_told_who_holds_it",
		 CHILD(struct flock mine = { .l_type = F_WRLCK, .l_start = 0, .l_len = 0 }; int fd2 = open("f", O_RDWR);
		       _exit(fcntl(fd2, F_GETLK, &mine) == 0 && mine.l_type == F_WRLCK && mine.l_pid == getppid() && mine.l_start == 2 && mine.l_len == 3)),
		 1);
	CHECK_EQ("outside_of_it_is_free",
		 CHILD(struct flock mine = { .l_type = F_WRLCK, .l_start = 5, .l_len = 1 }; int fd2 = open("f", O_RDWR);
		       _exit(fcntl(fd2, F_SETLK, &mine) == 0)),
		 1);
	unlink("f");
	return check_result();
}
