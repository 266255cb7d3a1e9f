/* Process groups and sessions. */
#include "check.h"

static void nothing(int sig)
{
	(void)sig;
}

/* A forked child that waits for the end of the returned descriptor. */
static pid_t waiting_child(int *release)
{
	int gate[2];
	pid_t pid;

	NEED(pipe(gate) == 0);
	pid = fork();
	if (pid == 0) {
		char byte;

		close(gate[1]);
		_exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(gate[0]);
	*release = gate[1];
	return pid;
}

static void groups(void)
{
	int release;
	pid_t pid = waiting_child(&release), group = getpgrp();

	CHECK_EQ("child_starts_in_my_group", getpgid(pid), group);
	CHECK_EQ("parent_moves_child", setpgid(pid, pid), 0);
	CHECK_EQ("child_is_in_its_group", getpgid(pid), pid);
	CHECK_EQ("and_back", setpgid(pid, group), 0);
	CHECK_ERR("into_a_group_that_is_not", setpgid(pid, 99999), EPERM);
	CHECK_ERR("negative_group", setpgid(pid, -1), EINVAL);
	CHECK_ERR("not_my_child", setpgid(getppid(), 0), ESRCH);
	CHECK_ERR("no_such_process", getpgid(99999), ESRCH);
	CHECK_EQ("group_zero_is_own_pid", setpgid(pid, 0) == 0 && getpgid(pid) == pid, 1);
	CHECK_EQ("probe_of_the_group", kill(-pid, 0), 0);
	CHECK_EQ("signal_to_the_group", kill(-pid, SIGTERM), 0);
	CHECK_EQ("it_arrives", check_wait(pid), 128 + SIGTERM);
	CHECK_ERR("the_group_is_gone", kill(-pid, 0), ESRCH);
	close(release);
	CHECK_EQ("killpg_reaches_all_members",
		 CHILD(signal(SIGUSR1, nothing); setpgid(0, 0);
		       pid_t a = fork(); if (a == 0) { signal(SIGUSR1, SIG_DFL); for (;;) pause(); }
		       pid_t b = fork(); if (b == 0) { signal(SIGUSR1, SIG_DFL); for (;;) pause(); }
		       sleep_ms(50); kill(0, SIGUSR1);
		       _exit(check_wait(a) == 128 + SIGUSR1 && check_wait(b) == 128 + SIGUSR1)),
		 1);
}

static void sessions(void)
{
	int release;
	pid_t pid;

	CHECK_EQ("setsid_makes_session_and_group",
		 CHILD(pid_t id = setsid(); _exit(id == getpid() && getsid(0) == id && getpgrp() == id)), 1);
	CHECK_EQ("setsid_of_a_group_leader",
		 CHILD(setpgid(0, 0); _exit(setsid() == -1 && errno == EPERM)), 1);
	CHECK_EQ("session_leader_keeps_its_group",
		 CHILD(setsid(); _exit(setpgid(0, 0) == -1 && errno == EPERM)), 1);
	CHECK_EQ("group_of_another_session",
		 CHILD(pid_t group = getpgrp(); setsid(); if (fork() == 0) _exit(setpgid(0, group) == -1 && errno == EPERM);
		       int status; wait(&status); _exit(WEXITSTATUS(status))),
		 1);
	CHECK_ERR("getsid_of_nobody", getsid(99999), ESRCH);
	pid = waiting_child(&release);
	CHECK_EQ("getsid_of_child", getsid(pid), getsid(0));
	close(release);
	check_wait(pid);
	CHECK_ERR("no_terminal_no_foreground_group",
		  CHILD(setsid(); _exit(tcgetpgrp(0) == -1 && errno == ENOTTY ? 0 : 1)) == 0 ? (errno = ENOTTY, -1) : 0, ENOTTY);
}

static void after_exec(void)
{
	int ready[2], release[2];
	char byte, self[PATH_MAX] = "", in[12], out[12];
	pid_t pid;

	NEED(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	NEED(pipe(ready) == 0 && pipe(release) == 0);
	pid = fork();
	if (pid == 0) {
		close(release[1]);
		snprintf(out, sizeof out, "%d", ready[1]);
		snprintf(in, sizeof in, "%d", release[0]);
		execl(self, self, out, in, NULL);
		_exit(111);
	}
	close(release[0]);
	NEED(read(ready[0], &byte, 1) == 1);
	CHECK_ERR("setpgid_of_a_child_after_its_exec", setpgid(pid, pid), EACCES);
	close(release[1]);
	CHECK_EQ("that_child_ends", check_wait(pid), 0);
}

static void orphans(void)
{
	int report[2];
	char same = 9;
	pid_t pid;

	NEED(pipe(report) == 0);
	pid = fork();
	if (pid == 0) {
		pid_t parent = getpid();

		if (fork() == 0) {
			while (getppid() == parent)
				sleep_ms(1);
			same = getppid() == parent;
			_exit(write(report[1], &same, 1) != 1);
		}
		_exit(0);
	}
	check_wait(pid);
	close(report[1]);
	CHECK("an_orphan_gets_a_new_parent", read(report[0], &same, 1) == 1 && same == 0);
	close(report[0]);
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		char byte = 1;

		return write(atoi(argv[1]), &byte, 1) != 1 || read(atoi(argv[2]), &byte, 1) != 0;
	}
	groups();
	sessions();
	after_exec();
	orphans();
	return check_result();
}
