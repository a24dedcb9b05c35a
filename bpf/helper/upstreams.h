/* Where a configuration passes requests on: its *_pass directives, resolved through its upstream blocks. No I/O. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "names.h"
#include "statements.h"

#define MAX_UPSTREAMS	  256
#define UPSTREAM_EXAMPLES 3

/* What goes over its connections. */
enum upstream_kind {
	UPSTREAM_UNKNOWN, /* a scheme that is known only at run time */
	UPSTREAM_HTTP,
	UPSTREAM_H2,
	UPSTREAM_TLS,
	UPSTREAM_FASTCGI,
	UPSTREAM_UWSGI,
	UPSTREAM_SCGI,
	UPSTREAM_MEMCACHED,
	UPSTREAM_STREAM,
	UPSTREAM_PROXY_PROTOCOL, /* a stream that begins with a PROXY protocol line */
	UPSTREAM_OTHER,
	UPSTREAM_KINDS,
};

enum upstream_place {
	UPSTREAM_TCP,
	UPSTREAM_UNIX,
	UPSTREAM_UDP,
	UPSTREAM_RUNTIME, /* variables, Lua, or an upstream block without servers */
	UPSTREAM_PLACES,
};

extern const char *const upstream_kinds[UPSTREAM_KINDS];
extern const char *const upstream_places[UPSTREAM_PLACES];

/* One target of a directive. A block whose servers are at different places is one entry for each place. */
struct upstream {
	uint32_t master; /* the process whose configuration has the directive */
	char pass[32];
	char target[128]; /* as written, without its URI */
	uint8_t kind;
	uint8_t place;
	int servers;			       /* of the upstream block that it names; 0 without one */
	char examples[UPSTREAM_EXAMPLES][112]; /* the first of them */
};

#define MAX_LISTED_BLOCKS 128
#define LISTED_SERVERS	  4

/* An upstream block, for doctor. */
struct listed_block {
	char name[128];
	int servers;
	char examples[LISTED_SERVERS][128]; /* the first of them, with their parameters */
};

struct upstreams {
	struct upstream list[MAX_UPSTREAMS];
	int count;
	int left_out;	 /* directives that found no room */
	uint32_t master; /* whose configuration is read */
	struct listed_block blocks[MAX_LISTED_BLOCKS];
	int block_count, blocks_left_out;
};

/* Whether another master before it has the same entry. */
bool is_repeated_upstream(const struct upstreams *list, int index);
/* Appends an entry unless it is there. */
void add_upstream(struct upstreams *list, const struct upstream *upstream);

void add_listed_block(struct upstreams *list, const struct listed_block *block);

/* proxy_pass, grpc_pass, fastcgi_pass, those of other modules too: an nginx with one of them proxies. */
bool is_pass_directive(const char *word);

/* ---- one configuration ---- */

struct configuration; /* what its statements have said so far */

/* `names` gets the names of its addresses. */
struct configuration *configuration_open(struct names *names);
void configuration_add(struct configuration *c, const struct statement *statement);
/* Whether this is within a map, types or the like, whose lines are no directives. */
bool configuration_is_data(const struct configuration *c);
/* An included file: blocks that it leaves open end with it, and it ends none of its includer's. */
int configuration_enter_file(struct configuration *c);
void configuration_leave_file(struct configuration *c, int before);
/* Appends the targets to the list, and frees the configuration. */
void configuration_close(struct configuration *c, struct upstreams *list);
