/* wait4(2) and waitid(2), all forms. */
#include "check.h"
#include <sys/resource.h>

static pid_t child_that_exits(int code)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(code);
	NEED(pid > 0);
	return pid;
}

static pid_t child_that_waits(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	NEED(pid > 0);
	return pid;
}

static void forms_of_wait4(void)
{
	struct rusage usage;
	pid_t first, second;
	int status;

	first = child_that_waits();
	CHECK_EQ("nohang_with_running_child", waitpid(-1, &status, WNOHANG), 0);
	CHECK_EQ("nohang_of_that_child", waitpid(first, &status, WNOHANG), 0);
	second = child_that_exits(4);
	CHECK_EQ("one_child_by_pid", waitpid(second, &status, 0), second);
	CHECK("its_status", WIFEXITED(status) && WEXITSTATUS(status) == 4);
	CHECK_ERR("a_second_wait_for_it", waitpid(second, &status, 0), ECHILD);
	kill(first, SIGTERM);
	CHECK_EQ("any_child", waitpid(-1, &status, 0), first);
	CHECK("signalled", WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	CHECK_ERR("no_child", waitpid(-1, &status, 0), ECHILD);
	CHECK_ERR("no_child_nohang", waitpid(-1, &status, WNOHANG), ECHILD);
	CHECK_ERR("not_my_child", waitpid(getppid(), &status, 0), ECHILD);
	CHECK_ERR("unknown_options", waitpid(-1, &status, 0x100), EINVAL);
	first = child_that_exits(0);
	CHECK_EQ("own_group", waitpid(0, NULL, 0), first);
	first = fork();
	if (first == 0) {
		setpgid(0, 0);
		_exit(0);
	}
	setpgid(first, first);
	CHECK_EQ("group_by_number", waitpid(-first, &status, 0), first);
	memset(&usage, 0xff, sizeof usage);
	first = child_that_exits(0);
	CHECK_EQ("wait4_with_usage", wait4(first, &status, 0, &usage), first);
	CHECK("usage_is_filled", usage.ru_utime.tv_sec == 0 && usage.ru_stime.tv_sec == 0 && usage.ru_maxrss >= 0);
	first = child_that_exits(0);
	CHECK_ERR("bad_status_pointer", syscall(SYS_wait4, first, 8L, 0, NULL), EFAULT);
	waitpid(first, NULL, WNOHANG);
}

static void stop_and_continue(void)
{
	pid_t pid = child_that_waits();
	siginfo_t info;
	int status;

	kill(pid, SIGSTOP);
	CHECK_EQ("stopped_child", waitpid(pid, &status, WUNTRACED), pid);
	CHECK("stop_status", WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	CHECK_EQ("a_stop_is_reported_once", waitpid(pid, &status, WUNTRACED | WNOHANG), 0);
	kill(pid, SIGCONT);
	CHECK_EQ("continued_child", waitpid(pid, &status, WCONTINUED), pid);
	CHECK("continue_status", WIFCONTINUED(status));
	kill(pid, SIGSTOP);
	CHECK_EQ("waitid_stopped", waitid(P_PID, (id_t)pid, &info, WSTOPPED), 0);
	CHECK("waitid_stop_info", info.si_code == CLD_STOPPED && info.si_status == SIGSTOP && info.si_pid == pid);
	kill(pid, SIGTERM); /* pending while stopped */
	CHECK_EQ("term_waits_for_continue", waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGCONT);
	CHECK_EQ("then_it_ends", waitpid(pid, &status, 0), pid);
	CHECK("by_sigterm", WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	pid = child_that_waits();
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGKILL);
	CHECK_EQ("sigkill_ends_a_stopped_child", check_wait(pid), 128 + SIGKILL);
}

/* A group whose every parent is in another session is orphaned: the terminal's stop signals do nothing there. */
static void orphaned_group(void)
{
	CHECK_EQ("sigtstp_does_not_stop_an_orphaned_group",
		 CHILD(setsid(); signal(SIGTSTP, SIG_DFL); raise(SIGTSTP); raise(SIGTTIN); raise(SIGTTOU); _exit(8)), 8);
	CHECK_EQ("sigstop_does",
		 CHILD(setsid(); pid_t pid = child_that_waits(); int status; kill(pid, SIGSTOP);
		       _exit(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && kill(pid, SIGKILL) == 0)),
		 1);
}

static void forms_of_waitid(void)
{
	siginfo_t info;
	pid_t pid = child_that_exits(11);

	memset(&info, 0, sizeof info);
	CHECK_EQ("waitid_peek", waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	CHECK("exit_info", info.si_signo == SIGCHLD && info.si_code == CLD_EXITED && info.si_status == 11 &&
				   info.si_pid == pid && info.si_uid == getuid());
	CHECK_EQ("waitid_takes", waitid(P_ALL, 0, &info, WEXITED), 0);
	CHECK_ERR("waitid_no_child", waitid(P_ALL, 0, &info, WEXITED), ECHILD);
	CHECK_ERR("waitid_without_event", waitid(P_ALL, 0, &info, 0), EINVAL);
	pid = child_that_waits();
	info.si_pid = 1;
	CHECK_EQ("waitid_nohang", waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG), 0);
	CHECK_EQ("waitid_nohang_clears_pid", info.si_pid, 0);
	kill(pid, SIGKILL);
	CHECK_EQ("waitid_killed", waitid(P_PGID, 0, &info, WEXITED), 0);
	CHECK("kill_info", info.si_code == CLD_KILLED && info.si_status == SIGKILL);
}

static void automatic_reaping(void)
{
	int status;

	signal(SIGCHLD, SIG_IGN);
	child_that_exits(1);
	CHECK_ERR("ignored_sigchld_reaps", wait(&status), ECHILD);
	signal(SIGCHLD, SIG_DFL);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT }, NULL);
	child_that_exits(1);
	CHECK_ERR("nocldwait_reaps", wait(&status), ECHILD);
	signal(SIGCHLD, SIG_DFL);
}

static void other_threads_children(void)
{
	int status, gate[2];
	pid_t pid;

	NEED(pipe(gate) == 0);
	pid = fork();
	if (pid == 0) { /* leaves a grandchild behind */
		if (fork() == 0) {
			char byte;

			close(gate[1]);
			_exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
		}
		_exit(0);
	}
	CHECK_EQ("child_with_living_grandchild_is_reaped", waitpid(pid, &status, 0), pid);
	CHECK_ERR("grandchildren_are_not_children", wait(&status), ECHILD);
	close(gate[0]);
	close(gate[1]);
}

int main(void)
{
	forms_of_wait4();
	stop_and_continue();
	orphaned_group();
	forms_of_waitid();
	automatic_reaping();
	other_threads_children();
	return check_result();
}
