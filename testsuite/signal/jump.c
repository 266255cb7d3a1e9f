/* Leaving handlers by siglongjmp, and changing the interrupted context. */
#include "check.h"
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf back;
static volatile int calls;

static void leave(int sig)
{
	(void)sig;
	calls++;
	siglongjmp(back, 7);
}

static bool blocked(int sig)
{
	sigset_t now;

	sigprocmask(SIG_BLOCK, NULL, &now);
	return sigismember(&now, sig);
}

/* Skips the two bytes of `ud2` and changes a register. */
static void skip(int sig, siginfo_t *info, void *raw)
{
	ucontext_t *context = raw;

	(void)sig, (void)info;
	context->uc_mcontext.gregs[REG_RIP] += 2;
	context->uc_mcontext.gregs[REG_RBX] = 4711;
}

static void block_usr2(int sig, siginfo_t *info, void *raw)
{
	ucontext_t *context = raw;

	(void)sig, (void)info;
	sigaddset(&context->uc_sigmask, SIGUSR2);
}

static void set_result(int sig, siginfo_t *info, void *raw)
{
	ucontext_t *context = raw;

	(void)sig, (void)info;
	context->uc_mcontext.gregs[REG_RAX] = 99;
}

static void registers(int sig, siginfo_t *info, void *raw)
{
	const ucontext_t *context = raw;
	const greg_t *regs = context->uc_mcontext.gregs;

	(void)sig, (void)info;
	calls = regs[REG_R12] == 0x1212 && regs[REG_R13] == 0x1313 && regs[REG_RBX] == 0xbbbb && (regs[REG_CSGSFS] & 0xffff) == 0x33;
}

int main(void)
{
	volatile int rounds = 0;
	long value = 0;
	int pid = getpid();

	signal(SIGUSR1, leave);
	if (sigsetjmp(back, 1) == 0)
		raise(SIGUSR1);
	CHECK("mask_restored_by_siglongjmp", calls == 1 && !blocked(SIGUSR1));
	if (sigsetjmp(back, 0) == 0)
		raise(SIGUSR1);
	CHECK("mask_kept_without_savemask", calls == 2 && blocked(SIGUSR1));
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	while (rounds < 1000)
		if (sigsetjmp(back, 1) == 0) {
			rounds++;
			raise(SIGUSR1);
		}
	CHECK_EQ("a_thousand_jumps", calls, 1002);

	sigaction(SIGILL, &(struct sigaction){ .sa_sigaction = skip, .sa_flags = SA_SIGINFO }, NULL);
	__asm__ volatile("movq $1, %%rbx\n\tud2\n\tmovq %%rbx, %0" : "=r"(value) : : "rbx");
	CHECK_EQ("changed_rip_and_rbx", value, 4711);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_sigaction = block_usr2, .sa_flags = SA_SIGINFO }, NULL);
	raise(SIGUSR1);
	CHECK("changed_mask", blocked(SIGUSR2) && !blocked(SIGUSR1));
	sigaction(SIGUSR1, &(struct sigaction){ .sa_sigaction = set_result, .sa_flags = SA_SIGINFO }, NULL);
	__asm__ volatile("syscall" : "=a"(value) : "a"(SYS_kill), "D"((long)pid), "S"((long)SIGUSR1) : "rcx", "r11", "memory");
	CHECK_EQ("changed_result_of_a_call", value, 99);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_sigaction = registers, .sa_flags = SA_SIGINFO }, NULL);
	calls = 0;
	__asm__ volatile("movq $0x1212, %%r12\n\tmovq $0x1313, %%r13\n\tmovq $0xbbbb, %%rbx\n\tsyscall"
			 : "=a"(value) : "a"(SYS_kill), "D"((long)pid), "S"((long)SIGUSR1) : "rbx", "rcx", "r11", "r12", "r13", "memory");
	CHECK_EQ("context_shows_the_registers", calls, 1);
	CHECK_EQ("forged_return_with_a_bad_frame",
		 CHILD(__asm__ volatile("movq $8, %%rsp\n\tmovl $15, %%eax\n\tsyscall" : : : "rax", "rcx", "r11", "memory")), 128 + SIGSEGV);
	return check_result();
}
