/* Processor exceptions become signals, with the address of the fault. */
#include "check.h"
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

static sigjmp_buf back;
static volatile siginfo_t seen;
static volatile uintptr_t fault_rip, fault_cr2, trap_number;

static void handler(int sig, siginfo_t *info, void *raw)
{
	ucontext_t *context = raw;

	(void)sig;
	*(siginfo_t *)&seen = *info;
	fault_rip = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
	fault_cr2 = (uintptr_t)context->uc_mcontext.gregs[REG_CR2];
	trap_number = (uintptr_t)context->uc_mcontext.gregs[REG_TRAPNO];
	siglongjmp(back, 1);
}

/* Runs a statement that must fault; true when signal, code and address are as said. */
#define FAULT(name, statement, sig, code, addr)                                                             \
	do {                                                                                                \
		memset((void *)&seen, 0, sizeof seen);                                                      \
		if (sigsetjmp(back, 1) == 0) {                                                              \
			statement;                                                                          \
		}                                                                                           \
		CHECK(name, seen.si_signo == (sig) && seen.si_code == (code) &&                             \
				    (uintptr_t)seen.si_addr == (uintptr_t)(addr));                          \
	} while (0)

static volatile int zero;

static void divide(void)
{
	__asm__ volatile("xorl %%edx, %%edx\n\tmovl $1, %%eax\n\tdivl %0" : : "m"(zero) : "eax", "edx");
}

static void overflow(void)
{
	__asm__ volatile("movl $0x80000000, %%eax\n\tcltd\n\tmovl $-1, %%ecx\n\tidivl %%ecx" : : : "eax", "ecx", "edx");
}

int main(void)
{
	static const int caught[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	char *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *readable = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *file;
	int fd = open("f", O_RDWR | O_CREAT, 0600);

	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		sigaction(caught[i], &(struct sigaction){ .sa_sigaction = handler, .sa_flags = SA_SIGINFO }, NULL);
	NEED(ftruncate(fd, 100) == 0);
	file = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(file != MAP_FAILED && none != MAP_FAILED && readable != MAP_FAILED && data != MAP_FAILED);

	FAULT("null_read", (void)*(volatile char *)0, SIGSEGV, SEGV_MAPERR, 0);
	CHECK_EQ("page_fault_vector", trap_number, 14);
	FAULT("null_write_with_offset", *(volatile char *)(123 + (uintptr_t)zero) = 1, SIGSEGV, SEGV_MAPERR, 123);
	CHECK_EQ("cr2_in_context", fault_cr2, 123);
	FAULT("kernel_address", (void)*(volatile char *)0xffffffff80000000, SIGSEGV, SEGV_MAPERR, 0xffffffff80000000);
	FAULT("non_canonical_address", (void)*(volatile char *)0x1234567890abcdef, SIGSEGV, SI_KERNEL, 0);
	FAULT("read_of_prot_none", (void)*(volatile char *)(none + 5), SIGSEGV, SEGV_ACCERR, none + 5);
	FAULT("write_to_read_only", *(volatile char *)(readable + 7) = 1, SIGSEGV, SEGV_ACCERR, readable + 7);
	FAULT("execute_data", ((void (*)(void))data)(), SIGSEGV, SEGV_ACCERR, data);
	CHECK("rip_is_the_target", fault_rip == (uintptr_t)data);
	FAULT("jump_to_null", ((void (*)(void))0)(), SIGSEGV, SEGV_MAPERR, 0);
	FAULT("write_to_code", *(volatile char *)(uintptr_t)main = 1, SIGSEGV, SEGV_ACCERR, (uintptr_t)main);
	FAULT("beyond_the_end_of_a_file", (void)*(volatile char *)(file + 4096), SIGBUS, BUS_ADRERR, file + 4096);
	CHECK_EQ("rest_of_the_last_page_is_zero", file[200], 0);
	munmap(data, 4096);
	FAULT("after_munmap", *(volatile char *)data = 1, SIGSEGV, SEGV_MAPERR, data);

	FAULT("divide_by_zero", divide(), SIGFPE, FPE_INTDIV, fault_rip);
	CHECK_EQ("divide_vector", trap_number, 0);
	FAULT("divide_overflow", overflow(), SIGFPE, FPE_INTDIV, fault_rip);
	FAULT("undefined_instruction", __asm__ volatile("ud2"), SIGILL, ILL_ILLOPN, fault_rip);
	FAULT("privileged_instruction", __asm__ volatile("hlt"), SIGSEGV, SI_KERNEL, 0);
	FAULT("port_access", __asm__ volatile("outb %%al, $0x80" : : "a"(0)), SIGSEGV, SI_KERNEL, 0);
	FAULT("breakpoint", __asm__ volatile("int3"), SIGTRAP, SI_KERNEL, 0);
	FAULT("x87_division_unmasked",
	      unsigned short control = 0x37b; __asm__ volatile("fldcw %0\n\tfld1\n\tfldz\n\tfdivrp\n\tfwait" : : "m"(control)),
	      SIGFPE, FPE_FLTDIV, seen.si_addr);
	__asm__ volatile("fninit");

	CHECK_EQ("blocked_fault_kills",
		 CHILD(sigset_t set; sigfillset(&set); sigprocmask(SIG_SETMASK, &set, NULL); *(volatile char *)0 = 1), 128 + SIGSEGV);
	CHECK_EQ("ignored_fault_kills", CHILD(signal(SIGSEGV, SIG_IGN); *(volatile char *)0 = 1), 128 + SIGSEGV);
	CHECK_EQ("ignored_divide_kills", CHILD(signal(SIGFPE, SIG_IGN); divide()), 128 + SIGFPE);
	CHECK_EQ("sent_sigsegv_is_ignorable", CHILD(signal(SIGSEGV, SIG_IGN); raise(SIGSEGV); _exit(4)), 4);
	CHECK_EQ("bad_stack_pointer_kills",
		 CHILD(signal(SIGUSR1, (void (*)(int))(uintptr_t)handler);
		       __asm__ volatile("movq $8, %%rsp\n\tmovl $39, %%eax\n\tsyscall\n\tmovl %%eax, %%edi\n\tmovl $10, %%esi\n\tmovl $62, %%eax\n\tsyscall"
					: : : "rax", "rdi", "rsi", "rcx", "r11", "memory")),
		 128 + SIGSEGV);
	close(fd);
	unlink("f");
	return check_result();
}
