/* The names that configurations give to addresses: of upstream blocks, and of literal hosts. Without I/O, and without DNS. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "shared.h"

/* For one configuration, and for all of them together. What finds no room is counted. */
#define MAX_NAMES  8192 /* pairs of an address and a name */
#define MAX_HOSTS  1024
#define MAX_OPEN   256
#define NAME_TEXTS (192 << 10) /* bytes */

struct named_address {
	struct backend_key key;
	uint32_t name; /* where it begins in `texts`; 0: a literal address without a name of its own */
};

/* A server that a configuration names by its host. */
struct named_host {
	uint32_t netid;
	uint32_t host, name; /* where they begin in `texts` */
	uint16_t port;
	bool is_static; /* nginx resolves it when it reads its configuration, as any program does */
	bool is_known;	/* the hosts file has it: its addresses are in the list */
};

/* Without pointers, because it lies in shared memory. Zeros: nothing is named. */
struct names {
	uint32_t netid; /* the network namespace of what is added next */
	struct named_address list[MAX_NAMES];
	int count;
	struct named_host hosts[MAX_HOSTS];
	int host_count;
	int left_out;
	/* targets that are known only at run time, and the first of them */
	int runtime_count;
	char runtime[128];
	/* the network namespaces of such targets, and of configurations that were not read: another address there may be any of
	 * theirs */
	uint32_t open[MAX_OPEN];
	int open_count;
	bool is_incomplete; /* that may be so in all of them */
	bool is_unsettled;  /* an nginx has forked, and what it has read is not read here yet */
	uint32_t length;
	char texts[NAME_TEXTS];
};

void clear_names(struct names *names);
/* Only what is filled; `count` is written last, for who reads it at the same time. */
void copy_names(struct names *to, const struct names *from);
/* "10.0.0.1:81", "[::1]", "host:81", "host". `port`: without one in the text; 0 where there must be one. "": it has no name. */
void add_server_name(struct names *names, const char *server, uint16_t port, const char *name, bool is_static);
/* Servers with this port may be of something that is no target and has no name. */
void add_nameless_port(struct names *names, uint16_t port);
/* Something in this network namespace is not known. */
void open_namespace(struct names *names, uint32_t netid);
/* What is only known at run time, in words. */
void add_runtime_name(struct names *names, const char *what);
/* The hosts that a hosts file has. Changes the text. */
void resolve_hosts(struct names *names, char *text);
bool has_static_hosts(const struct names *names);
/* Damaged texts and numbers of `from`, which another process may write, damage no more than names. */
void merge_names(struct names *names, const struct names *from);
/* Before the first look-up. */
void sort_names(struct names *names);
/*
 * The names of an address, sorted, each once. Returns how many, -1 where they are not known. `by_nginx`: nginx connects to it, so
 * that it is one of its targets'.
 */
int names_of(const struct names *names, const struct backend_key *key, bool by_nginx, const char **list, int max);
