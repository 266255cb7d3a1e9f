/* sigaltstack(2). */
#include "check.h"
#include <setjmp.h>
#include <sys/resource.h>

static char alternate[65536] __attribute__((aligned(16)));
static sigjmp_buf back;
static volatile bool on_alternate, told_on_alternate, change_refused;
static volatile int calls;

static void look(int sig)
{
	char here;
	stack_t now, other = { .ss_sp = alternate, .ss_size = sizeof alternate };

	(void)sig;
	calls++;
	on_alternate = &here >= alternate && &here < alternate + sizeof alternate;
	sigaltstack(NULL, &now);
	told_on_alternate = now.ss_flags & SS_ONSTACK;
	change_refused = sigaltstack(&other, NULL) == -1 && errno == EPERM;
}

static void escape(int sig)
{
	look(sig);
	siglongjmp(back, 1);
}

static int __attribute__((noinline)) endless(int n)
{
	volatile char block[4096];

	block[0] = (char)n;
	if (n < 0) /* never, but the compiler cannot know */
		return 0;
	return endless((int)((unsigned)n + 1) & INT_MAX) + block[0];
}

static void install(int sig, void (*handler)(int), int flags)
{
	sigaction(sig, &(struct sigaction){ .sa_handler = handler, .sa_flags = flags }, NULL);
}

int main(void)
{
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof alternate }, now;
	struct rlimit small = { 1 << 20, RLIM_INFINITY };

	CHECK("none_at_first", sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_DISABLE);
	CHECK_EQ("set", sigaltstack(&stack, NULL), 0);
	CHECK("read_back", sigaltstack(NULL, &now) == 0 && now.ss_sp == alternate && now.ss_size == sizeof alternate && now.ss_flags == 0);
	install(SIGUSR1, look, SA_ONSTACK);
	raise(SIGUSR1);
	CHECK("handler_runs_on_it", on_alternate);
	CHECK("onstack_is_told", told_on_alternate);
	CHECK("no_change_while_in_use", change_refused);
	CHECK("not_in_use_afterwards", sigaltstack(NULL, &now) == 0 && now.ss_flags == 0);
	install(SIGUSR1, look, 0);
	raise(SIGUSR1);
	CHECK("only_with_sa_onstack", !on_alternate && !told_on_alternate);

	setrlimit(RLIMIT_STACK, &small);
	install(SIGSEGV, escape, SA_ONSTACK);
	calls = 0;
	if (sigsetjmp(back, 1) == 0)
		endless(0);
	CHECK("stack_overflow_is_caught", calls == 1 && on_alternate);
	if (sigsetjmp(back, 1) == 0)
		endless(0);
	CHECK("and_caught_again", calls == 2 && on_alternate);
	CHECK_EQ("stack_overflow_without_it_kills",
		 CHILD(stack_t none = { .ss_flags = SS_DISABLE }; sigaltstack(&none, NULL); endless(0)), 128 + SIGSEGV);

	stack.ss_size = 1000;
	CHECK_ERR("too_small", sigaltstack(&stack, NULL), ENOMEM);
	stack.ss_size = sizeof alternate;
	stack.ss_flags = 0x40;
	CHECK_ERR("unknown_flag", sigaltstack(&stack, NULL), EINVAL);
	stack.ss_flags = SS_DISABLE;
	CHECK("disable", sigaltstack(&stack, &now) == 0 && now.ss_sp == alternate && sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_DISABLE);
	CHECK_ERR("bad_pointer", syscall(SYS_sigaltstack, 8L, NULL), EFAULT);
	return check_result();
}
