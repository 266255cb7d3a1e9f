/* rename(2) and renameat2(2). */
#include "check.h"

#define NOREPLACE 1U
#define EXCHANGE 2U

static ino_t inode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_ino : 0;
}

static int rename2(const char *from, const char *to, unsigned flags)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

int main(void)
{
	ino_t inode, other;
	struct stat st;
	int fd;

	make_file("a", "A");
	make_file("b", "B");
	NEED(mkdir("d", 0755) == 0 && mkdir("e", 0755) == 0);
	inode = inode_of("a");
	CHECK("simple", rename("a", "c") == 0 && inode_of("c") == inode && inode_of("a") == 0);
	CHECK("over_a_file", rename("c", "b") == 0 && inode_of("b") == inode);
	CHECK("to_itself", rename("b", "b") == 0 && inode_of("b") == inode);
	NEED(link("b", "b2") == 0);
	CHECK("to_another_link_of_itself", rename("b", "b2") == 0 && inode_of("b") == inode && inode_of("b2") == inode);
	unlink("b2");
	CHECK("into_a_folder", rename("b", "d/b") == 0 && inode_of("d/b") == inode);
	CHECK("between_folders", rename("d/b", "e/x") == 0 && inode_of("e/x") == inode);
	CHECK_ERR("missing_source", rename("missing", "z"), ENOENT);
	CHECK_ERR("missing_target_folder", rename("e/x", "no/z"), ENOENT);
	CHECK_ERR("file_over_a_folder", rename("e/x", "d"), EISDIR);
	CHECK_ERR("folder_over_a_file", rename("d", "e/x"), ENOTDIR);
	CHECK_ERR("folder_over_a_full_folder", rename("d", "e"), ENOTEMPTY);
	inode = inode_of("e");
	CHECK("folder_over_an_empty_folder", rename("e", "d") == 0 && inode_of("d") == inode && inode_of("d/x") != 0);
	NEED(mkdir("d/sub", 0755) == 0 && mkdir("d/sub/deep", 0755) == 0);
	CHECK_ERR("folder_into_itself", rename("d", "d/sub/y"), EINVAL);
	CHECK_ERR("folder_over_its_own_parent", rename("d/sub", "d"), ENOTEMPTY);
	CHECK("dot_dot_follows", rename("d/sub", "moved") == 0 && inode_of("moved/..") == inode_of("."));
	CHECK_ERR("dot", rename("d/.", "q"), EBUSY);
	CHECK_ERR("file_with_trailing_slash", rename("d/x", "q/"), ENOTDIR);
	CHECK_ERR("across_file_systems", rename("d/x", "/proc/q"), EXDEV);
	NEED(symlink("d/x", "l") == 0);
	inode = inode_of("l");
	CHECK("a_symlink_itself_is_renamed", rename("l", "l2") == 0 && inode_of("l2") == inode && inode_of("d/x") != 0);
	unlink("l2");

	make_file("p", "p");
	make_file("q", "q");
	inode = inode_of("p");
	other = inode_of("q");
	CHECK_ERR("noreplace", rename2("p", "q", NOREPLACE), EEXIST);
	CHECK("noreplace_to_a_free_name", rename2("p", "r", NOREPLACE) == 0 && inode_of("r") == inode);
	CHECK("exchange", rename2("r", "q", EXCHANGE) == 0 && inode_of("q") == inode && inode_of("r") == other);
	CHECK("exchange_with_a_folder", rename2("q", "moved", EXCHANGE) == 0 && lstat("q", &st) == 0 && S_ISDIR(st.st_mode) && inode_of("q/deep") != 0);
	CHECK_ERR("exchange_with_nothing", rename2("q", "missing", EXCHANGE), ENOENT);
	CHECK_ERR("both_flags", rename2("q", "r", EXCHANGE | NOREPLACE), EINVAL);
	fd = open("r", O_RDWR);
	CHECK("replaced_file_lives_while_open", rename("moved", "r") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 0 && write(fd, "z", 1) == 1);
	close(fd);
	unlink("r"), rmdir("q/deep"), rmdir("q"), unlink("d/x"), rmdir("d");
	return check_result();
}
