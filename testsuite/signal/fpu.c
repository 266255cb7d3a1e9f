/* SSE, AVX and x87 state across handlers, system calls and preemption. */
#include "check.h"
#include <fenv.h>
#include <immintrin.h>
#include <sys/time.h>

static volatile int calls;

/* Spoils every vector register and the control words. */
static void spoil(int sig)
{
	unsigned csr = 0x1fa0;
	unsigned short control = 0x27f;

	(void)sig;
	calls++;
	__asm__ volatile("pcmpeqb %%xmm0, %%xmm0\n\tmovdqa %%xmm0, %%xmm1\n\tmovdqa %%xmm0, %%xmm7\n\t"
			 "movdqa %%xmm0, %%xmm8\n\tmovdqa %%xmm0, %%xmm15\n\tldmxcsr %0\n\tfninit\n\tfldcw %1\n\tfldpi"
			 : : "m"(csr), "m"(control) : "xmm0", "xmm1", "xmm7", "xmm8", "xmm15");
}

/* Loads known values, runs `syscall` (or spins), and says whether they are all still there. */
static bool xmm_survives(long number, long first, long second)
{
	uint64_t in[4][2] = { { 1, 2 }, { 3, 4 }, { 5, 6 }, { 7, 8 } }, out[4][2];
	long result = number;

	__asm__ volatile("movdqu 0(%[in]), %%xmm0\n\tmovdqu 16(%[in]), %%xmm7\n\tmovdqu 32(%[in]), %%xmm8\n\tmovdqu 48(%[in]), %%xmm15\n\t"
			 "syscall\n\t"
			 "movdqu %%xmm0, 0(%[out])\n\tmovdqu %%xmm7, 16(%[out])\n\tmovdqu %%xmm8, 32(%[out])\n\tmovdqu %%xmm15, 48(%[out])"
			 : "+a"(result)
			 : [in] "r"(in), [out] "r"(out), "D"(first), "S"(second)
			 : "rcx", "r11", "memory", "xmm0", "xmm7", "xmm8", "xmm15");
	return memcmp(in, out, sizeof in) == 0;
}

/* The registers that a system call must keep: all but rax, rcx, r11. */
static bool general_registers_survive(void)
{
	uint64_t bad;

	__asm__ volatile("movq $0x1111, %%rbx\n\tmovq $0x2222, %%rdx\n\tmovq $0x3333, %%r8\n\tmovq $0x4444, %%r9\n\tmovq $0x5555, %%r10\n\t"
			 "movq $0x6666, %%r12\n\tmovq $0x7777, %%r13\n\tmovq $0x8888, %%r14\n\tmovq $0x9999, %%r15\n\t"
			 "movq $0xaaaa, %%rdi\n\tmovq $0xbbbb, %%rsi\n\tmovl $102, %%eax\n\tsyscall\n\t"
			 "xorq $0x1111, %%rbx\n\txorq $0x2222, %%rdx\n\txorq $0x3333, %%r8\n\txorq $0x4444, %%r9\n\txorq $0x5555, %%r10\n\t"
			 "xorq $0x6666, %%r12\n\txorq $0x7777, %%r13\n\txorq $0x8888, %%r14\n\txorq $0x9999, %%r15\n\t"
			 "xorq $0xaaaa, %%rdi\n\txorq $0xbbbb, %%rsi\n\t"
			 "orq %%rdx, %%rbx\n\torq %%r8, %%rbx\n\torq %%r9, %%rbx\n\torq %%r10, %%rbx\n\torq %%r12, %%rbx\n\torq %%r13, %%rbx\n\t"
			 "orq %%r14, %%rbx\n\torq %%r15, %%rbx\n\torq %%rdi, %%rbx\n\torq %%rsi, %%rbx\n\tmovq %%rbx, %%rax"
			 : "=a"(bad)
			 :
			 : "rbx", "rcx", "rdx", "rdi", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
	return bad == 0;
}

static bool control_words_are(unsigned want_csr, unsigned short want_x87)
{
	unsigned csr;
	unsigned short x87;

	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(csr), "=m"(x87));
	return (csr & ~0x3fU) == want_csr && x87 == want_x87;
}

__attribute__((target("avx"))) static bool avx_survives(void)
{
	uint64_t in[4] = { 11, 22, 33, 44 }, out[4];
	long result = SYS_tgkill;

	__asm__ volatile("vmovdqu %[in], %%ymm3\n\tvmovdqu %[in], %%ymm12\n\tsyscall\n\tvpcmpeqb %%xmm3, %%xmm12, %%xmm13\n\t"
			 "vmovdqu %%ymm3, %[out]\n\tvzeroupper"
			 : "+a"(result), [out] "=m"(out)
			 : [in] "m"(in), "D"((long)getpid()), "S"(syscall(SYS_gettid)), "d"((long)SIGUSR2)
			 : "rcx", "r11", "memory", "xmm3", "xmm12", "xmm13");
	return memcmp(in, out, sizeof in) == 0;
}

__attribute__((target("avx"))) static void spoil_avx(int sig)
{
	spoil(sig);
	__asm__ volatile("vpxor %%xmm3, %%xmm3, %%xmm3\n\tvpxor %%xmm12, %%xmm12, %%xmm12" : : : "xmm3", "xmm12");
}

/* Computes with doubles and vectors for a while; the sum shows any lost register. */
static uint64_t compute(uint64_t seed)
{
	__m128i state = _mm_set_epi64x((long long)seed, (long long)(seed * 3));
	double sum = (double)seed;

	for (int i = 0; i < 2000000; i++) {
		state = _mm_add_epi64(state, _mm_slli_epi64(state, 1));
		sum = sum * 1.0000001 + 1.0;
	}
	return (uint64_t)_mm_cvtsi128_si64(state) ^ (uint64_t)sum;
}

static void preemption(void)
{
	uint64_t want[4];
	pid_t pids[4];
	int good = 0;

	for (int i = 0; i < 4; i++)
		want[i] = compute((uint64_t)i + 1);
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(compute((uint64_t)i + 1) == want[i] ? 0 : 1);
	}
	for (int i = 0; i < 4; i++)
		good += check_wait(pids[i]) == 0;
	CHECK_EQ("four_processes_compute_side_by_side", good, 4);
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, off = { { 0, 0 }, { 0, 0 } };
	signal(SIGALRM, spoil);
	calls = 0;
	setitimer(ITIMER_REAL, &often, NULL);
	bool same = compute(1) == want[0] && compute(2) == want[1];
	while (calls < 3)
		same = same && compute(3) == want[2];
	setitimer(ITIMER_REAL, &off, NULL);
	CHECK("handlers_that_spoil_registers_do_no_harm", same);
}

int main(void)
{
	long pid = getpid();

	CHECK("general_registers_across_a_call", general_registers_survive());
	CHECK("xmm_across_a_call", xmm_survives(SYS_getpid, 0, 0));
	CHECK("xmm_across_a_blocking_call", xmm_survives(SYS_nanosleep, (long)&(struct timespec){ 0, 1000000 }, 0));
	CHECK("xmm_across_fork", xmm_survives(SYS_sched_yield, 0, 0) && CHILD(_exit(xmm_survives(SYS_getpid, 0, 0))) == 1);
	signal(SIGUSR1, spoil);
	CHECK("xmm_across_a_handler", xmm_survives(SYS_kill, pid, SIGUSR1) && calls == 1);
	CHECK("control_words_across_a_handler", control_words_are(0x1f80, 0x37f));
	fesetround(FE_TOWARDZERO);
	raise(SIGUSR1);
	CHECK_EQ("rounding_across_a_handler", fegetround(), FE_TOWARDZERO);
	CHECK_EQ("fork_inherits_rounding", CHILD(_exit(fegetround() == FE_TOWARDZERO)), 1);
	fesetround(FE_TONEAREST);
	long double pi = 3.14159265358979323846L, twice = pi * 2;
	raise(SIGUSR1);
	CHECK("x87_values_across_a_handler", twice / 2 == pi);
	signal(SIGUSR2, spoil_avx);
	__builtin_cpu_init();
	CHECK("avx_across_a_handler_where_there_is_avx", !__builtin_cpu_supports("avx") || avx_survives());
	preemption();
	return check_result();
}
