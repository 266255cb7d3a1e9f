/* An init that knows nothing of Exo-OS: greets on the console that the kernel gave it, and powers off. */
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>

int main(void)
{
	printf("hello from a foreign initramfs, pid %d\n", (int)getpid());
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
