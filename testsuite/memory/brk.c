/* brk(2), as the kernel knows it: it returns the break, moved or not. */
#include "check.h"
#include <sys/mman.h>
#include <sys/resource.h>

#define PAGE 4096UL

static char *kernel_brk(char *to)
{
	return (char *)syscall(SYS_brk, to);
}

int main(void)
{
	char *start = kernel_brk(NULL), *top;
	struct rlimit limit = { 1 << 20, RLIM_INFINITY };

	CHECK("query", start != NULL && start != (char *)-1);
	top = kernel_brk(start + 10 * PAGE);
	CHECK("grow", top == start + 10 * PAGE);
	memset(start, 1, 10 * PAGE);
	CHECK("query_again", kernel_brk(NULL) == top);
	CHECK("shrink", kernel_brk(start + 2 * PAGE) == start + 2 * PAGE);
	CHECK_EQ("below_is_kept", start[2 * PAGE - 1], 1);
	CHECK("grow_again", kernel_brk(start + 10 * PAGE) == start + 10 * PAGE);
	CHECK_EQ("new_memory_is_zero", start[2 * PAGE + (PAGE - (uintptr_t)start % PAGE) % PAGE], 0);
	CHECK("unaligned_break_is_kept", kernel_brk(start + 5 * PAGE + 123) == start + 5 * PAGE + 123);
	CHECK("below_the_start_is_refused", kernel_brk(start - PAGE) == start + 5 * PAGE + 123);
	CHECK("absurd_is_refused", kernel_brk((char *)(1UL << 62)) == start + 5 * PAGE + 123);
	CHECK_EQ("data_limit_refuses",
		 CHILD(setrlimit(RLIMIT_DATA, &limit); char *now = kernel_brk(NULL); _exit(kernel_brk(now + (4 << 20)) == now)), 1);
	char *above = (char *)(((uintptr_t)start + 64 * PAGE) & ~(PAGE - 1));
	char *block = mmap(above, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	NEED(block == above);
	char *now = kernel_brk(NULL);
	CHECK("a_mapping_in_the_way_refuses", kernel_brk(above + 2 * PAGE) == now);
	munmap(block, PAGE);
	CHECK("back_to_the_start", kernel_brk(start) == start);
	char *first = (char *)((uintptr_t)start & ~(PAGE - 1));
	CHECK("prot_none_page_over_the_heap",
	      kernel_brk(start + 4 * PAGE) == start + 4 * PAGE &&
		      mmap(first + PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == first + PAGE);
	return check_result();
}
