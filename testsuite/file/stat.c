/* The stat family. */
#include "check.h"
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#ifndef STATX_BASIC_STATS
#define STATX_BASIC_STATS 0x7ffU
#endif

static int raw_statx(int fd, const char *path, int flags, unsigned mask, void *out)
{
	return (int)syscall(SYS_statx, fd, path, flags, mask, out);
}

int main(void)
{
	struct stat a, b;
	struct statfs fs;
	struct statvfs vfs;
	uint32_t x[64]; /* struct statx: mode is the 16-bit word at byte 28, size the 64-bit word at 40 */
	int fd = open("f", O_RDWR | O_CREAT, 0640), ends[2], dir;

	NEED(fd >= 0 && write(fd, "12345", 5) == 5 && symlink("f", "l") == 0 && mkdir("d", 0751) == 0 && pipe(ends) == 0);
	CHECK("stat_of_a_file", stat("f", &a) == 0 && S_ISREG(a.st_mode) && (a.st_mode & 07777) == 0640);
	CHECK_EQ("size", a.st_size, 5);
	CHECK_EQ("links", a.st_nlink, 1);
	CHECK("owner", a.st_uid == geteuid() && a.st_gid == getegid());
	CHECK("blocks_and_block_size", a.st_blksize >= 512 && a.st_blocks >= 0 && a.st_blocks <= 16);
	CHECK("fstat_agrees", fstat(fd, &b) == 0 && b.st_ino == a.st_ino && b.st_dev == a.st_dev && b.st_mode == a.st_mode);
	CHECK("stat_follows", stat("l", &b) == 0 && b.st_ino == a.st_ino);
	CHECK("lstat_does_not", lstat("l", &b) == 0 && S_ISLNK(b.st_mode) && b.st_size == 1 && b.st_ino != a.st_ino && (b.st_mode & 0777) == 0777);
	CHECK("folder", stat("d", &b) == 0 && S_ISDIR(b.st_mode) && (b.st_mode & 0777) == 0751);
	CHECK("pipe", fstat(ends[0], &b) == 0 && S_ISFIFO(b.st_mode) && b.st_size == 0);
	CHECK("null_device", stat("/dev/null", &b) == 0 && S_ISCHR(b.st_mode) && b.st_rdev == makedev(1, 3));
	CHECK("fstatat_in_a_folder", (dir = open("d", O_RDONLY)) >= 0 && fstatat(dir, "../f", &b, 0) == 0 && b.st_ino == a.st_ino);
	CHECK("fstatat_nofollow", fstatat(AT_FDCWD, "l", &b, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(b.st_mode));
	CHECK("fstatat_empty_path", syscall(SYS_newfstatat, fd, "", &b, AT_EMPTY_PATH) == 0 && b.st_ino == a.st_ino);
	CHECK_ERR("empty_path_without_the_flag", fstatat(fd, "", &b, 0), ENOENT);
	CHECK_ERR("fstatat_relative_to_a_file", fstatat(fd, "x", &b, 0), ENOTDIR);
	CHECK_ERR("fstatat_relative_to_a_bad_fd", fstatat(99, "x", &b, 0), EBADF);
	CHECK("fstatat_absolute_ignores_the_fd", fstatat(99, "/", &b, 0) == 0 && S_ISDIR(b.st_mode));
	CHECK_ERR("unknown_flag", fstatat(AT_FDCWD, "f", &b, 0x8000), EINVAL);
	CHECK_ERR("missing", stat("missing", &b), ENOENT);
	CHECK_ERR("below_a_file", stat("f/x", &b), ENOTDIR);
	CHECK_ERR("bad_pointer", syscall(SYS_stat, "f", 8L), EFAULT);
	memset(x, 0xff, sizeof x);
	CHECK_EQ("statx", raw_statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, x), 0);
	CHECK("statx_values", (x[0] & STATX_BASIC_STATS) == STATX_BASIC_STATS && (x[7] & 0xffff) == (0100640) && x[10] == 5 && x[11] == 0 && x[4] == 1);
	CHECK("statx_empty_path", raw_statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, x) == 0 && x[10] == 5);
	CHECK_ERR("statx_reserved_mask", raw_statx(fd, "f", 0, 0x80000000U, x), EINVAL);
	CHECK("write_changes_size_and_mtime", write(fd, "6", 1) == 1 && stat("f", &b) == 0 && b.st_size == 6 && b.st_mtim.tv_sec >= a.st_mtim.tv_sec);
	CHECK("link_count", link("f", "f2") == 0 && stat("f", &b) == 0 && b.st_nlink == 2);
	unlink("f2");
	CHECK("folder_link_count", mkdir("d/e", 0700) == 0 && stat("d", &b) == 0 && (b.st_nlink == 3 || b.st_nlink == 1));
	CHECK("unlinked_file_has_no_link", unlink("f") == 0 && fstat(fd, &b) == 0 && b.st_nlink == 0);
	CHECK("statfs", statfs(".", &fs) == 0 && fs.f_bsize > 0 && fs.f_namelen == 255 && fs.f_bavail <= fs.f_blocks);
	CHECK("statfs_of_proc", statfs("/proc", &fs) == 0 && fs.f_type == 0x9fa0);
	CHECK("fstatvfs", fstatvfs(dir, &vfs) == 0 && vfs.f_namemax == 255);
	close(fd);
	close(dir);
	rmdir("d/e"), rmdir("d"), unlink("l");
	return check_result();
}
