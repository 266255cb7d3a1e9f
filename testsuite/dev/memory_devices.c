/* null, zero, full, random, urandom. */
#include "check.h"
#include <sys/random.h>
#include <sys/sysmacros.h>

static void numbers(void)
{
	static const struct {
		const char *path;
		unsigned minor, mode;
	} devices[] = { { "/dev/null", 3, 0666 }, { "/dev/zero", 5, 0666 }, { "/dev/full", 7, 0666 }, { "/dev/random", 8, 0666 }, { "/dev/urandom", 9, 0666 } };
	struct stat st;

	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
		char name[40];

		snprintf(name, sizeof name, "%s_number_and_mode", strrchr(devices[i].path, '/') + 1);
		CHECK(name, stat(devices[i].path, &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) == 1 && minor(st.st_rdev) == devices[i].minor &&
				    (st.st_mode & 0777) == devices[i].mode);
	}
}

int main(void)
{
	char a[4096], b[4096];
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR), full = open("/dev/full", O_RDWR);
	int random = open("/dev/urandom", O_RDWR), other = open("/dev/random", O_RDONLY);

	NEED(null >= 0 && zero >= 0 && full >= 0 && random >= 0 && other >= 0);
	CHECK_EQ("null_reads_nothing", read(null, a, 10), 0);
	CHECK_EQ("null_takes_everything", write(null, a, sizeof a), sizeof a);
	CHECK_EQ("null_seeks_to_zero", lseek(null, 100, SEEK_SET), 0);
	memset(a, 1, sizeof a);
	memset(b, 0, sizeof b);
	CHECK("zero_reads_zeros", read(zero, a, sizeof a) == sizeof a && memcmp(a, b, sizeof a) == 0);
	CHECK_EQ("zero_takes_everything", write(zero, a, 100), 100);
	memset(a, 1, sizeof a);
	CHECK("full_reads_zeros", read(full, a, sizeof a) == sizeof a && memcmp(a, b, sizeof a) == 0);
	CHECK_ERR("full_is_full", write(full, a, 1), ENOSPC);
	CHECK_ERR("zero_into_a_bad_pointer", read(zero, (void *)8, 10), EFAULT);
	CHECK("urandom_fills", read(random, a, sizeof a) == sizeof a && memcmp(a, b, sizeof a) != 0);
	CHECK("and_never_the_same", read(random, b, sizeof b) == sizeof b && memcmp(a, b, sizeof a) != 0);
	CHECK("random_fills", read(other, b, 100) == 100 && memcmp(a, b, 100) != 0);
	CHECK_EQ("urandom_takes_bytes", write(random, a, 100), 100);
	memset(b, 0, sizeof b);
	CHECK("getrandom", getrandom(a, 256, 0) == 256 && memcmp(a, b, 256) != 0);
	CHECK("getrandom_nonblock", getrandom(a, 16, GRND_NONBLOCK | GRND_RANDOM) == 16);
	CHECK_ERR("getrandom_unknown_flag", getrandom(a, 16, 0x100), EINVAL);
	CHECK_ERR("getrandom_bad_pointer", getrandom((void *)8, 16, 0), EFAULT);
	CHECK_ERR("missing_device", open("/dev/missing", O_RDONLY), ENOENT);
	numbers();
	return check_result();
}
