/* Damaged programs: an error, or the end of the process that runs them; never more than that. */
#include "check.h"
#include <elf.h>
#include <sys/resource.h>

static char *image;
static size_t size;

static void load_self(void)
{
	struct stat st;
	int fd = open("/proc/self/exe", O_RDONLY);

	NEED(fd >= 0 && fstat(fd, &st) == 0);
	size = (size_t)st.st_size;
	image = malloc(size);
	NEED(image && pread(fd, image, size, 0) == (ssize_t)size);
	close(fd);
}

static void store(size_t len)
{
	int fd = open("damaged", O_WRONLY | O_CREAT | O_TRUNC, 0755);

	NEED(fd >= 0 && write(fd, image, len) == (ssize_t)len && close(fd) == 0);
}

/* The status of a child that runs the damaged program, 200 + errno when exec refused it. */
static int run(void)
{
	return CHILD(struct rlimit none = { 0, 0 }; setrlimit(RLIMIT_CORE, &none); int null = open("/dev/null", O_RDWR);
		     dup2(null, 0); dup2(null, 1); dup2(null, 2); alarm(2); become_user(); setrlimit(RLIMIT_NPROC, &none);
		     execl("./damaged", "damaged", "child", NULL); _exit(200 + errno % 50));
}

static int run_with(void *field, const void *value, size_t len)
{
	char kept[8];
	int result;

	memcpy(kept, field, len);
	memcpy(field, value, len);
	store(size);
	memcpy(field, kept, len);
	result = run();
	return result;
}

#define WITH(field, value) run_with(&(field), &(typeof(field)){ value }, sizeof(field))

static void known_damage(void)
{
	Elf64_Ehdr *header = (void *)image;

	store(size);
	CHECK_EQ("undamaged", run(), 42);
	CHECK_EQ("wrong_magic", WITH(header->e_ident[1], 'X'), 200 + ENOEXEC);
	CHECK_EQ("wrong_machine", WITH(header->e_machine, EM_ARM), 200 + ENOEXEC);
	CHECK_EQ("object_file", WITH(header->e_type, ET_REL), 200 + ENOEXEC);
	CHECK_EQ("core_file", WITH(header->e_type, ET_CORE), 200 + ENOEXEC);
	CHECK_EQ("wrong_program_header_size", WITH(header->e_phentsize, 32), 200 + ENOEXEC);
	CHECK_EQ("no_program_headers", WITH(header->e_phnum, 0), 200 + ENOEXEC);
	CHECK_EQ("too_many_program_headers", WITH(header->e_phnum, 65535), 200 + ENOEXEC);
	CHECK("program_headers_beyond_the_file", WITH(header->e_phoff, 1UL << 40) >= 128);
	CHECK("program_headers_wrap", WITH(header->e_phoff, -8UL) >= 128);
	CHECK("entry_in_the_kernel", WITH(header->e_entry, 0xffffffff80000000) >= 128);
	CHECK_EQ("entry_at_zero_is_sigsegv", WITH(header->e_entry, 0), 128 + SIGSEGV);
}

static void damage_everywhere(void)
{
	size_t end = sizeof(Elf64_Ehdr) + ((Elf64_Ehdr *)image)->e_phnum * sizeof(Elf64_Phdr);
	int ended = 0, tried = 0;

	for (size_t at = 16; at < end; at += 3) {
		static const char values[] = { 0, 0x7f, (char)0xff };

		tried++;
		ended += run_with(image + at, &values[at % 3], 1) >= 0;
	}
	CHECK_EQ("every_third_byte_of_the_headers", ended, tried);
	ended = tried = 0;
	for (size_t len = 1; len < size; len = len * 3 / 2 + 1) {
		tried++;
		store(len);
		ended += run() >= 0;
	}
	CHECK_EQ("cut_off_anywhere", ended, tried);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "child") == 0 ? 42 : 43;
	NEED(chmod(".", 0755) == 0);
	load_self();
	known_damage();
	damage_everywhere();
	CHECK_EQ("the_system_lives_on", CHILD(_exit(7)), 7);
	unlink("damaged");
	return check_result();
}
