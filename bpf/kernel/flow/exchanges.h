/*
 * Booking: a request begins, is answered, ends or fails. Each step is claimed, so that it is booked once whoever sees it first.
 * Functions of their own, because their stacks would add up in their callers: 512 bytes and 8 frames are all there is.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "kernel/http1/bytes.h"
#include "kernel/http1/head.h"
#include "kernel/maps.h"
#include "kernel/scratch.h"
#include "shared.h"
#include "flow.h"
#include "kernel/packet/sequence.h"

static __always_inline __u32 state_of(__u32 number, enum phase phase)
{
	return number << 2 | phase;
}

static __always_inline struct exchange *exchange_of(struct flow *f, __u32 number)
{
	return &f->ring[number & (DEPTH - 1)];
}

/* An older number in its place says that the exchange is long done. */
static __always_inline enum phase phase_of(struct flow *f, __u32 number)
{
	__u32 state = *(volatile __u32 *)&exchange_of(f, number)->state;

	return state >> 2 == (number & 0x3fffffff) ? (state & 3) : PHASE_DONE;
}

/*
 * Whether there is a request of this number, or of a later one. The side that answers asks so, and not for `started`: that lies
 * in a line which the CPU that asks has just written.
 */
static __always_inline int has_begun(struct flow *f, __u32 number)
{
	__u32 state = *(volatile __u32 *)&exchange_of(f, number)->state;

	return (state & 3) != PHASE_NONE && (__s32)((state & ~3U) - state_of(number, 0)) >= 0;
}

/* Its place in the ring is still another's. */
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

static __always_inline __u32 micros(__u64 ns)
{
	__u64 us = ns / 1000;

	return us > 0xfffffffe ? 0xfffffffe : us;
}

static __always_inline __u32 micros_between(__u64 from, __u64 to)
{
	return to > from ? micros(to - from) : 0;
}

static __always_inline void emit(struct event *e)
{
	/* waking a reader per event costs more than everything else together: the helper drains on its timer */
	if (bpf_ringbuf_output(&events, e, sizeof(*e), BPF_RB_NO_WAKEUP))
		count_shared(L_RING_DROPPED);
}

static __always_inline void emit_exchange(const struct exchange *x, int outcome, __u16 flags, __u32 total_us)
{
	struct event e = {
	    .at_ns = x->at_ns,
	    .slot = x->slot,
	    .generation = x->generation,
	    .outcome = outcome,
	    .flags = flags,
	    .header_us = x->header_us,
	    .total_us = total_us,
	};

	emit(&e);
}

/* The slot of an exchange, unless it has got another route meanwhile. */
static __always_inline struct slot *slot_of_exchange(const struct exchange *x)
{
	struct slot *s = slot_of(x->slot);

	return s && s->generation == x->generation ? s : 0;
}

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

static __always_inline struct code_block *new_block(struct slot *s)
{
	__u32 index = 0;

	if (next_block < MAX_BLOCKS)
		index = __sync_fetch_and_add(&next_block, 1);
	if ((!index || index >= MAX_BLOCKS) && bpf_map_pop_elem(&free_blocks, &index))
		return 0;
	if (__sync_val_compare_and_swap(&s->block, 0, index))
		bpf_map_push_elem(&free_blocks, &index, BPF_ANY);
	index = s->block;
	return bpf_map_lookup_elem(&code_blocks, &index);
}

static __always_inline int is_folded_code(__u32 code)
{
	return code % 100 == 90;
}

/* Returns whether there was room: a backend may invent as many codes as it likes, on any number of routes. */
static __always_inline int count_in_block(struct slot *s, __u32 code)
{
	__u32 index = s->block;
	struct code_block *b = index ? bpf_map_lookup_elem(&code_blocks, &index) : new_block(s);

	if (!b)
		return 0;
	for (int i = 0; i < BLOCK_CODES; i++) {
		__u32 found = b->code[i];

		if (!found) {
			found = __sync_val_compare_and_swap(&b->code[i], 0, code);
			if (!found)
				found = code;
		}
		if (found == code) {
			ADD(b->count[i], 1);
			return 1;
		}
	}
	return 0;
}

/* A code that is none of its slot's first ones. Its class stays exact whatever happens. */
__noinline int count_rare_code(struct slot *s, __u32 slot, __u32 code)
{
	if (!s || (!is_folded_code(code) && count_in_block(s, code)))
		return 0;
	struct folded_codes *f = bpf_map_lookup_elem(&folded, &slot);
	__u32 class = code / 100 - 1;

	if (!f || class >= CODE_CLASSES)
		return 0;
	ADD(f->count[class], 1);
	s->has_folded = 1;
	return 0;
}

static __always_inline void count_code(struct slot *s, __u32 slot, __u32 code)
{
	for (int i = 0; i < INLINE_CODES; i++) {
		__u32 found = s->code[i];

		if (!found) {
			if (is_folded_code(code))
				break;
			found = __sync_val_compare_and_swap(&s->code[i], 0, code);
			if (!found)
				found = code;
		}
		if (found == code) {
			ADD(s->codes[i], 1);
			return;
		}
	}
	count_rare_code(s, slot, code);
}

/* So that the same line to another backend, right after, is known as a retry. */
static __always_inline void remember_failure(const struct exchange *x, __u32 backend, __u64 now)
{
	struct failed_line failed = {.at_ns = now, .backend = backend};

	if (!x->hash)
		return;
	bpf_map_update_elem(&failed_lines, &x->hash, &failed, BPF_ANY);
	last_failure_ns = now;
}

/* Held requests of a flow are a backend's after all, and count from here on. */
static __always_inline void commit_deferred(struct flow *f, __u32 number)
{
	struct exchange *x = exchange_of(f, number);

	f->deferred = 0;
	if (__sync_val_compare_and_swap(&x->deferred, 1, 0)) {
		struct slot *s = slot_of_exchange(x);

		if (s) {
			ADD(s->requests, 1);
			ADD(s->sent_bytes, __sync_lock_test_and_set(&x->sent, 0));
		}
		count_shared(T_REQUESTS);
	}
}

/* The final head is complete. `ends_too`: so is the answer, within the same segment. Returns whether it was ours to book. */
__noinline int book_answer(struct flow *f, __u32 number, __u32 status, __u64 now, int ends_too)
{
	if (!f)
		return 0;
	struct exchange *x = exchange_of(f, number);
	struct slot *s;

	if (phase_of(f, number) != PHASE_OPEN)
		return 0;
	if (x->deferred)
		commit_deferred(f, number);
	x->header_us = micros_between(x->at_ns, now) + x->lead_us;
	x->status = status;
	if (!claim(x, number, PHASE_OPEN, ends_too ? PHASE_DONE : PHASE_ANSWERED))
		return 0;
	s = slot_of_exchange(x);
	if (s) {
		count_code(s, x->slot, status);
		ADD(s->header_sum_us, x->header_us);
		if (ends_too) {
			ADD(s->total_sum_us, x->header_us);
			ADD(s->total_count, 1);
		}
		ADD(s->answered, 1);
	}
	count(T_ANSWERED);
	emit_exchange(x, status, ends_too ? EVENT_HEADER | EVENT_TOTAL | EVENT_DONE : EVENT_HEADER, x->header_us);
	if (status >= 500 || status == 429)
		remember_failure(x, f->backend, now);
	return 1;
}

/* The end of an answered request is known. `cut`: its body is not whole. */
__noinline int book_end(struct flow *f, __u32 number, __u64 end, int cut)
{
	if (!f)
		return 0;
	struct exchange *x = exchange_of(f, number);
	struct slot *s;
	__u32 total_us;

	if (!claim(x, number, PHASE_ANSWERED, PHASE_DONE))
		return 0;
	total_us = micros_between(x->at_ns, end) + x->lead_us;
	if (total_us < x->header_us)
		total_us = x->header_us;
	s = slot_of_exchange(x);
	if (s) {
		ADD(s->total_sum_us, total_us);
		ADD(s->total_count, 1);
		if (cut)
			ADD(s->body_reset, 1);
	}
	emit_exchange(x, x->status, EVENT_TOTAL | EVENT_DONE, total_us);
	return 0;
}

__noinline int book_failure(struct flow *f, __u32 number, __s32 outcome, __u64 now)
{
	if (!f)
		return 0;
	struct exchange *x = exchange_of(f, number);
	struct slot *s;

	if (!claim(x, number, PHASE_OPEN, PHASE_DONE))
		return 0;
	if (x->deferred)
		commit_deferred(f, number);
	s = slot_of_exchange(x);
	if (s) {
		if (outcome == OUTCOME_RESET)
			ADD(s->reset, 1);
		else if (outcome == OUTCOME_CLOSED)
			ADD(s->closed, 1);
		else if (outcome == OUTCOME_ABORTED)
			ADD(s->aborted, 1);
		else
			ADD(s->unanswered, 1);
	}
	count_shared(T_FAILED);
	emit_exchange(x, outcome, EVENT_DONE, 0);
	remember_failure(x, f->backend, now);
	return 0;
}

/* A connect is booked when a request proves that the connection speaks HTTP, and that it is nginx's or a backend's. */
static __always_inline int connect_is_due(const struct flow *f)
{
	return f->connected && !f->counted_connect && !f->deferred && f->started;
}

__noinline int book_connect(struct flow *f, __u64 now)
{
	struct backend *b;

	if (!f)
		return 0;
	f->counted_connect = 1;
	b = backend_of(f->backend);
	if (!b)
		return 0;
	ADD(b->connect_sum_us, f->connect_us);
	ADD(b->connects, 1);
	struct event e = {.at_ns = now, .slot = f->backend, .flags = EVENT_CONNECT, .total_us = f->connect_us};
	emit(&e);
	return 0;
}

/* Everything that is pending ends now: the connection does. */
__noinline int end_all(struct flow *f, __s32 outcome, __u64 now)
{
	if (!f)
		return 0;
	__u32 first = f->oldest;

	for (__u32 i = 0; i < DEPTH; i++) {
		__u32 number = first + i;

		if (number == f->started)
			break;
		enum phase phase = phase_of(f, number);
		if (phase == PHASE_OPEN) {
			book_failure(f, number, outcome, now);
		} else if (phase == PHASE_ANSWERED) {
			int cut = f->in.state == DIR_BODY && f->in.left;
			int silent = outcome == OUTCOME_UNANSWERED || (outcome == OUTCOME_ABORTED && !cut);

			/* a reset is trouble wherever the body was, unless its end could not be told */
			book_end(f, number, silent ? f->in.last_ns : now,
				 cut || (outcome == OUTCOME_RESET && f->in.state == DIR_BODY_UNTIL_CLOSE && f->in.head.chunked));
		}
	}
	book_passed(f);
	if (f->kind == KIND_HTTP && connect_is_due(f))
		book_connect(f, now);
	return 0;
}

/* The open request of a flow that a retransmitted segment belongs to, else the backend. */
static __always_inline void book_retransmit(struct flow *f)
{
	__u32 last = f->started - 1;
	struct backend *b;
	struct slot *s;

	count(T_RETRANSMITS);
	if (f->deferred)
		return;
	if (f->started && phase_of(f, last) != PHASE_DONE) {
		s = slot_of_exchange(exchange_of(f, last));
		if (s)
			ADD(s->retransmits, 1);
		return;
	}
	b = f->backend ? backend_of(f->backend) : 0;
	if (b)
		ADD(b->retransmits, 1);
}
