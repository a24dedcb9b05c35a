/*
 * Booking: a request begins, is answered, ends or fails. Each step is claimed, so that it is booked only once. Out of line,
 * because the stacks of inlined functions would add up: BPF allows 512 bytes and 8 frames.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/head.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "byte-counts.h"
#include "codes.h"
#include "exchange.h"
#include "wires.h"

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

/*
 * An exchange has ended: its grpc-status is counted among the status codes, and before what makes the helper look at the slot.
 * Inlined, because a call would be one too many.
 */
static __always_inline void book_grpc(const struct exchange *x, struct slot *s)
{
	__u32 status = x->flags >> GRPC_SHIFT;

	if (s && (x->flags & IS_GRPC) && status != GRPC_UNSEEN)
		count_code(s, x->slot, GRPC_CODE(status ? status - 1 : GRPC_NONE));
}

static __always_inline void emit_exchange(const struct exchange *x, int outcome, __u16 flags, __u32 total_us)
{
	struct event e = {
	    .at_ns = x->at_ns,
	    .slot = x->slot,
	    .generation = x->generation,
	    .outcome = outcome,
	    .flags = flags,
	    .header_us = flags & (EVENT_HEADER | EVENT_TOTAL) ? x->header_us : 0,
	    .total_us = total_us,
	};

	emit(&e);
}

/* If the same line goes to another backend within 100 ms, it is a retry. */
static __always_inline void remember_failure(const struct exchange *x, __u32 backend, __u64 now)
{
	struct failed_line failed = {.at_ns = now, .backend = backend};
	__u64 hash = x->hash;

	if (!hash)
		return;
	bpf_map_update_elem(&failed_lines, &hash, &failed, BPF_ANY);
	last_failure_ns = now;
}

static __always_inline void add_wire_request(const struct flow *f)
{
	struct wire *w = wire_of_flow(f);

	if (w)
		ADD(w->requests, 1);
}

static __always_inline void add_wire_failure(const struct flow *f)
{
	struct wire *w = wire_of_flow(f);

	if (w)
		ADD(w->failures, 1);
}

/* Beside its route: tells what the backend speaks. */
static __always_inline void add_h2_request(const struct flow *f, __u16 flags)
{
	struct backend *b = backend_of(*(volatile __u32 *)&f->backend);

	if (!b)
		return;
	ADD(b->h2_requests, 1);
	if (flags & IS_GRPC)
		ADD(b->grpc_requests, 1);
}

/* A deferred request is for a backend: it is counted from here on. */
static __always_inline void commit_deferred(struct flow *f, __u32 number)
{
	struct exchange *x = exchange_of(f, number);

	f->deferred = 0;
	if (__sync_lock_test_and_set(&x->deferred, 0)) {
		struct slot *s = slot_of_exchange(x);

		if (s) {
			ADD(s->requests, 1);
			add_wire_request(f);
			ADD(s->sent_bytes, __sync_lock_test_and_set(&x->sent, 0));
		}
		if (x->flags & IS_H2)
			add_h2_request(f, x->flags);
		count_shared(T_REQUESTS);
	}
}

/* The final head is complete. `ends_too`: the answer ends in the same segment. Returns whether this call has booked it. */
static __always_inline int answer_exchange(struct flow *f, __u32 number, __u32 status, __u64 now, int ends_too, int is_h2)
{
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
	if (is_h2 && ends_too)
		book_grpc(x, s);
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

/*
 * In HTTP/1, and in HTTP/2. Functions of their own here and below, because what counts a grpc-status takes more of the stack than
 * there is on the ways of HTTP/1.
 */
__noinline int book_answer(struct flow *f, __u32 number, __u32 status, __u64 now, int ends_too)
{
	return f ? answer_exchange(f, number, status, now, ends_too, 0) : 0;
}

__noinline int book_stream_answer(struct flow *f, __u32 number, __u32 status, __u64 now, int ends_too)
{
	return f ? answer_exchange(f, number, status, now, ends_too, 1) : 0;
}

/* The end of an answered request is known. `cut`: its body is incomplete. */
static __always_inline void end_answered(struct flow *f, __u32 number, __u64 end, int cut, int is_h2)
{
	struct exchange *x = exchange_of(f, number);
	struct slot *s;
	__u32 total_us;

	if (!claim(x, number, PHASE_ANSWERED, PHASE_DONE))
		return;
	total_us = micros_between(x->at_ns, end) + x->lead_us;
	if (total_us < x->header_us)
		total_us = x->header_us;
	s = slot_of_exchange(x);
	if (is_h2)
		book_grpc(x, s);
	if (s) {
		ADD(s->total_sum_us, total_us);
		ADD(s->total_count, 1);
		if (cut)
			ADD(s->body_reset, 1);
	}
	emit_exchange(x, x->status, EVENT_TOTAL | EVENT_DONE, total_us);
}

__noinline int book_end(struct flow *f, __u32 number, __u64 end, int cut)
{
	if (f)
		end_answered(f, number, end, cut, 0);
	return 0;
}

__noinline int book_stream_end(struct flow *f, __u32 number, __u64 end, int cut)
{
	if (f)
		end_answered(f, number, end, cut, 1);
	return 0;
}

static __always_inline void book_any_end(struct flow *f, __u32 number, __u64 end, int cut)
{
	if (exchange_of(f, number)->flags & IS_H2)
		book_stream_end(f, number, end, cut);
	else
		book_end(f, number, end, cut);
}

/* An open exchange ends without an answer. Returns whether it was this caller who ended it. */
static __always_inline int end_open(struct flow *f, struct exchange *x, __u32 number)
{
	if (!claim(x, number, PHASE_OPEN, PHASE_DONE))
		return 0;
	if (x->deferred)
		commit_deferred(f, number);
	return 1;
}

static __always_inline void end_failed(struct flow *f, __u32 number, __s32 outcome, __u64 now, int is_h2)
{
	struct exchange *x = exchange_of(f, number);
	struct slot *s;

	if (!end_open(f, x, number))
		return;
	s = slot_of_exchange(x);
	if (is_h2)
		book_grpc(x, s);
	if (s) {
		if (outcome == OUTCOME_RESET)
			ADD(s->reset, 1);
		else if (outcome == OUTCOME_CLOSED)
			ADD(s->closed, 1);
		else if (outcome == OUTCOME_ABORTED)
			ADD(s->aborted, 1);
		else
			ADD(s->unanswered, 1);
		add_wire_failure(f);
	}
	count_shared(T_FAILED);
	emit_exchange(x, outcome, EVENT_DONE, 0);
	remember_failure(x, f->backend, now);
}

__noinline int book_failure(struct flow *f, __u32 number, __s32 outcome, __u64 now)
{
	if (f)
		end_failed(f, number, outcome, now, 0);
	return 0;
}

__noinline int book_stream_failure(struct flow *f, __u32 number, __s32 outcome, __u64 now)
{
	if (f)
		end_failed(f, number, outcome, now, 1);
	return 0;
}

static __always_inline void book_any_failure(struct flow *f, __u32 number, __s32 outcome, __u64 now)
{
	if (exchange_of(f, number)->flags & IS_H2)
		book_stream_failure(f, number, outcome, now);
	else
		book_failure(f, number, outcome, now);
}

/* A connect is booked when a request has shown that the connection carries HTTP, and that it is nginx's or leads to a backend. */
static __always_inline int connect_is_due(const struct flow *f)
{
	return f->connected && !f->counted_connect && !f->deferred && f->started;
}

__noinline int book_connect(struct flow *f, __u64 now)
{
	struct backend *b;
	struct wire *w;

	if (!f)
		return 0;
	/* read before: from then on the sweep may take it from the flow */
	__u32 backend = *(volatile __u32 *)&f->backend;

	*(volatile __u8 *)&f->counted_connect = 1;
	b = backend_of(backend);
	if (!b)
		return 0;
	ADD(b->connect_sum_us, f->connect_us);
	ADD(b->connects, 1);
	w = wire_of_flow(f);
	if (w)
		ADD(w->connects, 1);
	struct event e = {.at_ns = now, .slot = backend, .flags = EVENT_CONNECT, .total_us = f->connect_us};
	emit(&e);
	return 0;
}

/* Within an answer of HTTP/2, whose end is always told. */
static __always_inline int is_in_frames(const struct dir *d)
{
	return d->state == DIR_FRAMES && !d->in_hole;
}

/* Whether nothing but the end of the connection ends the answer, and was known to. */
static __always_inline int ends_with_connection(const struct dir *d)
{
	return d->state == DIR_TUNNEL || (d->state == DIR_BODY_UNTIL_CLOSE && !d->head.chunked && !d->in_hole);
}

/*
 * Requests of another process to this host wait for it to be known who answers them: `reason`. Taken at once, because an answer,
 * a FIN and the sweep may come at the same time.
 */
static __always_inline void count_left_out(struct flow *f, enum total reason)
{
	struct totals *t = cpu_totals();
	__u32 n;

	if (!nginx_only || f->kind < KIND_FRONT_DOOR || !f->left_out)
		return;
	n = __sync_lock_test_and_set(&f->left_out, 0);
	if (t)
		__sync_fetch_and_add(&t->v[reason], n);
}

/* The connection ends, and with it every pending exchange. */
__noinline int end_all(struct flow *f, __s32 outcome, __u64 now)
{
	if (!f)
		return 0;
	__u32 first = f->oldest;

	/* before they end: once they have, a segment on another CPU goes on to the next answer, and uncounted bytes are lost */
	book_passed(f);
	for (__u32 i = 0; i < DEPTH; i++) {
		__u32 number = first + i;

		if (number == f->started)
			break;
		enum phase phase = phase_of(f, number);
		if (phase == PHASE_OPEN) {
			book_any_failure(f, number, outcome, now);
		} else if (phase == PHASE_ANSWERED) {
			int cut = (f->in.state == DIR_BODY && f->in.left) || f->in.state == DIR_CHUNKED || is_in_frames(&f->in);
			/* nginx may close a connection long after an answer whose end was not seen */
			int silent = outcome == OUTCOME_UNANSWERED ||
				     (outcome == OUTCOME_ABORTED && !cut && !ends_with_connection(&f->in));

			/* a reset also cuts a chunked body, whose end would have been recognised */
			book_any_end(f, number, silent ? f->in.last_ns : now,
				     cut ||
					 (outcome == OUTCOME_RESET && f->in.state == DIR_BODY_UNTIL_CLOSE && f->in.head.chunked));
		}
	}
	/* once more: the requests that were deferred are booked now, and have bytes, too */
	book_passed(f);
	if (f->kind == KIND_HTTP && connect_is_due(f))
		book_connect(f, now);
	count_left_out(f, X_NOT_NGINX);
	return 0;
}

/* Books a retransmitted segment to the open request of its flow, else to the backend. */
static __always_inline void book_retransmit(struct flow *f)
{
	__u32 last = f->started - 1, backend = *(volatile __u32 *)&f->backend;
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
	b = backend ? backend_of(backend) : 0;
	if (b)
		ADD(b->retransmits, 1);
}
