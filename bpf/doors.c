/*
 * nginx on this host: on which ports it listens itself (its front doors), and which connections its workers hold already.
 * All of it from /proc, once, while there are rights.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "doors.h"

bool read_small(char *text, size_t size, const char *format, uint32_t pid)
{
	char path[64];
	int fd, n;

	snprintf(path, sizeof(path), format, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return false;
	text[n] = 0;
	/* arguments are separated by zeros, titles by spaces */
	for (int i = 0; i + 1 < n; i++)
		if (!text[i])
			text[i] = ' ';
	return true;
}

static bool link_of(char *text, size_t size, const char *format, uint32_t pid)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), format, pid);
	n = readlink(path, text, size - 1);
	if (n < 0)
		return false;
	text[n] = 0;
	return true;
}

/* ---- who ---- */

static void add_process(struct census *c, uint32_t pid, const char *own_namespace)
{
	char text[512], namespace[64], *behind;
	unsigned parent;

	if (c->count == MAX_PROCESSES || !read_small(text, sizeof(text), "/proc/%u/comm", pid))
		return;
	if (strcmp(text, "nginx\n") && strcmp(text, "angie\n"))
		return;
	if (!link_of(namespace, sizeof(namespace), "/proc/%u/ns/net", pid)) {
		c->nginx->found = c->nginx->unreadable = true;
		return;
	}
	if (strcmp(namespace, own_namespace) || !read_small(text, sizeof(text), "/proc/%u/stat", pid))
		return;
	behind = strrchr(text, ')');
	if (!behind || sscanf(behind + 1, " %*c %u", &parent) != 1)
		return;
	c->nginx->found = true;
	c->list[c->count++] = (struct process){.pid = pid, .parent = parent};
}

static void find_processes(struct census *c)
{
	char own[64];
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		return;
	if (link_of(own, sizeof(own), "/proc/%u/ns/net", getpid()))
		while ((entry = readdir(proc)))
			if (isdigit((unsigned char)entry->d_name[0]))
				add_process(c, atoi(entry->d_name), own);
	closedir(proc);
}

/* NO_UID too for who runs with another user's rights than his own: a setuid program may bear any name. */
static uint32_t real_uid(uint32_t pid)
{
	char text[2048], *uids;
	unsigned real, effective;

	if (!read_small(text, sizeof(text), "/proc/%u/status", pid))
		return NO_UID;
	uids = strstr(text, "\nUid:");
	if (!uids || sscanf(uids, " Uid: %u %u", &real, &effective) != 2 || real != effective)
		return NO_UID;
	return real;
}

static struct process *process_of(struct census *c, uint32_t pid)
{
	for (int i = 0; i < c->count; i++)
		if (c->list[i].pid == pid)
			return &c->list[i];
	return NULL;
}

/* A worker's master is its parent, if that is an nginx as well; a new binary's master is its own, though its parent is one. */
static void find_masters(struct census *c)
{
	for (int i = 0; i < c->count; i++) {
		struct process *p = &c->list[i];
		char title[64] = "";

		read_small(title, sizeof(title), "/proc/%u/cmdline", p->pid);
		p->master = process_of(c, p->parent) && strncmp(title, "nginx: master", 13) ? p->parent : p->pid;
	}
}

/* ---- sockets ---- */

static void add_socket(struct census *c, struct process *p, unsigned long inode)
{
	if (c->socket_count == c->socket_room) {
		c->socket_room = c->socket_room ? c->socket_room * 2 : 256;
		c->sockets = realloc(c->sockets, c->socket_room * sizeof(*c->sockets));
		if (!c->sockets)
			die(EXIT_SYSTEM, "out of memory");
	}
	c->sockets[c->socket_count++] = (struct owned_socket){inode, p};
}

/*
 * /proc/PID/fd of another user opens for root alone. CAP_SYS_PTRACE, which file capabilities give, may instead ask for copies of
 * the descriptors; each is closed at once. Returns whether that was allowed.
 */
static bool borrow_sockets(struct census *c, struct process *p)
{
	int process = syscall(SYS_pidfd_open, p->pid, 0), missing = 0;
	bool allowed = false;
	struct stat st;

	if (process < 0)
		return false;
	/* descriptors are numbered from below: a long run of unused ones is their end */
	for (int number = 0; number < 65536 && missing < 512; number++) {
		int fd = syscall(SYS_pidfd_getfd, process, number, 0);

		if (fd < 0 && errno == EPERM)
			break;
		missing = fd < 0 ? missing + 1 : 0;
		allowed = true;
		if (fd < 0)
			continue;
		if (!fstat(fd, &st) && S_ISSOCK(st.st_mode))
			add_socket(c, p, st.st_ino);
		close(fd);
	}
	close(process);
	return allowed;
}

static void find_sockets(struct census *c, struct process *p)
{
	char path[64], target[64];
	struct dirent *entry;
	unsigned long inode;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%u/fd", p->pid);
	fds = opendir(path);
	if (!fds) {
		c->nginx->unreadable |= errno != ENOENT && !borrow_sockets(c, p);
		return;
	}
	while ((entry = readdir(fds))) {
		ssize_t n = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);

		if (n < 0)
			continue;
		target[n] = 0;
		if (sscanf(target, "socket:[%lu]", &inode) == 1)
			add_socket(c, p, inode);
	}
	closedir(fds);
}

static int by_inode(const void *a, const void *b)
{
	unsigned long x = ((const struct owned_socket *)a)->inode, y = ((const struct owned_socket *)b)->inode;

	return x < y ? -1 : x > y;
}

/* /proc/net/tcp has addresses as words in the byte order of this host, which is how they lie in memory. */
static void read_address(const char *text, struct door_key *key)
{
	size_t words = strlen(text) / 8;

	memset(key, 0, sizeof(*key));
	key->family = words == 1 ? 4 : 6;
	for (size_t i = 0; i < words && i < 4; i++) {
		unsigned word;

		sscanf(text + 8 * i, "%8x", &word);
		memcpy(key->address + 4 * i, &word, 4);
	}
}

/* An IPv6 socket that is bound to an IPv4 address: its packets are IPv4's. */
static void unmap(struct door_key *key)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (key->family == 4 || memcmp(key->address, mapped, sizeof(mapped)))
		return;
	memmove(key->address, key->address + 12, 4);
	memset(key->address + 4, 0, 12);
	key->family = 4;
}

static void add_door(struct census *c, const struct door_key *key, struct process *owner, uint32_t uid, bool dual)
{
	struct nginx *n = c->nginx;

	int of_owner = 0, of_others = 0;

	for (int i = 0; i < n->door_count; i++) {
		if (!memcmp(&n->doors[i].key, key, sizeof(*key)))
			return;
		of_owner += n->doors[i].door.uid == uid;
		of_others += n->doors[i].door.uid != 0;
	}
	/* what is left over is learned by its first answer */
	if (uid && (of_owner >= DOORS_OF_OWNER || of_others >= MAX_FRONT_DOORS / 2))
		return;
	if (n->door_count < MAX_FRONT_DOORS)
		n->doors[n->door_count++] = (struct front_door){*key, {.master = owner->master, .uid = uid, .dual = dual}};
}

/* Doors of users share the room; a socket that is not its master's user's was left to it by somebody else. */
static void add_listener(struct census *c, const struct door_key *key, struct process *owner, uint32_t uid)
{
	static const uint8_t any[16];

	if (uid != real_uid(owner->master))
		return;
	add_door(c, key, owner, uid, false);
	if (key->family == 6 && !memcmp(key->address, any, sizeof(any))) {
		struct door_key four = {.port = key->port, .family = 4};

		add_door(c, &four, owner, uid, true);
	}
}

/* Whether its local end is a door: then it was accepted, and leads to a client. */
static bool is_accepted(const struct census *c, const struct door_key *local)
{
	static const uint8_t any[16];

	for (int i = 0; i < c->nginx->door_count; i++) {
		const struct door_key *door = &c->nginx->doors[i].key;

		if (door->port == local->port && door->family == local->family &&
		    (!memcmp(door->address, local->address, 16) || !memcmp(door->address, any, 16)))
			return true;
	}
	return false;
}

static void add_connection(struct census *c, unsigned lport, unsigned rport, struct process *owner)
{
	struct nginx *n = c->nginx;
	struct process *master = process_of(c, owner->master);

	if (n->connection_count >= 65536)
		return;
	if (!(n->connection_count & (n->connection_count - 1))) {
		size_t room = n->connection_count ? n->connection_count * 2 : 1;

		n->connections = realloc(n->connections, room * sizeof(*n->connections));
		if (!n->connections)
			die(EXIT_SYSTEM, "out of memory");
	}
	n->connections[n->connection_count++] = (struct worker_connection){{.lport = lport, .rport = rport},
									   {.master = owner->master, .uid = real_uid(owner->master)}};
	if (master)
		master->proxies = true;
}

#define ESTABLISHED 1
#define LISTENING   10

/* One pass over the kernel's table: listening sockets, or established ones whose local port is none of those. */
static void match_sockets(struct census *c, const char *table, unsigned wanted)
{
	FILE *f = fopen(table, "re");
	char line[512];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		struct owned_socket wanted_socket, *socket;
		unsigned lport, rport, state, uid;
		struct door_key local;
		char address[33];

		if (sscanf(line, " %*d: %32[0-9A-F]:%x %*[0-9A-F]:%x %x %*s %*s %*s %u %*d %lu", address, &lport, &rport, &state, &uid,
			   &wanted_socket.inode) != 6 ||
		    state != wanted)
			continue;
		socket = bsearch(&wanted_socket, c->sockets, c->socket_count, sizeof(wanted_socket), by_inode);
		if (!socket)
			continue;
		read_address(address, &local);
		local.port = lport;
		unmap(&local);
		if (state == LISTENING)
			add_listener(c, &local, socket->owner, uid);
		else if (!is_accepted(c, &local))
			add_connection(c, lport, rport, socket->owner);
	}
	fclose(f);
}

void learn_nginx(struct nginx *nginx)
{
	struct census *c = calloc(1, sizeof(*c));
	int kept = 0;

	memset(nginx, 0, sizeof(*nginx));
	if (!c)
		die(EXIT_SYSTEM, "out of memory");
	c->nginx = nginx;
	find_processes(c);
	find_masters(c);
	for (int i = 0; i < c->count; i++)
		find_sockets(c, &c->list[i]);
	if (c->socket_count)
		qsort(c->sockets, c->socket_count, sizeof(*c->sockets), by_inode);
	match_sockets(c, "/proc/self/net/tcp", LISTENING);
	match_sockets(c, "/proc/self/net/tcp6", LISTENING);
	match_sockets(c, "/proc/self/net/tcp", ESTABLISHED);
	match_sockets(c, "/proc/self/net/tcp6", ESTABLISHED);
	for (int i = 0; i < c->count; i++)
		if (c->list[i].master == c->list[i].pid)
			read_config(c, &c->list[i]);
	/* an nginx that proxies nothing is a backend like any other */
	for (int i = 0; i < nginx->door_count; i++) {
		struct process *master = process_of(c, nginx->doors[i].door.master);

		if (master && master->proxies)
			nginx->doors[kept++] = nginx->doors[i];
	}
	nginx->door_count = kept;
	if (nginx->unreadable)
		snprintf(nginx->warning, sizeof(nginx->warning),
			 "nginx runs here, but its ports cannot be read: leave out the ones it listens on with --ignore PORT");
	free(c->sockets);
	free(c);
}
