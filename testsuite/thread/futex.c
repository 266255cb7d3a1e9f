/* futex(2) itself. */
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

static uint32_t word, second;
static atomic_int waiting, woken;

static long futex(uint32_t *at, int op, uint32_t value, const struct timespec *timeout, uint32_t *at2, uint32_t value3)
{
	return syscall(SYS_futex, at, op, value, timeout, at2, value3);
}

static void *waiter(void *arg)
{
	long result;

	atomic_fetch_add(&waiting, 1);
	result = futex(arg, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
	if (result == 0)
		atomic_fetch_add(&woken, 1);
	return NULL;
}

static void start(pthread_t *threads, int count)
{
	word = 1;
	waiting = woken = 0;
	for (int i = 0; i < count; i++)
		NEED(pthread_create(&threads[i], NULL, waiter, &word) == 0);
	while (atomic_load(&waiting) < count)
		sched_yield();
	sleep_ms(50); /* into the kernel, all of them */
}

static void *bits(void *arg)
{
	atomic_fetch_add(&waiting, 1);
	if (futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, NULL, NULL, (uint32_t)(long)arg) == 0)
		atomic_fetch_add(&woken, (int)(long)arg);
	return NULL;
}

int main(void)
{
	struct timespec soon = { 0, 10000000 }, wrong = { 0, 1000000000 }, past = { 1, 0 };
	pthread_t threads[4];
	uint32_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	word = 1;
	CHECK_ERR("value_differs", futex(&word, FUTEX_WAIT, 2, NULL, NULL, 0), EAGAIN);
	CHECK_ERR("wait_times_out", futex(&word, FUTEX_WAIT, 1, &soon, NULL, 0), ETIMEDOUT);
	CHECK_ERR("absolute_time_in_the_past", futex(&word, FUTEX_WAIT_BITSET, 1, &past, NULL, ~0U), ETIMEDOUT);
	CHECK_ERR("bad_time", futex(&word, FUTEX_WAIT, 1, &wrong, NULL, 0), EINVAL);
	CHECK_ERR("unaligned", futex((uint32_t *)((char *)&word + 1), FUTEX_WAIT, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERR("bad_pointer", futex((uint32_t *)8, FUTEX_WAIT, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERR("unknown_operation", futex(&word, 99, 1, NULL, NULL, 0), ENOSYS);
	CHECK_ERR("empty_bitset", futex(&word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0), EINVAL);
	CHECK_EQ("wake_of_nobody", futex(&word, FUTEX_WAKE, 10, NULL, NULL, 0), 0);

	start(threads, 4);
	CHECK_EQ("wake_one", futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 1);
	CHECK_EQ("wake_two", futex(&word, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0), 2);
	CHECK_EQ("wake_the_rest", futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0), 1);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ("all_returned_zero", atomic_load(&woken), 4);

	start(threads, 4);
	CHECK_ERR("cmp_requeue_value_differs",
		  futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (const struct timespec *)2L, &second, 9), EAGAIN);
	CHECK_EQ("requeue_wakes_one_and_moves_two",
		 futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (const struct timespec *)2L, &second, 1), 3);
	CHECK_EQ("two_wait_at_the_second", futex(&second, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0), 2);
	CHECK_EQ("one_stayed_at_the_first", futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0), 1);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);

	waiting = woken = 0;
	NEED(pthread_create(&threads[0], NULL, bits, (void *)1L) == 0 && pthread_create(&threads[1], NULL, bits, (void *)2L) == 0);
	while (atomic_load(&waiting) < 2)
		sched_yield();
	sleep_ms(50);
	CHECK_EQ("wake_bitset_finds_its_bit", futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 2), 1);
	pthread_join(threads[1], NULL);
	CHECK_EQ("only_that_one", atomic_load(&woken), 2);
	CHECK_EQ("wake_op_wakes_and_changes",
		 futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (const struct timespec *)1L, &second,
		       (uint32_t)FUTEX_OP(FUTEX_OP_SET, 5, FUTEX_OP_CMP_EQ, 99)),
		 1);
	pthread_join(threads[0], NULL);
	CHECK_EQ("the_second_word_was_set", second, 5);

	*shared = 1;
	pid = fork();
	if (pid == 0)
		_exit(futex(shared, FUTEX_WAIT, 1, NULL, NULL, 0) == 0 ? 0 : 1);
	sleep_ms(50);
	CHECK_EQ("between_processes", futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	CHECK_EQ("the_child_returned", check_wait(pid), 0);
	return check_result();
}
