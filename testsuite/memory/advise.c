/* madvise(2) and mincore(2). */
#include "check.h"
#include <sys/mman.h>

#define PAGE 4096UL
#define RW (PROT_READ | PROT_WRITE)

int main(void)
{
	char *a = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *file, *shared;
	int fd = open("f", O_RDWR | O_CREAT, 0600);

	NEED(a != MAP_FAILED && write(fd, "hello", 5) == 5);
	memset(a, 5, 4 * PAGE);
	CHECK_EQ("dontneed", madvise(a + PAGE, 2 * PAGE, MADV_DONTNEED), 0);
	CHECK("dontneed_drops_the_contents", a[PAGE] == 0 && a[3 * PAGE - 1] == 0);
	CHECK("and_only_there", a[PAGE - 1] == 5 && a[3 * PAGE] == 5);
	a[PAGE] = 6;
	CHECK_EQ("the_range_is_usable_again", a[PAGE], 6);
	file = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	file[0] = 'J';
	madvise(file, PAGE, MADV_DONTNEED);
	CHECK_EQ("private_file_page_comes_back_from_the_file", file[0], 'h');
	shared = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	shared[0] = 1;
	madvise(shared, PAGE, MADV_DONTNEED);
	CHECK_EQ("shared_memory_keeps_its_contents", shared[0], 1);
	CHECK_EQ("willneed", madvise(a, PAGE, MADV_WILLNEED), 0);
	CHECK_EQ("sequential", madvise(a, PAGE, MADV_SEQUENTIAL), 0);
	CHECK_EQ("random", madvise(a, PAGE, MADV_RANDOM), 0);
	CHECK_EQ("normal", madvise(a, PAGE, MADV_NORMAL), 0);
	CHECK_EQ("free", madvise(a, PAGE, MADV_FREE), 0);
	CHECK_ERR("unknown_advice", madvise(a, PAGE, 9999), EINVAL);
	CHECK_ERR("unaligned", madvise(a + 1, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_EQ("length_zero", madvise(a, 0, MADV_DONTNEED), 0);
	munmap(a + PAGE, PAGE);
	CHECK_ERR("over_a_hole", madvise(a, 4 * PAGE, MADV_DONTNEED), ENOMEM);
	CHECK_EQ("but_the_rest_is_done", a[3 * PAGE], 0);
	CHECK_EQ("dontfork", madvise(a, PAGE, MADV_DONTFORK), 0);
	CHECK_EQ("dontfork_is_not_in_the_child", CHILD(*(volatile char *)a = 1), 128 + SIGSEGV);
	close(fd);
	unlink("f");
	return check_result();
}
