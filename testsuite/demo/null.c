/* Stores through a null pointer. Ends by SIGSEGV: the status is 139. */
int main(void)
{
	volatile int *volatile nowhere = 0;

	*nowhere = 1;
	return 0;
}
