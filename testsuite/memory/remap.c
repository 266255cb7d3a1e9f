/* mremap(2). */
#include "check.h"
#include <sys/mman.h>

#define PAGE 4096UL
#define RW (PROT_READ | PROT_WRITE)

static char *area(size_t pages)
{
	char *at = mmap(NULL, pages * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(at != MAP_FAILED);
	for (size_t i = 0; i < pages; i++)
		at[i * PAGE] = (char)(i + 1);
	return at;
}

static bool numbered(const char *at, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		if (at[i * PAGE] != (char)(i + 1))
			return false;
	return true;
}

static bool mapped(char *at)
{
	return msync(at, PAGE, MS_ASYNC) == 0;
}

static long remap_error(void *old, size_t old_len, size_t new_len, int flags, void *to)
{
	return mremap(old, old_len, new_len, flags, to) == MAP_FAILED ? -1 : 0;
}

int main(void)
{
	char *a = area(8), *b, *hole;

	b = mremap(a, 8 * PAGE, 4 * PAGE, 0);
	CHECK("shrink_in_place", b == a && numbered(a, 4) && !mapped(a + 4 * PAGE));
	b = mremap(a, 4 * PAGE, 6 * PAGE, 0);
	CHECK("grow_in_place", b == a && numbered(a, 4) && a[4 * PAGE] == 0 && a[6 * PAGE - 1] == 0);
	hole = mmap(a + 6 * PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	NEED(hole == a + 6 * PAGE);
	CHECK_ERR("no_room_and_may_not_move", remap_error(a, 6 * PAGE, 12 * PAGE, 0, NULL), ENOMEM);
	b = mremap(a, 6 * PAGE, 12 * PAGE, MREMAP_MAYMOVE);
	CHECK("moves", b != MAP_FAILED && b != a && numbered(b, 4) && b[11 * PAGE] == 0);
	CHECK("old_place_is_empty", !mapped(a) && !mapped(a + 5 * PAGE) && mapped(hole));
	a = area(16);
	CHECK("to_a_fixed_place", mremap(b, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, a + 8 * PAGE) == a + 8 * PAGE);
	CHECK("it_replaces_what_was_there", numbered(a, 8) && numbered(a + 8 * PAGE, 4) && a[12 * PAGE] == 13);
	CHECK("only_the_part_moved", !mapped(b) && mapped(b + 4 * PAGE));
	CHECK_ERR("not_mapped", remap_error(b, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL), EFAULT);
	CHECK_ERR("unaligned", remap_error(a + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL), EINVAL);
	CHECK_ERR("new_length_zero", remap_error(a, PAGE, 0, MREMAP_MAYMOVE, NULL), EINVAL);
	CHECK_ERR("unknown_flags", remap_error(a, PAGE, PAGE, 0x100, NULL), EINVAL);
	CHECK_ERR("fixed_without_maymove", remap_error(a, PAGE, PAGE, MREMAP_FIXED, b), EINVAL);
	CHECK_ERR("overlapping_target", remap_error(a, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, a + 2 * PAGE), EINVAL);
	b = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	b[0] = 9;
	a = mremap(b, 0, 2 * PAGE, MREMAP_MAYMOVE);
	CHECK("old_length_zero_duplicates_shared", a != MAP_FAILED && a != b && a[0] == 9 && (b[1] = 8) && a[1] == 8);

	int fd = open("f", O_RDWR | O_CREAT, 0600);
	NEED(ftruncate(fd, 4 * (off_t)PAGE) == 0 && pwrite(fd, "z", 1, 3 * (off_t)PAGE) == 1);
	a = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	a = mremap(a, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	CHECK("file_mapping_grows_into_the_file", a != MAP_FAILED && a[3 * PAGE] == 'z');
	char *c = realloc(malloc(300000), 3000000);
	CHECK("realloc_of_a_large_block", c != NULL && (c[2999999] = 1));
	close(fd);
	unlink("f");
	return check_result();
}
