/* Permission checks, as an ordinary user. */
#include "check.h"

static int fd_of(const char *path, int flags)
{
	int fd = open(path, flags, 0644);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static void tests(void)
{
	struct stat st;

	NEED(chdir("home") == 0);
	make_file("f", "x");
	NEED(mkdir("d", 0755) == 0);
	make_file("d/g", "x");
	chmod("f", 0);
	CHECK_ERR("read_without_permission", fd_of("f", O_RDONLY), EACCES);
	CHECK_ERR("write_without_permission", fd_of("f", O_WRONLY), EACCES);
	CHECK_ERR("truncate_without_permission", truncate("f", 0), EACCES);
	CHECK_ERR("access_read", access("f", R_OK), EACCES);
	CHECK_EQ("access_exists", access("f", F_OK), 0);
	chmod("f", 0400);
	CHECK_EQ("read_permission", fd_of("f", O_RDONLY), 0);
	CHECK_ERR("read_permission_is_not_write", fd_of("f", O_RDWR), EACCES);
	chmod("f", 0077);
	CHECK_ERR("owner_bits_count_for_the_owner", fd_of("f", O_RDONLY), EACCES);
	chmod("f", 0200);
	CHECK_EQ("write_permission", fd_of("f", O_WRONLY), 0);
	CHECK_ERR("access_execute", access("f", X_OK), EACCES);

	chmod("d", 0);
	CHECK_ERR("no_search_permission", stat("d/g", &st), EACCES);
	CHECK_ERR("no_list_permission", fd_of("d", O_RDONLY), EACCES);
	CHECK_ERR("chdir_without_search", chdir("d"), EACCES);
	chmod("d", 0100);
	CHECK_EQ("search_alone_finds_names", stat("d/g", &st), 0);
	CHECK_ERR("but_does_not_list", fd_of("d", O_RDONLY), EACCES);
	CHECK_ERR("and_does_not_create", fd_of("d/h", O_CREAT | O_WRONLY), EACCES);
	CHECK_ERR("and_does_not_remove", unlink("d/g"), EACCES);
	chmod("d", 0500);
	CHECK_ERR("mkdir_needs_write", mkdir("d/h", 0755), EACCES);
	CHECK_ERR("rename_needs_write", rename("d/g", "h"), EACCES);
	CHECK_ERR("link_needs_write", link("f", "d/h"), EACCES);
	CHECK_ERR("symlink_needs_write", symlink("x", "d/h"), EACCES);
	CHECK_EQ("existing_file_can_be_opened_with_create", fd_of("d/g", O_CREAT | O_WRONLY), 0);
	chmod("d", 0600);
	CHECK_ERR("list_without_search", stat("d/g", &st), EACCES);
	chmod("d", 0700);

	CHECK_ERR("chmod_of_anothers_file", chmod("/", 0777), EPERM);
	CHECK_ERR("chown_to_another", chown("f", 0, -1), EPERM);
	CHECK_EQ("chown_to_own_group", chown("f", -1, getgid()), 0);
	CHECK_ERR("create_in_anothers_folder", fd_of("/dev/x-check", O_CREAT | O_WRONLY), EACCES);
	CHECK_ERR("remove_from_anothers_folder", unlink("/dev/full"), EACCES);
	CHECK_ERR("mknod_of_a_device", mknod("null", S_IFCHR | 0666, 0x103), EPERM);
	CHECK_EQ("mknod_of_a_fifo", mknod("fifo", S_IFIFO | 0600, 0), 0);
	CHECK_EQ("mknod_of_a_file", mknod("file", S_IFREG | 0600, 0), 0);
	chmod("f", 06755);
	CHECK("setuid_bits_kept_by_chmod", stat("f", &st) == 0 && (st.st_mode & 07777) == 06755);
	int fd = open("f", O_WRONLY);
	CHECK("writing_clears_them", write(fd, "y", 1) == 1 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0755);
	close(fd);
	unlink("f"), unlink("d/g"), rmdir("d"), unlink("fifo"), unlink("file");
}

int main(void)
{
	int result;

	NEED(chmod(".", 0755) == 0 && mkdir("home", 0755) == 0);
	if (geteuid() == 0)
		NEED(chown("home", 1000, 1000) == 0);
	result = CHILD(become_user(); tests(); _exit(check_result()));
	rmdir("home");
	return result;
}
