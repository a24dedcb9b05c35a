/* Control groups (cgroup2): the root of the hierarchy, and groups below it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "helper.h"

#define ROOT_GROUP	   1 /* its inode number: a group that is the root of a container only has another */
#define CGROUP2_FILESYSTEM 0x63677270

/* A file system that somebody has mounted over it is not entered: it might not answer. */
static int open_if_root(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return -1;
	if (!fstatfs(fd, &fs) && fs.f_type == CGROUP2_FILESYSTEM && !fstat(fd, &st) && st.st_ino == ROOT_GROUP)
		return fd;
	close(fd);
	errno = ENOENT;
	return -1;
}

/* Of the mounts of a process, below its root. -1 where none is the root of the hierarchy. */
static int open_root_group_of(int process, bool *some)
{
	char mounts[64], text[4096], path[4096];
	FILE *list;
	struct mntent m;
	int fd = -1;

	snprintf(mounts, sizeof(mounts), "/proc/%d/mounts", process);
	list = setmntent(mounts, "re");
	if (!list)
		return -1;
	while (fd < 0 && getmntent_r(list, &m, text, sizeof(text)))
		if (!strcmp(m.mnt_type, "cgroup2")) {
			*some = true;
			if (snprintf(path, sizeof(path), "/proc/%d/root%s", process, m.mnt_dir) < (int)sizeof(path))
				fd = open_if_root(path);
		}
	endmntent(list);
	return fd;
}

static int parent_of(int process)
{
	char path[64], text[512] = "";
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", process);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fgets(text, sizeof(text), f) && strrchr(text, ')'))
		sscanf(strrchr(text, ')'), ") %*c %d", &parent);
	fclose(f);
	return parent;
}

/* `ip netns exec` mounts a /sys of its own, which has none: then whoever ran it may see it, if we may look through his eyes. */
static int open_root_group(bool *some)
{
	int fd = -1;

	*some = false;

	for (int process = getpid(), steps = 0; fd < 0 && process && steps < 32; steps++) {
		fd = open_root_group_of(process, some);
		process = parent_of(process);
	}
	return fd;
}

/* A group is a folder of this file system: a link, or another file system that is mounted there, is none. */
static int open_below(int root, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};

	return syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* /sys/fs/cgroup/system.slice and /system.slice are the same group. */
static const char *below_root(const char *path)
{
	static const char *const mounts[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};

	for (int i = 0; i < 2; i++) {
		size_t length = strlen(mounts[i]);

		if (!strncmp(path, mounts[i], length) && (path[length] == '/' || !path[length])) {
			path += length;
			break;
		}
	}
	while (*path == '/')
		path++;
	return *path ? path : ".";
}

int open_group(const char *path, char *why, size_t size)
{
	bool some;
	int root = open_root_group(&some), group;

	if (root < 0) {
		snprintf(why, size, some ? "of cgroup2 only a part is mounted, that of a container" : "cgroup2 is not mounted");
		return -1;
	}
	if (!path)
		return root;
	group = open_below(root, below_root(path));
	if (group < 0)
		snprintf(why, size, "there is no control group \"%s\" (%s): 'systemd-cgls' lists them", path, strerror(errno));
	close(root);
	return group;
}

static int recorded = -1;

void keep_group(int group)
{
	if (recorded >= 0)
		close(recorded);
	recorded = group;
}

const char *remark_on_group(void)
{
	/* the folder of a group that was removed is empty, for who has it open */
	if (recorded < 0 || !faccessat(recorded, "cgroup.procs", F_OK, 0))
		return NULL;
	close(recorded);
	recorded = -1;
	return "the control group that is recorded was removed: from then on nothing is seen, in a new one of its name neither. "
	       "A recorder that is started again sees it";
}

bool sees_some_group(void)
{
	bool some;
	int root = open_root_group(&some);

	if (root >= 0)
		close(root);
	return some;
}

uint64_t group_id(int group)
{
	struct stat st;

	return fstat(group, &st) || st.st_ino == ROOT_GROUP ? 0 : st.st_ino;
}

unsigned group_level(const char *path)
{
	unsigned level = 0;

	if (!path)
		return 0;
	for (const char *at = below_root(path); *at;) {
		size_t length = strcspn(at, "/");

		if (length == 2 && !strncmp(at, "..", 2))
			level--;
		else if (length > 1 || (length == 1 && *at != '.'))
			level++;
		at += length + (at[length] == '/');
	}
	return level;
}
