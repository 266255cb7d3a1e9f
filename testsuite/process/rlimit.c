/* Resource limits: reading, setting, and what happens at them. */
#include "check.h"
#include <sys/resource.h>

static struct rlimit limit(rlim_t soft, rlim_t hard)
{
	return (struct rlimit){ soft, hard };
}

static int set(int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit value = limit(soft, hard);

	return setrlimit(resource, &value);
}

static bool is(int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit value;

	return getrlimit(resource, &value) == 0 && value.rlim_cur == soft && value.rlim_max == hard;
}

static void nothing(int sig)
{
	(void)sig;
}

int main(void)
{
	struct rlimit value;
	int fd;

	CHECK("stack_limit_is_set", getrlimit(RLIMIT_STACK, &value) == 0 && value.rlim_cur >= 1 << 20);
	CHECK("nofile_limit_is_set", getrlimit(RLIMIT_NOFILE, &value) == 0 && value.rlim_cur >= 256);
	CHECK_ERR("unknown_resource", getrlimit(16, &value), EINVAL);
	CHECK_EQ("soft_above_hard", CHILD(_exit(set(RLIMIT_CORE, 2, 1) == -1 && errno == EINVAL)), 1);
	CHECK_EQ("set_and_get", CHILD(_exit(set(RLIMIT_CORE, 0, 0) == 0 && is(RLIMIT_CORE, 0, 0))), 1);
	CHECK_EQ("user_cannot_raise_the_hard_limit",
		 CHILD(become_user(); set(RLIMIT_NOFILE, 50, 60); _exit(set(RLIMIT_NOFILE, 50, 61) == -1 && errno == EPERM)), 1);
	CHECK_EQ("soft_may_rise_to_hard",
		 CHILD(become_user(); set(RLIMIT_NOFILE, 50, 60); _exit(set(RLIMIT_NOFILE, 60, 60) == 0)), 1);
	CHECK_EQ("fork_inherits", CHILD(set(RLIMIT_NOFILE, 50, 60); _exit(CHILD(_exit(is(RLIMIT_NOFILE, 50, 60))))), 1);

	CHECK_EQ("nofile_stops_open",
		 CHILD(set(RLIMIT_NOFILE, 10, 10); while ((fd = open("/dev/null", O_RDONLY)) >= 0) if (fd >= 10) _exit(2);
		       _exit(errno == EMFILE)),
		 1);
	CHECK_EQ("nofile_stops_pipe",
		 CHILD(int ends[2]; set(RLIMIT_NOFILE, 4, 4); while (pipe(ends) == 0) ; _exit(errno == EMFILE)), 1);
	CHECK_EQ("nofile_stops_dup2", CHILD(set(RLIMIT_NOFILE, 10, 10); _exit(dup2(1, 10) == -1 && errno == EBADF)), 1);
	CHECK_EQ("nofile_stops_fcntl_dupfd",
		 CHILD(set(RLIMIT_NOFILE, 10, 10); _exit(fcntl(1, F_DUPFD, 10) == -1 && errno == EINVAL)), 1);
	CHECK_EQ("open_fds_above_the_limit_stay",
		 CHILD(dup2(1, 20); set(RLIMIT_NOFILE, 10, 10); _exit(fcntl(20, F_GETFD) == 0)), 1);

	CHECK_EQ("fsize_signal",
		 CHILD(set(RLIMIT_FSIZE, 1000, 1000); fd = open("f", O_CREAT | O_WRONLY, 0600);
		       if (pwrite(fd, "x", 1, 1000) < 0) _exit(1)),
		 128 + SIGXFSZ);
	CHECK_EQ("fsize_error_when_ignored",
		 CHILD(signal(SIGXFSZ, SIG_IGN); set(RLIMIT_FSIZE, 1000, 1000); fd = open("f", O_CREAT | O_WRONLY, 0600);
		       _exit(pwrite(fd, "x", 1, 1000) == -1 && errno == EFBIG)),
		 1);
	CHECK_EQ("fsize_shortens_the_write",
		 CHILD(char data[100]; memset(data, 1, 100); signal(SIGXFSZ, SIG_IGN); set(RLIMIT_FSIZE, 1000, 1000);
		       fd = open("f", O_CREAT | O_WRONLY, 0600); _exit((int)pwrite(fd, data, 100, 950))),
		 50);
	CHECK_EQ("fsize_stops_truncate",
		 CHILD(signal(SIGXFSZ, nothing); set(RLIMIT_FSIZE, 1000, 1000); _exit(truncate("f", 2000) == -1 && errno == EFBIG)),
		 1);
	unlink("f");

	CHECK_EQ("nproc_stops_fork",
		 CHILD(become_user(); set(RLIMIT_NPROC, 0, 0); pid_t pid = fork(); if (pid == 0) _exit(0);
		       _exit(pid == -1 && errno == EAGAIN)),
		 1);
	CHECK_EQ("cpu_signal",
		 CHILD(set(RLIMIT_CPU, 1, 2); signal(SIGXCPU, SIG_DFL); struct rlimit now; getrlimit(RLIMIT_CPU, &now);
		       _exit(now.rlim_cur == 1 && now.rlim_max == 2)),
		 1);
	CHECK_EQ("prlimit_of_self", syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &value), 0);
	CHECK_ERR("prlimit_of_nobody", syscall(SYS_prlimit64, 99999, RLIMIT_NOFILE, NULL, &value), ESRCH);
	CHECK_ERR("bad_pointer", syscall(SYS_getrlimit, RLIMIT_CORE, 8L), EFAULT);
	return check_result();
}
