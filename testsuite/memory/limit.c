/* Limits on memory. */
#include "check.h"
#include <sys/mman.h>
#include <sys/resource.h>

static int set(int resource, rlim_t bytes)
{
	struct rlimit value = { bytes, bytes };

	return setrlimit(resource, &value);
}

static void *map(size_t len, int prot)
{
	return mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int main(void)
{
	CHECK_EQ("address_space_stops_mmap",
		 CHILD(set(RLIMIT_AS, 64 << 20); _exit(map(128 << 20, PROT_READ) == MAP_FAILED && errno == ENOMEM)), 1);
	CHECK_EQ("below_it_works", CHILD(set(RLIMIT_AS, 64 << 20); _exit(map(16 << 20, PROT_READ) != MAP_FAILED)), 1);
	CHECK_EQ("many_small_ones_add_up",
		 CHILD(set(RLIMIT_AS, 64 << 20); int n = 0; while (map(1 << 20, PROT_READ) != MAP_FAILED) if (++n > 64) _exit(0);
		       _exit(errno == ENOMEM && n > 40)),
		 1);
	CHECK_EQ("unmapping_gives_back",
		 CHILD(set(RLIMIT_AS, 64 << 20); for (int i = 0; i < 50; i++) { void *at = map(32 << 20, PROT_READ); if (at == MAP_FAILED) _exit(0);
									  munmap(at, 32 << 20); } _exit(1)),
		 1);
	CHECK_EQ("malloc_fails_cleanly", CHILD(set(RLIMIT_AS, 64 << 20); void *volatile big = malloc(256 << 20); _exit(big == NULL)), 1);
	CHECK_EQ("prot_none_counts_too",
		 CHILD(set(RLIMIT_AS, 64 << 20); _exit(map(128 << 20, PROT_NONE) == MAP_FAILED && errno == ENOMEM)), 1);
	CHECK_EQ("mremap_is_stopped",
		 CHILD(void *at = map(1 << 20, PROT_READ); set(RLIMIT_AS, 64 << 20);
		       _exit(mremap(at, 1 << 20, 128 << 20, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM)),
		 1);
	CHECK_EQ("data_stops_private_writable",
		 CHILD(set(RLIMIT_DATA, 16 << 20); _exit(map(32 << 20, PROT_READ | PROT_WRITE) == MAP_FAILED && errno == ENOMEM)), 1);
	CHECK_EQ("data_spares_read_only", CHILD(set(RLIMIT_DATA, 16 << 20); _exit(map(32 << 20, PROT_READ) != MAP_FAILED)), 1);
	CHECK_EQ("the_program_still_runs", CHILD(set(RLIMIT_AS, 64 << 20); map(128 << 20, PROT_READ); char *at = map(8192, PROT_READ | PROT_WRITE);
						 at[0] = 1; _exit(at[0])),
		 1);
	return check_result();
}
