/* Shared anonymous memory between relatives. */
#include "check.h"
#include <stdatomic.h>
#include <sys/mman.h>

int main(void)
{
	size_t len = 1 << 20;
	atomic_int *words = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *bytes = (char *)words;
	pid_t pids[4];
	int good = 0;

	NEED(words != MAP_FAILED);
	CHECK_EQ("zero_filled", bytes[len - 1], 0);
	CHECK_EQ("child_writes_to_untouched_pages", CHILD(memset(bytes + 4096, 5, len - 4096)), 0);
	CHECK("parent_sees_it", bytes[4096] == 5 && bytes[len - 1] == 5 && bytes[0] == 0);
	bytes[8192] = 9;
	CHECK_EQ("child_sees_the_parent", CHILD(_exit(bytes[8192])), 9);
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			for (int n = 0; n < 20000; n++)
				atomic_fetch_add(words, 1);
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++)
		good += check_wait(pids[i]) == 0;
	CHECK_EQ("four_children_count_together", good == 4 ? atomic_load(words) : -1, 80000);
	CHECK_EQ("grandchild_shares_too", CHILD(_exit(CHILD(atomic_store(words + 1, 77)))), 0);
	CHECK_EQ("its_store", atomic_load(words + 1), 77);
	CHECK_EQ("child_unmaps", CHILD(munmap(words, len)), 0);
	CHECK_EQ("the_parent_keeps_it", atomic_load(words + 1), 77);
	munmap(words, len);
	return check_result();
}
