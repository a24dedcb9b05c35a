/*
 * Internal to the discovery: discovery.c starts the children, listeners.c assigns sockets to processes, config.c reads
 * configurations.
 */
#pragma once

#include "helper.h"

/* for one user, and for the whole host */
#define MAX_PROCESSES 4096
#define MAX_FOUND     32768
/* as many older connections as the kernel's map takes */
#define MAX_CONNECTIONS 65536

/* What the file of a process's program is: not setuid, and with nginx's name, or with its code. */
enum program { NOT_NGINX, NAMED_NGINX, IS_NGINX };

struct process {
	uint32_t pid;
	uint32_t parent;
	uint32_t master;
	uint32_t instance; /* its first master, as far as that still runs */
	uint32_t uid;	   /* real */
	uint32_t gid;
	uint32_t netid;	     /* of its network namespace */
	bool has_other_euid; /* its effective user is not its real one */
	bool proxies;	     /* of a master: it, or another master of its instance */
	enum program program;
};

struct owned_socket {
	unsigned long inode;
	struct process *owner;
};

/* The processes with nginx's name, in memory that a child writes. */
struct found {
	uint32_t netid;	 /* those of this network namespace; 0: of all */
	bool unreadable; /* there is a process whose namespace cannot be read */
	bool cut;	 /* there are more processes than room */
	bool whole;	 /* published: the list is complete */
	int count;	 /* published: the entries below it are written */
	struct process list[MAX_FOUND];
	/* the other processes, whose titles are read next */
	int other_count; /* published */
	int next_other;	 /* published: the titles before it are read */
	bool titles_cut;
	uint32_t others[MAX_FOUND];
};

/* The results of one user's child, in shared memory. Counts are published last: the entries below them are written. */
struct results {
	bool whole;
	struct nginx nginx;
	struct worker_connection connections[MAX_CONNECTIONS];
	struct found_process processes[MAX_PROCESSES];
};

/* One user's instances. */
struct discovery {
	struct nginx *nginx; /* all results, with listen ports of instances that may proxy nothing */
	struct results *results;
	struct process *list; /* in the order of their pids */
	int count;
	struct owned_socket *sockets;
	int socket_count, socket_room;
	struct reader *readers; /* the masters whose configurations were read */
	int reader_count;
	bool finds_new; /* the reader looks for root's nginx that starts later */
	uint64_t until; /* monotonic ns */
};

static inline bool is_late(const struct discovery *c)
{
	return now_ns(CLOCK_MONOTONIC) > c->until;
}

/* ---- listeners.c ---- */

/* The identity of a process, from /proc/PID/status. */
struct identity {
	char name[16];
	uint32_t parent;
	uint32_t uid[4]; /* real, effective, saved, of the file system */
	uint32_t gid[4];
};

/* `process` is a descriptor of /proc/PID, so that it is the same process each time. */
bool read_identity(int process, struct identity *identity);
int open_process(uint32_t pid);
bool has_our_root(int process);
/* The beginning of a small file of a process; zero bytes within become blanks. */
bool read_small(char *text, size_t size, int process, const char *name);
void find_processes(struct found *found);
/* Adds those of the other processes that have nginx's title. A read may block for ever: then go on in another child. */
void read_titles(struct found *found);
struct process *process_of(struct discovery *c, uint32_t pid);
uint32_t uid_of(struct discovery *c, uint32_t pid);
void note_instance_proxies(struct discovery *c, const struct process *p);
/* Finds masters, sockets, listen ports, connections. Returns false when the time was too short for all of it. */
bool find_listen_ports(struct discovery *c);

/* ---- programs.c ---- */

/* The path of its program, as /proc shows it. */
bool program_path(int process, char *path, size_t size);
/* Reads the file, if it was not the last one. */
enum program program_of(int process);

/* ---- config.c ---- */

/*
 * Reads the configurations of all masters: whether they proxy, and to which upstreams. Gives up every
 * right first. Returns false when the time was too short for all of it.
 */
bool read_configs(struct discovery *c, uint32_t uid, uint32_t gid);

/* ---- reader.c ---- */

/*
 * Reads the configurations again whenever nginx has done so, until the other end of the socket closes; says first that it stays.
 * Returns at once where there is nothing to follow.
 */
void stay_as_reader(struct discovery *c, uint32_t uid, int socket, struct reading *reading);

/* ---- publish.c ---- */

/* Makes the results so far visible to the parent. */
void publish(struct discovery *c);
