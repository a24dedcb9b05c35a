/* Bytes of requests and answers, counted by sequence numbers: at the end of a message, and by the sweep while it goes on. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/sequence.h"
#include "exchange.h"

/*
 * Takes the bytes of a direction before `to` that are not counted yet, and returns how many. The sweep counts bytes of a message
 * that goes on, at the same time as the programs that see its end. The sweep counts only bytes before `next`: bytes from `next`
 * on need no atomic operation. A distance that seems very large is a negative one: another CPU has counted more. This limits how
 * many bytes may pass between two sweeps.
 */
#define MOST_BETWEEN_SWEEPS 0xf0000000U /* 3.75 GiB */
#define REACH		    (1U << 26)	/* if `to` is farther from `next`, it is of the flow that had this memory before */

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
 * Bytes that left before the sequence number `to` belong to the last request. The order of reads matters: first `next` (where it
 * is `to`), then the number of the request, then the uncounted bytes. So the sweep cannot count the bytes of one request for
 * another.
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
		/* committed at this moment: whichever CPU is first counts them */
		n = __sync_lock_test_and_set(&x->sent, 0);
	}
	s = slot_of_exchange(x);
	if (s)
		ADD(s->sent_bytes, n);
}

/* Bytes that arrived before `to` belong to the answer to this request. */
static __always_inline void add_received(struct flow *f, __u32 number, __u32 to)
{
	struct exchange *x = exchange_of(f, number);
	__u32 state = *(volatile __u32 *)&x->state, n;
	struct slot *s;

	/* deferred: who answers is known when the head is complete, and all bytes are counted then */
	if ((state & 3) == PHASE_NONE || (state & ~3U) != state_of(number, 0) || x->deferred)
		return;
	n = take_uncounted(&f->in, to);
	s = n ? slot_of_exchange(x) : 0;
	if (s)
		ADD(s->received_bytes, n);
}

/* The same, out of line. Most requests and answers take the inlined ones: there a call costs 10 ns. */
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

/* Reads `next` before all later reads, on every architecture: BPF has no other read barrier than such an atomic. */
static __always_inline __u32 next_of(struct dir *d)
{
	return __sync_fetch_and_add(&d->next, 0);
}

static __always_inline int is_in_message(const struct dir *d)
{
	return *(volatile __u8 *)&d->state >= DIR_HEAD;
}

/*
 * Counts the bytes so far of a request and an answer that are not over. The state is checked again after `next` was read: the
 * sweep may be interrupted between any two instructions, and the next message may have begun.
 */
__noinline int book_passed(struct flow *f)
{
	if (!f || f->kind != KIND_HTTP)
		return 0;
	/* what HTTP/2 says before its first request is sent with that */
	if (is_in_message(&f->out) && f->started) {
		__u32 to = next_of(&f->out);

		if (is_in_message(&f->out))
			book_sent(f, to);
	}
	if (is_in_message(&f->in) || f->in.line_length) {
		__u32 to = next_of(&f->in);

		if (is_in_message(&f->in) || *(volatile __u8 *)&f->in.line_length)
			book_received(f, *(volatile __u32 *)&f->current, to);
	}
	return 0;
}
