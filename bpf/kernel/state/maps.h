/* The kernel side's memory: flows, exchanges, counters, filters, and the ring. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/line.h"
#include "flow.h"

/* ---- configuration: set before load, so that what is not asked for is not even code ---- */

const volatile __u32 netid = 0; /* of the network namespace: one a recorder */
const volatile __u8 raw_routes = 0;
const volatile __u8 has_ignored = 0;
const volatile __u8 has_only = 0;

/*
 * On which a local nginx that proxies listens: found by the helper, or learned here when one starts later. A port alone tells
 * nothing: others may listen on it at other addresses, or connect from it. It saves looking at `listen ports`.
 */
struct ports listen_port_set = {};

/* Those of them where it listens on every address of a family: `listen ports` need not be asked. */
struct ports wide_ports4 = {};
struct ports wide_ports6 = {};

/* To which a flow was ever made: most payload that no flow knows is told by it, without a look-up. */
struct ports flow_ports = {};

/* From which there may be answers: as above, but not for flows that lead to a front door. */
struct ports answer_ports = {};

/* ---- flows ---- */

/* By tuple. What finds no room in the first two lies in the other two (flows.h). */
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

/* How many lie in the latter, and whether the former were full since the last sweep: written often then, in a line of its own. */
struct {
	__u32 more4;
	__u32 more6;
	__u32 full4;
	__u32 full6;
} crowd __attribute__((aligned(64))) = {};

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
	__uint(max_entries, MAX_BACKENDS);
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
__u32 taken[RANKS] = {}; /* slots, by who brought their routes */
__u32 next_backend = 1;
__u32 next_line = 0;
__u32 next_block = 1;
__u32 suspects = 0;	 /* flows whose socket the check shall ask */
__u32 sockets_asked = 0; /* by this check */
__u64 last_failure_ns = 0;

/* ---- from a raw line to its slot, without parsing it again ---- */

#define MEMOS 2048

struct cached_route {
	__u64 hash; /* of backend and line */
	__u32 slot;
	__u32 generation;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MEMOS);
	__type(key, __u32);
	__type(value, struct cached_route);
} route_cache SEC(".maps");

/* ---- retries are inferred from what failed a moment ago ---- */

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

/* nginx instances that connect to somewhere, by their master. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PROXIES);
	__type(key, __u32);
	__type(value, struct proxy);
} proxying SEC(".maps");

/* By uid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_LISTEN_PORTS);
	__type(key, __u32);
	__type(value, struct owner);
} owners SEC(".maps");

/* How many backends the nginx of a user has brought: by uid, for good. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_LISTEN_PORTS);
	__type(key, __u32);
	__type(value, __u32);
} brought SEC(".maps");

/* All but root together. */
struct owner others = {};

/*
 * Set before the programs are detached, which takes the kernel some ms: no request begins any more, so that none is seen whose
 * answer is not, and the other way round.
 */
__u32 ending = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct older_key);
	__type(value, struct older);
} older_connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");
