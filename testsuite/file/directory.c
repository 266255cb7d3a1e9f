/* Reading folders: getdents, readdir, offsets, changes on the way. */
#include "check.h"
#include <dirent.h>

static int count(DIR *dir)
{
	int n = 0;

	while (readdir(dir))
		n++;
	return n;
}

int main(void)
{
	char name[300], buffer[1024];
	struct dirent *entry;
	int seen[500] = { 0 }, good = 0, dots = 0, types = 0, total = 0;
	DIR *dir;
	long where;
	int fd;

	NEED(mkdir("d", 0755) == 0 && chdir("d") == 0);
	dir = opendir(".");
	CHECK("empty_folder_has_two_entries", count(dir) == 2);
	closedir(dir);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "file%d", i);
		NEED((fd = open(name, O_CREAT | O_WRONLY, 0600)) >= 0);
		close(fd);
	}
	dir = opendir(".");
	while ((entry = readdir(dir))) {
		int i = -1;

		total++;
		if (sscanf(entry->d_name, "file%d", &i) == 1 && i >= 0 && i < 500) {
			seen[i]++;
			types += entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN;
		} else
			dots += entry->d_name[0] == '.';
	}
	for (int i = 0; i < 500; i++)
		good += seen[i] == 1;
	CHECK_EQ("each_of_500_names_once", good, 500);
	CHECK_EQ("and_the_dots", dots, 2);
	CHECK_EQ("types", types, 500);
	rewinddir(dir);
	CHECK_EQ("rewind", count(dir), total);
	rewinddir(dir);
	for (int i = 0; i < 100; i++)
		entry = readdir(dir);
	where = telldir(dir);
	entry = readdir(dir);
	snprintf(name, sizeof name, "%s", entry ? entry->d_name : "");
	seekdir(dir, where);
	entry = readdir(dir);
	CHECK("seekdir_finds_the_same_entry", entry && strcmp(entry->d_name, name) == 0);
	rewinddir(dir);
	total = good = 0;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] == 'f') {
			total++;
			good += unlink(entry->d_name) == 0;
		}
	CHECK("removing_while_reading_sees_every_name", total == 500 && good == 500);
	closedir(dir);
	dir = opendir(".");
	CHECK_EQ("all_gone", count(dir), 2);
	closedir(dir);

	NEED(mkdir("sub", 0755) == 0 && symlink("x", "link") == 0 && mkfifo("fifo", 0600) == 0);
	dir = opendir(".");
	good = 0;
	while ((entry = readdir(dir))) {
		struct stat st;

		good += fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			(entry->d_name[0] == '.' || entry->d_ino == st.st_ino) &&
			(entry->d_type == DT_UNKNOWN || (unsigned)entry->d_type << 12 == (st.st_mode & S_IFMT));
	}
	closedir(dir);
	CHECK_EQ("types_and_inodes_agree_with_stat", good, 5);
	fd = open(".", O_RDONLY);
	CHECK("raw_getdents64", syscall(SYS_getdents64, fd, buffer, sizeof buffer) > 0);
	CHECK_EQ("then_the_end", syscall(SYS_getdents64, fd, buffer, sizeof buffer), 0);
	lseek(fd, 0, SEEK_SET);
	CHECK_ERR("no_room_for_one_entry", syscall(SYS_getdents64, fd, buffer, 4), EINVAL);
	CHECK_ERR("bad_pointer", syscall(SYS_getdents64, fd, 8L, 1024), EFAULT);
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	CHECK_ERR("not_a_folder", syscall(SYS_getdents64, fd, buffer, sizeof buffer), ENOTDIR);
	close(fd);
	rmdir("sub"), unlink("link"), unlink("fifo");
	memset(name, 'n', 255);
	name[255] = 0;
	CHECK("name_of_255_bytes", (fd = open(name, O_CREAT | O_WRONLY, 0600)) >= 0 && close(fd) == 0 && unlink(name) == 0);
	name[255] = 'n';
	name[256] = 0;
	CHECK_ERR("name_of_256_bytes", open(name, O_CREAT | O_WRONLY, 0600), ENAMETOOLONG);
	NEED(chdir("..") == 0);
	rmdir("d");
	return check_result();
}
