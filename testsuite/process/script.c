/* `#!` scripts: the arguments that the interpreter gets. */
#include "check.h"

static char self[PATH_MAX];
static char *no_env[] = { NULL };

/* As the interpreter: writes its arguments, without argv[0], to the file `seen`. */
static int interpreter(int argc, char **argv)
{
	FILE *seen = fopen("seen", "w");

	for (int i = 1; i < argc; i++)
		fprintf(seen, "[%s]", argv[i]);
	fclose(seen);
	return 42;
}

static void make_script(const char *path, const char *text)
{
	make_file(path, text);
	NEED(chmod(path, 0755) == 0);
}

static bool seen_is(const char *want)
{
	char text[4096];
	int fd = open("seen", O_RDONLY);
	ssize_t len = read(fd, text, sizeof text - 1);

	close(fd);
	unlink("seen");
	if (len < 0)
		return false;
	text[len] = 0;
	return strcmp(text, want) == 0;
}

static int run(const char *path)
{
	return CHILD(execve(path, (char *[]){ "ignored", "one", "two words", NULL }, no_env); _exit(111));
}

static int exec_error(const char *path)
{
	execve(path, (char *[]){ "x", NULL }, no_env);
	return -1;
}

int main(int argc, char **argv)
{
	char line[PATH_MAX + 8];

	if (argc > 1)
		return interpreter(argc, argv);
	NEED(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	NEED(symlink(self, "interp") == 0);

	make_script("s", "#!interp\n");
	CHECK_EQ("interpreter_runs", run("./s"), 42);
	CHECK("interpreter_gets_script_and_arguments", seen_is("[./s][one][two words]"));
	make_script("s", "#!interp -a -b \t \nrest\n");
	CHECK_EQ("interpreter_with_argument_runs", run("s"), 42);
	CHECK("the_argument_is_one_and_trimmed", seen_is("[-a -b][s][one][two words]"));
	make_script("s", "#! \tinterp\n");
	CHECK_EQ("blanks_before_the_interpreter", run("./s"), 42);
	CHECK("blanks_are_skipped", seen_is("[./s][one][two words]"));
	make_script("s", "#!interp");
	CHECK_EQ("line_without_newline", run("./s"), 42);
	unlink("seen");
	make_script("t", "#!s\n");
	CHECK_EQ("script_as_interpreter", run("./t"), 42);
	CHECK("both_scripts_are_passed", seen_is("[s][./t][one][two words]"));
	snprintf(line, sizeof line, "#!%s x\n", self);
	make_script("s", line);
	CHECK_EQ("absolute_interpreter", run("./s"), 42);
	CHECK("absolute_interpreter_arguments", seen_is("[x][./s][one][two words]"));

	make_script("s", "#!missing\n");
	CHECK_ERR("missing_interpreter", exec_error("./s"), ENOENT);
	make_script("s", "#!\n");
	CHECK_ERR("no_interpreter", exec_error("./s"), ENOEXEC);
	make_script("s", "#!./s\n");
	CHECK_ERR("script_that_is_its_own_interpreter", exec_error("./s"), ELOOP);
	make_file("plain", "x");
	make_script("s", "#!plain\n");
	CHECK_ERR("interpreter_without_permission", exec_error("./s"), EACCES);
	make_file("s", "#!interp\n");
	NEED(chmod("s", 0644) == 0);
	CHECK_ERR("script_without_permission", exec_error("./s"), EACCES);
	CHECK_EQ("execvp_runs_a_text_file_with_sh_only_by_libc",
		 CHILD(execve("plain", (char *[]){ "x", NULL }, no_env); _exit(errno == EACCES ? 5 : 6)), 5);
	unlink("s"), unlink("t"), unlink("plain"), unlink("interp");
	return check_result();
}
