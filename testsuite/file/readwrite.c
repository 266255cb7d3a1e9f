/* read, write, pread, pwrite, readv, writev and the file offset. */
#include "check.h"
#include <sys/mman.h>
#include <sys/uio.h>

static bool file_is(int fd, const char *want)
{
	char text[200];
	ssize_t len = pread(fd, text, sizeof text - 1, 0);

	if (len < 0)
		return false;
	text[len] = 0;
	return (size_t)len == strlen(want) && memcmp(text, want, (size_t)len) == 0;
}

static void plain(int fd)
{
	char text[20] = "";

	CHECK_EQ("write", write(fd, "hello world", 11), 11);
	CHECK_EQ("offset_after_write", lseek(fd, 0, SEEK_CUR), 11);
	CHECK_EQ("read_at_the_end", read(fd, text, 5), 0);
	lseek(fd, 6, SEEK_SET);
	CHECK("read", read(fd, text, 20) == 5 && memcmp(text, "world", 5) == 0);
	CHECK("pread", pread(fd, text, 5, 0) == 5 && memcmp(text, "hello", 5) == 0);
	CHECK_EQ("pread_keeps_the_offset", lseek(fd, 0, SEEK_CUR), 11);
	CHECK_EQ("pwrite", pwrite(fd, "HE", 2, 0), 2);
	CHECK("pwrite_in_place", file_is(fd, "HEllo world"));
	CHECK_EQ("pwrite_keeps_the_offset", lseek(fd, 0, SEEK_CUR), 11);
	CHECK_EQ("write_of_nothing", write(fd, "", 0), 0);
	CHECK_EQ("read_of_nothing", read(fd, text, 0), 0);
	CHECK_ERR("negative_pread_offset", pread(fd, text, 1, -1), EINVAL);
	CHECK_ERR("negative_pwrite_offset", pwrite(fd, text, 1, -1), EINVAL);
	CHECK_ERR("read_into_a_bad_pointer", pread(fd, (void *)8, 5, 0), EFAULT);
	CHECK_ERR("write_from_a_bad_pointer", write(fd, (void *)8, 5), EFAULT);
	CHECK_ERR("write_from_the_kernel", write(fd, (void *)0xffffffff80000000, 5), EFAULT);
	CHECK_ERR("bad_fd", read(99, text, 1), EBADF);
	CHECK_ERR("minus_one_fd", write(-1, text, 1), EBADF);
	int dir = open(".", O_RDONLY);
	CHECK_ERR("read_of_a_folder", read(dir, text, 1), EISDIR);
	close(dir);
}

static void holes(int fd)
{
	char text[8];

	NEED(ftruncate(fd, 0) == 0);
	CHECK_EQ("write_beyond_the_end", pwrite(fd, "end", 3, 100000), 3);
	CHECK_EQ("size_includes_the_hole", lseek(fd, 0, SEEK_END), 100003);
	CHECK("hole_reads_zero", pread(fd, text, 8, 50000) == 8 && memcmp(text, "\0\0\0\0\0\0\0", 8) == 0);
	CHECK("data_after_it", pread(fd, text, 8, 99998) == 5 && memcmp(text, "\0\0end", 5) == 0);
	NEED(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
}

static void vectors(int fd)
{
	char a[4] = "", b[8] = "";
	struct iovec out[] = { { "one", 3 }, { "", 0 }, { "two", 3 }, { "three", 5 } };
	struct iovec in[] = { { a, 4 }, { b, 3 } };
	struct iovec wrong[] = { { "x", 1 }, { (void *)8, 5 } };
	struct iovec huge[] = { { a, 4 }, { b, (size_t)-1 } };

	CHECK_EQ("writev", writev(fd, out, 4), 11);
	CHECK("writev_in_order", file_is(fd, "onetwothree"));
	lseek(fd, 0, SEEK_SET);
	CHECK("readv", readv(fd, in, 2) == 7 && memcmp(a, "onet", 4) == 0 && memcmp(b, "wot", 3) == 0);
	CHECK("preadv", preadv(fd, in, 2, 4) == 7 && memcmp(a, "woth", 4) == 0);
	CHECK("pwritev", pwritev(fd, out, 1, 3) == 3 && file_is(fd, "oneonethree"));
	CHECK_EQ("writev_stops_at_a_bad_pointer", pwritev(fd, wrong, 2, 0), 1);
	CHECK_ERR("too_many_vectors", writev(fd, out, 1025), EINVAL);
	CHECK_ERR("negative_count", writev(fd, out, -1), EINVAL);
	CHECK_ERR("negative_vector_length", readv(fd, huge, 2), EINVAL);
	CHECK_ERR("bad_vector_pointer", writev(fd, (void *)8, 1), EFAULT);
	CHECK_EQ("no_vectors", writev(fd, out, 0), 0);
}

static void append(void)
{
	int a = open("a", O_RDWR | O_CREAT | O_APPEND, 0600), b = open("a", O_WRONLY | O_APPEND);
	pid_t pids[4];
	char line[9] = "xxxxxxx\n", text[9];
	int whole = 0;

	NEED(write(a, "1", 1) == 1);
	CHECK("append_finds_the_end", write(b, "2", 1) == 1 && write(a, "3", 1) == 1 && file_is(a, "123"));
	lseek(a, 0, SEEK_SET);
	CHECK("seek_does_not_matter", write(a, "4", 1) == 1 && file_is(a, "1234"));
	CHECK("pwrite_appends_too", pwrite(a, "5", 1, 0) == 1 && file_is(a, "12345"));
	NEED(ftruncate(a, 0) == 0);
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			int fd = open("a", O_WRONLY | O_APPEND);

			memset(line, 'a' + i, 7);
			for (int n = 0; n < 200; n++)
				if (write(fd, line, 8) != 8)
					_exit(1);
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++)
		check_wait(pids[i]);
	for (int i = 0; i < 800; i++)
		whole += pread(a, text, 8, i * 8) == 8 && text[7] == '\n' && text[0] == text[6];
	CHECK_EQ("four_processes_append_whole_lines", whole, 800);
	close(a);
	close(b);
	unlink("a");
}

static void large(int fd)
{
	size_t len = 3 << 20;
	char *data = malloc(len), *back = calloc(1, len);

	for (size_t i = 0; i < len; i++)
		data[i] = (char)(i * 7 + i / 4096);
	NEED(ftruncate(fd, 0) == 0);
	CHECK_EQ("three_megabytes_in_one_write", pwrite(fd, data, len, 1), len);
	CHECK("and_in_one_read", pread(fd, back, len, 1) == (ssize_t)len && memcmp(data, back, len) == 0);
	memset(back, 0, len);
	lseek(fd, 1, SEEK_SET);
	size_t got = 0;
	ssize_t n;
	while (got < len && (n = read(fd, back + got, got % 5000 + 1)) > 0)
		got += (size_t)n;
	CHECK("and_in_odd_pieces", got == len && memcmp(data, back, len) == 0);
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(edge + 4096, 4096);
	CHECK_EQ("read_stops_at_the_edge_of_memory", pread(fd, edge + 4090, 100, 0), 6);
	CHECK_EQ("write_stops_at_the_edge_of_memory", pwrite(fd, edge + 4090, 100, 0), 6);
	free(data);
	free(back);
}

int main(void)
{
	int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600);

	NEED(fd >= 0);
	plain(fd);
	holes(fd);
	vectors(fd);
	append();
	large(fd);
	close(fd);
	unlink("f");
	return check_result();
}
