/* What a program finds on its stack: the auxiliary vector, and the state of the machine. */
#include "check.h"
#include <elf.h>
#include <fenv.h>
#include <sys/auxv.h>

extern char **environ;
extern const char __ehdr_start[];

static bool has(unsigned long type)
{
	char **end = environ;
	const Elf64_auxv_t *entry;

	while (*end)
		end++;
	for (entry = (const void *)(end + 1); entry->a_type != AT_NULL; entry++)
		if (entry->a_type == type)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const Elf64_Ehdr *header = (const void *)__ehdr_start;
	const unsigned char *random = (const void *)getauxval(AT_RANDOM);
	const char *name = (const char *)getauxval(AT_EXECFN), *platform = (const char *)getauxval(AT_PLATFORM);
	unsigned random_sum = 0;
	unsigned mxcsr = 0;
	unsigned short x87 = 0;

	__asm__("stmxcsr %0" : "=m"(mxcsr));
	__asm__("fnstcw %0" : "=m"(x87));
	CHECK_EQ("argc", argc, 1);
	CHECK("argv_ends_with_null", argv[argc] == NULL);
	CHECK("argv_environ_and_strings_in_order", (char *)environ == (char *)(argv + argc + 1) && argv[0] > (char *)environ);
	CHECK_EQ("page_size", getauxval(AT_PAGESZ), 4096);
	CHECK_EQ("clock_ticks", getauxval(AT_CLKTCK), 100);
	CHECK("program_headers", getauxval(AT_PHDR) == (unsigned long)__ehdr_start + header->e_phoff);
	CHECK_EQ("program_header_size", getauxval(AT_PHENT), sizeof(Elf64_Phdr));
	CHECK_EQ("program_header_count", getauxval(AT_PHNUM), header->e_phnum);
	CHECK("entry", getauxval(AT_ENTRY) == (header->e_type == ET_EXEC ? header->e_entry
									: (unsigned long)__ehdr_start + header->e_entry));
	CHECK_EQ("base_of_a_static_program", getauxval(AT_BASE), 0);
	CHECK_EQ("uid", getauxval(AT_UID), getuid());
	CHECK_EQ("euid", getauxval(AT_EUID), geteuid());
	CHECK_EQ("gid", getauxval(AT_GID), getgid());
	CHECK_EQ("egid", getauxval(AT_EGID), getegid());
	CHECK("secure_is_there", has(AT_SECURE));
	CHECK_EQ("secure", getauxval(AT_SECURE), 0);
	CHECK("hwcap_is_cpuid_1_edx", getauxval(AT_HWCAP) & 1 /* fpu */);
	CHECK("platform", platform && strcmp(platform, "x86_64") == 0);
	CHECK("file_name", name && name[0] && access(name, X_OK) == 0);
	NEED(random);
	for (int i = 0; i < 16; i++)
		random_sum |= random[i];
	CHECK("random_bytes", random_sum != 0);
	CHECK_EQ("direction_flag_and_traps_clear", __builtin_ia32_readeflags_u64() & 0x500, 0);
	CHECK_EQ("sse_control_word", mxcsr & ~0x3fU, 0x1f80);
	CHECK_EQ("x87_control_word", x87, 0x37f);
	CHECK_EQ("rounding", fegetround(), FE_TONEAREST);
	return check_result();
}
