/* Path resolution: limits, loops, the working folder. */
#include "check.h"

int main(void)
{
	char text[PATH_MAX + 10], cwd[PATH_MAX], name[40];
	struct stat a, b;
	int fd;

	NEED(getcwd(cwd, sizeof cwd) && mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
	make_file("d/f", "x");
	CHECK("getcwd_is_absolute", cwd[0] == '/');
	CHECK_EQ("getcwd_returns_its_length", syscall(SYS_getcwd, text, sizeof text), strlen(cwd) + 1);
	CHECK_ERR("getcwd_without_room", syscall(SYS_getcwd, text, 1), ERANGE);
	CHECK_EQ("chdir", chdir("d/e"), 0);
	snprintf(text, sizeof text, "%s/d/e", cwd);
	char now[PATH_MAX];
	CHECK("cwd_follows", getcwd(now, sizeof now) && strcmp(now, text) == 0);
	CHECK_EQ("relative_to_the_new_cwd", access("../f", F_OK), 0);
	CHECK_ERR("chdir_to_a_file", chdir("../f"), ENOTDIR);
	CHECK_ERR("chdir_to_nothing", chdir("missing"), ENOENT);
	fd = open(cwd, O_RDONLY | O_DIRECTORY);
	CHECK_EQ("fchdir", fchdir(fd) == 0 ? access("d/f", F_OK) : -1, 0);
	close(fd);
	fd = open("d/f", O_RDONLY);
	CHECK_ERR("fchdir_to_a_file", fchdir(fd), ENOTDIR);
	close(fd);
	CHECK("renamed_cwd_is_told", chdir("d/e") == 0 && rename("../e", "../g") == 0 && getcwd(now, sizeof now) && strcmp(strrchr(now, '/'), "/g") == 0);
	CHECK_EQ("removed_cwd", rmdir("../g"), 0);
	CHECK("is_gone", getcwd(now, sizeof now) == NULL && errno == ENOENT);
	CHECK_ERR("and_creates_nothing", open("x", O_CREAT | O_WRONLY, 0600), ENOENT);
	NEED(chdir(cwd) == 0);

	CHECK("root_dot_dot_is_root", stat("/", &a) == 0 && stat("/..", &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	CHECK_EQ("many_slashes", stat("////", &a), 0);
	NEED(symlink("d", "s") == 0 && symlink("loop2", "loop1") == 0 && symlink("loop1", "loop2") == 0);
	CHECK_EQ("symlink_in_the_middle", access("s/f", F_OK), 0);
	CHECK("trailing_slash_follows", lstat("s/", &a) == 0 && S_ISDIR(a.st_mode));
	CHECK_ERR("loop", stat("loop1", &a), ELOOP);
	CHECK_EQ("lstat_of_a_loop", lstat("loop1", &a), 0);
	for (int i = 0; i < 41; i++) {
		char target[40];

		snprintf(name, sizeof name, "c%d", i);
		snprintf(target, sizeof target, i ? "c%d" : "d/f", i - 1);
		NEED(symlink(target, name) == 0);
	}
	CHECK_EQ("forty_symlinks_in_a_row", stat("c39", &a), 0);
	CHECK_ERR("forty_one_are_too_many", stat("c40", &a), ELOOP);
	for (int i = 0; i < 41; i++) {
		snprintf(name, sizeof name, "c%d", i);
		unlink(name);
	}
	snprintf(text, sizeof text, "%s/s", cwd);
	NEED(symlink(text, "absolute") == 0);
	CHECK_EQ("absolute_symlink", access("absolute/f", F_OK), 0);
	unlink("s"), unlink("loop1"), unlink("loop2"), unlink("absolute");

	memset(text, '/', sizeof text);
	memcpy(text + PATH_MAX - 4, "d/f", 4);
	memcpy(text, "./", 2);
	CHECK_EQ("path_of_4095_bytes", access(text, F_OK), 0);
	memset(text, '/', sizeof text);
	memcpy(text, "./", 2);
	memcpy(text + PATH_MAX - 3, "d/f", 4);
	CHECK_ERR("path_of_4096_bytes", access(text, F_OK), ENAMETOOLONG);
	memset(text, 'a', 256);
	text[256] = 0;
	CHECK_ERR("component_of_256_bytes", stat(text, &a), ENAMETOOLONG);
	CHECK_ERR("component_through_a_file", stat("d/f/x/y", &a), ENOTDIR);
	unlink("d/f");
	rmdir("d");
	NEED(mkdir("deep", 0755) == 0 && chdir("deep") == 0);
	int depth = 0;
	while (depth < 100 && mkdir("x", 0755) == 0 && chdir("x") == 0)
		depth++;
	CHECK("a_hundred_levels", depth == 100 && getcwd(now, sizeof now) && strlen(now) == strlen(cwd) + 5 + 200);
	while (depth-- > 0)
		if (chdir("..") || rmdir("x"))
			break;
	NEED(chdir(cwd) == 0);
	CHECK_EQ("and_back", rmdir("deep"), 0);
	return check_result();
}
