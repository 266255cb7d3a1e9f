/* lseek, truncate, ftruncate, fallocate, sync. */
#include "check.h"

int main(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0600), ends[2], other;
	char text[10];
	struct stat st;

	NEED(fd >= 0 && write(fd, "0123456789", 10) == 10 && pipe(ends) == 0);
	CHECK_EQ("set", lseek(fd, 3, SEEK_SET), 3);
	CHECK_EQ("current", lseek(fd, 2, SEEK_CUR), 5);
	CHECK_EQ("backwards", lseek(fd, -5, SEEK_CUR), 0);
	CHECK_EQ("end", lseek(fd, -1, SEEK_END), 9);
	CHECK_EQ("beyond_the_end", lseek(fd, 100, SEEK_END), 110);
	CHECK_EQ("does_not_grow_the_file", fstat(fd, &st) == 0 ? st.st_size : -1, 10);
	CHECK_ERR("before_the_start", lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERR("overflow", lseek(fd, LLONG_MAX, SEEK_CUR), EINVAL);
	CHECK_ERR("unknown_whence", lseek(fd, 0, 99), EINVAL);
	CHECK_ERR("on_a_pipe", lseek(ends[0], 0, SEEK_CUR), ESPIPE);
	CHECK_ERR("pread_on_a_pipe", pread(ends[0], text, 1, 0), ESPIPE);
	CHECK_ERR("bad_fd", lseek(99, 0, SEEK_SET), EBADF);
	CHECK_EQ("data", lseek(fd, 3, SEEK_DATA), 3);
	CHECK_EQ("hole_is_at_the_end", lseek(fd, 3, SEEK_HOLE), 10);
	CHECK_ERR("data_beyond_the_end", lseek(fd, 20, SEEK_DATA), ENXIO);

	CHECK_EQ("shrink", ftruncate(fd, 4), 0);
	CHECK_EQ("size_shrunk", fstat(fd, &st) == 0 ? st.st_size : -1, 4);
	CHECK_EQ("grow", ftruncate(fd, 8), 0);
	CHECK("grown_part_is_zero", pread(fd, text, 10, 0) == 8 && memcmp(text, "0123\0\0\0\0", 8) == 0);
	CHECK_EQ("by_name", truncate("f", 2), 0);
	CHECK_EQ("size_by_name", fstat(fd, &st) == 0 ? st.st_size : -1, 2);
	CHECK_ERR("negative_length", ftruncate(fd, -1), EINVAL);
	CHECK_ERR("truncate_a_folder", truncate(".", 0), EISDIR);
	CHECK_ERR("truncate_nothing", truncate("missing", 0), ENOENT);
	other = open("f", O_RDONLY);
	CHECK_ERR("truncate_a_read_only_fd", ftruncate(other, 0), EINVAL);
	CHECK_ERR("truncate_a_pipe", ftruncate(ends[1], 0), EINVAL);
	CHECK_EQ("fsync", fsync(fd), 0);
	CHECK_EQ("fdatasync", fdatasync(fd), 0);
	CHECK_ERR("fsync_of_a_pipe", fsync(ends[0]), EINVAL);
	CHECK_ERR("fsync_of_nothing", fsync(99), EBADF);
	sync();
	close(fd);
	close(other);
	unlink("f");
	return check_result();
}
