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

void put_hello(struct json *out, const struct links *links, const struct nginx *nginx, const char *refused, const char *untraced)
{
	static struct interface list[4096];
	int n = links_interfaces(links, list, 4096);
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
	for (int i = 0; i < n; i++) {
		put(out, i ? ",{\"index\":" : "{\"index\":");
		put_number(out, list[i].index);
		put(out, ",\"name\":");
		put_string(out, list[i].name);
		put(out, "}");
	}
	put(out, "],\"front_doors\":[");
	put_listen_ports(out, nginx);
	put(out, "],\"nginx\":");
	put_string(out, !nginx->found ? "none" : nginx->unreadable ? "unreadable" : "known");
	put(out, ",\"warnings\":[");
	if (*nginx->warning)
		put_string(out, nginx->warning);
	put(out, "],\"unseen\":[");
	if (*refused)
		put_unseen(out, refused,
			   "its packets are seen where they cross another interface; doctor names what is at its hooks");
	if (*untraced) {
		char what[640];

		snprintf(
		    what, sizeof(what),
		    "retries after a connect timeout, and what an nginx that is upgraded or restarted sends to itself, are not "
		    "recognised (%s)",
		    untraced);
		put(out, *refused ? "," : "");
		put_unseen(out, what,
			   "every other number is exact; to have these too, let tracing programs attach (CONFIG_BPF_EVENTS, "
			   "no sandbox that refuses them)");
	}
	put(out, "]}\n");
}
