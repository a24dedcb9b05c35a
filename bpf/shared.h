/* Shared by the kernel programs and the helper: sizes, counters, keys, events. Times are monotonic ns, latencies whole µs. */
#pragma once

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif
#include "counters.h"

#ifndef MAX_ROUTES /* a power of two; tests make it small */
#define MAX_ROUTES 65536
#endif
/* of these, kept for nginx and for root's nginx, at least */
#define ROUTES_OF_NGINX (MAX_ROUTES / 8)
#define ROUTES_OF_ROOT	(MAX_ROUTES / 16)
#ifndef MAX_BACKENDS	  /* tests make it small */
#define MAX_BACKENDS 4096 /* index 0 means "none yet" */
#endif
/* Of these, kept for nginx and for root's nginx, at least. The nginx of a user other than root has half of all at most. */
#define BACKENDS_OF_NGINX (MAX_BACKENDS / 4)
#define BACKENDS_OF_ROOT  (MAX_BACKENDS / 8)
#define BACKENDS_OF_OWNER (MAX_BACKENDS / 2)
/* The last free ones are for root's nginx, those before them for nginx: what is retired for it goes to nobody else. */
#define LAST_BACKENDS (MAX_BACKENDS / 32)
/* Behind them: OTHER, for all backends that found no room. It is no address, and never retired. */
#define OTHER_BACKEND	MAX_BACKENDS
#define BACKEND_INDEXES (MAX_BACKENDS + 1)
/* each backend also has a slot behind the routes: OTHER, for requests whose route found no room */
#define MAX_SLOTS (MAX_ROUTES + BACKEND_INDEXES)
#ifndef MAX_FLOWS
#define MAX_FLOWS 262144
#endif
/* Of these, for processes other than nginx, and for all but root's nginx, at most. The sweep takes 0.2 µs per flow. */
#define FLOWS_OF_ANYONE (MAX_FLOWS / 8)
#define FLOWS_OF_OTHERS (MAX_FLOWS / 4)
#ifndef FEW_FLOWS /* enough for most hosts; tests make it small */
#define FEW_FLOWS 16384
#endif
#define NO_SLOT	      0xffffffffu
#define INLINE_CODES  8
#define LINE	      __attribute__((aligned(64))) /* aligned to a cache line */
#define COUNTER(word) __u64 word;

/* The sender of a request. A higher rank has more room in the maps: any process may be named nginx, and any may send requests. */
enum rank { ANYONE, NGINX, NGINX_OF_ROOT, RANKS };

/*
 * Exact counters of one route slot. The helper reads them by mmap while programs add to them. Four cache lines: requests leave on
 * one CPU and answers arrive on another, and a cache line that both write costs each of them more than all the rest.
 */
struct slot {
	/* written by the program that sees the end of a request */
	SLOT_ENDING(COUNTER, COUNTER)
	__u64 header_sum_us;
	__u64 total_count;
	__u64 total_sum_us;
	__u64 codes[INLINE_CODES] LINE;
	/* read by both, rarely written */
	__u32 code[INLINE_CODES] LINE;
	/* start of the oldest open request, set by the sweep; valid while `oldest_epoch` is that of the last sweep */
	__u64 oldest_ns;
	__u32 oldest_epoch;
	/* incremented when the slot gets another route, so that late ends of the old one are not counted */
	__u32 generation;
	/* incremented before that: from then on no cached route leads here, but open requests may still end */
	__u32 cache_generation;
	/* the block of its codes beyond the inline ones, 0 while there is none */
	__u32 block;
	__u32 has_folded;    /* codes that found no room there */
	__u32 rank_plus_one; /* 0 while unused, else enum rank + 1 */
	/* written by the program that sees a request leave; also rare counters */
	char sending[0] LINE;
	SLOT_SENDING(COUNTER, COUNTER)
	/* last, because it is read last: a reader never sees more answers than requests */
	__u64 requests;
};
/* Too many counters of one side of ROUTE in counters.ts do not fit its cache line. */
_Static_assert(sizeof(struct slot) == 4 * 64, "a slot is four cache lines: see `Side` in counters.ts");

/* The text of a slot, written before `ready`. */
struct route_key {
	__u32 backend;
	__u8 method_len;
	__u8 path_len;
	__u8 cut; /* the path goes on: shown as 127 bytes and `…` */
	__u8 pad;
	__u8 method[24];
	__u8 path[128];
};

struct route_text {
	struct route_key key;
	__u32 ready;
	__u32 pad;
};

struct backend_key {
	__u8 address[16]; /* IPv4 in its first four bytes */
	__u16 port;
	__u16 family; /* 4 or 6 */
	__u32 netid;
};

/* A backend's counters outside its routes. Its totals are the sums of its routes and OTHER. */
struct backend {
	struct backend_key key;
	__u32 ready;
	__u32 open_epoch;    /* the sweep in which the open connections were counted */
	__u32 uid;	     /* of the nginx that was the first to connect to it */
	__u32 rank_plus_one; /* of who was the first: enum rank + 1 */
	/* written by the helper: the address is looked up anew (sweep.h), so that nothing refers to this index any more */
	__u32 retiring;
	__u32 used_epoch; /* of the last sweep that found a flow which needs this index */
	__u64 connect_sum_us;
	BACKEND_COUNTERS(COUNTER, COUNTER)
	BACKEND_GAUGES(COUNTER)
};

/* Where NAT of this host leads connections to a backend: addresses that packets carry, e.g. the pods behind a ClusterIP. */
#ifndef MAX_WIRES /* index 0 means none; tests make it small */
#define MAX_WIRES 4096
#endif
/* Of these, at most: of all but nginx, and of all but root's nginx. */
#define WIRES_OF_ANYONE (MAX_WIRES / 2)
#define WIRES_OF_OTHERS (MAX_WIRES * 3 / 4)

struct wire_key {
	struct backend_key remote; /* as packets carry it */
	__u32 backend;		   /* the index of what was connected to */
};

struct wire {
	struct wire_key key;
	__u32 ready;
	__u32 epoch;	  /* of the last sweep that found a flow with it */
	__u32 generation; /* incremented when the index gets another wire */
	__u64 connects;
	__u64 requests;
	__u64 failures; /* of all kinds */
};
_Static_assert(sizeof(struct wire) == 64 && MAX_WIRES <= 65536, "a wire is a cache line, and its index fits a flow");

struct totals {
	__u64 v[TOTALS];
};

enum outcome {
	OUTCOME_RESET = -1,
	OUTCOME_CLOSED = -2,
	OUTCOME_ABORTED = -3,
	OUTCOME_UNANSWERED = -4,
};

#define EVENT_HEADER  1 /* header_us goes into the histogram */
#define EVENT_TOTAL   2 /* total_us too */
#define EVENT_DONE    4 /* the request is over: a row for the sample */
#define EVENT_CONNECT 8 /* slot is a backend, total_us its connect time */

struct event {
	__u64 at_ns; /* when its first byte left */
	__u32 slot;
	__u32 generation;
	__s16 outcome;
	__u16 flags;
	__u32 header_us;
	__u32 total_us;
	__u32 pad;
};

/* Codes of a slot beyond the inline ones. */
#define BLOCK_CODES 32
#ifndef MAX_BLOCKS
#define MAX_BLOCKS 2048 /* block 0 is none; tests make it small */
#endif
struct code_block {
	__u32 code[BLOCK_CODES];
	__u64 count[BLOCK_CODES];
};

/* A grpc-status is counted as a code, too; and an exchange of gRPC that ended without one. */
#define GRPC_CODE(status) (1000 + (status))
#define GRPC_NONE	  999

/* Codes that found no room there either, by class: shown as 90 to 990, codes without an assigned meaning. gRPC's are one class. */
#define FOLDED_CODE(class) ((class) == GRPC_CLASS ? GRPC_CODE(990) : (class) * 100 + 90)
#define GRPC_CLASS	   10
#define CODE_CLASSES	   11 /* nginx takes codes below 100 */
struct folded_codes {
	__u64 count[CODE_CLASSES];
};

/* --ignore: address zero and family 0 for a port alone */
struct ignore_key {
	__u8 address[16];
	__u16 port;
	__u16 family;
	__u32 pad;
};

/* --only: IPv4 as ::ffff:a.b.c.d */
struct only_key {
	__u32 prefix;
	__u8 address[16];
};

/*
 * A set of ports: a bit per port, and a bit per 1024 ports. Most packets have an ephemeral port at one end, one of thousands;
 * without the bits per group each of these would load a cache line of its own.
 */
struct ports {
	__u64 groups;
	__u64 bits[1024];
};

/* Where a local nginx that proxies listens. Address zero: on every address of the family. */
struct listen_port_key {
	__u8 address[16]; /* IPv4 in its first four bytes */
	__u16 port;
	__u16 family; /* 4 or 6 */
	__u32 netid;
};
struct listen_port {
	__u32 master; /* its instance: the first master's pid */
	__u32 uid;    /* owner of the listening socket */
	__u32 dual;   /* for IPv4, found as [::]: a listen port only if that socket takes IPv4 too */
};

/*
 * Any process with nginx's name that listens has listen ports. Users other than root have shares, so that none of them takes all
 * the room.
 */
#define MAX_LISTEN_PORTS       1024
#define LISTEN_PORTS_OF_OTHERS 512
#define LISTEN_PORTS_OF_OWNER  64
#define MAX_LISTENERS	       2048
#define LISTENERS_OF_OTHERS    1024
#define MAX_PROXIES	       1024
#define PROXIES_OF_OTHERS      512
#define PROXIES_OF_OWNER       32

/* An nginx instance that connects to a server, by its first master's pid. */
struct proxy {
	__u32 uid;
	__u32 has_listen_port; /* one of its listen ports is known */
	__u32 has_processes;   /* set and reset once per second */
};

/* A process of an nginx, by its pid in the initial pid namespace. */
struct nginx_process {
	__u32 instance; /* the first master's pid: the master of a new binary, and all workers, belong to it */
	__u32 uid;	/* the first master's */
};
#define MAX_NGINX_PROCESSES	  8192
#define NGINX_PROCESSES_OF_OTHERS 4096 /* of users other than root */

/* The program of a process, as the kernel knows it. stat() may give other numbers, on btrfs and overlayfs. */
struct program_file {
	__u64 inode;
	__u32 device;
	__u32 pad;
};
#define MAX_NGINX_FILES 256

/* What the kernel knows of a process, for the helper. */
struct task_row {
	__u32 pid;	/* in the helper's pid namespace */
	__u32 host_pid; /* in the initial one, by which the programs know it */
	struct program_file file;
};

/* Listen ports and proxies of a user, counted anew once per second. */
struct owner {
	__u32 listen_ports;
	__u32 proxies;
	__u32 without_port; /* proxies of which no listen port is known */
	__u32 listeners;    /* counted for all others together */
};

#define NO_UID 0xffffffffu

/* --tls: what is seen of one program file of nginx. */
#define MAX_TLS_PROGRAMS 64
struct tls_use {
	__u64 probed_ns; /* set by the helper: connections that began before have perhaps written unseen */
	__u32 unwritten; /* reads within TLS on connections on which nothing was seen to be written */
	__u32 pad;
};

/* A connection of an nginx worker that is older than the recorder, seen from this host. */
struct older_key {
	struct backend_key remote;
	__u16 lport;
	__u16 pad;
};
struct older {
	__u32 master;
	__u32 uid; /* the master's */
};

/* Who was the first to connect from a network namespace, by the inode number of that: an nginx, if there is one. */
struct namespace_row {
	__u64 cgroup; /* id of its socket's group in cgroup2; 0 where it is not known */
	__u32 pid;    /* in the initial pid namespace */
	__u32 is_nginx;
};
#define MAX_NAMESPACES 1024

struct sweep {
	__u64 now;
	__u32 epoch;
	__u32 more; /* walks the large maps */
};
