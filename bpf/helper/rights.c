/* Capabilities: which ones the process has, and dropping them. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "helper.h"

#define NOBODY 65534
/* Above all uids that systems and containers assign. */
#define UNUSED_UIDS 0xf0000000u

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

bool has_right(int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[capability >> 5].effective >> (capability & 31) & 1;
}

const char *missing_rights(void)
{
	static char words[64];
	const struct {
		int capability;
		const char *name;
	} needed[] = {{CAP_BPF, "CAP_BPF"}, {CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {CAP_PERFMON, "CAP_PERFMON"}};

	words[0] = 0;
	for (int i = 0; i < 3; i++) {
		if (has_right(needed[i].capability))
			continue;
		if (words[0])
			strcat(words, ", ");
		strcat(words, needed[i].name);
	}
	return words;
}

void drop_rights(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {};
	/* not nobody's uid: another process of nobody could stop or kill the helper */
	uint32_t id = UNUSED_UIDS + getpid();

	if (geteuid() == 0 && has_right(CAP_SETUID) && has_right(CAP_SETGID)) {
		/* a user namespace may not have this id */
		if (setresgid(id, id, id))
			id = NOBODY;
		if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id))
			die(EXIT_SYSTEM, "cannot become nobody: %s", strerror(errno));
	}
	if (syscall(SYS_capset, &header, none))
		die(EXIT_SYSTEM, "cannot drop the capabilities: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die(EXIT_SYSTEM, "cannot set no_new_privs: %s", strerror(errno));
}

bool drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {};

	return !syscall(SYS_capset, &header, none) && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

bool become_reader(uint32_t uid, uint32_t gid)
{
	uint32_t real, effective, saved;

	/* root reads root's files; a helper with capabilities only reads as its own user */
	if (geteuid() == 0 && uid == 0)
		return true;
	if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)))
		return false;
	return drop_capabilities() && !getresuid(&real, &effective, &saved) && real == effective && effective == saved &&
	       effective != 0;
}
