/* The first line: the host, the attached interfaces, and what cannot be recorded. */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "helper.h"

#define WIRE 1

static void put_file(struct json *out, const char *path)
{
	char text[128] = "";
	FILE *f = fopen(path, "re");

	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = 0;
		fclose(f);
	}
	text[strcspn(text, "\n")] = 0;
	put_string(out, text);
}

static void put_unseen(struct json *out, const char *what, const char *remedy)
{
	put(out, "{\"what\":");
	put_string(out, what);
	put(out, ",\"remedy\":");
	put_string(out, remedy);
	put(out, "}");
}

#define MAX_NAMED 3

/* The sockets of one entry: servers of its block, or its target. */
static int sockets_of(const struct upstream *u, const char *names[UPSTREAM_EXAMPLES])
{
	const char *path = strcasestr(u->target, "unix:");

	for (int i = 0; i < u->servers && i < UPSTREAM_EXAMPLES; i++)
		names[i] = u->examples[i];
	if (!u->servers)
		names[0] = path ? path : u->target;
	return !u->servers ? 1 : u->servers < UPSTREAM_EXAMPLES ? u->servers : UPSTREAM_EXAMPLES;
}

/* The upstreams on unix sockets, each socket once; "" without any. */
static void describe_unix_upstreams(char *what, size_t size, const struct upstreams *upstreams)
{
	const char *named[MAX_UPSTREAMS * UPSTREAM_EXAMPLES], *names[UPSTREAM_EXAMPLES];
	int count = 0, others = 0;
	size_t length;

	what[0] = 0;
	for (int i = 0; i < upstreams->count; i++) {
		const struct upstream *u = &upstreams->list[i];
		int n = u->place == UPSTREAM_UNIX && !is_repeated_upstream(upstreams, i) ? sockets_of(u, names) : 0;

		others += n && u->servers > n ? u->servers - n : 0;
		for (int k = 0; k < n; k++) {
			int same = 0;

			while (same < count && strcmp(named[same], names[k]))
				same++;
			if (same == count)
				named[count++] = names[k];
		}
	}
	if (!count)
		return;
	length = snprintf(what, size, "upstreams on unix sockets are not visible: ");
	for (int i = 0; i < count && i < MAX_NAMED; i++)
		length += snprintf(what + length, size - length, "%s%s", i ? ", " : "", named[i]);
	others += count > MAX_NAMED ? count - MAX_NAMED : 0;
	if (others)
		snprintf(what + length, size - length, " and %d more", others);
}

static bool is_listed(const struct nginx *nginx, int index)
{
	for (int i = 0; i < index; i++)
		if (nginx->listen_ports[i].key.port == nginx->listen_ports[index].key.port)
			return true;
	return false;
}

void put_listen_ports(struct json *out, const struct nginx *nginx)
{
	for (int i = 0; i < nginx->listen_port_count; i++) {
		if (is_listed(nginx, i))
			continue;
		if (i)
			put(out, ",");
		put_number(out, nginx->listen_ports[i].key.port);
	}
}

/* The sentence begins with `what`, and ends with the reason in brackets. */
static void put_missing(struct json *out, const char *what, const char *why, const char *remedy)
{
	char text[768];

	if (!*why)
		return;
	snprintf(text, sizeof(text), "%s (%s)", what, why);
	if (out->text[out->length - 1] != '[')
		put(out, ",");
	put_unseen(out, text, remedy);
}

/* What has no name, and why. */
static void put_nameless(struct json *out, const struct names *names)
{
	char why[sizeof(names->runtime) + 64] = "";

	if (names->runtime_count == 1)
		snprintf(why, sizeof(why), "%s", names->runtime);
	else if (names->runtime_count)
		snprintf(why, sizeof(why), "%s and %d more", names->runtime, names->runtime_count - 1);
	put_missing(out, "upstreams that are only known at run time have no name", why,
		    "'--name IP:PORT=LABEL' gives an address one");
	snprintf(why, sizeof(why), "%d found no room", names->left_out);
	put_missing(out, "some upstreams have no name", names->left_out ? why : "",
		    "'--name IP:PORT=LABEL' gives an address one");
}

/* The interfaces, or what stands for them. */
static void put_places(struct json *out, const struct options *options, const struct links *links)
{
	static struct interface list[4096];
	char place[512];
	int n = links_interfaces(links, list, 4096);

	if (options->way == BY_GROUP) {
		if (options->cgroup)
			snprintf(place, sizeof(place), "control group %s", options->cgroup);
		else
			snprintf(place, sizeof(place), "every network namespace");
		put(out, "{\"index\":0,\"name\":");
		put_string(out, place);
		put(out, "}");
	}
	for (int i = 0; i < n; i++) {
		put(out, i ? ",{\"index\":" : "{\"index\":");
		put_number(out, list[i].index);
		put(out, ",\"name\":");
		put_string(out, list[i].name);
		put(out, "}");
	}
}

void put_hello(struct json *out, const struct options *options, const struct links *links, const struct nginx *nginx,
	       const char *refused, const struct missing_hooks *missing)
{
	/* room for the longest names, so that it is never cut */
	char unix_upstreams[MAX_NAMED * sizeof(nginx->upstreams.list->target) + 128];
	char host[256] = "";
	struct utsname name;

	gethostname(host, sizeof(host) - 1);
	uname(&name);
	put(out, "{\"type\":\"hello\",\"wire\":");
	put_number(out, WIRE);
	put(out, ",\"version\":\"" VERSION "\",\"wall_us\":");
	put_number(out, now_ns(CLOCK_REALTIME) / 1000);
	put(out, ",\"mono_ns\":");
	put_big(out, now_ns(CLOCK_MONOTONIC));
	put(out, ",\"boot_id\":");
	put_file(out, "/proc/sys/kernel/random/boot_id");
	put(out, ",\"host\":");
	put_string(out, host);
	put(out, ",\"kernel\":");
	put_string(out, name.release);
	put(out, ",\"interfaces\":[");
	put_places(out, options, links);
	put(out, "],\"front_doors\":[");
	put_listen_ports(out, nginx);
	put(out, "],\"nginx\":");
	put_string(out, !nginx->found ? "none" : nginx->unreadable ? "unreadable" : "known");
	put(out, ",\"warnings\":[");
	if (*nginx->warning)
		put_string(out, nginx->warning);
	put(out, "],\"unseen\":[");
	describe_unix_upstreams(unix_upstreams, sizeof(unix_upstreams), &nginx->upstreams);
	if (*unix_upstreams)
		put_unseen(out, unix_upstreams, "to record them, let them listen on a TCP port");
	put_nameless(out, &nginx->names);
	if (*refused) {
		put(out, out->text[out->length - 1] == '[' ? "" : ",");
		put_unseen(out, refused,
			   "its packets are seen where they cross another interface; doctor names what is at its hooks");
	}
	put_missing(
	    out,
	    "connects that fail without a packet or by an ICMP error, early closes, upstreams that are not HTTP, what an "
	    "nginx that is upgraded or restarted sends to itself, and retries after a connect timeout are not recognised, "
	    "and names do not follow a reload",
	    missing->states,
	    "every other number is exact; to have these too, let tracing programs attach (CONFIG_BPF_EVENTS, no sandbox that "
	    "refuses them)");
	put_missing(
	    out,
	    "connects for which this host has no route, or which it does not permit, and short connections that a service "
	    "mesh leads from socket to socket, are not seen",
	    missing->calls,
	    "every other number is exact; to have these too, let the recorder see the root of cgroup2 (CONFIG_CGROUP_BPF; in a "
	    "container: the host's control group namespace)");
	if (awaits_tls())
		put_missing(out, "TLS of an nginx that starts from elsewhere than its usual places is not read",
			    "no nginx runs yet", "start nginx first, or the recorder again when it runs");
	put(out, "]");
	put_tls(out);
	put(out, "}\n");
}
