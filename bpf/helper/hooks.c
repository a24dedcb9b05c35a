/* Hooks that tell how nginx's sockets connect: tracing programs, and the connect hooks of the root control group. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "helper.h"
#include "upstreamtop.skel.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#define ROOT_GROUP	   1 /* its inode number: a group that is the root of a container only has another */
#define CGROUP2_FILESYSTEM 0x63677270

uint64_t own_namespace_cookie(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size))
		cookie = 0;
	close(fd);
	return cookie;
}

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
static int open_root_group_of(int process)
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
		if (!strcmp(m.mnt_type, "cgroup2") &&
		    snprintf(path, sizeof(path), "/proc/%d/root%s", process, m.mnt_dir) < (int)sizeof(path))
			fd = open_if_root(path);
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
static int open_root_group(void)
{
	int fd = -1;

	for (int process = getpid(), steps = 0; fd < 0 && process && steps < 32; steps++) {
		fd = open_root_group_of(process);
		process = parent_of(process);
	}
	return fd;
}

static bool attach_call_hooks(struct upstreamtop_bpf *bpf, int group)
{
	struct bpf_program *programs[] = {bpf->progs.upstreamtop_release, bpf->progs.upstreamtop_connect4,
					  bpf->progs.upstreamtop_connect6};
	struct bpf_link *links[3];

	for (int i = 0; i < 3; i++) {
		links[i] = bpf_program__attach_cgroup(programs[i], group);
		if (links[i])
			continue;
		/* all or none: without the others a call would never be settled */
		while (i)
			bpf_link__destroy(links[--i]);
		return false;
	}
	return true;
}

bool attach_states(struct upstreamtop_bpf *bpf)
{
	const struct bpf_program *programs[] = {bpf->progs.upstreamtop_states, bpf->progs.upstreamtop_states_too,
						bpf->progs.upstreamtop_socket_ends, bpf->progs.upstreamtop_fork};
	struct bpf_link *links[4] = {};

	for (int i = 0; i < 4; i++) {
		links[i] = bpf_program__attach(programs[i]);
		if (links[i])
			continue;
		while (i--)
			bpf_link__destroy(links[i]);
		return false;
	}
	return true;
}

bool attach_calls(struct upstreamtop_bpf *bpf, char *why, size_t size)
{
	int group = open_root_group();
	bool attached;

	if (group < 0) {
		snprintf(why, size, "the root of cgroup2 is not in sight");
		return false;
	}
	attached = attach_call_hooks(bpf, group);
	if (!attached)
		snprintf(why, size, "%s", strerror(errno));
	close(group);
	return attached;
}
