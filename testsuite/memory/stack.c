/* The stack grows by itself, up to its limit. */
#include "check.h"
#include <sys/mman.h>
#include <sys/resource.h>

static size_t __attribute__((noinline)) use(size_t bytes)
{
	volatile char block[4096];

	block[0] = 1;
	block[4095] = 1;
	if (bytes <= sizeof block)
		return block[0];
	return use(bytes - sizeof block) + (size_t)block[4095];
}

static void __attribute__((noinline)) touch_below(size_t distance)
{
	volatile char *at = (volatile char *)__builtin_frame_address(0) - distance;

	*at = 1;
}

int main(void)
{
	struct rlimit limit, small = { 256 << 10, RLIM_INFINITY };

	NEED(getrlimit(RLIMIT_STACK, &limit) == 0);
	CHECK_EQ("four_megabytes", CHILD(_exit(use(4 << 20) > 0)), 1);
	CHECK_EQ("touched_far_below_the_stack_pointer", CHILD(touch_below(1 << 20)), 0);
	CHECK_EQ("beyond_the_limit_is_sigsegv", CHILD(use((size_t)limit.rlim_cur + (1 << 20)); _exit(0)), 128 + SIGSEGV);
	CHECK_EQ("a_lower_limit_counts_at_once", CHILD(setrlimit(RLIMIT_STACK, &small); use(1 << 20); _exit(0)), 128 + SIGSEGV);
	CHECK_EQ("below_that_limit", CHILD(setrlimit(RLIMIT_STACK, &small); _exit(use(100 << 10) > 0)), 1);
	CHECK_EQ("a_read_call_grows_it_too",
		 CHILD(char *far = (char *)__builtin_frame_address(0) - (512 << 10); int fd = open("/dev/zero", O_RDONLY);
		       _exit(read(fd, far, 10) == 10)),
		 1);
	char *down = mmap(NULL, 64 << 12, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(down, 64 << 12);
	char *grows = mmap(down + (60 << 12), 1 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	CHECK("growsdown_mapping_grows", grows != MAP_FAILED && (*(volatile char *)(grows - 100) = 1) == 1);
	return check_result();
}
