/* Inside of learning about nginx: doors.c takes the census, config.c reads configurations. */
#pragma once

#include "helper.h"

#define MAX_PROCESSES 4096

struct process {
	uint32_t pid;
	uint32_t parent;
	uint32_t master;
	bool proxies;
	bool has_config; /* masters only: it could be read */
};

struct owned_socket {
	unsigned long inode;
	struct process *owner;
};

struct census {
	struct nginx *nginx;
	struct process list[MAX_PROCESSES];
	int count;
	struct owned_socket *sockets;
	int socket_count, socket_room;
	int files;
};

/* The beginning of a small file of a process; zeros within become blanks. */
bool read_small(char *text, size_t size, const char *format, uint32_t pid);
/* What a master's configuration says: whether it proxies, and to where we cannot see. */
void read_config(struct census *c, struct process *master);
