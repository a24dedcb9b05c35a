/* The helper's command line, with the same options as upstreamtop's. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper.h"

static const char *value_of(int argc, char **argv, int *i)
{
	if (++*i >= argc)
		die(EXIT_USAGE, "option \"%s\" needs a value", argv[*i - 1]);
	return argv[*i];
}

static int parse_number(const char *text, long min, long max, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	return errno || end == text || *end || *value < min || *value > max ? -1 : 0;
}

/* 8080 or 10.0.0.1:8080 or [fd00::1]:8080 */
static void parse_ignored(struct ignore_key *key, char *text)
{
	char *colon = strrchr(text, ':'), *address = text;
	long port;

	memset(key, 0, sizeof(*key));
	if (parse_number(colon ? colon + 1 : text, 1, 65535, &port))
		goto wrong;
	key->port = port;
	if (!colon)
		return;
	*colon = 0;
	if (*address == '[' && colon[-1] == ']') {
		colon[-1] = 0;
		address++;
		key->family = 6;
	} else {
		key->family = 4;
	}
	if (inet_pton(key->family == 4 ? AF_INET : AF_INET6, address, key->address) == 1)
		return;
	*colon = ':';
wrong:
	die(EXIT_USAGE, "--ignore takes PORT or IP:PORT, not \"%s\": for example --ignore 8080,10.0.0.1:9000", text);
}

/* 10.0.0.0/8 or fd00::/8 or one address */
static void parse_only(struct only_key *key, char *text)
{
	char *slash = strchr(text, '/');
	bool six = strchr(text, ':');
	long prefix = six ? 128 : 32;

	memset(key, 0, sizeof(*key));
	if (slash) {
		if (parse_number(slash + 1, 0, prefix, &prefix))
			goto wrong;
		*slash = 0;
	}
	if (!six) {
		key->address[10] = key->address[11] = 0xff;
		prefix += 96;
	}
	key->prefix = prefix;
	if (inet_pton(six ? AF_INET6 : AF_INET, text, key->address + (six ? 0 : 12)) == 1)
		return;
	if (slash)
		*slash = '/';
wrong:
	die(EXIT_USAGE, "--only takes CIDR,…, not \"%s\": for example --only 10.0.0.0/8,fd00::/8", text);
}

static char *copy_of(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		die(EXIT_SYSTEM, "out of memory");
	return copy;
}

static void parse_ignore_list(struct options *o, const char *list)
{
	char *rest = copy_of(list), *item;

	while ((item = strsep(&rest, ","))) {
		if (o->ignore_count == MAX_FILTERS)
			die(EXIT_USAGE, "--ignore takes up to %d entries", MAX_FILTERS);
		parse_ignored(&o->ignore[o->ignore_count++], item);
	}
}

static void parse_only_list(struct options *o, const char *list)
{
	char *rest = copy_of(list), *item;

	while ((item = strsep(&rest, ","))) {
		if (o->only_count == MAX_FILTERS)
			die(EXIT_USAGE, "--only takes up to %d entries", MAX_FILTERS);
		parse_only(&o->only[o->only_count++], item);
	}
}

void parse_options(struct options *o, int argc, char **argv)
{
	memset(o, 0, sizeof(*o));
	o->sample = 1000;
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i], *value;
		long number;

		if (!strcmp(name, "--version")) {
			o->version = true;
		} else if (!strcmp(name, "--doctor")) {
			o->doctor = true;
		} else if (!strcmp(name, "--iface")) {
			if (o->interface_count == 64)
				die(EXIT_USAGE, "--iface may be given 64 times");
			o->interfaces[o->interface_count++] = value_of(argc, argv, &i);
		} else if (!strcmp(name, "--attach")) {
			value = value_of(argc, argv, &i);
			o->way = !strcmp(value, "tcx") ? BY_TCX : !strcmp(value, "cgroup") ? BY_GROUP : ANY_WAY;
			if (o->way == ANY_WAY)
				die(EXIT_USAGE, "--attach is tcx or cgroup, not \"%s\"", value);
		} else if (!strcmp(name, "--cgroup")) {
			o->cgroup = value_of(argc, argv, &i);
		} else if (!strcmp(name, "--ignore")) {
			parse_ignore_list(o, value_of(argc, argv, &i));
		} else if (!strcmp(name, "--only")) {
			parse_only_list(o, value_of(argc, argv, &i));
		} else if (!strcmp(name, "--nginx-only")) {
			o->nginx_only = true;
		} else if (!strcmp(name, "--tls")) {
			o->tls = TLS_READ;
		} else if (!strncmp(name, "--tls=", 6)) {
			if (strcmp(name + 6, "force"))
				die(EXIT_USAGE, "--tls takes no value or \"force\", not \"%s\"", name + 6);
			o->tls = TLS_FORCED;
		} else if (!strcmp(name, "--routes-as")) {
			value = value_of(argc, argv, &i);
			o->raw_routes = !strcmp(value, "raw");
			if (!o->raw_routes && strcmp(value, "template"))
				die(EXIT_USAGE, "--routes-as is template or raw, not \"%s\"", value);
		} else if (!strcmp(name, "--requests")) {
			value = value_of(argc, argv, &i);
			if (parse_number(value, 0, 100000, &number))
				die(EXIT_USAGE, "--requests takes 0 to 100000, not \"%s\"", value);
			o->sample = number;
		} else {
			die(EXIT_USAGE,
			    "unknown option \"%s\": upstreamtop-probe [--iface NAME]… [--attach tcx|cgroup] [--cgroup PATH] "
			    "[--ignore PORT|IP:PORT,…] [--only CIDR,…] [--nginx-only] [--tls[=force]] [--routes-as template|raw] "
			    "[--requests N] [--version] [--doctor]",
			    name);
		}
	}
	if (o->cgroup && o->way == BY_TCX)
		die(EXIT_USAGE, "--cgroup narrows --attach cgroup: leave --attach tcx out");
	if (o->cgroup)
		o->way = BY_GROUP;
	if (o->interface_count && o->way == BY_GROUP)
		die(EXIT_USAGE, "--iface is for interfaces, and --attach cgroup sees sockets: leave one of them out");
	if (o->interface_count)
		o->way = BY_TCX;
}
