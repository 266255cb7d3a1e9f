/* What a parent learns about the end of a child. */
#include "check.h"

static int status_of(void (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		body();
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0) == pid);
	return status;
}

static void exit_zero(void) { _exit(0); }
static void exit_seven(void) { _exit(7); }
static void exit_wraps(void) { _exit(256 + 5); }
static void exit_negative(void) { _exit(-1); }
static void by_return_of_exit(void) { exit(3); }
static void by_abort(void) { abort(); }
static void by_kill(void) { kill(getpid(), SIGKILL); }
static void by_term(void) { raise(SIGTERM); }
static void by_null(void) { *(volatile int *)0 = 1; }
static void by_ill(void) { __builtin_trap(); }
static void by_exit_call(void) { syscall(SYS_exit, 9); }
static void by_group(void) { syscall(SYS_exit_group, 10); }

static void at_exit_handler(void)
{
	_exit(44);
}

static void by_atexit(void)
{
	atexit(at_exit_handler);
	exit(1);
}

static const struct {
	const char *name;
	void (*body)(void);
	int status; /* as wait(2) lays it out */
} cases[] = {
	{ "exit_zero", exit_zero, 0 },
	{ "exit_seven", exit_seven, 7 << 8 },
	{ "exit_status_is_eight_bits", exit_wraps, 5 << 8 },
	{ "exit_of_minus_one_is_255", exit_negative, 255 << 8 },
	{ "libc_exit", by_return_of_exit, 3 << 8 },
	{ "atexit_runs", by_atexit, 44 << 8 },
	{ "exit_call_of_only_thread", by_exit_call, 9 << 8 },
	{ "exit_group_call", by_group, 10 << 8 },
	{ "abort_is_sigabrt", by_abort, SIGABRT },
	{ "sigkill", by_kill, SIGKILL },
	{ "sigterm", by_term, SIGTERM },
	{ "null_store_is_sigsegv", by_null, SIGSEGV },
	{ "trap_is_sigill", by_ill, SIGILL },
};

int main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK_EQ(cases[i].name, status_of(cases[i].body) & ~0x80 /* core dump or not */, cases[i].status);
	for (int sig = 1; sig < 32; sig++) {
		static const int harmless[] = { SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };
		bool ends = true;
		char name[40];

		for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
			ends = ends && sig != harmless[i];
		if (!ends)
			continue;
		snprintf(name, sizeof name, "default_action_of_signal_%d", sig);
		CHECK_EQ(name, CHILD(kill(getpid(), sig)), 128 + sig);
	}
	CHECK_EQ("default_action_of_sigchld_is_none", CHILD(raise(SIGCHLD)), 0);
	CHECK_EQ("default_action_of_sigurg_is_none", CHILD(raise(SIGURG)), 0);
	CHECK_EQ("default_action_of_sigwinch_is_none", CHILD(raise(SIGWINCH)), 0);
	CHECK_EQ("default_action_of_sigcont_is_none", CHILD(raise(SIGCONT)), 0);
	CHECK_EQ("default_action_of_realtime_signal", CHILD(raise(SIGRTMIN + 2)), 128 + SIGRTMIN + 2);
	return check_result();
}
