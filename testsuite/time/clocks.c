/* Clocks. */
#include "check.h"
#include <sys/time.h>
#include <sys/times.h>

static int64_t ns(struct timespec t)
{
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int64_t now(clockid_t clock)
{
	struct timespec t;

	return clock_gettime(clock, &t) == 0 && t.tv_nsec >= 0 && t.tv_nsec < 1000000000 ? ns(t) : -1;
}

int main(void)
{
	static const struct {
		const char *name;
		clockid_t id;
	} clocks[] = {
		{ "realtime", CLOCK_REALTIME }, { "monotonic", CLOCK_MONOTONIC }, { "process_cpu", CLOCK_PROCESS_CPUTIME_ID },
		{ "thread_cpu", CLOCK_THREAD_CPUTIME_ID }, { "monotonic_raw", CLOCK_MONOTONIC_RAW },
		{ "realtime_coarse", CLOCK_REALTIME_COARSE }, { "monotonic_coarse", CLOCK_MONOTONIC_COARSE }, { "boottime", CLOCK_BOOTTIME },
	};
	char name[60];
	struct timespec resolution;
	struct timeval tv;
	struct tms tms;
	int backwards = 0;

	for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
		int64_t first = now(clocks[i].id);

		snprintf(name, sizeof name, "%s_runs", clocks[i].name);
		CHECK(name, first >= 0 && now(clocks[i].id) >= first);
		snprintf(name, sizeof name, "%s_resolution", clocks[i].name);
		CHECK(name, clock_getres(clocks[i].id, &resolution) == 0 && resolution.tv_sec == 0 && resolution.tv_nsec >= 1 && resolution.tv_nsec <= 10000000);
	}
	CHECK_ERR("unknown_clock", clock_gettime(77, &resolution), EINVAL);
	CHECK_ERR("resolution_of_an_unknown_clock", clock_getres(77, &resolution), EINVAL);
	CHECK_ERR("bad_pointer", syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8L), EFAULT);
	CHECK("the_date_is_after_2024", now(CLOCK_REALTIME) > 1704067200LL * 1000000000);
	CHECK("and_before_2100", now(CLOCK_REALTIME) < 4102444800LL * 1000000000);
	CHECK("gettimeofday_agrees", gettimeofday(&tv, NULL) == 0 && llabs(now(CLOCK_REALTIME) / 1000000000 - tv.tv_sec) <= 1);
	CHECK("time_agrees", llabs(time(NULL) - tv.tv_sec) <= 1);
	int64_t last = now(CLOCK_MONOTONIC);
	for (int i = 0; i < 20000; i++) {
		int64_t next = now(CLOCK_MONOTONIC);

		backwards += next < last;
		last = next;
	}
	CHECK_EQ("monotonic_never_goes_back", backwards, 0);
	int64_t cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	sleep_ms(50);
	int64_t slept = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	CHECK("sleep_costs_no_cpu_time", slept < 40000000);
	cpu = now(CLOCK_THREAD_CPUTIME_ID);
	while (now(CLOCK_THREAD_CPUTIME_ID) - cpu < 30000000)
		;
	CHECK("work_costs_cpu_time", now(CLOCK_PROCESS_CPUTIME_ID) >= 30000000);
	CHECK("times", times(&tms) != (clock_t)-1 && tms.tms_utime + tms.tms_stime >= 2);
	CHECK_EQ("childrens_time_counts_after_wait",
		 CHILD(CHILD(int64_t s = now(CLOCK_THREAD_CPUTIME_ID); while (now(CLOCK_THREAD_CPUTIME_ID) - s < 50000000) ; );
		       _exit(times(&tms) != (clock_t)-1 && tms.tms_cutime + tms.tms_cstime >= 4)),
		 1);
	return check_result();
}
