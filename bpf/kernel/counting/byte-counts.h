/* Bytes of requests and answers, counted from sequence numbers: at a message's end, and by the sweep while it goes on. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/sequence.h"
#include "exchange.h"

/*
 * How many bytes of a direction nobody has counted before `to`. The sweep counts what has passed of a message that goes on, at
 * the same time as the programs that see its end. Only what lies before `next` may be the sweep's: what is newer needs no atomic.
 * A number that seems to lie far ahead lies behind: somebody else has counted more. That bounds what may pass between two sweeps.
 */
#define MOST_BETWEEN_SWEEPS 0xf0000000U /* 3.75 GiB */
#define REACH		    (1U << 26)	/* farther from `next`, `to` is of a flow that had this memory a moment ago */

static __always_inline __u32 take_uncounted(struct dir *d, __u32 to)
{
	for (int i = 0; i < 3; i++) {
		__u32 from = *(volatile __u32 *)&d->booked, n = to - from;

		if (!n || n > MOST_BETWEEN_SWEEPS)
			return 0;
		if (!seq_after(d->next, from)) {
			d->booked = to;
			return n;
		}
		if (d->next - to + REACH > 2 * REACH)
			return 0;
		if (__sync_val_compare_and_swap(&d->booked, from, to) == from)
			return n;
	}
	return 0;
}

/*
 * What left before the sequence number `to` is the last request's. Which request that is, is read before what is uncounted, and
 * `next`, where it is `to`, before both: so the sweep cannot count the bytes of one for another.
 */
static __always_inline void add_sent(struct flow *f, __u32 to)
{
	__u32 started = *(volatile __u32 *)&f->started;
	struct exchange *x = exchange_of(f, started - 1);
	__u64 n = take_uncounted(&f->out, to);
	struct slot *s;

	if (!n || !started || f->overflow)
		return;
	if (x->deferred) {
		ADD(x->sent, n);
		if (*(volatile __u32 *)&x->deferred || f->kind != KIND_HTTP)
			return;
		/* released at this moment: whoever is first counts them */
		n = __sync_lock_test_and_set(&x->sent, 0);
	}
	s = slot_of_exchange(x);
	if (s)
		ADD(s->sent_bytes, n);
}

/* What arrived before `to` is the answer to this request. */
static __always_inline void add_received(struct flow *f, __u32 number, __u32 to)
{
	struct exchange *x = exchange_of(f, number);
	__u32 state = *(volatile __u32 *)&x->state, n;
	struct slot *s;

	/* held: what has begun to answer is known when its head is whole, and all of it is counted then */
	if ((state & 3) == PHASE_NONE || (state & ~3U) != state_of(number, 0) || x->deferred)
		return;
	n = take_uncounted(&f->in, to);
	s = n ? slot_of_exchange(x) : 0;
	if (s)
		ADD(s->received_bytes, n);
}

/* The same as functions, but for the ways that most requests and answers take: there a call costs 10 ns. */
__noinline int book_sent(struct flow *f, __u32 to)
{
	if (f)
		add_sent(f, to);
	return 0;
}

__noinline int book_received(struct flow *f, __u32 number, __u32 to)
{
	if (f)
		add_received(f, number, to);
	return 0;
}

/* Read before all that is read after it, on every architecture: BPF has no other way to say so. */
static __always_inline __u32 next_of(struct dir *d)
{
	return __sync_fetch_and_add(&d->next, 0);
}

static __always_inline int is_in_hand(const struct dir *d)
{
	return *(volatile __u8 *)&d->state >= DIR_HEAD;
}

/*
 * What has passed of a request and of an answer that are not over. Whether they are is asked once more when `next` is known: the
 * sweep may be interrupted between any two instructions, and the next message have begun.
 */
__noinline int book_passed(struct flow *f)
{
	if (!f || f->kind != KIND_HTTP)
		return 0;
	if (is_in_hand(&f->out)) {
		__u32 to = next_of(&f->out);

		if (is_in_hand(&f->out))
			book_sent(f, to);
	}
	if (is_in_hand(&f->in) || f->in.line_length) {
		__u32 to = next_of(&f->in);

		if (is_in_hand(&f->in) || *(volatile __u8 *)&f->in.line_length)
			book_received(f, *(volatile __u32 *)&f->current, to);
	}
	return 0;
}
