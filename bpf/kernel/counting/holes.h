/*
 * Counts holes, and the requests whose answers lay in one. A hole is bytes that passed unseen: the receiver has acknowledged
 * them, so nobody sends them again. connection/holes.h finds them.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"
#include "exchange.h"
#include "exchanges.h"

static __always_inline int has_passed_unseen(const struct dir *d)
{
	return d->jumped.lo != d->jumped.hi;
}

/* The bytes from `next` to `to` are one; it may get longer, and counts once. */
static __always_inline void note_hole(struct dir *d, __u32 to)
{
	if (d->jumped.hi == d->next && has_passed_unseen(d)) {
		d->jumped.hi = to;
		return;
	}
	d->jumped.lo = d->next;
	d->jumped.hi = to;
	count(L_HOLES);
}

/* The answer lay in a hole: `unseen`. No event for the ring: nothing is known of its time or outcome. */
__noinline int book_unseen(struct flow *f, __u32 number)
{
	if (!f)
		return 0;
	struct exchange *x = exchange_of(f, number);
	struct slot *s;

	if (!end_open(f, x, number))
		return 0;
	s = slot_of_exchange(x);
	if (s)
		ADD(s->unseen, 1);
	count_shared(T_UNSEEN);
	return 0;
}

/* The answer has arrived, and more of its direction than that may never have been seen. */
static __always_inline void book_missed(struct flow *f, __u32 number)
{
	if (!f->in.synced && !__sync_lock_test_and_set(&FLOW_HALF_SEEN(f), 1))
		count_shared(L_HALF_SEEN);
	book_unseen(f, number);
}
