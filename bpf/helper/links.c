/* Interfaces, and the links that attach the programs to their hooks. tcx uses the raw system call: libbpf 1.1 lacks it. */
#include <errno.h>
#include <linux/bpf.h>
#include <net/if_arp.h>
#include <linux/membarrier.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include "helper.h"

#define FLAG_BEFORE  8 /* BPF_F_BEFORE: first in the chain, so that a program that ends the chain does not hide packets */
#define MAX_ATTACHED 4096

#define GROUP_INGRESS 0 /* BPF_CGROUP_INET_INGRESS */
#define GROUP_EGRESS  1

struct attachment {
	struct interface interface;
	int ingress;
	int egress;
};

struct links {
	int ingress_program;
	int egress_program;
	int netlink;
	const struct options *options;
	struct attachment list[MAX_ATTACHED];
	int count;
};

bool is_readable_type(unsigned type)
{
	switch (type) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
	case ARPHRD_NONE: /* tun, wireguard */
	case ARPHRD_PPP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case 823: /* ARPHRD_IP6GRE */
	case 519: /* ARPHRD_RAWIP */
		return true;
	default:
		return false;
	}
}

static int open_netlink(unsigned groups)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | (groups ? SOCK_NONBLOCK : 0), NETLINK_ROUTE);
	struct timeval timeout = {.tv_sec = 2}; /* the kernel answers at once, or the answer was lost */

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void read_link(const struct nlmsghdr *message, struct interface *interface)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	int left = message->nlmsg_len - NLMSG_LENGTH(sizeof(*info));

	memset(interface, 0, sizeof(*interface));
	interface->index = info->ifi_index;
	interface->type = info->ifi_type;
	interface->up = info->ifi_flags & IFF_UP;
	for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_IFNAME)
			snprintf(interface->name, sizeof(interface->name), "%s", (const char *)RTA_DATA(a));
}

int list_interfaces(struct interface *list, int max)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} request = {{.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		     {.ifi_family = AF_UNSPEC}};
	static char buffer[65536] __attribute__((aligned(8)));
	int fd = open_netlink(0), count = 0;

	if (fd < 0)
		return -1;
	if (send(fd, &request, sizeof(request), 0) < 0)
		goto failed;
	for (;;) {
		int n = recv(fd, buffer, sizeof(buffer), 0);

		if (n < 0)
			goto failed;
		for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) {
			if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR) {
				close(fd);
				return count;
			}
			if (m->nlmsg_type == RTM_NEWLINK && count < max)
				read_link(m, &list[count++]);
		}
	}
failed:
	close(fd);
	return -1;
}

/* `target`: an interface, or a descriptor of a control group. */
static int attach(int program, unsigned target, int hook, uint32_t flags)
{
	struct {
		uint32_t program, target, hook, flags;
		uint64_t relative, revision;
		char pad[64];
	} attributes = {.program = program, .target = target, .hook = hook, .flags = flags};

	return syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));
}

int query_chain(unsigned interface, int hook, struct chain_link *chain, int max)
{
	uint32_t ids[64] = {};
	struct {
		uint32_t target, hook, flags, attach_flags;
		uint64_t ids;
		uint32_t count, pad;
		uint64_t program_flags, link_ids, link_flags, revision;
	} query = {.target = interface, .hook = hook, .ids = (uintptr_t)ids, .count = max < 64 ? max : 64};

	if (syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof(query)))
		return errno == ENOENT ? 0 : -1;
	for (unsigned i = 0; i < query.count; i++) {
		union bpf_attr by_id = {.prog_id = ids[i]};
		struct bpf_prog_info info = {};
		union bpf_attr get = {};
		int fd = syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &by_id, sizeof(by_id));

		chain[i].program = ids[i];
		snprintf(chain[i].name, sizeof(chain[i].name), "?");
		if (fd < 0)
			continue;
		get.info.bpf_fd = fd;
		get.info.info_len = sizeof(info);
		get.info.info = (uintptr_t)&info;
		if (!syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &get, sizeof(get)))
			snprintf(chain[i].name, sizeof(chain[i].name), "%.15s", info.name);
		close(fd);
	}
	return query.count;
}

struct links *links_open(int ingress_program, int egress_program, const struct options *options)
{
	struct links *links = calloc(1, sizeof(*links));

	if (!links)
		die(EXIT_SYSTEM, "out of memory");
	links->ingress_program = ingress_program;
	links->egress_program = egress_program;
	links->options = options;
	links->netlink = -1;
	if (options->way == BY_GROUP)
		return links;
	/* listens before attaching, so that an interface that appears meanwhile is not missed */
	links->netlink = open_netlink(RTMGRP_LINK);
	if (links->netlink < 0)
		die(EXIT_SYSTEM, "cannot listen to rtnetlink: %s", strerror(errno));
	return links;
}

static bool is_wanted(const struct links *links, const struct interface *interface)
{
	const struct options *o = links->options;

	if (!interface->up || !is_readable_type(interface->type))
		return false;
	for (int i = 0; i < o->interface_count; i++)
		if (!strcmp(o->interfaces[i], interface->name))
			return true;
	return o->interface_count == 0;
}

static struct attachment *attachment_of(struct links *links, unsigned index)
{
	for (int i = 0; i < links->count; i++)
		if (links->list[i].interface.index == index)
			return &links->list[i];
	return NULL;
}

/* Both programs, or none: -1 with errno. Ingress first, so that no request is seen without its answer. */
static int attach_both(struct links *links, struct attachment *a, unsigned target, int ingress, int egress, uint32_t flags)
{
	int reason;

	a->ingress = attach(links->ingress_program, target, ingress, flags);
	if (a->ingress < 0)
		return -1;
	a->egress = attach(links->egress_program, target, egress, flags);
	if (a->egress >= 0)
		return 0;
	reason = errno;
	close(a->ingress);
	errno = reason;
	return -1;
}

static int attach_interface(struct links *links, const struct interface *interface)
{
	struct attachment a = {.interface = *interface};

	if (links->count == MAX_ATTACHED || attachment_of(links, interface->index))
		return 0;
	if (attach_both(links, &a, interface->index, TCX_INGRESS, TCX_EGRESS, FLAG_BEFORE))
		return -1;
	links->list[links->count++] = a;
	return 0;
}

static void attach_group(struct links *links, char *reason, size_t size)
{
	int group = open_group(links->options->cgroup, reason, size);
	struct attachment *a = &links->list[0];

	if (group < 0)
		return;
	if (attach_both(links, a, group, GROUP_INGRESS, GROUP_EGRESS, 0))
		snprintf(reason, size, "cannot attach to the control group: %s", strerror(errno));
	else
		links->count = 1;
	close(group);
}

static void detach(struct links *links, struct attachment *a)
{
	close(a->ingress);
	close(a->egress);
	*a = links->list[--links->count];
}

int links_attach(struct links *links, char *reason, size_t size)
{
	static struct interface list[MAX_ATTACHED];
	int n;

	reason[0] = 0;
	if (links->options->way == BY_GROUP) {
		attach_group(links, reason, size);
		return links->count;
	}
	n = list_interfaces(list, MAX_ATTACHED);
	if (n < 0)
		snprintf(reason, size, "cannot list the interfaces: %s", strerror(errno));
	for (int i = 0; i < n; i++)
		if (is_wanted(links, &list[i]) && attach_interface(links, &list[i]))
			snprintf(reason, size, "cannot attach to \"%s\": %s", list[i].name, strerror(errno));
	return links->count;
}

int links_interfaces(const struct links *links, struct interface *list, int max)
{
	int n = links->options->way == BY_GROUP ? 0 : links->count < max ? links->count : max;

	for (int i = 0; i < n; i++)
		list[i] = links->list[i].interface;
	return n;
}

int links_descriptor(const struct links *links)
{
	return links->netlink;
}

void links_follow(struct links *links)
{
	static char buffer[65536] __attribute__((aligned(8)));
	int n;

	while ((n = recv(links->netlink, buffer, sizeof(buffer), 0)) > 0) {
		for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) {
			struct interface interface;
			struct attachment *a;

			if (m->nlmsg_type != RTM_NEWLINK && m->nlmsg_type != RTM_DELLINK)
				continue;
			read_link(m, &interface);
			a = attachment_of(links, interface.index);
			if (m->nlmsg_type == RTM_DELLINK) {
				/* a bridge port that leaves its bridge is a DELLINK too, of the bridge family */
				if (a && ((struct ifinfomsg *)NLMSG_DATA(m))->ifi_family == AF_UNSPEC)
					detach(links, a);
			} else if (!a && is_wanted(links, &interface)) {
				attach_interface(links, &interface);
			}
		}
	}
	if (n < 0 && errno == ENOBUFS) {
		/* messages were lost: list all interfaces again */
		char reason[256];

		links_attach(links, reason, sizeof(reason));
	}
}

void links_close(struct links *links)
{
	while (links->count)
		detach(links, &links->list[0]);
	if (links->netlink >= 0)
		close(links->netlink);
	links->netlink = -1;
	/* programs run under RCU: this waits for a grace period, after which no program runs any more */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(50000);
}
