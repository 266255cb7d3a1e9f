/*
 * The guest's pid 1: carries out one job that the host tool put into the image, then powers off.
 *
 * The job file /.exo/job is a list of NUL-terminated `key=value` records (mode, arg, env, cwd, uid, gid,
 * tty, rows, cols, dir, case, timeout_s). There are three modes:
 *
 *   program  run one program; its stdin and stdout travel over /dev/hvc0, its stderr over /dev/hvc1
 *   shell    run one program as the session leader of a terminal
 *   suite    run the named programs of a folder one after the other
 *
 * Control lines travel over /dev/hvc2. Out: `ready`, `exit N`, `signal N`, `error TEXT`, `begin NAME`,
 * `output LEN` and LEN bytes, `timeout`, `done`. In: `stdin-end TOTAL`, `bye`.
 *
 * Life of the process: mount what is missing, read the job, run it, sync, reboot(2). Every wait is one
 * poll(2) over the channels and a pipe that the SIGCHLD handler writes to, so that orphans are reaped at
 * once. Only POSIX, mount(2) and reboot(2) are used: the same binary is a valid init on Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define JOB_FILE "/.exo/job"
#define CASE_DIR "/tmp/case"
#define BYE_WAIT_MS 2000

struct job {
	char *mode, *cwd, *tty, *dir;
	char **args, **cases, **env;
	size_t n_args, n_cases, n_env;
	long uid, gid; /* -1: stay root */
	int rows, cols, timeout_s;
};

/* The three channels; -1 where a mode does not use them. */
static int data_fd = -1, error_fd = -1, control_fd = -1;

/* Written by the signal handler, read by the poll loops. */
static int wake_read = -1, wake_write = -1;
static volatile sig_atomic_t end_request;

/* ---- the end ---------------------------------------------------------------------------------- */

static void power_off(int how)
{
	sync();
	reboot(how);
	for (;;) /* pid 1 must not return, even where reboot(2) is refused */
		pause();
}

static void fail(const char *what)
{
	dprintf(STDERR_FILENO, "exo-init: %s: %s\n", what, strerror(errno));
	if (control_fd >= 0)
		dprintf(control_fd, "error %s: %s\nexit 126\n", what, strerror(errno));
	power_off(RB_POWER_OFF);
}

/* ---- signals ---------------------------------------------------------------------------------- */

static void on_signal(int sig)
{
	int saved = errno;

	if (sig != SIGCHLD)
		end_request = sig;
	if (write(wake_write, "", 1) < 0) {
		/* the pipe is full: a wake-up is pending already */
	}
	errno = saved;
}

/* SIGUSR1, SIGUSR2 and SIGTERM are what halt, poweroff and reboot of busybox send to pid 1. */
static void watch_signals(void)
{
	static const int watched[] = { SIGCHLD, SIGUSR1, SIGUSR2, SIGTERM };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		fail("pipe");
	wake_read = ends[0];
	wake_write = ends[1];
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
		sigaction(watched[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Reaps every ended child. True when `child` was among them; its status is in *status. */
static bool reap(pid_t child, int *status)
{
	char drop[64];
	bool found = false;
	int one;
	pid_t pid;

	while (read(wake_read, drop, sizeof drop) > 0)
		;
	if (end_request)
		power_off(end_request == SIGTERM ? RB_AUTOBOOT : RB_POWER_OFF);
	while ((pid = waitpid(-1, &one, WNOHANG)) > 0) {
		if (pid != child)
			continue;
		*status = one;
		found = true;
	}
	return found;
}

/* ---- input and output ------------------------------------------------------------------------- */

static void write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			struct pollfd ready = { .fd = fd, .events = POLLOUT };

			poll(&ready, 1, -1);
			continue;
		}
		if (n < 0)
			return; /* the host has gone: nobody is left to tell */
		bytes += n;
		len -= (size_t)n;
	}
}

static void control(const char *format, ...)
{
	char line[512];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (len >= (int)sizeof line)
		len = (int)sizeof line - 1;
	write_all(control_fd, line, (size_t)len);
}

static void control_status(int status)
{
	if (WIFSIGNALED(status))
		control("signal %d\n", WTERMSIG(status));
	else
		control("exit %d\n", WEXITSTATUS(status));
}

/* A channel is raw bytes. Where it is a terminal (Linux), the line discipline is told so. */
static int open_channel(const char *path)
{
	struct termios mode;
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		fail(path);
	if (tcgetattr(fd, &mode) == 0) {
		cfmakeraw(&mode);
		tcsetattr(fd, TCSANOW, &mode);
	}
	return fd;
}

/* Splits what arrives on the control channel into lines. */
struct lines {
	char bytes[256];
	size_t len;
};

/* Takes in what is readable; true when the channel is still open. */
static bool lines_fill(struct lines *in)
{
	ssize_t n;

	if (in->len == sizeof in->bytes)
		in->len = 0; /* no line is this long: noise */
	n = read(control_fd, in->bytes + in->len, sizeof in->bytes - in->len);
	if (n > 0)
		in->len += (size_t)n;
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

static bool lines_next(struct lines *in, char *line)
{
	char *end = memchr(in->bytes, '\n', in->len);
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - in->bytes);
	memcpy(line, in->bytes, len);
	line[len] = 0;
	in->len -= len + 1;
	memmove(in->bytes, end + 1, in->len);
	return true;
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds until `deadline`, as poll(2) wants them. */
static int until(long long deadline)
{
	long long left = deadline - now_ms();

	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* The host answers the last control line with `bye`: by then it has read everything. */
static void wait_for_bye(struct lines *in)
{
	long long deadline = now_ms() + BYE_WAIT_MS;
	struct pollfd ready = { .fd = control_fd, .events = POLLIN };
	char line[sizeof in->bytes];

	for (;;) {
		while (lines_next(in, line))
			if (strcmp(line, "bye") == 0)
				return;
		if (poll(&ready, 1, until(deadline)) == 0)
			return;
		if ((ready.revents & (POLLIN | POLLHUP | POLLERR)) && !lines_fill(in))
			return;
	}
}

/* ---- the job file ----------------------------------------------------------------------------- */

static void *need(void *memory)
{
	if (!memory)
		fail("memory");
	return memory;
}

static void append(char ***list, size_t *count, char *value)
{
	*list = need(realloc(*list, (*count + 2) * sizeof **list));
	(*list)[(*count)++] = value;
	(*list)[*count] = NULL;
}

static char *read_file(const char *path, size_t *len)
{
	size_t room = 4096;
	char *bytes = need(malloc(room + 1));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		fail(path);
	*len = 0;
	while ((n = read(fd, bytes + *len, room - *len)) > 0) {
		*len += (size_t)n;
		if (*len == room)
			bytes = need(realloc(bytes, (room *= 2) + 1));
	}
	if (n < 0)
		fail(path);
	close(fd);
	bytes[*len] = 0;
	return bytes;
}

static void job_record(struct job *job, char *key, char *value)
{
	if (strcmp(key, "mode") == 0)
		job->mode = value;
	else if (strcmp(key, "arg") == 0)
		append(&job->args, &job->n_args, value);
	else if (strcmp(key, "env") == 0)
		append(&job->env, &job->n_env, value);
	else if (strcmp(key, "case") == 0)
		append(&job->cases, &job->n_cases, value);
	else if (strcmp(key, "cwd") == 0)
		job->cwd = value;
	else if (strcmp(key, "tty") == 0)
		job->tty = value;
	else if (strcmp(key, "dir") == 0)
		job->dir = value;
	else if (strcmp(key, "uid") == 0)
		job->uid = atol(value);
	else if (strcmp(key, "gid") == 0)
		job->gid = atol(value);
	else if (strcmp(key, "rows") == 0)
		job->rows = atoi(value);
	else if (strcmp(key, "cols") == 0)
		job->cols = atoi(value);
	else if (strcmp(key, "timeout_s") == 0)
		job->timeout_s = atoi(value);
	else
		dprintf(STDERR_FILENO, "exo-init: unknown key in the job file: %s\n", key);
}

static struct job read_job(void)
{
	struct job job = {
		.mode = "", .cwd = "/", .tty = "/dev/console", .dir = "/tests", .uid = -1, .gid = -1, .timeout_s = 60,
	};
	size_t len;
	char *at = read_file(JOB_FILE, &len), *end = at + len;

	for (; at < end; at += strlen(at) + 1) {
		char *value = strchr(at, '=');

		if (!value)
			continue;
		*value++ = 0;
		job_record(&job, at, value);
		at = value;
	}
	return job;
}

/* ---- children --------------------------------------------------------------------------------- */

static void child_environment(const struct job *job)
{
	clearenv();
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", job->uid > 0 ? "/" : "/root", 1);
	for (size_t i = 0; i < job->n_env; i++)
		putenv(job->env[i]);
}

static void child_signals(void)
{
	static const int changed[] = { SIGCHLD, SIGUSR1, SIGUSR2, SIGTERM, SIGPIPE };
	sigset_t none;

	for (size_t i = 0; i < sizeof changed / sizeof *changed; i++)
		signal(changed[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Becomes the program. On failure the errno goes to the parent over `report`. */
static void become(const struct job *job, char **args, const char *cwd, int report)
{
	int error;

	child_signals();
	child_environment(job);
	if (chdir(cwd) == 0 && (job->gid < 0 || (setgroups(0, NULL) == 0 && setgid((gid_t)job->gid) == 0)) &&
	    (job->uid < 0 || setuid((uid_t)job->uid) == 0))
		execvp(args[0], args);
	error = errno;
	write_all(report, (const char *)&error, sizeof error);
	_exit(error == ENOENT ? 127 : 126);
}

/* Waits for the exec in the child: 0, or the errno of its failure. */
static int exec_result(int report)
{
	int error = 0;
	ssize_t n;

	do
		n = read(report, &error, sizeof error);
	while (n < 0 && errno == EINTR);
	close(report);
	return n == sizeof error ? error : 0;
}

static void make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		fail("pipe");
}

static void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- program mode ----------------------------------------------------------------------------- */

struct pump {
	int in, out, err;               /* our ends of the child's stdin, stdout, stderr; -1 once closed */
	unsigned long long taken;       /* bytes of stdin that came from the host */
	unsigned long long total;       /* bytes of stdin in all, ULLONG_MAX until the host says so */
	char pending[65536];            /* came from the host, not yet in the pipe: [start, end) */
	size_t start, end;
};

/* Passes on what the pipe holds. Returns false when it is at its end, or holds nothing for now. */
static bool forward(int *from, int to)
{
	static char bytes[65536];
	ssize_t n = read(*from, bytes, sizeof bytes);

	if (n > 0) {
		write_all(to, bytes, (size_t)n);
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_fd(from);
	return false;
}

static void stdin_from_host(struct pump *pump)
{
	ssize_t n = read(data_fd, pump->pending, sizeof pump->pending);

	if (n <= 0)
		return;
	pump->taken += (size_t)n;
	pump->start = 0;
	pump->end = pump->in < 0 ? 0 : (size_t)n; /* nobody reads any more: discard */
}

static void stdin_to_child(struct pump *pump)
{
	ssize_t n = write(pump->in, pump->pending + pump->start, pump->end - pump->start);

	if (n > 0)
		pump->start += (size_t)n;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		close_fd(&pump->in); /* EPIPE: the reader has gone */
		pump->start = pump->end = 0;
	}
}

static void pump_until_exit(struct pump *pump, struct lines *in, pid_t child, int *status)
{
	char line[sizeof in->bytes];
	bool control_open = true;

	for (;;) {
		bool full = pump->start < pump->end;
		struct pollfd ready[] = {
			{ .fd = wake_read, .events = POLLIN },
			{ .fd = full ? -1 : data_fd, .events = POLLIN },
			{ .fd = full ? pump->in : -1, .events = POLLOUT },
			{ .fd = pump->out, .events = POLLIN },
			{ .fd = pump->err, .events = POLLIN },
			{ .fd = control_open ? control_fd : -1, .events = POLLIN },
		};

		if (!full && pump->taken >= pump->total)
			close_fd(&pump->in);
		if (poll(ready, sizeof ready / sizeof *ready, -1) < 0)
			continue;
		if (ready[1].revents & POLLIN)
			stdin_from_host(pump);
		if (ready[2].revents)
			stdin_to_child(pump);
		if (ready[3].revents)
			forward(&pump->out, data_fd);
		if (ready[4].revents)
			forward(&pump->err, error_fd);
		if (ready[5].revents)
			control_open = lines_fill(in);
		while (lines_next(in, line))
			if (sscanf(line, "stdin-end %llu", &pump->total) != 1)
				dprintf(STDERR_FILENO, "exo-init: unknown control line: %s\n", line);
		if (ready[0].revents && reap(child, status))
			return;
	}
}

static void run_program(const struct job *job)
{
	static struct pump pump = { .total = ULLONG_MAX };
	static struct lines in;
	int in_pipe[2], out_pipe[2], err_pipe[2], report[2], error, status = 0;
	pid_t child;

	data_fd = open_channel("/dev/hvc0");
	error_fd = open_channel("/dev/hvc1");
	make_pipe(in_pipe);
	make_pipe(out_pipe);
	make_pipe(err_pipe);
	make_pipe(report);
	control("ready\n");
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		setsid();
		dup2(in_pipe[0], STDIN_FILENO);
		dup2(out_pipe[1], STDOUT_FILENO);
		dup2(err_pipe[1], STDERR_FILENO);
		become(job, job->args, job->cwd, report[1]);
	}
	close(in_pipe[0]);
	close(out_pipe[1]);
	close(err_pipe[1]);
	close(report[1]);
	pump.in = in_pipe[1];
	pump.out = out_pipe[0];
	pump.err = err_pipe[0];
	set_nonblocking(pump.in);
	set_nonblocking(pump.out);
	set_nonblocking(pump.err);
	if ((error = exec_result(report[0])) != 0)
		control("error %s: %s\n", job->args[0], strerror(error));
	pump_until_exit(&pump, &in, child, &status);
	while (pump.out >= 0 && forward(&pump.out, data_fd))
		;
	while (pump.err >= 0 && forward(&pump.err, error_fd))
		;
	control_status(status);
	wait_for_bye(&in);
}

/* ---- shell mode ------------------------------------------------------------------------------- */

static void take_terminal(const struct job *job)
{
	struct winsize size = { .ws_row = (unsigned short)job->rows, .ws_col = (unsigned short)job->cols };
	int fd;

	setsid();
	fd = open(job->tty, O_RDWR);
	if (fd < 0)
		return; /* keep the console that the kernel gave us */
	ioctl(fd, TIOCSCTTY, 1);
	if (job->rows > 0 && job->cols > 0)
		ioctl(fd, TIOCSWINSZ, &size);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static void run_shell(const struct job *job)
{
	static char *login[] = { "/bin/sh", "-l", NULL };
	char **args = job->n_args ? job->args : login;
	struct pollfd ready = { .fd = wake_read, .events = POLLIN };
	int report[2], error, status = 0;
	pid_t child;

	make_pipe(report);
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		take_terminal(job);
		become(job, args, job->cwd, report[1]);
	}
	close(report[1]);
	if ((error = exec_result(report[0])) != 0)
		dprintf(STDERR_FILENO, "exo-init: %s: %s\n", args[0], strerror(error));
	do
		poll(&ready, 1, -1);
	while (!reap(child, &status));
}

/* ---- suite mode ------------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	(void)info, (void)kind, (void)at;
	remove(path);
	return 0;
}

static void fresh_case_dir(void)
{
	nftw(CASE_DIR, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	mkdir(CASE_DIR, 0755);
}

static void forward_output(int *from)
{
	static char bytes[16384];
	ssize_t n = read(*from, bytes, sizeof bytes);

	if (n > 0) {
		control("output %zd\n", n);
		write_all(control_fd, bytes, (size_t)n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close_fd(from);
	}
}

static void drain_output(int *from)
{
	struct pollfd ready = { .fd = *from, .events = POLLIN };

	while (*from >= 0 && poll(&ready, 1, 0) > 0)
		forward_output(from);
}

static void run_case(const struct job *job, const char *name)
{
	long long deadline = now_ms() + job->timeout_s * 1000LL;
	char path[PATH_MAX], *args[] = { path, NULL };
	int out_pipe[2], report[2], null_fd, error, out, status = 0;
	bool ended = false;
	pid_t child;

	snprintf(path, sizeof path, "%s/%s", job->dir, name);
	fresh_case_dir();
	make_pipe(out_pipe);
	make_pipe(report);
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	control("begin %s\n", name);
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		setsid();
		dup2(null_fd, STDIN_FILENO);
		dup2(out_pipe[1], STDOUT_FILENO);
		dup2(out_pipe[1], STDERR_FILENO);
		become(job, args, CASE_DIR, report[1]);
	}
	close(null_fd);
	close(out_pipe[1]);
	close(report[1]);
	out = out_pipe[0];
	set_nonblocking(out);
	if ((error = exec_result(report[0])) != 0)
		control("error %s: %s\n", path, strerror(error));
	while (!ended && until(deadline) > 0) {
		struct pollfd ready[] = {
			{ .fd = wake_read, .events = POLLIN },
			{ .fd = out, .events = POLLIN },
		};

		if (poll(ready, 2, until(deadline)) <= 0)
			continue;
		if (ready[1].revents)
			forward_output(&out);
		if (ready[0].revents)
			ended = reap(child, &status);
	}
	kill(-child, SIGKILL);
	drain_output(&out);
	close_fd(&out);
	if (ended) {
		control_status(status);
		return;
	}
	control("timeout\n");
	waitpid(child, NULL, 0);
}

static void run_suite(const struct job *job)
{
	static struct lines in;

	for (size_t i = 0; i < job->n_cases; i++)
		run_case(job, job->cases[i]);
	control("done\n");
	wait_for_bye(&in);
}

/* ---- start ------------------------------------------------------------------------------------ */

/* The kernel may have done all of this already; every error is ignored. */
static void mount_basics(void)
{
	int fd;

	mkdir("/proc", 0555);
	mkdir("/dev", 0755);
	mkdir("/tmp", 01777);
	if (access("/proc/self", F_OK) < 0)
		mount("proc", "/proc", "proc", 0, NULL);
	if (access("/dev/null", F_OK) < 0)
		mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	do /* 0, 1 and 2 must never become a channel */
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < 3);
	if (fd >= 3)
		close(fd);
}

int main(void)
{
	struct job job;

	umask(0);
	mount_basics();
	umask(022);
	watch_signals();
	job = read_job();
	if (strcmp(job.mode, "shell") == 0) {
		run_shell(&job);
	} else if (strcmp(job.mode, "program") == 0 && job.n_args > 0) {
		control_fd = open_channel("/dev/hvc2");
		run_program(&job);
	} else if (strcmp(job.mode, "suite") == 0) {
		control_fd = open_channel("/dev/hvc2");
		run_suite(&job);
	} else {
		errno = EINVAL;
		fail(JOB_FILE);
	}
	power_off(RB_POWER_OFF);
}
