/* Orphans: who adopts them, and what their end tells the new parent. */
#include "check.h"
#include <sys/prctl.h>

/* A child that leaves a grandchild behind, which ends with status 9 when the pipe is closed. */
static void leave_an_orphan(int exit_signal)
{
	int gate[2];
	pid_t pid;

	if (pipe(gate) < 0)
		_exit(90);
	pid = fork();
	if (pid == 0) {
		pid_t orphan = (pid_t)syscall(SYS_clone, (unsigned long)exit_signal, 0UL, NULL, NULL, 0UL);

		if (orphan == 0) {
			char byte;

			close(gate[1]);
			_exit(read(gate[0], &byte, 1) == 0 ? 9 : 91);
		}
		_exit(orphan < 0);
	}
	if (check_wait(pid) != 0)
		_exit(92);
	close(gate[0]);
	close(gate[1]);
}

/* The exit status of whichever child ends, -1 when there is none. */
static int status_of_any(void)
{
	int status;

	return wait(&status) < 0 ? -1 : WEXITSTATUS(status);
}

static void become_subreaper(void)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		_exit(93);
}

int main(void)
{
	int is_subreaper = -1;

	CHECK("no_subreaper_at_first", prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper) == 0 && is_subreaper == 0);
	CHECK_EQ("a_subreaper_adopts", CHILD(become_subreaper(); leave_an_orphan(SIGCHLD); _exit(status_of_any())), 9);
	CHECK_EQ("being_a_subreaper_is_not_inherited",
		 CHILD(become_subreaper(); _exit(CHILD(int is = -1; prctl(PR_GET_CHILD_SUBREAPER, &is); _exit(is)))), 0);
	CHECK_EQ("without_one_the_orphan_is_gone", CHILD(leave_an_orphan(SIGCHLD); _exit(status_of_any() == -1 && errno == ECHILD)), 1);
	CHECK_EQ("an_orphan_cannot_choose_the_signal_of_its_end",
		 CHILD(become_subreaper(); signal(SIGTERM, SIG_DFL); leave_an_orphan(SIGTERM); _exit(status_of_any())), 9);
	CHECK_EQ("a_child_can",
		 CHILD(signal(SIGTERM, SIG_DFL); if (syscall(SYS_clone, (unsigned long)SIGTERM, 0UL, NULL, NULL, 0UL) == 0) _exit(0);
		       sleep_ms(5000)),
		 128 + SIGTERM);
	CHECK_EQ("such_a_child_needs_wclone",
		 CHILD(signal(SIGUSR1, SIG_IGN); pid_t pid = (pid_t)syscall(SYS_clone, (unsigned long)SIGUSR1, 0UL, NULL, NULL, 0UL);
		       if (pid == 0) _exit(4); if (waitpid(pid, NULL, 0) != -1 || errno != ECHILD) _exit(1); int status;
		       _exit(waitpid(pid, &status, __WCLONE) == pid ? WEXITSTATUS(status) : 2)),
		 4);
	return check_result();
}
