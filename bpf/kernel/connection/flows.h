/*
 * The maps of flows. A sweep walks all places of a map, filled or not, and nothing else runs on that CPU meanwhile: a quarter of
 * a million of them took 0.8 ms. So there are small maps, and large ones for flows that find no room there.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/headers.h"
#include "kernel/packet/ports.h"

#define ENOENT 2
#define E2BIG  7
#define EEXIST 17

static const struct flow empty_flow = {};

static __always_inline struct flow *find4(const struct key4 *key)
{
	struct flow *f = bpf_map_lookup_elem(&flows4, key);

	return f || !flow_map_use.more4 ? f : bpf_map_lookup_elem(&more_flows4, key);
}

static __always_inline struct flow *find6(const struct key6 *key)
{
	struct flow *f = bpf_map_lookup_elem(&flows6, key);

	return f || !flow_map_use.more6 ? f : bpf_map_lookup_elem(&more_flows6, key);
}

/* Here and below `p` is known to lie in a map, see as_map_memory: `&scratch->packet`, not a function's argument. */
static __always_inline struct flow *find_flow(const struct packet *p)
{
	if (!has_port(&flow_ports, remote_port(p)))
		return 0;
	if (p->family == 4)
		return find4(&p->k4);
	/* no common call for both: the kernel inlines a look-up only where the map is known */
	asm volatile("");
	return find6(&p->k6);
}

/*
 * Inserts into the small map, or the large one. In a map that is nearly full the kernel counts exactly, on all CPUs under a lock:
 * this is tried once per sweep. A flow in a large map is counted before it is inserted, so that no look-up misses it.
 */
#define INSERT(small, large, key, more, full, room)                                                                              \
	({                                                                                                                       \
		long failed = full ? -E2BIG : bpf_map_update_elem(&small, key, &empty_flow, BPF_NOEXIST);                        \
                                                                                                                                 \
		if (failed == -E2BIG)                                                                                            \
			full = 1;                                                                                                \
		if (failed == -E2BIG && more < room) {                                                                           \
			ADD(more, 1);                                                                                            \
			failed = bpf_map_update_elem(&large, key, &empty_flow, BPF_NOEXIST);                                     \
			if (failed)                                                                                              \
				ADD(more, -1);                                                                                   \
		}                                                                                                                \
		failed;                                                                                                          \
	})

/* Finds the flow and sets its time. A flow without a time is still being made, and the sweep does not delete it. */
static __always_inline struct flow *find_new_flow(const struct packet *p)
{
	struct flow *f = find_flow(p);

	if (f)
		f->out.last_ns = bpf_ktime_get_coarse_ns();
	return f;
}

/*
 * A new, empty flow for a tuple that has none. Only a part of the large maps is for processes other than nginx: one that opens
 * many connections neither takes the room of nginx nor makes the sweep long.
 */
static __always_inline struct flow *make_flow(const struct packet *p, enum rank rank)
{
	__u32 room = rank == ANYONE ? FLOWS_OF_ANYONE : rank == NGINX ? FLOWS_OF_OTHERS : MAX_FLOWS;
	long failed;

	add_port(&flow_ports, remote_port(p));
	if (p->family == 4)
		failed = INSERT(flows4, more_flows4, &p->k4, flow_map_use.more4, flow_map_use.full4, room);
	else
		failed = INSERT(flows6, more_flows6, &p->k6, flow_map_use.more6, flow_map_use.full6, room);
	/* no room, or on older kernels a look-up of the same bucket was interrupted; another CPU may have made it */
	if (failed && failed != -EEXIST)
		count(L_MAP_REFUSED);
	return find_new_flow(p);
}

#define REPLACE(small, large, key)                                                                                               \
	({                                                                                                                       \
		long failed = bpf_map_update_elem(&small, key, &empty_flow, BPF_EXIST);                                          \
                                                                                                                                 \
		failed == -ENOENT ? bpf_map_update_elem(&large, key, &empty_flow, BPF_EXIST) : failed;                           \
	})

/* A new, empty flow in place of the one that had the tuple. */
static __always_inline struct flow *replace_flow(const struct packet *p)
{
	long failed;

	if (p->family == 4)
		failed = REPLACE(flows4, more_flows4, &p->k4);
	else
		failed = REPLACE(flows6, more_flows6, &p->k6);
	if (failed && failed != -ENOENT)
		count(L_MAP_REFUSED);
	return find_new_flow(p);
}

static __always_inline void delete_line(const struct flow *f)
{
	__u64 id = f->line_id;

	if (id)
		bpf_map_delete_elem(&lines, &id);
}

#define DELETE(small, large, key, more)                                                                                          \
	({                                                                                                                       \
		if (bpf_map_delete_elem(&small, key) && more && !bpf_map_delete_elem(&large, key))                               \
			ADD(more, -1);                                                                                           \
	})

static __always_inline void delete_flow(const struct packet *p, struct flow *f)
{
	delete_line(f);
	if (p->family == 4)
		DELETE(flows4, more_flows4, &p->k4, flow_map_use.more4);
	else
		DELETE(flows6, more_flows6, &p->k6, flow_map_use.more6);
}
