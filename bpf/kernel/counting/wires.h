/*
 * Where NAT of this host leads connections to a backend: per address that packets carry, its connects, requests and failures. A
 * bad pod behind a ClusterIP shows there. A backend's own counters are always added to first.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/attempt.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/headers.h"

static __always_inline struct wire *wire_at(__u32 index)
{
	return bpf_map_lookup_elem(&wires, &index);
}

/* 0 for most flows. The backend's index may have become another address's since: then the wire's own counts go nowhere. */
static __always_inline struct wire *wire_of_flow(const struct flow *f)
{
	struct wire *w = f->wire ? wire_at(f->wire) : 0;

	return w && w->key.backend == f->backend ? w : 0;
}

/* The same of an attempt, whose flow may be gone. */
static __always_inline struct wire *wire_of_attempt(const struct attempt *a, __u32 backend)
{
	struct wire *w = a->wire ? wire_at(a->wire) : 0;

	return w && w->generation == a->wire_generation && w->key.backend == backend ? w : 0;
}

static __always_inline int is_same_end(const struct backend_key *a, const struct backend_key *b)
{
	const __u32 *x = (const __u32 *)a->address, *y = (const __u32 *)b->address;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3] && a->port == b->port;
}

static __always_inline __u32 new_wire(enum rank rank)
{
	__u32 room = rank == ANYONE ? WIRES_OF_ANYONE : rank == NGINX ? WIRES_OF_OTHERS : MAX_WIRES, index;

	if (wires_in_use >= room)
		return 0;
	if (next_wire < MAX_WIRES) {
		index = __sync_fetch_and_add(&next_wire, 1);
		if (index < MAX_WIRES)
			return index;
	}
	return bpf_map_pop_elem(&free_wires, &index) ? 0 : index;
}

/*
 * The index of where the packet goes, made when it is new; 0 where that is the backend itself (also if NAT changes the source
 * only), and without room: what has no wire counts for the backend alone.
 */
__noinline __u32 wire_for(struct packet *p, __u32 backend, enum rank rank)
{
	struct wire_key key = {.backend = backend};
	struct backend_key own;
	struct wire *w;
	__u32 *found, index;

	if (!p || !p->translated || !backend || backend == OTHER_BACKEND)
		return 0;
	remote_of(p, &own);
	wire_of(p, &key.remote);
	if (is_same_end(&own, &key.remote))
		return 0;
	found = bpf_map_lookup_elem(&wire_indexes, &key);
	if (found)
		return *found;
	index = new_wire(rank);
	w = index ? wire_at(index) : 0;
	if (!w)
		return 0;
	w->key = key;
	ADD(wires_in_use, 1);
	if (bpf_map_update_elem(&wire_indexes, &key, &index, BPF_NOEXIST)) {
		/* another CPU was first */
		ADD(wires_in_use, -1);
		bpf_map_push_elem(&free_wires, &index, BPF_ANY);
		found = bpf_map_lookup_elem(&wire_indexes, &key);
		return found ? *found : 0;
	}
	*(volatile __u32 *)&w->ready = 1;
	return index;
}
