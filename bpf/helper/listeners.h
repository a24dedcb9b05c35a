/* Inside of learning about nginx: discovery.c looks in children, listen ports.c says what belongs to whom, config.c reads
 * configurations.
 */
#pragma once

#include "helper.h"

/* of one user; and of all on the host */
#define MAX_PROCESSES 4096
#define MAX_FOUND     32768
/* older connections: as many as the kernel's map takes */
#define MAX_CONNECTIONS 65536

struct process {
	uint32_t pid;
	uint32_t parent;
	uint32_t master;
	uint32_t uid; /* real */
	uint32_t gid;
	bool borrows; /* its effective user is another */
	bool proxies;
};

struct owned_socket {
	unsigned long inode;
	struct process *owner;
};

/* The processes of this network namespace that call themselves nginx; in memory that a child fills. */
struct found {
	bool unreadable; /* one whose namespace is not told to us */
	bool cut;	 /* more than there is room for */
	bool whole;	 /* published: these are all */
	int count;	 /* published: what lies below it is written */
	struct process list[MAX_FOUND];
};

/* What a child learns of one user's instances, in shared memory. Counts are published last: what lies below them is written. */
struct learnt {
	bool whole;
	struct nginx nginx;
	struct worker_connection connections[MAX_CONNECTIONS];
};

/* One user's instances. */
struct discovery {
	struct nginx *nginx; /* all that is found, listen ports of those too that may proxy nothing */
	struct learnt *learnt;
	struct process *list; /* in the order of their pids */
	int count;
	struct owned_socket *sockets;
	int socket_count, socket_room;
	uint64_t until; /* monotonic ns */
};

static inline bool is_late(const struct discovery *c)
{
	return now_ns(CLOCK_MONOTONIC) > c->until;
}

/* ---- listen ports.c ---- */

/* What /proc/PID says of who a process is. */
struct identity {
	char name[16];
	uint32_t parent;
	uint32_t uid[4]; /* real, effective, saved, of the file system */
	uint32_t gid[4];
};

/* `process` is a descriptor of /proc/PID, so that it is the same process each time. */
bool read_identity(int process, struct identity *identity);
/* The beginning of a small file of a process; zeros within become blanks. */
bool read_small(char *text, size_t size, int process, const char *name);
void find_processes(struct found *found);
struct process *process_of(struct discovery *c, uint32_t pid);
/* Masters, sockets, listen ports, connections. False when there was no time for all of it. */
bool find_listen_ports(struct discovery *c);

/* ---- config.c ---- */

/*
 * What the configurations of all masters say: whether they proxy, and to where we cannot see. Gives up every right first.
 * False when there was no time for all of it.
 */
bool read_configs(struct discovery *c, uint32_t uid, uint32_t gid);

/* ---- publish.c ---- */

/* Makes known what is known by now. */
void publish(struct discovery *c);
