/* /proc/self. */
#include "check.h"
#include <dirent.h>
#include <sys/mman.h>

static char text[65536];

static const char *slurp(const char *path)
{
	int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t n = 0;

	while (fd >= 0 && len < sizeof text - 1 && (n = read(fd, text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)n;
	text[fd >= 0 ? len : 0] = 0;
	close(fd);
	return text;
}

static long status_field(const char *name)
{
	char *at = strstr(slurp("/proc/self/status"), name);

	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

int main(int argc, char **argv)
{
	char path[PATH_MAX], link[PATH_MAX], state, comm[40];
	struct stat a, b;
	int pid, ppid, pgrp, session, fd, fds = 0, threads, n;
	struct dirent *entry;
	DIR *dir;

	(void)argc;
	NEED(readlink("/proc/self", link, sizeof link) > 0);
	CHECK_EQ("self_is_a_link_to_the_pid", atoi(link), getpid());
	n = (int)readlink("/proc/self/exe", link, sizeof link - 1);
	CHECK("exe_is_absolute", n > 0 && link[0] == '/');
	link[n > 0 ? n : 0] = 0;
	CHECK("exe_leads_to_the_program", stat("/proc/self/exe", &a) == 0 && stat(link, &b) == 0 && a.st_ino == b.st_ino);
	slurp("/proc/self/cmdline");
	CHECK_EQ("cmdline", strcmp(text, argv[0]), 0);
	slurp("/proc/self/comm");
	snprintf(comm, sizeof comm, "%.15s\n", strrchr(link, '/') + 1);
	CHECK_EQ("comm_is_the_start_of_the_name", strcmp(text, comm), 0);
	n = (int)readlink("/proc/self/cwd", link, sizeof link - 1);
	link[n > 0 ? n : 0] = 0;
	CHECK("cwd", getcwd(path, sizeof path) && strcmp(path, link) == 0);
	CHECK("root", readlink("/proc/self/root", link, sizeof link) == 1 && link[0] == '/');

	slurp("/proc/self/stat");
	char *close_paren = strrchr(text, ')');
	NEED(close_paren);
	CHECK_EQ("stat_fields", sscanf(close_paren, ") %c %d %d %d", &state, &ppid, &pgrp, &session), 4);
	CHECK("stat_values", atoi(text) == getpid() && state == 'R' && ppid == getppid() && pgrp == getpgrp() && session == getsid(0));
	int spaces = 0;
	for (char *at = close_paren; *at; at++)
		spaces += *at == ' ';
	CHECK_EQ("stat_has_52_fields", spaces + 2, 52);
	CHECK_EQ("status_pid", status_field("\nPid:"), getpid());
	CHECK_EQ("status_ppid", status_field("\nPPid:"), getppid());
	CHECK_EQ("status_uid", status_field("\nUid:"), getuid());
	CHECK_EQ("status_threads", status_field("\nThreads:"), 1);
	CHECK("status_sizes", status_field("\nVmSize:") > 0 && status_field("\nVmRSS:") > 0 && status_field("\nVmSize:") >= status_field("\nVmRSS:"));
	CHECK("statm", sscanf(slurp("/proc/self/statm"), "%d %d", &pid, &threads) == 2 && pid >= threads && threads > 0);

	char *page = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(page + 4096, 4096, PROT_NONE);
	snprintf(path, sizeof path, "%lx-%lx ---p ", (unsigned long)page + 4096, (unsigned long)page + 8192);
	slurp("/proc/self/maps");
	CHECK("maps_shows_a_protected_page", strstr(text, path) != NULL);
	CHECK("maps_shows_stack_and_program", strstr(text, "[stack]") && strstr(text, strrchr(comm, '\n') ? "r-xp" : ""));
	unsigned long start, end, last = 0;
	int ordered = 1, lines = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (sscanf(line, "%lx-%lx", &start, &end) != 2 || start >= end)
			ordered = 0;
		if (start < last && start < 0x800000000000UL)
			ordered = 0;
		last = end;
		lines++;
	}
	CHECK("maps_is_in_order", ordered && lines >= 5);

	fd = open("/dev/null", O_RDONLY);
	dir = opendir("/proc/self/fd");
	NEED(dir);
	while ((entry = readdir(dir)))
		fds += entry->d_name[0] != '.' && atoi(entry->d_name) == fd;
	closedir(dir);
	CHECK_EQ("fd_lists_an_open_fd", fds, 1);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	n = (int)readlink(path, link, sizeof link - 1);
	link[n > 0 ? n : 0] = 0;
	CHECK_EQ("fd_link_names_the_file", strcmp(link, "/dev/null"), 0);
	CHECK("fd_link_can_be_opened", (n = open(path, O_RDONLY)) >= 0 && close(n) == 0);
	close(fd);
	CHECK_ERR("closed_fd_has_no_link", readlink(path, link, sizeof link), ENOENT);
	int ends[2];
	NEED(pipe(ends) == 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
	n = (int)readlink(path, link, sizeof link - 1);
	CHECK("fd_link_of_a_pipe", n > 6 && memcmp(link, "pipe:[", 6) == 0);
	fd = open("gone", O_RDWR | O_CREAT, 0600);
	unlink("gone");
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	n = (int)readlink(path, link, sizeof link - 1);
	link[n > 0 ? n : 0] = 0;
	CHECK("fd_link_of_a_removed_file", strstr(link, "/gone (deleted)") != NULL);
	CHECK("environ_can_be_read", (fd = open("/proc/self/environ", O_RDONLY)) >= 0 && close(fd) == 0);
	CHECK("task_lists_the_thread", (snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid()), access(path, R_OK) == 0));
	return check_result();
}
