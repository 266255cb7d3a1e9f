/* Instructions from `syscall` to `sysret` of a call that does nothing, on each path.
 *
 * Under `-icount shift=0` QEMU's time stamp counter counts executed instructions, so the figure is exact:
 *   ./exo run --icount testsuite/demo/null_call.c
 * The loop around the call is measured with the `syscall` replaced by a `nop` and taken off. Without
 * -icount the figures are ticks of the time stamp counter. */
#include <stdint.h>
#include <stdio.h>

enum { ROUNDS = 10000 };

static uint64_t ticks(void)
{
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

#define LOOP(instruction, number)                                                                  \
	({                                                                                         \
		uint64_t start = ticks();                                                          \
		for (long i = 0; i < ROUNDS; i++) {                                                \
			long result = (number);                                                    \
			__asm__ volatile(instruction                                               \
					 : "+a"(result)                                            \
					 :                                                         \
					 : "rcx", "r11", "memory");                                \
		}                                                                                  \
		ticks() - start;                                                                   \
	})

static void measure(const char *name, long number)
{
	uint64_t empty = LOOP("nop", number);
	LOOP("syscall", number);
	uint64_t full = LOOP("syscall", number);
	/* The nop stands for the syscall instruction itself. */
	printf("%-18s %.2f instructions\n", name, 1.0 + ((double)full - (double)empty) / ROUNDS);
}

int main(void)
{
	measure("exo_null_fast", 1024);
	measure("exo_null_hybrid", 1025);
	measure("exo_null_legacy", 1026);
	measure("getppid", 110);
	return 0;
}
