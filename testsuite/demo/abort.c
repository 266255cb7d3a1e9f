/* Aborts. Ends by SIGABRT: the status is 134. */
#include <stdlib.h>

int main(void)
{
	abort();
}
