/* open(2): flags and errors. */
#include "check.h"

static int fd_of(const char *path, int flags)
{
	int fd = open(path, flags, 0644);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void creation(void)
{
	CHECK_ERR("missing_file", fd_of("f", O_RDONLY), ENOENT);
	CHECK_EQ("create", fd_of("f", O_WRONLY | O_CREAT), 0);
	CHECK_EQ("create_again", fd_of("f", O_WRONLY | O_CREAT), 0);
	CHECK_ERR("exclusive", fd_of("f", O_WRONLY | O_CREAT | O_EXCL), EEXIST);
	CHECK_EQ("exclusive_new", fd_of("g", O_WRONLY | O_CREAT | O_EXCL), 0);
	make_file("f", "hello");
	CHECK_EQ("open_keeps_contents", (fd_of("f", O_RDWR), size_of("f")), 5);
	CHECK_EQ("trunc_empties", (fd_of("f", O_WRONLY | O_TRUNC), size_of("f")), 0);
	CHECK_ERR("create_in_a_missing_folder", fd_of("no/f", O_WRONLY | O_CREAT), ENOENT);
	CHECK_ERR("create_under_a_file", fd_of("f/x", O_WRONLY | O_CREAT), ENOTDIR);
	CHECK_ERR("empty_name", fd_of("", O_RDONLY), ENOENT);
	CHECK_ERR("trailing_slash_on_a_file", fd_of("f/", O_RDONLY), ENOTDIR);
	CHECK_ERR("create_with_trailing_slash", fd_of("h/", O_WRONLY | O_CREAT), EISDIR);
	unlink("g");
}

static void folders(void)
{
	NEED(mkdir("d", 0755) == 0);
	CHECK_EQ("folder_for_reading", fd_of("d", O_RDONLY), 0);
	CHECK_ERR("folder_for_writing", fd_of("d", O_WRONLY), EISDIR);
	CHECK_ERR("folder_with_create", fd_of("d", O_RDONLY | O_CREAT), EISDIR);
	CHECK_EQ("directory_flag_on_a_folder", fd_of("d", O_RDONLY | O_DIRECTORY), 0);
	CHECK_ERR("directory_flag_on_a_file", fd_of("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	CHECK_EQ("trailing_slash_on_a_folder", fd_of("d/", O_RDONLY), 0);
	CHECK_EQ("dot", fd_of("d/.", O_RDONLY), 0);
	CHECK_EQ("dot_dot", fd_of("d/../f", O_RDONLY), 0);
	CHECK_ERR("dot_dot_of_a_file", fd_of("f/../f", O_RDONLY), ENOTDIR);
	CHECK_EQ("repeated_slashes", fd_of(".//d///..//f", O_RDONLY), 0);
	rmdir("d");
}

static void links(void)
{
	NEED(symlink("f", "l") == 0 && symlink("gone", "dangling") == 0);
	CHECK_EQ("through_a_symlink", fd_of("l", O_RDONLY), 0);
	CHECK_ERR("nofollow", fd_of("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_EQ("nofollow_of_a_file", fd_of("f", O_RDONLY | O_NOFOLLOW), 0);
	CHECK_ERR("dangling_symlink", fd_of("dangling", O_RDONLY), ENOENT);
	CHECK_ERR("exclusive_on_a_dangling_symlink", fd_of("dangling", O_WRONLY | O_CREAT | O_EXCL), EEXIST);
	CHECK_EQ("create_through_a_dangling_symlink", fd_of("dangling", O_WRONLY | O_CREAT), 0);
	CHECK_EQ("makes_its_target", access("gone", F_OK), 0);
	CHECK_ERR("nofollow_directory_on_a_symlink", fd_of("l", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
	unlink("l"), unlink("dangling"), unlink("gone");
}

static void flags_on_fds(void)
{
	int a = open("f", O_RDWR | O_CLOEXEC), b = open("f", O_WRONLY | O_APPEND), path;
	char byte;

	CHECK_EQ("cloexec_flag", fcntl(a, F_GETFD), FD_CLOEXEC);
	CHECK_EQ("no_cloexec_flag", fcntl(b, F_GETFD), 0);
	CHECK_EQ("access_mode", fcntl(a, F_GETFL) & O_ACCMODE, O_RDWR);
	CHECK_EQ("append_flag", fcntl(b, F_GETFL) & (O_ACCMODE | O_APPEND), O_WRONLY | O_APPEND);
	CHECK_ERR("read_of_a_write_only_fd", read(b, &byte, 1), EBADF);
	close(a);
	a = open("f", O_RDONLY);
	CHECK_ERR("write_to_a_read_only_fd", write(a, "x", 1), EBADF);
	close(a);
	path = open("f", O_PATH);
	CHECK_ERR("read_of_a_path_fd", read(path, &byte, 1), EBADF);
	struct stat st;
	CHECK("fstat_of_a_path_fd", fstat(path, &st) == 0 && S_ISREG(st.st_mode));
	close(path);
	a = open("f", O_RDONLY);
	close(a);
	CHECK_EQ("lowest_free_fd", open("f", O_RDONLY), a);
	CHECK_ERR("close_twice", (close(a), close(a)), EBADF);
	CHECK_ERR("bad_path_pointer", syscall(SYS_open, 8L, O_RDONLY), EFAULT);
	close(b);
	a = open(".", O_RDWR | O_TMPFILE, 0600);
	CHECK("tmpfile_or_not_supported", a >= 0 ? write(a, "x", 1) == 1 : errno == EOPNOTSUPP || errno == EISDIR);
	close(a);
	unlink("f");
}

int main(void)
{
	creation();
	folders();
	links();
	flags_on_fds();
	return check_result();
}
