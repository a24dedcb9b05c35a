/*
 * nginx on this host: the ports on which it listens (its front doors), and the connections that its workers have already. All of
 * it is read from /proc, once, while there are rights, in the children of the discovery.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "listeners.h"

bool read_small(char *text, size_t size, int process, const char *name)
{
	int fd = openat(process, name, O_RDONLY | O_CLOEXEC), n;

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

static bool link_of(char *text, size_t size, int process, const char *name)
{
	ssize_t n = readlinkat(process, name, text, size - 1);

	if (n < 0)
		return false;
	text[n] = 0;
	return true;
}

int open_process(uint32_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

bool has_our_root(int process)
{
	struct statx its, ours;

	return !statx(process, "root", AT_STATX_DONT_SYNC, STATX_INO, &its) &&
	       !statx(AT_FDCWD, "/", AT_STATX_DONT_SYNC, STATX_INO, &ours) && its.stx_ino == ours.stx_ino &&
	       its.stx_dev_major == ours.stx_dev_major && its.stx_dev_minor == ours.stx_dev_minor;
}

/* ---- processes ---- */

static bool read_ids(const char *text, const char *name, uint32_t ids[4])
{
	const char *at = strstr(text, name);

	return at && sscanf(at + strlen(name), "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == 4;
}

/* The name is the first line, and its newlines are escaped: no name can imitate the lines that follow. */
bool read_identity(int process, struct identity *identity)
{
	char text[2048];
	const char *parent;

	if (!read_small(text, sizeof(text), process, "status") || sscanf(text, "Name:\t%15[^\n]", identity->name) != 1)
		return false;
	parent = strstr(text, "\nPPid:");
	return parent && sscanf(parent + 6, "%u", &identity->parent) == 1 && read_ids(text, "\nUid:", identity->uid) &&
	       read_ids(text, "\nGid:", identity->gid);
}

/* The same names as in kernel/host/processes.h. */
static bool has_name_of_nginx(int process)
{
	static const char *const names[] = {"nginx\n", "angie\n", "openresty\n", "nginx-debug\n", "tengine\n", "freenginx\n"};
	char text[64];

	if (!read_small(text, sizeof(text), process, "comm"))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(text, names[i]))
			return true;
	return false;
}

static bool has_title_of_nginx(int process)
{
	char text[64] = "";

	return read_small(text, sizeof(text), process, "cmdline") &&
	       (!strncmp(text, "nginx: ", 7) || !strncmp(text, "angie: ", 7));
}

/* The process cannot delay any of these reads. */
static void add_process(struct found *found, uint32_t pid, int process)
{
	struct identity who;
	uint32_t netid;
	char text[64];

	if (!link_of(text, sizeof(text), process, "ns/net") || sscanf(text, "net:[%u]", &netid) != 1) {
		/* a process that ends meanwhile has none */
		found->unreadable |= errno == EACCES || errno == EPERM;
		return;
	}
	if ((found->netid && found->netid != netid) || !read_identity(process, &who))
		return;
	if (found->count == MAX_FOUND) {
		found->cut = true;
		return;
	}
	found->list[found->count] = (struct process){.pid = pid,
						     .parent = who.parent,
						     .uid = who.uid[0],
						     .gid = who.gid[0],
						     .netid = netid,
						     .has_other_euid = who.uid[0] != who.uid[1]};
	__atomic_store_n(&found->count, found->count + 1, __ATOMIC_RELEASE);
}

/* It can delay a read of its title: that is done later. */
static void examine_process(struct found *found, uint32_t pid)
{
	int process = open_process(pid);

	if (process < 0)
		return;
	if (has_name_of_nginx(process)) {
		add_process(found, pid, process);
	} else if (found->other_count < MAX_FOUND) {
		found->others[found->other_count] = pid;
		__atomic_store_n(&found->other_count, found->other_count + 1, __ATOMIC_RELEASE);
	} else {
		found->titles_cut = true;
	}
	close(process);
}

/* Root's processes first, by the owner in /proc, so that they are found however many others there are. */
void find_processes(struct found *found)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	struct stat st;

	if (!proc)
		return;
	for (int others = 0; others < 2; others++) {
		rewinddir(proc);
		while ((entry = readdir(proc)))
			if (isdigit((unsigned char)entry->d_name[0]) && !fstatat(dirfd(proc), entry->d_name, &st, 0) &&
			    (st.st_uid != 0) == others)
				examine_process(found, atoi(entry->d_name));
	}
	closedir(proc);
}

void read_titles(struct found *found)
{
	int i;

	while ((i = found->next_other) < found->other_count) {
		int process = open_process(found->others[i]);

		if (process >= 0 && has_title_of_nginx(process))
			add_process(found, found->others[i], process);
		close(process);
		__atomic_store_n(&found->next_other, i + 1, __ATOMIC_RELEASE);
	}
}

struct process *process_of(struct discovery *c, uint32_t pid)
{
	for (int low = 0, high = c->count; low < high;) {
		int middle = (low + high) / 2;

		if (c->list[middle].pid == pid)
			return &c->list[middle];
		if (c->list[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/*
 * A worker's master is its parent, if that is an nginx, too. The master of a new binary is its own master, although its parent is
 * an nginx.
 */
static void find_masters(struct discovery *c)
{
	for (int i = 0; i < c->count; i++) {
		struct process *p = &c->list[i], *parent = process_of(c, p->parent);
		char title[64] = "";

		p->master = p->pid;
		if (!parent)
			continue;
		/* a process with another user than its parent is no master: its title is not read */
		if (p->uid == parent->uid) {
			int process = open_process(p->pid);

			if (process >= 0) {
				read_small(title, sizeof(title), process, "cmdline");
				close(process);
			}
		}
		if (strncmp(title, "nginx: master", 13) && strncmp(title, "angie: master", 13))
			p->master = parent->pid;
	}
}

/* By its ancestors: while a binary is upgraded, the new master is a child of the old one. */
static void find_instances(struct discovery *c)
{
	for (int i = 0; i < c->count; i++) {
		const struct process *first = &c->list[i], *parent;

		for (int depth = 0; depth < 16 && (parent = process_of(c, first->parent)); depth++)
			first = parent;
		c->list[i].instance = first->pid;
	}
}

void note_instance_proxies(struct discovery *c, const struct process *p)
{
	struct process *first = process_of(c, p->instance);

	if (first)
		first->proxies = true;
}

/* ---- sockets ---- */

static void add_socket(struct discovery *c, struct process *p, unsigned long inode)
{
	if (c->socket_count == c->socket_room) {
		c->socket_room = c->socket_room ? c->socket_room * 2 : 256;
		c->sockets = realloc(c->sockets, c->socket_room * sizeof(*c->sockets));
		if (!c->sockets)
			die(EXIT_SYSTEM, "out of memory");
	}
	c->sockets[c->socket_count++] = (struct owned_socket){inode, p};
}

/* The number behind a word of /proc/PID/fdinfo/N; 0 where there is none. */
static unsigned long field_of(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at ? strtoul(at + strlen(word), NULL, 10) : 0;
}

/* All sockets are on one internal mount of the kernel: the mount of a socket of this process. */
static unsigned long mount_of_sockets(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char name[32], text[512] = "";

	if (fd < 0)
		return 0;
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	read_small(text, sizeof(text), AT_FDCWD, name);
	close(fd);
	return field_of(text, "mnt_id:");
}

/*
 * Only root can open /proc/PID/fd of another user. CAP_SYS_PTRACE, which file capabilities give, can open /proc/PID/fdinfo. It
 * shows the inode and mount of a descriptor without an access to the file, which may be on a file system that never answers.
 */
static bool find_described_sockets(struct discovery *c, struct process *p, int process)
{
	unsigned long sockets = mount_of_sockets();
	int directory = openat(process, "fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *fds = directory < 0 ? NULL : fdopendir(directory);
	struct dirent *entry;

	if (!fds || !sockets)
		return false;
	while ((entry = readdir(fds))) {
		char text[512];

		if (isdigit((unsigned char)entry->d_name[0]) && read_small(text, sizeof(text), directory, entry->d_name) &&
		    field_of(text, "mnt_id:") == sockets)
			add_socket(c, p, field_of(text, "ino:"));
	}
	closedir(fds);
	return true;
}

static void find_sockets(struct discovery *c, struct process *p)
{
	int process = open_process(p->pid);
	int directory = process < 0 ? -1 : openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *fds = directory < 0 ? NULL : fdopendir(directory);
	struct dirent *entry;
	unsigned long inode;
	char target[64];

	if (!fds) {
		c->nginx->unreadable |= errno != ENOENT && errno != ESRCH && !find_described_sockets(c, p, process);
		if (process >= 0)
			close(process);
		return;
	}
	while ((entry = readdir(fds))) {
		ssize_t n = readlinkat(directory, entry->d_name, target, sizeof(target) - 1);

		if (n < 0)
			continue;
		target[n] = 0;
		if (sscanf(target, "socket:[%lu]", &inode) == 1)
			add_socket(c, p, inode);
	}
	closedir(fds);
	close(process);
}

static int by_inode(const void *a, const void *b)
{
	unsigned long x = ((const struct owned_socket *)a)->inode, y = ((const struct owned_socket *)b)->inode;

	return x < y ? -1 : x > y;
}

static int by_inode_and_owner(const void *a, const void *b)
{
	const struct owned_socket *x = a, *y = b;
	int order = by_inode(x, y);

	return order ? order : x->owner < y->owner ? -1 : x->owner > y->owner;
}

/*
 * A socket that several processes have belongs to the master, which has the lowest pid: a starting worker still has the master's
 * title and rights.
 */
static void sort_sockets(struct discovery *c)
{
	int kept = 0;

	if (c->socket_count)
		qsort(c->sockets, c->socket_count, sizeof(*c->sockets), by_inode_and_owner);
	for (int i = 0; i < c->socket_count; i++)
		if (!i || c->sockets[i].inode != c->sockets[i - 1].inode)
			c->sockets[kept++] = c->sockets[i];
	c->socket_count = kept;
}

/* /proc/net/tcp shows addresses as words in the byte order of this host, which is how they are in memory. */
static void read_address(const char *text, struct listen_port_key *key)
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

/* An IPv6 socket that is bound to an IPv4 address: its packets are IPv4. */
static void unmap(struct listen_port_key *key)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (key->family == 4 || memcmp(key->address, mapped, sizeof(mapped)))
		return;
	memmove(key->address, key->address + 12, 4);
	memset(key->address + 4, 0, 12);
	key->family = 4;
}

/* Listen ports of users other than root have a limited share. A listen port that found no room is learned at its first answer. */
void add_listen_port(struct nginx *n, struct found_listen_port listen_port)
{
	uint32_t uid = listen_port.listen_port.uid;
	int of_owner = 0, of_others = 0;

	for (int i = 0; i < n->listen_port_count; i++) {
		if (!memcmp(&n->listen_ports[i].key, &listen_port.key, sizeof(listen_port.key)) &&
		    n->listen_ports[i].netid == listen_port.netid)
			return;
		of_owner += n->listen_ports[i].listen_port.uid == uid;
		of_others += n->listen_ports[i].listen_port.uid != 0;
	}
	if (uid && (of_owner >= LISTEN_PORTS_OF_OWNER || of_others >= MAX_NGINX_LISTEN_PORTS / 2))
		return;
	if (n->listen_port_count < MAX_NGINX_LISTEN_PORTS)
		n->listen_ports[n->listen_port_count++] = listen_port;
}

/* The real uid; also NO_UID for a process with another effective user, because a setuid program may have any name. */
uint32_t uid_of(struct discovery *c, uint32_t pid)
{
	const struct process *p = process_of(c, pid);

	return p && !p->has_other_euid ? p->uid : NO_UID;
}

/* A socket of another user than its master's was inherited from another process, and is ignored. */
static void add_listener(struct discovery *c, const struct listen_port_key *key, struct process *owner, uint32_t uid,
			 uint32_t netid)
{
	static const uint8_t any[16];
	struct found_listen_port listen_port = {*key, {.master = owner->instance, .uid = uid}, netid};

	if (uid != uid_of(c, owner->instance))
		return;
	add_listen_port(c->nginx, listen_port);
	if (key->family == 6 && !memcmp(key->address, any, sizeof(any))) {
		listen_port.key.family = 4;
		listen_port.listen_port.dual = true;
		add_listen_port(c->nginx, listen_port);
	}
}

/* Whether its local end is a listen port: then it was accepted, and its peer is a client. */
static bool is_accepted(const struct discovery *c, const struct listen_port_key *local, uint32_t netid)
{
	static const uint8_t any[16];

	for (int i = 0; i < c->nginx->listen_port_count; i++) {
		const struct listen_port_key *listen_port = &c->nginx->listen_ports[i].key;

		if (c->nginx->listen_ports[i].netid == netid && listen_port->port == local->port &&
		    listen_port->family == local->family &&
		    (!memcmp(listen_port->address, local->address, 16) || !memcmp(listen_port->address, any, 16)))
			return true;
	}
	return false;
}

/* An address of the table, an IPv6 one that stands for IPv4 as that. */
static void read_end(const char *text, unsigned port, struct listen_port_key *end)
{
	read_address(text, end);
	end->port = port;
	unmap(end);
}

static void add_connection(struct discovery *c, unsigned lport, const struct listen_port_key *remote, struct process *owner,
			   uint32_t netid)
{
	struct nginx *n = c->nginx;
	struct older_key key = {.remote = {.port = remote->port, .family = remote->family, .netid = netid}, .lport = lport};

	if (n->connection_count == MAX_CONNECTIONS)
		return;
	memcpy(key.remote.address, remote->address, sizeof(key.remote.address));
	n->connections[n->connection_count++] =
	    (struct worker_connection){key, {.master = owner->instance, .uid = uid_of(c, owner->instance)}};
	note_instance_proxies(c, owner);
}

#define ESTABLISHED 1
#define LISTENING   10

/*
 * The table of a network namespace: every process of it has the same one. A socket belongs to its own namespace, which may be
 * another than that of the process that has it. NULL where all of these processes have ended.
 */
static FILE *open_table(struct discovery *c, uint32_t netid, const char *table)
{
	FILE *f = NULL;
	bool denied = false;
	char path[64];

	for (int i = 0; i < c->count && !f; i++) {
		if (c->list[i].netid != netid)
			continue;
		snprintf(path, sizeof(path), "/proc/%u/net/%s", c->list[i].pid, table);
		f = fopen(path, "re");
		denied |= !f && errno != ENOENT && errno != ESRCH;
	}
	if (!f && denied && !c->nginx->unread_count++)
		snprintf(c->nginx->unread, sizeof(c->nginx->unread),
			 "the sockets of nginx in network namespace %u could not be read", netid);
	return f;
}

/* One pass over the kernel's table: listening sockets, or established ones whose local port is no listen port. */
static void match_sockets(struct discovery *c, uint32_t netid, const char *table, unsigned wanted)
{
	FILE *f = open_table(c, netid, table);
	char line[512];

	if (!f)
		return;
	for (int n = 1; fgets(line, sizeof(line), f) && (n % 1024 || !is_late(c)); n++) {
		struct owned_socket wanted_socket, *socket;
		unsigned lport, rport, state, uid;
		struct listen_port_key local, remote;
		char address[33], peer[33];

		if (sscanf(line, " %*d: %32[0-9A-F]:%x %32[0-9A-F]:%x %x %*s %*s %*s %u %*d %lu", address, &lport, peer, &rport,
			   &state, &uid, &wanted_socket.inode) != 7)
			continue;
		/* the table begins with listening sockets: connections of others, however many, are not read for these */
		if (wanted == LISTENING && state != LISTENING)
			break;
		if (state != wanted)
			continue;
		socket = bsearch(&wanted_socket, c->sockets, c->socket_count, sizeof(wanted_socket), by_inode);
		if (!socket)
			continue;
		read_end(address, lport, &local);
		read_end(peer, rport, &remote);
		if (state == LISTENING)
			add_listener(c, &local, socket->owner, uid, netid);
		else if (!is_accepted(c, &local, netid))
			add_connection(c, lport, &remote, socket->owner, netid);
	}
	fclose(f);
}

static bool is_first_of_namespace(const struct discovery *c, int index)
{
	for (int i = 0; i < index; i++)
		if (c->list[i].netid == c->list[index].netid)
			return false;
	return true;
}

/* In every network namespace of these processes. */
static void match_all_sockets(struct discovery *c, unsigned wanted)
{
	for (int i = 0; i < c->count && !is_late(c); i++) {
		if (!is_first_of_namespace(c, i))
			continue;
		match_sockets(c, c->list[i].netid, "tcp", wanted);
		match_sockets(c, c->list[i].netid, "tcp6", wanted);
	}
}

bool find_listen_ports(struct discovery *c)
{
	find_masters(c);
	find_instances(c);
	for (int i = 0; i < c->count && !is_late(c); i++)
		find_sockets(c, &c->list[i]);
	sort_sockets(c);
	match_all_sockets(c, LISTENING);
	match_all_sockets(c, ESTABLISHED);
	return !is_late(c);
}
