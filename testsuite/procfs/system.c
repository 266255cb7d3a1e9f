/* The rest of /proc, as ps, free, top and mount read it. */
#include "check.h"
#include <dirent.h>

static char text[262144];

static const char *slurp(const char *path)
{
	int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t n = 0;

	while (fd >= 0 && len < sizeof text - 1 && (n = read(fd, text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = 0;
	close(fd);
	return text;
}

static long meminfo(const char *name)
{
	char *at = strstr(slurp("/proc/meminfo"), name);

	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

int main(void)
{
	char path[64];
	double up, idle, load;
	long user, nice, system, rest;
	int running, total, last, found = 0, one = 0;
	struct stat st;
	DIR *dir;

	CHECK("meminfo_total_and_free", meminfo("MemTotal:") > 8000 && meminfo("MemFree:") > 0 && meminfo("MemFree:") < meminfo("MemTotal:"));
	CHECK("meminfo_available", meminfo("MemAvailable:") > 0);
	CHECK("meminfo_cached", meminfo("Cached:") >= 0 && meminfo("Buffers:") >= 0);
	CHECK("meminfo_swap", meminfo("SwapTotal:") >= 0 && meminfo("SwapFree:") >= 0);
	CHECK_EQ("uptime", sscanf(slurp("/proc/uptime"), "%lf %lf", &up, &idle), 2);
	CHECK("uptime_runs", up > 0);
	CHECK_EQ("loadavg", sscanf(slurp("/proc/loadavg"), "%lf %*f %*f %d/%d %d", &load, &running, &total, &last), 4);
	CHECK("loadavg_counts_us", running >= 1 && total >= running && last >= 1);
	CHECK_EQ("stat_cpu_line", sscanf(slurp("/proc/stat"), "cpu %ld %ld %ld %ld", &user, &nice, &system, &rest), 4);
	CHECK("stat_cpu_of_each", strstr(text, "\ncpu0 ") != NULL);
	CHECK("stat_btime_and_processes", strstr(text, "\nbtime ") && strstr(text, "\nprocesses ") && strstr(text, "\nctxt "));
	CHECK("mounts", strstr(slurp("/proc/mounts"), " /proc proc ") != NULL && strstr(text, " / ") != NULL);
	CHECK("self_mounts", strstr(slurp("/proc/self/mounts"), " /proc proc ") != NULL);
	CHECK("filesystems", strstr(slurp("/proc/filesystems"), "proc\n") && strstr(text, "tmpfs\n"));
	CHECK("version", strlen(slurp("/proc/version")) > 10);
	CHECK("cpuinfo", strstr(slurp("/proc/cpuinfo"), "processor") && strstr(text, "flags"));
	CHECK_EQ("cmdline", access("/proc/cmdline", R_OK), 0);
	CHECK("sys_hostname", strlen(slurp("/proc/sys/kernel/hostname")) > 0);
	CHECK("sys_ostype", strlen(slurp("/proc/sys/kernel/ostype")) > 0);

	dir = opendir("/proc");
	NEED(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		found += atoi(entry->d_name) == getpid();
		one += atoi(entry->d_name) == 1;
	}
	closedir(dir);
	CHECK("processes_are_listed", found == 1 && one == 1);
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	char state = 0;
	for (int i = 0; i < 1000 && state != 'S'; i++) {
		char *paren = strrchr(slurp(path), ')');

		state = paren ? paren[2] : 0;
		sleep_ms(1);
	}
	CHECK_EQ("a_pausing_child_sleeps", state, 'S');
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	char *paren = strrchr(slurp(path), ')');
	CHECK_EQ("a_stopped_child", paren ? paren[2] : 0, 'T');
	kill(pid, SIGKILL);
	siginfo_t info;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	paren = strrchr(slurp(path), ')');
	CHECK_EQ("a_zombie", paren ? paren[2] : 0, 'Z');
	check_wait(pid);
	CHECK_ERR("a_reaped_child_is_gone", stat(path, &st), ENOENT);
	snprintf(path, sizeof path, "/proc/%d", pid);
	CHECK_ERR("with_its_folder", stat(path, &st), ENOENT);
	CHECK_ERR("nothing_can_be_created", open("/proc/new", O_CREAT | O_WRONLY, 0600), ENOENT);
	CHECK_ERR("nor_removed", unlink("/proc/version"), geteuid() == 0 ? EPERM : EACCES);
	return check_result();
}
