/* File mappings: private and shared, and their unity with read and write. */
#include "check.h"
#include <sys/mman.h>

#define PAGE 4096UL
#define RW (PROT_READ | PROT_WRITE)

static long map_error(size_t len, int prot, int flags, int fd)
{
	return mmap(NULL, len, prot, flags, fd, 0) == MAP_FAILED ? -1 : 0;
}

int main(void)
{
	int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600), other, ends[2];
	char text[16] = "", *shared, *private, *again;

	NEED(fd >= 0);
	for (int i = 0; i < 3 * 4096; i++)
		NEED(write(fd, &(char){ (char)('a' + i / 4096) }, 1) == 1);
	shared = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0);
	private = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
	NEED(shared != MAP_FAILED && private != MAP_FAILED);
	CHECK("contents_are_there", shared[0] == 'a' && shared[PAGE] == 'b' && private[3 * PAGE - 1] == 'c');
	shared[10] = 'S';
	CHECK("shared_store_is_read_back", pread(fd, text, 1, 10) == 1 && text[0] == 'S');
	CHECK("private_sees_it_while_untouched", private[10] == 'S');
	private[11] = 'P';
	CHECK("private_store_stays_private", pread(fd, text, 1, 11) == 1 && text[0] == 'a' && shared[11] == 'a');
	NEED(pwrite(fd, "W", 1, PAGE + 5) == 1);
	CHECK("write_shows_in_the_shared_mapping", shared[PAGE + 5] == 'W');
	NEED(pwrite(fd, "V", 1, 12) == 1);
	CHECK("write_to_a_copied_page_does_not_show", private[12] == 'a' && shared[12] == 'V');
	again = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, (off_t)PAGE);
	CHECK("offset", again != MAP_FAILED && again[5] == 'W' && again[0] == 'b');
	shared[PAGE] = 'T';
	CHECK("two_shared_mappings_are_one", again[0] == 'T');
	CHECK_EQ("store_by_a_child", CHILD(shared[20] = 'C'; private[20] = 'X'), 0);
	CHECK("child_store_is_shared", shared[20] == 'C' && private[20] == 'a');
	close(fd);
	shared[30] = 'K';
	other = open("f", O_RDONLY);
	CHECK("mapping_outlives_the_fd", pread(other, text, 1, 30) == 1 && text[0] == 'K');
	unlink("f");
	CHECK("mapping_outlives_the_name", shared[30] == 'K' && (shared[31] = 'L'));
	CHECK_EQ("msync", msync(shared, PAGE, MS_SYNC), 0);
	CHECK_ERR("msync_unaligned", msync(shared + 1, PAGE, MS_SYNC), EINVAL);
	CHECK_ERR("msync_both", msync(shared, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	CHECK_ERR("msync_of_nothing", msync((void *)0x10000, PAGE, MS_SYNC), ENOMEM);

	CHECK_ERR("shared_write_on_a_read_only_fd", map_error(PAGE, RW, MAP_SHARED, other), EACCES);
	CHECK_EQ("private_write_on_a_read_only_fd", map_error(PAGE, RW, MAP_PRIVATE, other), 0);
	again = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, other, 0);
	CHECK_ERR("mprotect_of_that_mapping", mprotect(again, PAGE, RW), EACCES);
	close(other);
	fd = open("g", O_WRONLY | O_CREAT, 0600);
	CHECK_ERR("write_only_fd", map_error(PAGE, PROT_READ, MAP_PRIVATE, fd), EACCES);
	close(fd);
	NEED(pipe(ends) == 0);
	CHECK_ERR("a_pipe_cannot_be_mapped", map_error(PAGE, PROT_READ, MAP_PRIVATE, ends[0]), ENODEV);
	fd = open(".", O_RDONLY);
	CHECK_ERR("a_folder_cannot_be_mapped", map_error(PAGE, PROT_READ, MAP_PRIVATE, fd), ENODEV);
	close(fd);

	fd = open("g", O_RDWR);
	NEED(ftruncate(fd, 2 * (off_t)PAGE) == 0);
	shared = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	shared[PAGE] = 'x';
	NEED(ftruncate(fd, 10) == 0);
	CHECK_EQ("truncated_page_is_sigbus", CHILD((void)*(volatile char *)(shared + PAGE)), 128 + SIGBUS);
	NEED(ftruncate(fd, 2 * (off_t)PAGE) == 0);
	CHECK_EQ("extended_again_it_is_zero", shared[PAGE], 0);
	CHECK_EQ("read_into_a_mapping_of_the_same_file", pread(fd, shared + 100, 50, 0), 50);
	CHECK_EQ("write_from_a_mapping_of_the_same_file", pwrite(fd, shared, 200, 50), 200);
	CHECK_EQ("dev_zero", CHILD(int zero = open("/dev/zero", O_RDWR); char *z = mmap(NULL, PAGE, RW, MAP_PRIVATE, zero, 0);
				   _exit(z != MAP_FAILED && z[9] == 0 && (z[9] = 4))), 1);
	close(fd);
	unlink("g");
	return check_result();
}
