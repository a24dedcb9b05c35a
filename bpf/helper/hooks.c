/* Hooks that tell how nginx's sockets connect: tracing programs, and the connect hooks of the root control group. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "helper.h"
#include "upstreamtop.skel.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

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

bool attach_calls(struct upstreamtop_bpf *bpf, const char *path, char *why, size_t size)
{
	int group = open_group(path, why, size);
	bool attached;

	if (group < 0)
		return false;
	attached = attach_call_hooks(bpf, group);
	if (!attached)
		snprintf(why, size, "%s", strerror(errno));
	close(group);
	return attached;
}
