/* execve(2): arguments, environment, what stays and what goes, errors. */
#include "check.h"

static char self[PATH_MAX];
static char *no_env[] = { NULL };

/* The second life of this program: reports through its exit status. */
static int second_life(int argc, char **argv, char **envp)
{
	const char *what = argv[1];

	if (strcmp(what, "argv") == 0)
		return argc == 5 && strcmp(argv[2], "") == 0 && strcmp(argv[3], "a b") == 0 &&
				       strcmp(argv[4], "\xc3\xa9") == 0 && argv[5] == NULL
			       ? 0 : 1;
	if (strcmp(what, "envp") == 0)
		return envp[0] && strcmp(envp[0], "A=1") == 0 && envp[1] && strcmp(envp[1], "B=") == 0 && !envp[2]
			       ? 0 : 1;
	if (strcmp(what, "noenv") == 0)
		return envp[0] != NULL;
	if (strcmp(what, "argc") == 0)
		return argc == 2002 && strcmp(argv[2001], "1999") == 0 ? 0 : 1;
	if (strcmp(what, "long") == 0)
		return strlen(argv[2]) == 100000 && strspn(argv[2], "x") == 100000 ? 0 : 1;
	if (strcmp(what, "fds") == 0)
		return (fcntl(10, F_GETFD) == 0 ? 1 : 0) | (fcntl(11, F_GETFD) == 0 ? 2 : 0);
	if (strcmp(what, "pid") == 0)
		return getpid() == atoi(argv[2]) ? 0 : 1;
	if (strcmp(what, "signals") == 0) {
		struct sigaction handled, ignored;
		sigset_t mask, pending;

		sigaction(SIGUSR1, NULL, &handled);
		sigaction(SIGUSR2, NULL, &ignored);
		sigprocmask(SIG_BLOCK, NULL, &mask);
		sigpending(&pending);
		return (handled.sa_handler == SIG_DFL ? 1 : 0) | (ignored.sa_handler == SIG_IGN ? 2 : 0) |
		       (sigismember(&mask, SIGTERM) ? 4 : 0) | (sigismember(&pending, SIGTERM) ? 8 : 0);
	}
	if (strcmp(what, "alarm") == 0)
		return alarm(0) > 0;
	if (strcmp(what, "state") == 0) {
		char cwd[PATH_MAX];

		return getcwd(cwd, sizeof cwd) && strcmp(strrchr(cwd, '/'), "/sub") == 0 && umask(0) == 027 ? 0 : 1;
	}
	if (strcmp(what, "altstack") == 0) {
		stack_t stack;

		return sigaltstack(NULL, &stack) == 0 && stack.ss_flags == SS_DISABLE ? 0 : 1;
	}
	return 77;
}

static int run(char **argv, char **envp)
{
	return CHILD(execve(self, argv, envp); _exit(111));
}

static void arguments(void)
{
	static char *many[2003], numbers[2000][6], long_arg[100001];
	char *argv[] = { "name", "argv", "", "a b", "\xc3\xa9", NULL };
	char *env[] = { "A=1", "B=", NULL };

	CHECK_EQ("argv_arrives", run(argv, no_env), 0);
	CHECK_EQ("envp_arrives", run((char *[]){ "name", "envp", NULL }, env), 0);
	CHECK_EQ("empty_envp", run((char *[]){ "name", "noenv", NULL }, no_env), 0);
	CHECK_EQ("null_envp", run((char *[]){ "name", "noenv", NULL }, NULL), 0);
	many[0] = "name";
	many[1] = "argc";
	for (int i = 0; i < 2000; i++) {
		snprintf(numbers[i], sizeof numbers[i], "%d", i);
		many[i + 2] = numbers[i];
	}
	CHECK_EQ("two_thousand_arguments", run(many, no_env), 0);
	memset(long_arg, 'x', 100000);
	CHECK_EQ("argument_of_100000_bytes", run((char *[]){ "name", "long", long_arg, NULL }, no_env), 0);
}

static void nothing(int sig)
{
	(void)sig;
}

static void what_stays(void)
{
	int fd = open("/dev/null", O_RDONLY);
	char pid[20];

	NEED(fd >= 0);
	CHECK_EQ("cloexec_closes_and_others_stay",
		 CHILD(dup3(fd, 10, O_CLOEXEC); dup2(fd, 11);
		       execve(self, (char *[]){ "name", "fds", NULL }, no_env); _exit(111)),
		 2);
	CHECK_EQ("pid_stays",
		 CHILD(snprintf(pid, sizeof pid, "%d", getpid());
		       execve(self, (char *[]){ "name", "pid", pid, NULL }, no_env); _exit(111)),
		 0);
	CHECK_EQ("handlers_reset_mask_and_pending_stay",
		 CHILD(sigset_t set; sigemptyset(&set); sigaddset(&set, SIGTERM); sigprocmask(SIG_BLOCK, &set, NULL);
		       raise(SIGTERM); signal(SIGUSR1, nothing); signal(SIGUSR2, SIG_IGN);
		       execve(self, (char *[]){ "name", "signals", NULL }, no_env); _exit(111)),
		 15);
	CHECK_EQ("alarm_stays",
		 CHILD(alarm(100); execve(self, (char *[]){ "name", "alarm", NULL }, no_env); _exit(111)), 1);
	CHECK_EQ("cwd_and_umask_stay",
		 CHILD(mkdir("sub", 0700); if (chdir("sub")) _exit(112); umask(027);
		       execve(self, (char *[]){ "name", "state", NULL }, no_env); _exit(111)),
		 0);
	CHECK_EQ("altstack_is_gone",
		 CHILD(stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 }; sigaltstack(&stack, NULL);
		       execve(self, (char *[]){ "name", "altstack", NULL }, no_env); _exit(111)),
		 0);
	rmdir("sub");
	close(fd);
}

static int exec_error(const char *path)
{
	execve(path, (char *[]){ "x", NULL }, no_env);
	return -1;
}

static void errors(void)
{
	char *huge = malloc(200000);
	int fd;

	CHECK_ERR("missing_program", exec_error("missing"), ENOENT);
	CHECK_ERR("empty_path", exec_error(""), ENOENT);
	make_file("plain", "text\n");
	CHECK_ERR("no_execute_permission", exec_error("./plain"), EACCES);
	chmod("plain", 0755);
	CHECK_ERR("not_a_program", exec_error("./plain"), ENOEXEC);
	make_file("empty", "");
	chmod("empty", 0755);
	CHECK_ERR("empty_file", exec_error("./empty"), ENOEXEC);
	make_file("short", "\177ELF");
	chmod("short", 0755);
	CHECK_ERR("truncated_elf", exec_error("./short"), ENOEXEC);
	mkdir("dir", 0755);
	CHECK_ERR("a_folder", exec_error("dir"), EACCES);
	CHECK_ERR("file_as_folder", exec_error("plain/x"), ENOTDIR);
	NEED(symlink("loop", "loop") == 0);
	CHECK_ERR("symlink_loop", exec_error("loop"), ELOOP);
	memset(huge, 'x', 199999);
	huge[199999] = 0;
	CHECK_ERR("one_argument_above_128_kib", execve(self, (char *[]){ "x", huge, NULL }, no_env), E2BIG);
	CHECK_ERR("bad_path_pointer", syscall(SYS_execve, 8L, NULL, NULL), EFAULT);
	CHECK_ERR("bad_argv_pointer", syscall(SYS_execve, self, 8L, NULL), EFAULT);
	NEED(symlink(self, "link") == 0);
	CHECK_EQ("through_a_symlink",
		 CHILD(execve("link", (char *[]){ "name", "noenv", NULL }, no_env); _exit(111)), 0);
	fd = open(self, O_RDONLY | O_CLOEXEC);
	CHECK_EQ("fexecve", CHILD(syscall(SYS_execveat, fd, "", (char *[]){ "name", "noenv", NULL }, no_env, AT_EMPTY_PATH);
				  _exit(111)),
		 0);
	CHECK_EQ("the_caller_survives_a_failed_exec", CHILD(exec_error("missing"); _exit(5)), 5);
	unlink("plain"), unlink("empty"), unlink("short"), unlink("loop"), unlink("link"), rmdir("dir");
	free(huge);
	close(fd);
}

int main(int argc, char **argv, char **envp)
{
	if (argc > 1)
		return second_life(argc, argv, envp);
	NEED(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	arguments();
	what_stays();
	errors();
	return check_result();
}
