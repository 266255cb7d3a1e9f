/* execve(2) of threads, of set-id files, by descriptor, and of programs that cannot be loaded. */
#include "check.h"
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

static char self[PATH_MAX];
static char *no_env[] = { NULL };
static pid_t leader;

/* The second life of this program: reports through its exit status. */
static int second_life(char **argv)
{
	const char *what = argv[1];

	if (strcmp(what, "pid") == 0)
		return getpid() == atoi(argv[2]) && syscall(SYS_gettid) == atoi(argv[2]) ? 0 : 1;
	if (strcmp(what, "ids") == 0)
		return (getuid() == 65534 ? 1 : 0) | (geteuid() == 0 ? 2 : 0) | (getauxval(AT_SECURE) ? 4 : 0) |
		       (getauxval(AT_EUID) == geteuid() ? 8 : 0);
	if (strcmp(what, "execfn") == 0)
		return strncmp((char *)getauxval(AT_EXECFN), "/dev/fd/", 8) == 0 ? 0 : 1;
	if (strcmp(what, "comm") == 0) {
		char name[16];

		prctl(PR_GET_NAME, name);
		return strcmp(name, "a_name_longer_t") == 0 ? 0 : 1;
	}
	return 77;
}

static void *sleep_on(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void *exec_here(void *unused)
{
	char pid[16];

	snprintf(pid, sizeof pid, "%d", leader);
	execve(self, (char *[]){ "name", "pid", pid, NULL }, no_env);
	_exit(111);
	return unused;
}

static void exec_with_threads(bool from_leader)
{
	pthread_t thread;

	leader = getpid();
	for (int i = 0; i < 4; i++)
		pthread_create(&thread, NULL, sleep_on, NULL);
	if (!from_leader) {
		pthread_create(&thread, NULL, exec_here, NULL);
		for (;;)
			pause();
	}
	exec_here(NULL);
}

static void copy_self(const char *to, mode_t mode)
{
	char buf[65536];
	int in = open(self, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t count;

	while ((count = read(in, buf, sizeof buf)) > 0)
		if (write(out, buf, (size_t)count) != count)
			abort();
	close(in);
	close(out);
	chmod(to, mode);
}

static void privileges(void)
{
	char *argv[] = { "name", "ids", NULL };

	if (geteuid() != 0) {
		check_print("skip set_user_id: needs root\n");
		return;
	}
	chmod(".", 0755);
	copy_self("setuid", 04755);
	copy_self("usual", 0755);
	CHECK_EQ("set_user_id", CHILD(if (setresuid(65534, 65534, 65534)) _exit(112); execve("./setuid", argv, no_env); _exit(111)), 15);
	CHECK_EQ("no_new_privileges", CHILD(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); if (setresuid(65534, 65534, 65534)) _exit(112); execve("./setuid", argv, no_env); _exit(111)), 9);
	CHECK_EQ("usual_program_stays_user", CHILD(if (setresuid(65534, 65534, 65534)) _exit(112); execve("./usual", argv, no_env); _exit(111)), 9);
}

static void by_descriptor(void)
{
	int fd = open(self, O_RDONLY), cloexec, folder, script;

	CHECK_EQ("name_by_descriptor", CHILD(syscall(SYS_execveat, fd, "", (char *[]){ "name", "execfn", NULL }, no_env, AT_EMPTY_PATH); _exit(111)), 0);
	CHECK_ERR("empty_path_without_the_flag", syscall(SYS_execveat, fd, "", (char *[]){ "name", NULL }, no_env, 0), ENOENT);
	CHECK_ERR("relative_to_a_file", syscall(SYS_execveat, fd, "x", (char *[]){ "name", NULL }, no_env, 0), ENOTDIR);
	CHECK_ERR("bad_descriptor", syscall(SYS_execveat, 77, "x", (char *[]){ "name", NULL }, no_env, 0), EBADF);
	CHECK_ERR("unknown_flags", syscall(SYS_execveat, fd, "x", (char *[]){ "name", NULL }, no_env, 0x40000), EINVAL);
	script = open("script", O_WRONLY | O_CREAT | O_TRUNC, 0755);
	dprintf(script, "#!%s execfn\n", self);
	close(script);
	cloexec = open("script", O_RDONLY | O_CLOEXEC);
	CHECK_ERR("script_by_a_descriptor_that_closes", syscall(SYS_execveat, cloexec, "", (char *[]){ "name", NULL }, no_env, AT_EMPTY_PATH), ENOENT);
	symlink(self, "link");
	folder = open(".", O_RDONLY | O_DIRECTORY);
	CHECK_ERR("a_link_that_is_not_followed", syscall(SYS_execveat, folder, "link", (char *[]){ "name", NULL }, no_env, AT_SYMLINK_NOFOLLOW), ELOOP);
	CHECK_EQ("relative_to_a_folder", CHILD(syscall(SYS_execveat, folder, "link", (char *[]){ "name", "execfn", NULL }, no_env, 0); _exit(111)), 0);
}

/* A program with one loadable segment and an interpreter. */
static void write_with_interpreter(const char *path, const char *interpreter)
{
	struct {
		unsigned char ident[16];
		uint16_t type, machine;
		uint32_t version;
		uint64_t entry, phoff, shoff;
		uint32_t flags;
		uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
		struct {
			uint32_t type, flags;
			uint64_t offset, vaddr, paddr, filesz, memsz, align;
		} ph[2];
		char name[64];
	} image = {
		.ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 }, .type = 2, .machine = 62, .version = 1, .entry = 0x400000,
		.phoff = 64, .ehsize = 64, .phentsize = 56, .phnum = 2,
		.ph = { { 3, 4, 64 + 112, 0, 0, 0, 0, 1 }, { 1, 5, 0, 0x400000, 0x400000, 0, 0, 0x1000 } },
	};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	strcpy(image.name, interpreter);
	image.ph[0].filesz = image.ph[0].memsz = strlen(interpreter) + 1;
	image.ph[1].filesz = image.ph[1].memsz = sizeof image;
	if (write(fd, &image, sizeof image) != sizeof image)
		abort();
	close(fd);
}

static void interpreters(void)
{
	int fd = open("text", O_WRONLY | O_CREAT | O_TRUNC, 0755);

	dprintf(fd, "%0100d", 0);
	close(fd);
	fd = open("plain", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	close(fd);
	write_with_interpreter("missing", "./no_such_interpreter");
	CHECK_ERR("missing_interpreter", execve("./missing", (char *[]){ "x", NULL }, no_env), ENOENT);
	write_with_interpreter("bad", "./text");
	CHECK_ERR("interpreter_that_is_no_elf", execve("./bad", (char *[]){ "x", NULL }, no_env), ELIBBAD);
	write_with_interpreter("forbidden", "./plain");
	CHECK_ERR("interpreter_without_permission", execve("./forbidden", (char *[]){ "x", NULL }, no_env), EACCES);
	write_with_interpreter("folder", ".");
	CHECK_ERR("interpreter_that_is_a_folder", execve("./folder", (char *[]){ "x", NULL }, no_env), EACCES);
	write_with_interpreter("static", self);
	CHECK_EQ("a_static_program_as_interpreter", CHILD(execve("./static", (char *[]){ "x", "execfn", NULL }, no_env); _exit(111)), 1);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return second_life(argv);
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		return 1;
	CHECK_EQ("leader_with_threads", CHILD(exec_with_threads(true)), 0);
	CHECK_EQ("another_thread_takes_the_leaders_id", CHILD(exec_with_threads(false)), 0);
	privileges();
	by_descriptor();
	interpreters();
	copy_self("a_name_longer_than_sixteen", 0755);
	CHECK_EQ("name_of_the_file_cut_to_15", CHILD(execve("./a_name_longer_than_sixteen", (char *[]){ "x", "comm", NULL }, no_env); _exit(111)), 0);
	return check_result();
}
