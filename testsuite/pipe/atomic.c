/* Writes of up to PIPE_BUF bytes are atomic; packet mode keeps their borders. */
#include "check.h"

#define WRITERS 6
#define ROUNDS 60

static void many_writers(void)
{
	static char block[4096], rest[WRITERS * ROUNDS * 4096];
	size_t got = 0, at = 0;
	int ends[2], torn = 0, records = 0;
	ssize_t n;

	NEED(pipe(ends) == 0);
	for (int i = 0; i < WRITERS; i++)
		if (fork() == 0) {
			size_t len = (size_t)(i + 1) * 600; /* the record's own size is in its first bytes */

			memset(block, 'a' + i, sizeof block);
			memcpy(block, &len, sizeof len);
			for (int n = 0; n < ROUNDS; n++)
				if (write(ends[1], block, len) != (ssize_t)len)
					_exit(1);
			_exit(0);
		}
	close(ends[1]);
	while ((n = read(ends[0], rest + got, sizeof rest - got)) > 0)
		got += (size_t)n;
	while (at + sizeof(size_t) <= got) {
		size_t len;

		memcpy(&len, rest + at, sizeof len);
		if (len < 600 || len > 3600 || at + len > got) {
			torn++;
			break;
		}
		for (size_t i = sizeof len; i < len; i++)
			if (rest[at + i] != (char)('a' + (int)(len / 600) - 1)) {
				torn++;
				break;
			}
		at += len;
		records++;
	}
	CHECK_EQ("no_record_is_torn", torn, 0);
	CHECK_EQ("no_record_is_lost", records, WRITERS * ROUNDS);
	for (int i = 0; i < WRITERS; i++)
		check_wait(-1);
	close(ends[0]);
}

static void many_readers(void)
{
	int ends[2], sums[2];
	long total = 0;

	NEED(pipe(ends) == 0 && pipe(sums) == 0);
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			int word;
			long sum = 0;

			close(ends[1]);
			while (read(ends[0], &word, sizeof word) == sizeof word)
				sum += word;
			_exit(write(sums[1], &sum, sizeof sum) != sizeof sum);
		}
	close(ends[0]);
	for (int i = 1; i <= 2000; i++)
		NEED(write(ends[1], &i, sizeof i) == sizeof i);
	close(ends[1]);
	for (int i = 0; i < 4; i++) {
		long sum;

		NEED(read(sums[0], &sum, sizeof sum) == sizeof sum);
		total += sum;
		check_wait(-1);
	}
	CHECK_EQ("four_readers_get_every_word_once", total, 2000L * 2001 / 2);
	close(sums[0]);
	close(sums[1]);
}

static void packets(void)
{
	char text[5000];
	int ends[2];

	if (pipe2(ends, O_DIRECT) < 0) {
		CHECK_EQ("packet_mode", errno, EINVAL);
		return;
	}
	NEED(write(ends[1], "one", 3) == 3 && write(ends[1], "three", 5) == 5 && write(ends[1], text, 5000) == 5000);
	CHECK_EQ("first_packet_alone", read(ends[0], text, sizeof text), 3);
	CHECK_EQ("rest_of_a_packet_is_dropped", read(ends[0], text, 2), 2);
	CHECK_EQ("large_write_is_cut_into_packets", read(ends[0], text, sizeof text), 4096);
	CHECK_EQ("and_its_rest", read(ends[0], text, sizeof text), 904);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	many_writers();
	many_readers();
	packets();
	return check_result();
}
