/* Scheduling attributes that every process has. */
#include "check.h"
#include <sched.h>
#include <sys/resource.h>

int main(void)
{
	struct sched_param param = { .sched_priority = 77 };
	cpu_set_t set, one;
	int cpus, first = -1;

	/* Whoever runs the checks may be nice already. */
	int base = getpriority(PRIO_PROCESS, 0);

	CHECK("nice_is_in_range", base >= -20 && base <= 14);
	CHECK_EQ("nice_rises", CHILD(_exit(nice(5) == base + 5 && getpriority(PRIO_PROCESS, 0) == base + 5)), 1);
	CHECK_EQ("nice_stops_at_19", CHILD(_exit(setpriority(PRIO_PROCESS, 0, 40) == 0 && getpriority(PRIO_PROCESS, 0) == 19)), 1);
	CHECK_EQ("fork_inherits_nice", CHILD(nice(3); _exit(CHILD(_exit(getpriority(PRIO_PROCESS, 0) == base + 3)))), 1);
	CHECK_EQ("user_cannot_lower_nice",
		 CHILD(become_user(); nice(5); _exit(setpriority(PRIO_PROCESS, 0, base) == -1 && errno == EACCES)), 1);
	CHECK_ERR("priority_of_nobody", getpriority(PRIO_PROCESS, 99999), ESRCH);
	CHECK_ERR("unknown_kind", getpriority(3, 0), EINVAL);
	CHECK_EQ("policy_is_other", sched_getscheduler(0) == 0 || syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER, 1);
	CHECK("parameters", syscall(SYS_sched_getparam, 0, &param) == 0 && param.sched_priority == 0);
	CHECK_EQ("fifo_priorities", sched_get_priority_min(SCHED_FIFO) == 1 && sched_get_priority_max(SCHED_FIFO) == 99, 1);
	CHECK_EQ("other_priorities", sched_get_priority_min(SCHED_OTHER) == 0 && sched_get_priority_max(SCHED_OTHER) == 0, 1);
	CHECK_ERR("unknown_policy", sched_get_priority_max(99), EINVAL);
	CHECK_EQ("yield", sched_yield(), 0);

	CPU_ZERO(&set);
	CHECK_EQ("affinity", sched_getaffinity(0, sizeof set, &set), 0);
	cpus = CPU_COUNT(&set);
	CHECK("affinity_holds_a_cpu", cpus >= 1);
	CHECK("affinity_matches_sysconf", cpus <= sysconf(_SC_NPROCESSORS_CONF));
	for (int i = CPU_SETSIZE - 1; i >= 0; i--)
		if (CPU_ISSET(i, &set))
			first = i;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	CHECK_EQ("affinity_to_one_cpu",
		 CHILD(cpu_set_t now; _exit(sched_setaffinity(0, sizeof one, &one) == 0 && sched_getaffinity(0, sizeof now, &now) == 0 &&
					    CPU_COUNT(&now) == 1 && CPU_ISSET(first, &now))),
		 1);
	CHECK_EQ("thread_moves_to_that_cpu",
		 CHILD(unsigned cpu = 99; sched_setaffinity(0, sizeof one, &one); syscall(SYS_getcpu, &cpu, NULL, NULL); _exit((int)cpu == first)),
		 1);
	CPU_ZERO(&one);
	CHECK_ERR("empty_affinity", sched_setaffinity(0, sizeof one, &one), EINVAL);
	CHECK_ERR("affinity_of_nobody", sched_getaffinity(99999, sizeof set, &set), ESRCH);
	return check_result();
}
