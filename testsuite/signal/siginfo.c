/* What SA_SIGINFO handlers are told about the sender. */
#include "check.h"
#include <sys/time.h>

static volatile siginfo_t seen;
static volatile int calls;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	*(siginfo_t *)&seen = *info;
	calls++;
}

static void install(int sig, int flags)
{
	sigaction(sig, &(struct sigaction){ .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags }, NULL);
}

static void forget(void)
{
	memset((void *)&seen, 0, sizeof seen);
	calls = 0;
}

int main(void)
{
	pid_t pid, parent = getpid();

	install(SIGUSR1, 0);
	kill(getpid(), SIGUSR1);
	CHECK("kill", seen.si_signo == SIGUSR1 && seen.si_code == SI_USER && seen.si_errno == 0);
	CHECK("kill_sender", seen.si_pid == getpid() && seen.si_uid == getuid());
	forget();
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
	CHECK("tgkill", seen.si_code == SI_TKILL && seen.si_pid == getpid());
	forget();
	sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 1234567 });
	CHECK("sigqueue", seen.si_code == SI_QUEUE && seen.si_value.sival_int == 1234567 && seen.si_pid == getpid());
	forget();
	pid = fork();
	if (pid == 0)
		_exit(kill(parent, SIGUSR1));
	check_wait(pid);
	CHECK("sender_is_the_child", calls == 1 && seen.si_pid == pid);

	install(SIGCHLD, 0);
	forget();
	pid = fork();
	if (pid == 0)
		_exit(23);
	check_wait(pid);
	CHECK("child_exited", seen.si_code == CLD_EXITED && seen.si_status == 23 && seen.si_pid == pid && seen.si_uid == getuid());
	forget();
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	kill(pid, SIGKILL);
	check_wait(pid);
	CHECK("child_killed", seen.si_code == CLD_KILLED && seen.si_status == SIGKILL && seen.si_pid == pid);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	forget();
	kill(pid, SIGSTOP);
	while (calls == 0)
		sleep_ms(1);
	CHECK("child_stopped", seen.si_code == CLD_STOPPED && seen.si_status == SIGSTOP && seen.si_pid == pid);
	forget();
	kill(pid, SIGCONT);
	while (calls == 0)
		sleep_ms(1);
	CHECK("child_continued", seen.si_code == CLD_CONTINUED && seen.si_status == SIGCONT && seen.si_pid == pid);
	install(SIGCHLD, SA_NOCLDSTOP);
	forget();
	kill(pid, SIGSTOP);
	NEED(waitpid(pid, NULL, WUNTRACED) == pid);
	CHECK_EQ("nocldstop_says_nothing", calls, 0);
	kill(pid, SIGKILL);
	check_wait(pid);
	CHECK_EQ("but_the_end_is_told", calls, 1);

	install(SIGPIPE, 0);
	forget();
	int ends[2];
	NEED(pipe(ends) == 0);
	close(ends[0]);
	CHECK_ERR("write_to_a_broken_pipe", write(ends[1], "x", 1), EPIPE);
	CHECK("sigpipe_info", calls == 1 && seen.si_signo == SIGPIPE && seen.si_pid == getpid());
	close(ends[1]);

	install(SIGALRM, 0);
	forget();
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, 20000 } }, NULL);
	while (calls == 0)
		sleep_ms(1);
	CHECK("alarm_comes_from_the_kernel", seen.si_signo == SIGALRM && seen.si_code == SI_KERNEL);
	return check_result();
}
