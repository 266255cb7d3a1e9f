/* User and group ids: who may change them, and to what. */
#include "check.h"
#include <grp.h>

static bool ids_are(uid_t real, uid_t effective, uid_t saved)
{
	uid_t r, e, s;

	return getresuid(&r, &e, &s) == 0 && r == real && e == effective && s == saved;
}

static void as_anybody(void)
{
	uid_t r, e, s;

	CHECK("getresuid", getresuid(&r, &e, &s) == 0 && r == getuid() && e == geteuid());
	CHECK_EQ("set_own_uid", CHILD(_exit(setuid(getuid()) == 0)), 1);
	CHECK_EQ("set_own_gid", CHILD(_exit(setgid(getgid()) == 0)), 1);
	CHECK_EQ("resuid_of_minus_ones", setresuid(-1, -1, -1), 0);
	CHECK_EQ("user_cannot_become_root", CHILD(become_user(); _exit(setuid(0) == -1 && errno == EPERM)), 1);
	CHECK_EQ("user_cannot_become_another", CHILD(become_user(); _exit(setuid(4242) == -1 && errno == EPERM)), 1);
	CHECK_EQ("user_cannot_seteuid", CHILD(become_user(); _exit(seteuid(0) == -1 && errno == EPERM)), 1);
	CHECK_EQ("user_cannot_setgid", CHILD(become_user(); _exit(setgid(0) == -1 && errno == EPERM)), 1);
	CHECK_EQ("user_cannot_setgroups",
		 CHILD(become_user(); _exit(setgroups(1, (gid_t[]){ 0 }) == -1 && errno == EPERM)), 1);
	CHECK_EQ("user_cannot_signal_others", CHILD(become_user(); _exit(kill(1, 0) == -1 && errno == EPERM)), 1);
	CHECK_ERR("getgroups_into_too_small_a_list",
		  CHILD(gid_t list[1]; int n = getgroups(0, NULL); _exit(n > 1 ? getgroups(1, list) == -1 && errno == EINVAL : 1)) == 1
			  ? (errno = EINVAL, -1) : 0, EINVAL);
	CHECK_ERR("negative_count", getgroups(-1, NULL), EINVAL);
}

static void as_root(void)
{
	CHECK_EQ("setuid_of_root_sets_all", CHILD(_exit(setuid(1000) == 0 && ids_are(1000, 1000, 1000))), 1);
	CHECK_EQ("seteuid_keeps_the_way_back",
		 CHILD(_exit(seteuid(1000) == 0 && ids_are(0, 1000, 0) && seteuid(0) == 0 && ids_are(0, 0, 0))), 1);
	CHECK_EQ("setresuid",
		 CHILD(_exit(setresuid(1, 2, 3) == 0 && ids_are(1, 2, 3) && setresuid(3, 1, 2) == 0 && ids_are(3, 1, 2) &&
			     setresuid(7, -1, -1) == -1 && errno == EPERM)),
		 1);
	CHECK_EQ("setreuid_sets_the_saved_id", CHILD(_exit(setreuid(5, 6) == 0 && ids_are(5, 6, 6))), 1);
	CHECK_EQ("groups",
		 CHILD(gid_t list[4]; _exit(setgroups(3, (gid_t[]){ 30, 10, 20 }) == 0 && getgroups(4, list) == 3 &&
					    getgroups(0, NULL) == 3 && list[0] + list[1] + list[2] == 60 &&
					    getgroups(2, list) == -1 && errno == EINVAL)),
		 1);
	CHECK_EQ("setresgid",
		 CHILD(gid_t r; gid_t e; gid_t s; _exit(setresgid(1, 2, 3) == 0 && getresgid(&r, &e, &s) == 0 && r == 1 && e == 2 && s == 3)),
		 1);
	CHECK_EQ("fork_inherits_ids", CHILD(setuid(1000); _exit(CHILD(_exit(getuid() == 1000)))), 1);
	CHECK_EQ("effective_id_owns_new_files",
		 CHILD(struct stat st; chmod(".", 0777); setegid(1000); seteuid(1000); close(open("mine", O_CREAT | O_WRONLY, 0600));
		       _exit(stat("mine", &st) == 0 && st.st_uid == 1000 && st.st_gid == 1000 && unlink("mine") == 0)),
		 1);
}

int main(void)
{
	static const char *const root_only[] = {
		"setuid_of_root_sets_all", "seteuid_keeps_the_way_back", "setresuid", "setreuid_sets_the_saved_id",
		"groups", "setresgid", "fork_inherits_ids", "effective_id_owns_new_files",
	};

	as_anybody();
	if (geteuid() == 0)
		as_root();
	else
		for (size_t i = 0; i < sizeof root_only / sizeof *root_only; i++)
			SKIP(root_only[i], "needs root");
	return check_result();
}
