/* Touches memory without end. Is killed when there is none left: the status is 137, the machine lives on. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
	for (;;) {
		char *at = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (at == MAP_FAILED)
			return 1;
		memset(at, 1, 16 << 20);
	}
}
