/*
 * What network namespaces are called: the names that `ip netns` gave them, and the control group of the process that was the
 * first to connect. Read without rights, while recording: namespaces come and go.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "helper.h"

#define NAMES_FOLDER	"/run/netns"
#define MAX_NETNS_NAMES 4096
#define MAX_LINKED	256
/* Between two looks at one that has no name yet, and between two at one whose first process is another now. */
#ifndef LOOK_AGAIN_NS /* tests make it short */
#define LOOK_AGAIN_NS 10000000000ULL
#endif
/* Looks take so much of a second at most, so that many new namespaces do not delay a tick. */
#define LOOKS_NS 20000000ULL
/* `ip netns add` makes the file first, and mounts the namespace on it a moment later. */
#define SETTLE_S 3

struct name {
	uint32_t netid;
	uint32_t pid; /* of a link /proc/PID/ns/net; 0 for a namespace that is mounted */
	char *text;
};

struct known {
	uint32_t netid;
	struct namespace_row row;
	uint64_t looked;
	uint64_t said; /* hash of its last line */
	char *group;
};

static struct name names[MAX_NETNS_NAMES];
static int name_count;
/* Where a process is can be read with rights only: what was read is kept. */
static struct {
	uint32_t pid, netid;
} linked[MAX_LINKED];
static int linked_count;
static struct known known[MAX_NAMESPACES];
static int known_count;
static uint32_t host_netid;

static uint32_t namespace_at(int directory, const char *path, int flags)
{
	struct statx st;

	/* no file system is asked: one that does not answer may be mounted there */
	return statx(directory, path, flags | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_INO, &st) ? 0 : st.stx_ino;
}

/* ---- names of `ip netns` ---- */

static int by_netid_and_text(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->netid != y->netid ? (x->netid < y->netid ? -1 : 1) : strcmp(x->text, y->text);
}

/* 0 unless it is a link to the namespace of a process, as people make them for containers. No other link is followed. */
static uint32_t linked_process(int directory, const char *text)
{
	char target[64] = "";
	int length = 0;
	unsigned pid;

	if (readlinkat(directory, text, target, sizeof(target) - 1) < 0 ||
	    sscanf(target, "/proc/%u/ns/net%n", &pid, &length) != 1 || !length || target[length])
		return 0;
	return pid;
}

static bool has_ended(uint32_t pid)
{
	return kill(pid, 0) && errno == ESRCH;
}

static uint32_t namespace_of_process(uint32_t pid)
{
	char path[64];
	uint32_t netid;

	for (int i = 0; i < linked_count; i++)
		if (linked[i].pid == pid)
			return linked[i].netid;
	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	netid = namespace_at(AT_FDCWD, path, 0);
	if (netid && linked_count < MAX_LINKED) {
		linked[linked_count].pid = pid;
		linked[linked_count++].netid = netid;
	}
	return netid;
}

static void add_name(int directory, const char *text)
{
	struct name name = {};

	if (text[0] == '.')
		return;
	name.pid = linked_process(directory, text);
	name.netid = name.pid ? namespace_of_process(name.pid) : namespace_at(directory, text, AT_SYMLINK_NOFOLLOW);
	name.text = name.netid ? strdup(text) : NULL;
	if (name.text)
		names[name_count++] = name;
}

static void read_names(void)
{
	DIR *d = opendir(NAMES_FOLDER);
	struct dirent *entry;

	while (name_count)
		free(names[--name_count].text);
	if (!d)
		return;
	while (name_count < MAX_NETNS_NAMES && (entry = readdir(d)))
		add_name(dirfd(d), entry->d_name);
	closedir(d);
	qsort(names, name_count, sizeof(*names), by_netid_and_text);
}

/* Reads them where the folder has changed. */
static void renew_names(void)
{
	static struct statx_timestamp last;
	struct statx st = {};

	if (statx(AT_FDCWD, NAMES_FOLDER, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_MTIME, &st))
		memset(&st.stx_mtime, 0, sizeof(st.stx_mtime));
	if (last.tv_sec == st.stx_mtime.tv_sec && last.tv_nsec == st.stx_mtime.tv_nsec &&
	    llabs(time(NULL) - st.stx_mtime.tv_sec) > SETTLE_S)
		return;
	last = st.stx_mtime;
	read_names();
}

void namespaces_open(int root_group)
{
	group_paths_open(root_group);
	renew_names();
	/* in a container the first process is the container's, and this its namespace: no name for it */
	if (namespace_at(AT_FDCWD, "/proc/self/ns/pid", 0) != INITIAL_PID_NAMESPACE)
		return;
	host_netid = namespace_at(AT_FDCWD, "/proc/1/ns/net", 0);
	/* a sandbox may protect it even from root */
	if (!host_netid)
		host_netid = namespace_at(AT_FDCWD, "/proc/self/ns/net", 0);
}

/* ---- its line ---- */

void put_namespace_fields(struct json *out, uint32_t netid, const char *group)
{
	bool any = false;

	renew_names();
	for (int i = 0; i < name_count; i++) {
		if (names[i].netid != netid || (names[i].pid && has_ended(names[i].pid)))
			continue;
		put(out, any ? "," : ",\"names\":[");
		put_string(out, names[i].text);
		any = true;
	}
	put(out, any ? "]" : "");
	if (netid == host_netid)
		put(out, ",\"host\":true");
	if (*group) {
		put(out, ",\"cgroup\":");
		put_string(out, group);
	}
}

static int by_netid(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return x->netid < y->netid ? -1 : x->netid > y->netid;
}

/* When the table is full, all are forgotten, and said once more. */
static struct known *known_of(uint32_t netid)
{
	struct known key = {.netid = netid}, *k = bsearch(&key, known, known_count, sizeof(key), by_netid);

	if (k)
		return k;
	if (known_count == MAX_NAMESPACES)
		while (known_count)
			free(known[--known_count].group);
	known[known_count++] = key;
	qsort(known, known_count, sizeof(*known), by_netid);
	return bsearch(&key, known, known_count, sizeof(key), by_netid);
}

static uint64_t look_second, looked_ns;

static bool has_time_to_look(uint64_t now)
{
	if (now / 1000000000ULL != look_second) {
		look_second = now / 1000000000ULL;
		looked_ns = 0;
	}
	return looked_ns < LOOKS_NS;
}

static void look(struct known *k, const struct namespace_row *row, uint64_t now)
{
	static char path[4096];

	group_path(row, path, sizeof(path));
	free(k->group);
	k->group = *path ? strdup(path) : NULL;
	k->row = *row;
	k->looked = now;
	looked_ns += now_ns(CLOCK_MONOTONIC) - now;
}

static bool wants_look(const struct known *k, const struct namespace_row *row)
{
	return !k->looked || k->row.cgroup != row->cgroup || k->row.pid != row->pid;
}

/* The kernel gives its number to the next one when it is gone, and whoever connected first may have no group that tells it. */
static bool is_stale(struct known *k, uint64_t now)
{
	if (!k->looked || now - k->looked < LOOK_AGAIN_NS)
		return false;
	k->looked = now;
	return !k->group || !is_group_path(&k->row, k->group);
}

static uint64_t hash_of(const char *text, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3ULL;
	return hash ? hash : 1;
}

bool put_namespace(struct json *out, uint32_t netid, const struct namespace_row *row)
{
	struct known *k = known_of(netid);
	uint64_t now = now_ns(CLOCK_MONOTONIC), hash;
	size_t begin = out->length;

	if (wants_look(k, row) && has_time_to_look(now))
		look(k, row, now);
	put(out, "{\"type\":\"namespace\",\"id\":");
	put_number(out, netid);
	put_namespace_fields(out, netid, k->group ? k->group : "");
	put(out, "}\n");
	hash = hash_of(out->text + begin, out->length - begin);
	if (hash == k->said)
		out->length = begin;
	k->said = hash;
	return is_stale(k, now);
}
