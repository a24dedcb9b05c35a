/* The state of an exchange: number and phase in one word, so that one compare-and-swap claims a step. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"

static __always_inline __u32 state_of(__u32 number, enum phase phase)
{
	return number << 2 | phase;
}

static __always_inline struct exchange *exchange_of(struct flow *f, __u32 number)
{
	return &f->ring[number & (DEPTH - 1)];
}

/* Another number in its place: the exchange was done long ago. */
static __always_inline enum phase phase_of(struct flow *f, __u32 number)
{
	__u32 state = *(volatile __u32 *)&exchange_of(f, number)->state;

	return state >> 2 == (number & 0x3fffffff) ? (state & 3) : PHASE_DONE;
}

/*
 * Whether a request with this number, or a later one, has begun. The side from the backend calls this instead of reading
 * `started`: the CPU of the other side has just written that cache line.
 */
static __always_inline int has_begun(struct flow *f, __u32 number)
{
	__u32 state = *(volatile __u32 *)&exchange_of(f, number)->state;

	return (state & 3) != PHASE_NONE && (__s32)((state & ~3U) - state_of(number, 0)) >= 0;
}

/* Whether its place in the ring holds an exchange that is not over. */
static __always_inline int is_taken(const struct exchange *x)
{
	enum phase phase = x->state & 3;

	return phase == PHASE_OPEN || phase == PHASE_ANSWERED;
}

static __always_inline int claim(struct exchange *x, __u32 number, enum phase from, enum phase to)
{
	__u32 expected = state_of(number, from);

	return __sync_val_compare_and_swap(&x->state, expected, state_of(number, to)) == expected;
}

/* The slot of an exchange; 0 when the slot has another route by now. */
static __always_inline struct slot *slot_of_exchange(const struct exchange *x)
{
	struct slot *s = slot_of(x->slot);

	return s && s->generation == x->generation ? s : 0;
}
