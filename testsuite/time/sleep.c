/* nanosleep, clock_nanosleep, alarm, itimers. */
#include "check.h"
#include <sys/time.h>

static volatile int calls;

static void count(int sig)
{
	(void)sig;
	calls++;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void sleeping(void)
{
	struct timespec t = { 0, 30000000 }, until;
	int64_t start = now_ms();

	CHECK_EQ("nanosleep", nanosleep(&t, NULL), 0);
	CHECK("sleeps_at_least_that_long", now_ms() - start >= 29);
	CHECK_EQ("zero", nanosleep(&(struct timespec){ 0, 0 }, NULL), 0);
	CHECK_ERR("nanoseconds_out_of_range", nanosleep(&(struct timespec){ 0, 1000000000 }, NULL), EINVAL);
	CHECK_ERR("negative", nanosleep(&(struct timespec){ -1, 0 }, NULL), EINVAL);
	CHECK_ERR("bad_pointer", syscall(SYS_nanosleep, 8L, NULL), EFAULT);
	start = now_ms();
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += 30000000;
	if (until.tv_nsec >= 1000000000)
		until.tv_sec++, until.tv_nsec -= 1000000000;
	CHECK_EQ("absolute", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0);
	CHECK("until_then", now_ms() - start >= 29);
	CHECK_EQ("absolute_in_the_past", clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &(struct timespec){ 1, 0 }, NULL), 0);
	CHECK_EQ("unknown_clock", clock_nanosleep(77, 0, &t, NULL), EINVAL);
	CHECK_EQ("usleep", usleep(1000), 0);
	int64_t before = now_ms();
	pid_t pids[10];
	for (int i = 0; i < 10; i++)
		if ((pids[i] = fork()) == 0) {
			sleep_ms(100 - i * 10);
			_exit(0);
		}
	for (int i = 0; i < 10; i++)
		check_wait(pids[i]);
	CHECK("ten_sleepers_sleep_side_by_side", now_ms() - before >= 99);
}

static void timers(void)
{
	struct itimerval once = { { 0, 0 }, { 0, 20000 } }, often = { { 0, 10000 }, { 0, 10000 } }, off = { { 0, 0 }, { 0, 0 } }, old;

	signal(SIGALRM, count);
	calls = 0;
	CHECK_EQ("setitimer", setitimer(ITIMER_REAL, &once, NULL), 0);
	while (calls == 0)
		sleep_ms(1);
	sleep_ms(40);
	CHECK_EQ("fires_once", calls, 1);
	CHECK("is_disarmed_then", getitimer(ITIMER_REAL, &old) == 0 && old.it_value.tv_sec == 0 && old.it_value.tv_usec == 0);
	setitimer(ITIMER_REAL, &often, NULL);
	while (calls < 5)
		sleep_ms(1);
	CHECK("interval_fires_again_and_again", setitimer(ITIMER_REAL, &off, &old) == 0 && old.it_interval.tv_usec == 10000);
	int seen = calls;
	sleep_ms(30);
	CHECK_EQ("stopped", calls, seen);
	CHECK_EQ("alarm_returns_the_rest", alarm(100) == 0 ? alarm(0) : 0, 100);
	CHECK("alarm_and_itimer_are_one", alarm(50) == 0 && setitimer(ITIMER_REAL, &off, &old) == 0 && old.it_value.tv_sec >= 49);
	calls = 0;
	ualarm(20000, 0);
	while (calls == 0)
		pause();
	CHECK_EQ("alarm_interrupts_pause", calls, 1);
	signal(SIGVTALRM, count);
	calls = 0;
	setitimer(ITIMER_VIRTUAL, &once, NULL);
	while (calls == 0)
		;
	CHECK_EQ("virtual_timer_counts_work", calls, 1);
	signal(SIGPROF, count);
	calls = 0;
	setitimer(ITIMER_PROF, &once, NULL);
	while (calls == 0)
		getppid();
	CHECK_EQ("profiling_timer_counts_work_and_calls", calls, 1);
	CHECK_ERR("unknown_timer", setitimer(3, &once, NULL), EINVAL);
	CHECK_ERR("bad_time", setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 1000000 } }, NULL), EINVAL);
	CHECK_EQ("alarm_kills_by_default", CHILD(signal(SIGALRM, SIG_DFL); ualarm(10000, 0); for (;;) pause()), 128 + SIGALRM);
	CHECK_EQ("alarm_stops_a_busy_loop", CHILD(signal(SIGALRM, SIG_DFL); ualarm(10000, 0); for (;;) ;), 128 + SIGALRM);
}

int main(void)
{
	sleeping();
	timers();
	return check_result();
}
