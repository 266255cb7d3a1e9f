/* Copy-on-write after fork, through every way of writing. */
#include "check.h"
#include <sys/mman.h>

#define PAGE 4096UL
#define PAGES 64UL

static char *fresh(char value)
{
	char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(at != MAP_FAILED);
	memset(at, value, PAGES * PAGE);
	return at;
}

static bool all(const char *at, char value)
{
	for (size_t i = 0; i < PAGES * PAGE; i += 64)
		if (at[i] != value)
			return false;
	return true;
}

int main(void)
{
	char *a = fresh(1);
	int ends[2], chain;
	pid_t pids[8];
	int good = 0;

	NEED(pipe(ends) == 0);
	CHECK_EQ("child_stores", CHILD(memset(a, 2, PAGES * PAGE); _exit(all(a, 2))), 1);
	CHECK("parent_keeps_its_bytes", all(a, 1));
	CHECK_EQ("child_stores_through_read",
		 CHILD(if (write(ends[1], "zzzz", 4) != 4 || read(ends[0], a, 4) != 4) _exit(2); _exit(a[3] == 'z')), 1);
	CHECK_EQ("parent_does_not_see_it", a[3], 1);
	memset(a, 3, PAGES * PAGE);
	CHECK("parent_stores_after_the_child_is_gone", all(a, 3));

	for (int i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			for (size_t page = 0; page < PAGES; page++)
				a[page * PAGE] = (char)(10 + i);
			sleep_ms(10);
			for (size_t page = 0; page < PAGES; page++)
				if (a[page * PAGE] != (char)(10 + i) || a[page * PAGE + 1] != 3)
					_exit(1);
			_exit(0);
		}
	}
	for (int i = 0; i < 8; i++)
		good += check_wait(pids[i]) == 0;
	CHECK_EQ("eight_children_write_at_once", good, 8);
	CHECK("the_parent_is_untouched", all(a, 3));

	chain = CHILD(memset(a, 4, PAGE); int below = CHILD(memset(a, 5, 2 * PAGE); _exit(a[PAGE] == 5 && a[2 * PAGE] == 3));
		      _exit(below == 1 && a[0] == 4 && a[PAGE] == 3));
	CHECK_EQ("grandchild_and_child_and_parent_differ", chain, 1);
	CHECK("the_parent_is_still_untouched", all(a, 3));
	CHECK_EQ("read_only_then_writable_again",
		 CHILD(mprotect(a, PAGE, PROT_READ); mprotect(a, PAGE, PROT_READ | PROT_WRITE); a[0] = 9), 0);
	CHECK_EQ("mprotect_does_not_break_isolation", a[0], 3);
	CHECK_EQ("child_unmaps_half", CHILD(munmap(a, PAGES / 2 * PAGE)), 0);
	CHECK("the_parent_keeps_it", all(a, 3));
	char *zero = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_EQ("read_before_write", zero[5], 0);
	CHECK_EQ("child_writes_to_a_page_that_was_only_read", CHILD(zero[5] = 1), 0);
	CHECK_EQ("it_is_still_zero_here", zero[5], 0);
	for (int i = 0; i < 200; i++)
		good += CHILD(a[(size_t)i % PAGES * PAGE] = 0) == 0;
	CHECK("two_hundred_forks_one_after_the_other", good == 208 && all(a, 3));
	return check_result();
}
