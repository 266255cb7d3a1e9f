/* Anonymous mappings: placement, flags, errors. */
#include "check.h"
#include <sys/mman.h>

#define PAGE 4096UL
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char *map(void *hint, size_t len, int prot, int flags)
{
	return mmap(hint, len, prot, flags, -1, 0);
}

static bool all(const char *bytes, size_t len, char want)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != want)
			return false;
	return true;
}

static long map_error(void *hint, size_t len, int prot, int flags, int fd, off_t offset)
{
	return mmap(hint, len, prot, flags, fd, offset) == MAP_FAILED ? -1 : 0;
}

/* One byte for each page: bit 0 says that it can be read, bit 1 that it can be written. */
static int access_of(char *page)
{
	int ends[2], result = 0;

	NEED(pipe(ends) == 0);
	if (write(ends[1], page, 1) == 1)
		result |= 1;
	if (result && read(ends[0], page, 1) == 1)
		result |= 2;
	close(ends[0]);
	close(ends[1]);
	return result;
}

int main(void)
{
	char *a = map(NULL, 3 * PAGE, RW, ANON), *b, *hint;

	NEED(a != MAP_FAILED);
	CHECK("page_aligned", ((uintptr_t)a & (PAGE - 1)) == 0);
	CHECK("zero_filled", all(a, 3 * PAGE, 0));
	memset(a, 7, 3 * PAGE);
	CHECK("writable", all(a, 3 * PAGE, 7));
	CHECK_EQ("unmap_the_middle", munmap(a + PAGE, PAGE), 0);
	CHECK("both_ends_stay", access_of(a) == 3 && access_of(a + PAGE) == 0 && access_of(a + 2 * PAGE) == 3);
	b = map(a + PAGE, PAGE, RW, ANON | MAP_FIXED);
	CHECK("fixed_fills_the_hole", b == a + PAGE && all(b, PAGE, 0));
	CHECK("neighbours_unchanged", all(a, PAGE, 7) && all(a + 2 * PAGE, PAGE, 7));
	b = map(a, 2 * PAGE, PROT_READ, ANON | MAP_FIXED);
	CHECK("fixed_replaces", b == a && all(a, 2 * PAGE, 0) && access_of(a) == 1 && access_of(a + 2 * PAGE) == 3);
	CHECK_ERR("fixed_noreplace_over_a_mapping", map_error(a, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	munmap(a + PAGE, PAGE);
	CHECK("fixed_noreplace_into_a_hole", map(a + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE) == a + PAGE);
	munmap(a, 3 * PAGE);
	CHECK_EQ("unmap_of_nothing_is_fine", munmap(a, 3 * PAGE), 0);
	CHECK_EQ("all_gone", access_of(a) | access_of(a + 2 * PAGE), 0);

	hint = a;
	b = map(hint, PAGE, RW, ANON);
	CHECK("free_hint_is_taken", b == hint);
	a = map(hint, PAGE, RW, ANON);
	CHECK("occupied_hint_is_not", a != hint && a != MAP_FAILED && access_of(hint) == 3);
	munmap(a, PAGE);
	munmap(b, PAGE);
	a = map(NULL, 1, RW, ANON);
	CHECK("length_is_rounded_up", a != MAP_FAILED && access_of(a + PAGE - 1) == 3);
	munmap(a, 1);
	CHECK_EQ("unmap_length_is_rounded_up", access_of(a + PAGE - 1), 0);

	a = map(NULL, 64 << 20, RW, ANON | MAP_NORESERVE);
	CHECK("large_and_sparse", a != MAP_FAILED && (a[0] = 1) && (a[(64 << 20) - 1] = 2) && a[32 << 20] == 0);
	munmap(a, 64 << 20);
	a = map(NULL, 16 * PAGE, RW, ANON | MAP_POPULATE);
	CHECK("populate", a != MAP_FAILED && all(a, 16 * PAGE, 0));
	munmap(a, 16 * PAGE);
	a = map(NULL, PAGE, PROT_NONE, ANON);
	CHECK_EQ("prot_none", access_of(a), 0);
	munmap(a, PAGE);
	a = map(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, ANON);
	memcpy(a, "\xb8\x2a\x00\x00\x00\xc3", 6); /* mov eax, 42; ret */
	CHECK_EQ("executable", ((int (*)(void))a)(), 42);
	munmap(a, PAGE);

	CHECK_ERR("length_zero", map_error(NULL, 0, RW, ANON, -1, 0), EINVAL);
	CHECK_ERR("neither_private_nor_shared", map_error(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERR("fixed_and_unaligned", map_error((void *)0x10001, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	CHECK_ERR("unaligned_offset", syscall(SYS_mmap, NULL, PAGE, RW, ANON, -1, 1L), EINVAL);
	CHECK_ERR("more_than_there_is", map_error(NULL, 1UL << 47, RW, ANON, -1, 0), ENOMEM);
	CHECK_ERR("length_that_wraps", syscall(SYS_mmap, NULL, -4096L, RW, ANON, -1, 0L), ENOMEM);
	CHECK_ERR("fixed_in_the_kernel_half", map_error((void *)0xffff800000000000, PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	CHECK_ERR("bad_fd", map_error(NULL, PAGE, RW, MAP_PRIVATE, 99, 0), EBADF);
	CHECK_ERR("unmap_unaligned", munmap((void *)0x10001, PAGE), EINVAL);
	CHECK_ERR("unmap_length_zero", munmap((void *)0x10000, 0), EINVAL);
	CHECK_ERR("unmap_beyond_user_space", munmap((void *)0x00ffffffffffe000, 2 * PAGE), EINVAL);
	return check_result();
}
