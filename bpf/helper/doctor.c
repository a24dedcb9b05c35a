/* What this system can and cannot record, as one JSON object. Works without rights, and shows what could not be examined. */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "helper.h"

static void put_flag(struct json *out, const char *name, bool value)
{
	put(out, ",\"");
	put(out, name);
	put(out, value ? "\":true" : "\":false");
}

static void put_chain(struct json *out, const char *name, unsigned interface, int hook)
{
	struct chain_link chain[64];
	int n = query_chain(interface, hook, chain, 64);

	put(out, ",\"");
	put(out, name);
	if (n < 0) {
		/* without rights the chain is unknown, which is not the same as empty */
		put(out, "\":null");
		return;
	}
	put(out, "\":[");
	for (int i = 0; i < n; i++) {
		put(out, i ? ",{\"id\":" : "{\"id\":");
		put_number(out, chain[i].program);
		put(out, ",\"name\":");
		put_string(out, chain[i].name);
		put(out, "}");
	}
	put(out, "]");
}

/*
 * Offloads that are on. With them the programs see few large segments: the counts are right, but differ from the packets in
 * tcpdump.
 */
static void put_offloads(struct json *out, const char *name)
{
	static const struct {
		const char *name;
		uint32_t command;
	} offloads[] = {{"gro", ETHTOOL_GGRO}, {"gso", ETHTOOL_GGSO}, {"tso", ETHTOOL_GTSO}};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (size_t i = 0; i < sizeof(offloads) / sizeof(*offloads) && fd >= 0; i++) {
		struct ethtool_value value = {.cmd = offloads[i].command};
		struct ifreq request = {.ifr_data = (void *)&value};

		snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
		if (!ioctl(fd, SIOCETHTOOL, &request))
			put_flag(out, offloads[i].name, value.data);
	}
	if (fd >= 0)
		close(fd);
}

static void put_interfaces(struct json *out)
{
	static struct interface list[4096];
	int n = list_interfaces(list, 4096);

	put(out, ",\"interfaces\":[");
	for (int i = 0; i < n; i++) {
		put(out, i ? ",{\"index\":" : "{\"index\":");
		put_number(out, list[i].index);
		put(out, ",\"name\":");
		put_string(out, list[i].name);
		put_flag(out, "up", list[i].up);
		put_flag(out, "readable", is_readable_type(list[i].type));
		put_offloads(out, list[i].name);
		put_chain(out, "ingress", list[i].index, TCX_INGRESS);
		put_chain(out, "egress", list[i].index, TCX_EGRESS);
		put(out, "}");
	}
	put(out, "]");
}

/* The first of its servers, and the end of the object. */
static void put_examples(struct json *out, const char *first, size_t width, int count)
{
	put(out, ",\"examples\":");
	put_strings(out, first, width, count);
	put(out, "}");
}

static void put_upstream(struct json *out, const struct upstream *upstream)
{
	put(out, "{\"pass\":");
	put_string(out, upstream->pass);
	put(out, ",\"target\":");
	put_string(out, upstream->target);
	put(out, ",\"kind\":");
	put_string(out, upstream_kinds[upstream->kind]);
	put(out, ",\"place\":");
	put_string(out, upstream_places[upstream->place]);
	put(out, ",\"servers\":");
	put_number(out, upstream->servers);
	put_examples(out, upstream->examples[0], sizeof(*upstream->examples),
		     upstream->servers < UPSTREAM_EXAMPLES ? upstream->servers : UPSTREAM_EXAMPLES);
}

static void put_block(struct json *out, const struct listed_block *block)
{
	put(out, "{\"name\":");
	put_string(out, block->name);
	put(out, ",\"servers\":");
	put_number(out, block->servers);
	put_examples(out, block->examples[0], sizeof(*block->examples),
		     block->servers < LISTED_SERVERS ? block->servers : LISTED_SERVERS);
}

#define HOSTS_SAID 16

/* Servers that are hosts, and that the hosts file does not have. */
static void put_hosts(struct json *out, const struct names *names)
{
	int count = 0;
	char text[512];

	put(out, ",\"hosts\":[");
	for (int i = 0; i < names->host_count; i++) {
		const struct named_host *h = &names->hosts[i];

		if (h->is_known || !names->texts[h->host] || count++ >= HOSTS_SAID)
			continue;
		snprintf(text, sizeof(text), "%s:%u", names->texts + h->host, h->port);
		put(out, count > 1 ? "," : "");
		put_string(out, text);
	}
	put(out, "],\"host_count\":");
	put_number(out, count);
}

/* What its configurations call addresses, and what has no name. */
static void put_names(struct json *out, const struct nginx *nginx)
{
	put(out, ",\"blocks\":[");
	for (int i = 0; i < nginx->upstreams.block_count; i++) {
		put(out, i ? "," : "");
		put_block(out, &nginx->upstreams.blocks[i]);
	}
	put(out, "],\"blocks_left_out\":");
	put_number(out, nginx->upstreams.blocks_left_out);
	put_hosts(out, &nginx->names);
	put(out, ",\"runtime\":");
	put_string(out, nginx->names.runtime);
	put(out, ",\"runtime_count\":");
	put_number(out, nginx->names.runtime_count);
	put(out, ",\"names_left_out\":");
	put_number(out, nginx->names.left_out);
}

static void put_nginx(struct json *out, const struct options *options)
{
	static struct nginx nginx;

	/* without a lifeline: doctor's stdin may be anything, and doctor ends by itself */
	learn_nginx(&nginx, options->every_namespace, false);
	put(out, ",\"nginx\":");
	put_string(out, !nginx.found ? "none" : nginx.unreadable ? "unreadable" : "known");
	put(out, ",\"nginx_warning\":");
	put_string(out, nginx.warning);
	put(out, ",\"masters\":[");
	for (int i = 0; i < nginx.master_count; i++) {
		put(out, i ? ",{\"pid\":" : "{\"pid\":");
		put_number(out, nginx.masters[i].pid);
		put(out, ",\"program\":");
		put_string(out, nginx.masters[i].program);
		put(out, "}");
	}
	put(out, "],\"front_doors\":[");
	put_listen_ports(out, &nginx);
	put(out, "],\"upstreams\":[");
	for (int i = 0; i < nginx.upstreams.count; i++) {
		if (is_repeated_upstream(&nginx.upstreams, i))
			continue;
		put(out, i ? "," : "");
		put_upstream(out, &nginx.upstreams.list[i]);
	}
	put(out, "],\"upstreams_left_out\":");
	put_number(out, nginx.upstreams.left_out);
	put(out, ",\"upstreams_unlisted\":");
	put_string(out, nginx.unlisted);
	put(out, ",\"upstreams_unlisted_count\":");
	put_number(out, nginx.unlisted_count);
	put_names(out, &nginx);
	if (options->tls != TLS_UNREAD)
		put_tls_diagnosis(out, options, &nginx);
}

/* ---- every nginx of this host ---- */

/* Where it listens, whether or not it proxies. The masters of one instance, during an upgrade, have the same sockets. */
static void put_doors(struct json *out, const struct nginx *nginx, const struct found_master *master)
{
	bool first = true;

	for (int i = 0; i < nginx->listener_count; i++) {
		const struct found_listen_port *l = &nginx->listeners[i];
		struct backend_key key = {.port = l->key.port, .family = l->key.family};

		/* [::] is listed for IPv4 too */
		if (l->listen_port.master != master->instance || l->listen_port.dual)
			continue;
		memcpy(key.address, l->key.address, sizeof(key.address));
		put(out, first ? "" : ",");
		put_address(out, &key);
		first = false;
	}
}

static void put_master(struct json *out, const struct nginx *nginx, const struct found_master *master)
{
	static char group[4096];
	bool first = true;

	put(out, "{\"pid\":");
	put_number(out, master->pid);
	put(out, ",\"program\":");
	put_string(out, master->program);
	put(out, ",\"configuration\":");
	put_string(out, master->configuration);
	put(out, ",\"netns\":");
	put_number(out, master->netid);
	group_path_of_process(master->pid, group, sizeof(group));
	put_namespace_fields(out, master->netid, group);
	put(out, ",\"doors\":[");
	put_doors(out, nginx, master);
	put(out, "],\"upstreams\":[");
	for (int i = 0; i < nginx->upstreams.count; i++) {
		if (nginx->upstreams.list[i].master != master->pid)
			continue;
		put(out, first ? "" : ",");
		put_upstream(out, &nginx->upstreams.list[i]);
		first = false;
	}
	put(out, "]}");
}

/* A discovery of its own: what is said above is what a recorder with these options finds. */
static void put_every_nginx(struct json *out)
{
	static struct nginx nginx;

	learn_nginx(&nginx, true, false);
	namespaces_open(-1);
	put(out, ",\"netns\":");
	put_number(out, own_namespace());
	put(out, ",\"every_nginx\":[");
	for (int i = 0; i < nginx.master_count; i++) {
		put(out, i ? "," : "");
		put_master(out, &nginx, &nginx.masters[i]);
	}
	put(out, "],\"every_nginx_warning\":");
	put_string(out, nginx.warning);
}

static void put_attach(struct json *out, const struct options *options, const struct way_choice *choice)
{
	put(out, ",\"attach\":{\"way\":");
	put_string(out, options->way == BY_TCX ? "tcx" : "cgroup");
	put(out, ",\"why\":");
	put_string(out, choice->why);
	put(out, ",\"missing\":");
	put_string(out, choice->missing);
	put(out, ",\"remedy\":");
	put_string(out, choice->remedy);
	put(out, "}");
}

int doctor(struct options *options)
{
	struct json out = {};
	struct utsname name;
	struct way_choice choice;

	choose_way(options, &choice);
	uname(&name);
	put(&out, "{\"kernel\":");
	put_string(&out, name.release);
	put_flag(&out, "tcx", has_tcx());
	put_flag(&out, "too_old", is_older_kernel(5, 17));
	put_flag(&out, "tried", !is_older_kernel(6, 1));
	put_attach(&out, options, &choice);
	put_flag(&out, "btf", !access("/sys/kernel/btf/vmlinux", R_OK));
	put(&out, ",\"rights\":{\"missing\":");
	put_string(&out, missing_rights());
	put_flag(&out, "ptrace", has_right(19 /* CAP_SYS_PTRACE */));
	put_flag(&out, "root", geteuid() == 0);
	put(&out, "}");
	put_interfaces(&out);
	put_nginx(&out, options);
	put_every_nginx(&out);
	put(&out, "}\n");
	fwrite(out.text, 1, out.length, stdout);
	return fflush(stdout) ? EXIT_BUG : EXIT_DONE;
}
