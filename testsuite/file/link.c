/* link, symlink, readlink, unlink, mkdir, rmdir and their errors. */
#include "check.h"

int main(void)
{
	struct stat a, b;
	char text[20];
	int fd;

	make_file("f", "data");
	NEED(mkdir("d", 0755) == 0);
	CHECK("hard_link", link("f", "g") == 0 && stat("f", &a) == 0 && stat("g", &b) == 0 && a.st_ino == b.st_ino);
	CHECK_ERR("link_over_an_existing_name", link("f", "g"), EEXIST);
	CHECK_ERR("link_of_nothing", link("missing", "h"), ENOENT);
	CHECK_ERR("link_of_a_folder", link("d", "h"), EPERM);
	CHECK_ERR("link_into_a_missing_folder", link("f", "no/h"), ENOENT);
	CHECK_ERR("link_across_file_systems", link("f", "/dev/x-check"), EXDEV);
	CHECK("unlink_keeps_the_other_name", unlink("f") == 0 && stat("g", &b) == 0 && b.st_nlink == 1);
	CHECK_ERR("unlink_of_nothing", unlink("f"), ENOENT);
	CHECK_ERR("unlink_of_a_folder", unlink("d"), EISDIR);
	CHECK_ERR("unlink_with_trailing_slash", unlink("g/"), ENOTDIR);

	CHECK_EQ("symlink", symlink("g", "s"), 0);
	CHECK("readlink", readlink("s", text, sizeof text) == 1 && text[0] == 'g');
	CHECK("readlink_cuts", symlink("abcdefgh", "t") == 0 && readlink("t", text, 3) == 3 && memcmp(text, "abc", 3) == 0);
	CHECK_ERR("readlink_of_a_file", readlink("g", text, 10), EINVAL);
	CHECK_ERR("readlink_of_nothing", readlink("missing", text, 10), ENOENT);
	CHECK_ERR("readlink_with_no_room", syscall(SYS_readlink, "s", text, 0L), EINVAL);
	CHECK_ERR("symlink_over_an_existing_name", symlink("g", "s"), EEXIST);
	CHECK_ERR("empty_symlink", symlink("", "u"), ENOENT);
	CHECK("link_does_not_follow", link("s", "s2") == 0 && lstat("s2", &b) == 0 && S_ISLNK(b.st_mode));
	CHECK("linkat_follows_on_request", linkat(AT_FDCWD, "s", AT_FDCWD, "g2", AT_SYMLINK_FOLLOW) == 0 && lstat("g2", &b) == 0 && S_ISREG(b.st_mode));
	CHECK("unlink_removes_the_symlink_itself", unlink("s") == 0 && access("g", F_OK) == 0);
	unlink("s2"), unlink("g2"), unlink("t");

	CHECK_ERR("mkdir_over_an_existing_name", mkdir("d", 0755), EEXIST);
	CHECK_ERR("mkdir_over_a_file", mkdir("g", 0755), EEXIST);
	CHECK_ERR("mkdir_in_a_missing_folder", mkdir("no/d", 0755), ENOENT);
	CHECK_ERR("mkdir_under_a_file", mkdir("g/d", 0755), ENOTDIR);
	CHECK_EQ("mkdir_with_trailing_slash", mkdir("d/e/", 0755), 0);
	CHECK_ERR("rmdir_of_a_full_folder", rmdir("d"), ENOTEMPTY);
	CHECK_ERR("rmdir_of_a_file", rmdir("g"), ENOTDIR);
	CHECK_ERR("rmdir_of_nothing", rmdir("missing"), ENOENT);
	CHECK_ERR("rmdir_of_dot", rmdir("d/."), EINVAL);
	CHECK_ERR("rmdir_of_dot_dot", rmdir("d/e/.."), ENOTEMPTY);
	CHECK_EQ("rmdir", rmdir("d/e"), 0);
	CHECK_EQ("unlinkat_removedir", unlinkat(AT_FDCWD, "d", AT_REMOVEDIR), 0);
	CHECK_ERR("unlinkat_unknown_flag", unlinkat(AT_FDCWD, "g", 1), EINVAL);
	CHECK_EQ("sticky_and_mode_of_mkdir", (umask(0), mkdir("m", 01777) == 0 && stat("m", &b) == 0 ? (int)(b.st_mode & 07777) : -1), 01777);
	umask(022);
	rmdir("m");

	fd = open("g", O_RDWR);
	unlink("g");
	CHECK("unlinked_file_lives_while_open", pread(fd, text, 4, 0) == 4 && write(fd, "DATA", 4) == 4 && access("g", F_OK) == -1);
	close(fd);
	NEED(mkdir("w", 0755) == 0);
	fd = open("w", O_RDONLY | O_DIRECTORY);
	CHECK_EQ("names_relative_to_a_folder_fd", mkdirat(fd, "x", 0755) | symlinkat("x", fd, "y") | unlinkat(fd, "y", 0) | unlinkat(fd, "x", AT_REMOVEDIR), 0);
	rmdir("w");
	CHECK_ERR("create_in_a_removed_folder", openat(fd, "z", O_CREAT | O_WRONLY, 0600), ENOENT);
	close(fd);
	return check_result();
}
