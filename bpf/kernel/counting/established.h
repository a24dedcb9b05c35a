/* A connect of nginx, as its socket tells: the backend's row, and when it is booked. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/attempt.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "exchanges.h"
#include "routes.h"
#include "wires.h"

/* The row, made when it is new: every address that nginx connects to is one, whatever it speaks. OTHER without room. */
static __always_inline __u32 row_of(const struct attempt *a)
{
	struct work w = {.remote = a->remote};

	return backend_for(&w, a->rank, a->uid);
}

/* `at_ns`: when nginx had what it wanted: the connection, or within TLS the handshake, too. */
static __always_inline void add_connect(struct attempt *a, __u32 row, __u64 at_ns)
{
	struct event e = {.flags = EVENT_CONNECT, .slot = row, .at_ns = at_ns};
	struct backend *b = backend_of(row);
	struct wire *w;

	if (!b)
		return;
	e.total_us = micros_between(a->at_ns, at_ns);
	ADD(b->connect_sum_us, e.total_us);
	ADD(b->connects, 1);
	w = wire_of_attempt(a, row);
	if (w)
		ADD(w->connects, 1);
	emit(&e);
}

__noinline int book_established(struct attempt *a, __u64 at_ns)
{
	if (a)
		add_connect(a, row_of(a), at_ns);
	return 0;
}

/* What it owes is booked once, by whoever learns first what was spoken, or that nothing was. */
static __always_inline int is_owed(struct attempt *a)
{
	return reads_tls && a->owes_connect && __sync_lock_test_and_set(&a->owes_connect, 0);
}

static __always_inline void settle_connect(struct attempt *a, __u64 at_ns)
{
	if (is_owed(a))
		book_established(a, at_ns);
}

/*
 * --tls: the flow's connection has begun with something else than TLS, so that no handshake belongs to its connect. Of TLS it is
 * booked when its plaintext is seen, or when it is known that nobody reads that.
 */
__noinline int settle_connect_of(struct flow *f, __u32 row)
{
	if (!f)
		return 0;
	__u64 socket = FLOW_SOCKET(f);
	struct attempt *a = f->fresh == BOOKED_BY_SOCKET ? bpf_map_lookup_elem(&attempts, &socket) : 0;

	if (a && is_owed(a))
		add_connect(a, row, a->connected_ns);
	return 0;
}
