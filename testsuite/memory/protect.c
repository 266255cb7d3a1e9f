/* mprotect(2): splits, joins, and what it forbids. */
#include "check.h"
#include <setjmp.h>
#include <sys/mman.h>

#define PAGE 4096UL
#define RW (PROT_READ | PROT_WRITE)

static sigjmp_buf back;
static char *volatile fault;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	fault = info->si_addr;
	siglongjmp(back, 1);
}

static bool can_read(volatile char *at)
{
	if (sigsetjmp(back, 1))
		return false;
	(void)*at;
	return true;
}

static bool can_write(volatile char *at)
{
	if (sigsetjmp(back, 1))
		return false;
	*at = *at;
	return true;
}

int main(void)
{
	char *a = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ends[2];

	NEED(a != MAP_FAILED && pipe(ends) == 0);
	sigaction(SIGSEGV, &(struct sigaction){ .sa_sigaction = handler, .sa_flags = SA_SIGINFO }, NULL);
	memset(a, 3, 8 * PAGE);
	CHECK_EQ("middle_to_read_only", mprotect(a + 2 * PAGE, 2 * PAGE, PROT_READ), 0);
	CHECK("before_is_writable", can_write(a + 2 * PAGE - 1));
	CHECK("middle_is_not", !can_write(a + 2 * PAGE) && fault == a + 2 * PAGE && !can_write(a + 4 * PAGE - 1));
	CHECK("middle_is_readable", can_read(a + 2 * PAGE) && a[2 * PAGE] == 3);
	CHECK("after_is_writable", can_write(a + 4 * PAGE));
	CHECK_ERR("read_call_into_read_only", (write(ends[1], "x", 1), read(ends[0], a + 2 * PAGE, 1)), EFAULT);
	CHECK_EQ("to_none", mprotect(a + PAGE, PAGE, PROT_NONE), 0);
	CHECK("none_is_unreadable", !can_read(a + PAGE) && fault == a + PAGE);
	CHECK_ERR("write_call_from_none", write(ends[1], a + PAGE, 1), EFAULT);
	CHECK_EQ("back_to_read_write", mprotect(a, 8 * PAGE, RW), 0);
	CHECK("all_writable_and_kept", can_write(a + PAGE) && can_write(a + 3 * PAGE) && a[PAGE + 1] == 3 && a[3 * PAGE] == 3);
	for (size_t i = 0; i < 8; i += 2)
		mprotect(a + i * PAGE, PAGE, PROT_READ);
	int writable = 0;
	for (size_t i = 0; i < 8; i++)
		writable += can_write(a + i * PAGE);
	CHECK_EQ("every_other_page", writable, 4);
	mprotect(a, 8 * PAGE, RW);
	CHECK_EQ("child_protects", CHILD(mprotect(a, PAGE, PROT_NONE)), 0);
	CHECK("parent_is_not_affected", can_write(a));
	memcpy(a, "\xb8\x07\x00\x00\x00\xc3", 6); /* mov eax, 7; ret */
	CHECK_EQ("to_executable", mprotect(a, PAGE, PROT_READ | PROT_EXEC), 0);
	CHECK_EQ("code_runs", ((int (*)(void))a)(), 7);
	CHECK("executable_is_not_writable", !can_write(a));

	munmap(a + 4 * PAGE, PAGE);
	CHECK_ERR("over_a_hole", mprotect(a + 3 * PAGE, 3 * PAGE, PROT_READ), ENOMEM);
	CHECK("up_to_the_hole_it_counts", !can_write(a + 3 * PAGE) && can_write(a + 5 * PAGE));
	CHECK_ERR("unaligned", syscall(SYS_mprotect, a + 1, PAGE, RW), EINVAL);
	CHECK_ERR("unknown_bits", mprotect(a, PAGE, 0x80), EINVAL);
	CHECK_EQ("length_zero", mprotect(a, 0, RW), 0);
	munmap(a, 8 * PAGE);
	return check_result();
}
