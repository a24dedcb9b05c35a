/* BPF maps and globals: flows, exchanges, counters, filters, and the ring buffer. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/line.h"
#include "flow.h"

/* ---- configuration: set before loading, so that the verifier removes the code of what is switched off ---- */

SETTING __u32 netid = 0;	  /* inode of the helper's network namespace. By control group, others are recorded, too */
SETTING __u8 every_namespace = 0; /* by control group */
/* --cgroup: its id, and its depth below the root; 0 for the root */
SETTING __u64 group_id = 0;
SETTING __u32 group_level = 0;
SETTING __u8 has_task_look_up = 0; /* the kernel finds a process by its pid (Linux 6.2) */
SETTING __u8 has_context_cast = 0; /* a program gets at the kernel's own form of what it is called for (Linux 6.2) */
SETTING __u8 raw_routes = 0;
SETTING __u8 has_ignored = 0;
SETTING __u8 has_only = 0;
SETTING __u8 nginx_only = 0;
SETTING __u8 has_attempts = 0; /* the tracing programs run: each connection of nginx is an attempt */
SETTING __u8 reads_tls = 0;    /* --tls: requests within TLS are read in nginx's memory */

/* Of Linux 6.2: where it may lack, only with `has_context_cast`. */
extern void *bpf_cast_to_kern_ctx(void *) __ksym __weak;

/*
 * Ports on which a local nginx that proxies listens: found by the helper, or learned here when one starts later. A port alone is
 * no proof: other processes may listen on it at another address, or connect from it. It saves a look-up in `listen_ports`.
 */
struct ports listen_port_set = {};

/* The ports among them on which it listens on every address of a family: these need no look-up in `listen_ports`. */
struct ports wide_ports4 = {};
struct ports wide_ports6 = {};

/* Remote ports to which any flow was ever made. Most payload without a flow is excluded by them, without a look-up. */
struct ports flow_ports = {};

/* Remote ports from which answers may come: as above, without the flows to a front door. */
struct ports answer_ports = {};

/* ---- flows ---- */

/*
 * NAT of this host: from the tuple of packets to their socket's own, by which the flow is known. Ports: of the remote end on the
 * wire, so that only packets which may be translated are looked up.
 */
#ifndef MAX_TRANSLATIONS /* tests make it small */
#define MAX_TRANSLATIONS 16384
#endif
/* Of them, at most: of all but nginx, and of all but root's nginx. */
#define TRANSLATIONS_OF_ANYONE (MAX_TRANSLATIONS / 2)
#define TRANSLATIONS_OF_OTHERS (MAX_TRANSLATIONS * 3 / 4)
#define TRANSLATION_MAP(name, key_type)                                                                                          \
	struct {                                                                                                                 \
		__uint(type, BPF_MAP_TYPE_HASH);                                                                                 \
		__uint(max_entries, MAX_TRANSLATIONS);                                                                           \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                                                            \
		__type(key, struct key_type);                                                                                    \
		__type(value, struct key_type);                                                                                  \
	} name SEC(".maps")

TRANSLATION_MAP(translations4, key4);
TRANSLATION_MAP(translations6, key6);
struct ports translated_ports = {};
__u32 translation_count = 0;

/* By tuple. Flows that find no room in the first two maps are in the other two (flows.h). */
#define FLOW_MAP(name, key_type, entries)                                                                                        \
	struct {                                                                                                                 \
		__uint(type, BPF_MAP_TYPE_HASH);                                                                                 \
		__uint(max_entries, entries);                                                                                    \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                                                            \
		__type(key, struct key_type);                                                                                    \
		__type(value, struct flow);                                                                                      \
	} name SEC(".maps")

FLOW_MAP(flows4, key4, FEW_FLOWS);
FLOW_MAP(flows6, key6, FEW_FLOWS);
FLOW_MAP(more_flows4, key4, MAX_FLOWS);
FLOW_MAP(more_flows6, key6, MAX_FLOWS);

/*
 * How many flows the large maps hold, and whether the small ones were full since the last sweep. A cache line of its own, because
 * it is written often then.
 */
struct NAMED(flow_map_use) {
	__u32 more4;
	__u32 more6;
	__u32 full4;
	__u32 full6;
} flow_map_use __attribute__((aligned(64))) = {};

/* By the number of the program in the helper's list, which is half its links' cookie. */
struct tls_use tls_uses[MAX_TLS_PROGRAMS] = {};

/*
 * Connections of nginx whose requests are read within TLS, by the address of their socket. Positions in the plaintext are their
 * sequence numbers. The helper leaves one entry where nothing is read.
 */
#define MAX_PLAINTEXTS 65536
/* of all but root's nginx, at most */
#define PLAINTEXTS_OF_OTHERS (MAX_PLAINTEXTS / 4)
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PLAINTEXTS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct flow);
} plaintexts SEC(".maps");
__u32 plaintexts_of_others = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct line);
} lines SEC(".maps");

/* ---- counters ---- */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_SLOTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_ROUTES);
	__type(key, __u32);
	__type(value, struct route_text);
} texts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BACKEND_INDEXES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct backend);
} backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_ROUTES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct route_key);
	__type(value, __u32);
} routes SEC(".maps");

/* Slots that the helper has retired, or that lost the race for a new route. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, MAX_ROUTES);
	__type(value, __u32);
} free_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_BACKENDS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct backend_key);
	__type(value, __u32);
} backend_ids SEC(".maps");

/* Indexes that the helper has retired, or that lost the race for a new backend. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, MAX_BACKENDS);
	__type(value, __u32);
} free_backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_WIRES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire);
} wires SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_WIRES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wire_key);
	__type(value, __u32);
} wire_indexes SEC(".maps");

/* Wires that the helper has retired, or that lost the race for a new address. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, MAX_WIRES);
	__type(value, __u32);
} free_wires SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_BLOCKS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct code_block);
} code_blocks SEC(".maps");

/* Blocks that the helper has cleared, or that lost the race for a slot. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, MAX_BLOCKS);
	__type(value, __u32);
} free_blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_SLOTS);
	__type(key, __u32);
	__type(value, struct folded_codes);
} folded SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct totals);
} totals SEC(".maps");

__u32 next_slot = 0;
__u32 slots_in_use[RANKS] = {}; /* slots in use, by the rank of the process that sent the first request of the route */
__u32 next_backend = 1;
__u32 backends_in_use[RANKS] = {}; /* by the rank of who was the first to connect to them */
__u32 backends_wanted[RANKS] = {}; /* how often one was new, with room or without, since the helper looked last */
__u32 next_wire = 1;
__u32 wires_in_use = 0;
__u32 next_line = 0;
__u32 next_block = 1;
__u32 suspects = 0;	 /* flows whose socket the check shall ask */
__u32 sockets_asked = 0; /* by this check */
__u64 last_failure_ns = 0;

/* ---- route cache: from a raw line to its slot, without parsing it again ---- */

#define CACHED_ROUTES 2048

struct cached_route {
	__u64 proof; /* from the hash of backend and line, and the next two: see counting/routes.h */
	__u32 slot;
	__u32 generation;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CACHED_ROUTES);
	__type(key, __u32);
	__type(value, struct cached_route);
} route_cache SEC(".maps");

/* ---- what failed within the last 100 ms: retries are inferred from it ---- */

struct failed_line {
	__u64 at_ns;
	__u32 backend;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct failed_line);
} failed_lines SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} failed_connects SEC(".maps");

/* ---- filters, filled by the helper ---- */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ignore_key);
	__type(value, __u8);
} ignored SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct only_key);
	__type(value, __u8);
} only SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_LISTEN_PORTS);
	__type(key, struct listen_port_key);
	__type(value, struct listen_port);
} listen_ports SEC(".maps");

/* Sockets on which an nginx began to listen after the helper's start, whether or not it proxies. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_LISTENERS);
	__type(key, struct listen_port_key);
	__type(value, struct listen_port);
} listeners SEC(".maps");

/* nginx instances that connect to a server, by the first master's pid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PROXIES);
	__type(key, __u32);
	__type(value, struct proxy);
} proxies SEC(".maps");

/* Processes of nginx: those that ran when the helper started, and their descendants. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_NGINX_PROCESSES);
	__type(key, __u32);
	__type(value, struct nginx_process);
} nginx_processes SEC(".maps");

/* Programs that are nginx, whatever they are called. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_NGINX_FILES);
	__type(key, struct program_file);
	__type(value, __u8);
} nginx_files SEC(".maps");

/* By uid of the owner. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_LISTEN_PORTS);
	__type(key, __u32);
	__type(value, struct owner);
} owners SEC(".maps");

/* How many backends each user's nginx has, by uid. The helper counts them anew when one is retired. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_BACKENDS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
} backends_by_uid SEC(".maps");

/* Sums over all owners but root. */
struct owner others = {};

/*
 * Set before the programs are detached, which takes the kernel some ms. From then on no request begins, so that no request is
 * recorded without its answer, and no answer without its request.
 */
__u32 stopping = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct older_key);
	__type(value, struct older);
} older_connections SEC(".maps");

/*
 * Who asks: segments that began a connection which a listen port of nginx may answer, in whatever namespace that is. By sequence
 * number, the one thing that no NAT between them changes.
 */
struct asking {
	__u32 family;
	__u32 instance; /* the asker's, 0 when it is no nginx */
	__u16 lport;	/* on the wire, for what has the same number by chance */
	__u16 rport;
	__u32 pad;
	union {
		struct key4 k4; /* of its flow */
		struct key6 k6;
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, BY_CGROUP ? 8192 : 1);
	__type(key, __u32);
	__type(value, struct asking);
} askings SEC(".maps");

__u64 last_asking_ns = 0; /* of one on an older connection */

/* Network namespaces from which a connection began: for their names. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_NAMESPACES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct namespace_row);
} namespaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");
