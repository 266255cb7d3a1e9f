/* chmod, chown, umask, utimensat, access. */
#include "check.h"
#include <sys/time.h>
#include <utime.h>

static int mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

int main(void)
{
	struct timespec times[2] = { { 1000000000, 5 }, { 1100000000, 999999999 } };
	struct stat st, before;
	int fd = open("f", O_RDWR | O_CREAT, 0666);

	NEED(fd >= 0 && symlink("f", "l") == 0);
	CHECK_EQ("umask_cuts_the_mode", mode_of("f"), 0644);
	CHECK_EQ("umask_returns_the_old", umask(077), 022);
	close(open("g", O_CREAT | O_WRONLY, 0777));
	CHECK_EQ("new_umask_counts", mode_of("g"), 0700);
	CHECK_EQ("umask_keeps_nine_bits", (umask(07777), umask(022)), 0777);
	CHECK_EQ("chmod", chmod("f", 0604) == 0 ? mode_of("f") : -1, 0604);
	CHECK_EQ("chmod_follows", chmod("l", 0611) == 0 ? mode_of("f") : -1, 0611);
	CHECK_EQ("fchmod", fchmod(fd, 0600) == 0 ? mode_of("f") : -1, 0600);
	CHECK_EQ("fchmodat", fchmodat(AT_FDCWD, "f", 0640, 0) == 0 ? mode_of("f") : -1, 0640);
	CHECK_ERR("chmod_of_nothing", chmod("missing", 0600), ENOENT);
	CHECK_ERR("fchmod_of_nothing", fchmod(99, 0600), EBADF);

	CHECK("utimensat", utimensat(AT_FDCWD, "f", times, 0) == 0 && stat("f", &st) == 0 && st.st_atim.tv_sec == 1000000000 &&
				   st.st_atim.tv_nsec == 5 && st.st_mtim.tv_sec == 1100000000 && st.st_mtim.tv_nsec == 999999999);
	times[0].tv_nsec = UTIME_OMIT;
	times[1] = (struct timespec){ 1200000000, 0 };
	CHECK("utime_omit", utimensat(AT_FDCWD, "f", times, 0) == 0 && stat("f", &st) == 0 && st.st_atim.tv_sec == 1000000000 && st.st_mtim.tv_sec == 1200000000);
	times[1].tv_nsec = UTIME_NOW;
	CHECK("utime_now", utimensat(AT_FDCWD, "f", times, 0) == 0 && stat("f", &st) == 0 && st.st_mtim.tv_sec > 1600000000);
	CHECK("futimens_with_null_is_now", futimens(fd, NULL) == 0 && fstat(fd, &st) == 0 && st.st_atim.tv_sec > 1600000000);
	times[0] = times[1] = (struct timespec){ 1, 0 };
	CHECK("nofollow_changes_the_link", utimensat(AT_FDCWD, "l", times, AT_SYMLINK_NOFOLLOW) == 0 && lstat("l", &st) == 0 &&
						   st.st_mtim.tv_sec == 1 && stat("f", &st) == 0 && st.st_mtim.tv_sec > 1600000000);
	times[0].tv_nsec = 1000000000;
	CHECK_ERR("nanoseconds_out_of_range", utimensat(AT_FDCWD, "f", times, 0), EINVAL);
	CHECK("utimes", utimes("f", (struct timeval[]){ { 7, 8 }, { 9, 10 } }) == 0 && stat("f", &st) == 0 && st.st_atim.tv_nsec == 8000 && st.st_mtim.tv_sec == 9);
	CHECK("utime", utime("f", &(struct utimbuf){ 3, 4 }) == 0 && stat("f", &st) == 0 && st.st_atim.tv_sec == 3 && st.st_mtim.tv_sec == 4);
	NEED(stat("f", &before) == 0);
	CHECK("write_moves_mtime_and_ctime", write(fd, "x", 1) == 1 && stat("f", &st) == 0 && st.st_mtim.tv_sec > 1600000000 && st.st_ctim.tv_sec >= before.st_ctim.tv_sec);

	CHECK_EQ("access_exists", access("f", F_OK), 0);
	CHECK_EQ("access_read_write", access("f", R_OK | W_OK), 0);
	CHECK_ERR("access_execute_without_any_x", access("f", X_OK), EACCES);
	CHECK_ERR("access_missing", access("missing", F_OK), ENOENT);
	CHECK_ERR("access_unknown_mode", access("f", 8), EINVAL);
	CHECK_EQ("faccessat_with_effective_ids", faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS), 0);
	CHECK_EQ("access_of_a_folder", access(".", R_OK | X_OK), 0);

	CHECK_EQ("chown_to_self", chown("f", geteuid(), getegid()), 0);
	CHECK_EQ("chown_of_minus_ones", chown("f", -1, -1), 0);
	if (geteuid() == 0) {
		CHECK("chown", chown("f", 12, 34) == 0 && stat("f", &st) == 0 && st.st_uid == 12 && st.st_gid == 34);
		CHECK("chown_follows", chown("l", 56, -1) == 0 && stat("f", &st) == 0 && st.st_uid == 56 && st.st_gid == 34);
		CHECK("lchown_does_not", lchown("l", 78, 90) == 0 && lstat("l", &st) == 0 && st.st_uid == 78 && stat("f", &st) == 0 && st.st_uid == 56);
		CHECK("fchown", fchown(fd, 1, 2) == 0 && fstat(fd, &st) == 0 && st.st_uid == 1 && st.st_gid == 2);
		CHECK("fchownat", fchownat(AT_FDCWD, "l", 3, 4, AT_SYMLINK_NOFOLLOW) == 0 && lstat("l", &st) == 0 && st.st_uid == 3);
		chmod("f", 06755);
		CHECK("chown_clears_setuid", chown("f", 5, 6) == 0 && mode_of("f") == 0755);
	} else {
		static const char *const names[] = { "chown", "chown_follows", "lchown_does_not", "fchown", "fchownat", "chown_clears_setuid" };

		for (size_t i = 0; i < 6; i++)
			SKIP(names[i], "needs root");
	}
	close(fd);
	unlink("f"), unlink("g"), unlink("l");
	return check_result();
}
