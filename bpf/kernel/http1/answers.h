/* Bytes from the backend, in order: status lines, heads and bodies, matched with the requests. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/bytes.h"
#include "kernel/parser/head.h"
#include "kernel/parser/status.h"
#include "kernel/state/flow.h"
#include "kernel/state/frames.h"
#include "kernel/state/scratch.h"
#include "kernel/state/source.h"
#include "kernel/packet/chunks.h"
#include "kernel/packet/sequence.h"
#include "kernel/counting/exchanges.h"
#include "stepwise.h"
#include "kernel/counting/holes.h"

/* The current answer is over for this direction, which goes on to the next one. */
static __always_inline void next_answer(struct flow *f)
{
	struct dir *d = &f->in;

	if (d->state != DIR_FRAMES) {
		d->state = DIR_LINE;
		d->line_length = 0;
		d->left = 0;
		d->in_hole = 0;
	}
	if (has_begun(f, f->current))
		f->current++;
	else if (f->overflow)
		ADD(f->overflow, -1);
}

/* The current answer is complete: its last byte is the one before `to`. */
static __always_inline void answer_over(struct flow *f, __u32 to, __u64 now)
{
	if (has_begun(f, f->current))
		book_end(f, f->current, now, 0);
	book_received(f, f->current, to);
	next_answer(f);
}

/* The answer begins where its request's ACK number says; what lies before it was not seen, unless it is a FIN. */
__noinline int begin_at_ack(struct flow *f, __u32 ack)
{
	if (!f)
		return 0;
	struct dir *d = &f->in;

	if (d->synced && seq_before(ack, d->next))
		return 0;
	d->in_hole = 0;
	if (!d->synced)
		d->ranges = 0;
	else if (ack - d->next > 1)
		note_hole(d, ack);
	d->next = ack;
	d->synced = 1;
	return 0;
}

/*
 * Follows what the other side has done meanwhile. Exchanges that a FIN, a RST, the sweep or the next request has ended are
 * skipped (another exchange may have their place by now). Where nothing was pending before a request, its answer begins at its
 * ACK number.
 */
static __always_inline void skip_ended_answers(struct flow *f)
{
	struct dir *d = &f->in;

	if (has_begun(f, f->current + DEPTH)) {
		next_answer(f);
		f->current = *(volatile __u32 *)&f->oldest;
	}
	for (int i = 0; i < DEPTH; i++) {
		if (!has_begun(f, f->current) || phase_of(f, f->current) != PHASE_DONE)
			break;
		next_answer(f);
	}
	struct exchange *x = exchange_of(f, f->current);
	if (!has_begun(f, f->current))
		return;
	d->stray = 0;
	if ((d->state == DIR_LINE ? !d->line_length : d->state == DIR_FRAMES && d->in_hole) && (x->flags & IS_ALONE) &&
	    (!d->synced || d->in_hole || seq_after(x->ack, d->next)))
		begin_at_ack(f, x->ack);
}

static __always_inline int pending(struct flow *f)
{
	return has_begun(f, f->current) || f->overflow;
}

/*
 * Whether both sides go on with something else. Where the request did not ask for that, 101 is an answer like others to nginx:
 * with a length it may even keep the connection.
 */
static __always_inline int is_switching(struct flow *f, __u32 number, __u32 status, __u16 flags)
{
	const struct head *request = &f->out.head;

	if (status != 101)
		return (flags & IS_CONNECT) && status / 100 == 2;
	/* the head in hand is that of the last request */
	return request->upgrades || !request->is_whole || has_begun(f, number + 1);
}

/* The head of an answer is complete; the rest of the segment is body. `in_hole`: the end of the head was in a hole. */
__noinline int answer_head_done(source_t *source, struct flow *f, struct scratch *s, int in_hole)
{
	if (!f || !s)
		return 0;
	struct dir *d = &f->in;
	struct work *w = &s->work;
	__u32 number = f->current, status = d->status;
	struct exchange *x = exchange_of(f, number);
	int known = has_begun(f, number);
	__u16 flags = known ? x->flags : 0;
	__u32 body = 0; /* bytes of the segment that belong to it, when it ends here */
	int ends = 0;

	d->line_length = 0;
	d->step = 0;
	if (status >= 100 && status < 200 && status != 101) {
		struct slot *slot = known ? slot_of_exchange(x) : 0;

		if (known && x->deferred)
			commit_deferred(f, number);
		if (slot)
			ADD(slot->interim, 1);
		book_received(f, f->current, sequence_at(s));
		d->state = DIR_LINE;
		return 0;
	}
	d->state = DIR_BODY_UNTIL_CLOSE;
	d->head.chunked |= d->head.lists_chunked;
	if (is_switching(f, number, status, flags)) {
		d->state = DIR_TUNNEL;
		f->out.state = DIR_TUNNEL;
	} else if ((flags & IS_HEAD) || status == 204 || status == 304) {
		ends = 1;
		d->head.chunked = in_hole; /* the head may go on behind the hole: see book_late */
	} else if (in_hole) {
		d->head.chunked = 0;
		d->in_hole = BEHIND_HOLE; /* it may have a length: see ends_with_connection */
	} else if (d->head.chunked) {
		chunked_begin(d);
		/* what its segment brings is read here, because most answers end in it */
		ends = w->len && chunked_bytes(source, d, s);
	} else if (d->head.has_length) {
		d->state = DIR_BODY;
		d->left = d->head.length;
		body = d->left;
		ends = d->left <= w->len;
	}
	if (known)
		book_answer(f, number, status, w->now, ends);
	if (connect_is_due(f))
		book_connect(f, w->now);
	if (!ends)
		return 0;
	consume(s, body);
	add_received(f, number, in_hole ? d->next : sequence_at(s));
	next_answer(f);
	return 0;
}

/* The connection was one of these before we came. What was taken for requests is forgotten. */
static __always_inline void leave_tunnel(struct flow *f)
{
	f->deferred = 0;
	f->kind = KIND_NOT_HTTP;
	for (__u32 i = 0; i < DEPTH; i++) {
		struct exchange *x = exchange_of(f, i);

		if (__sync_lock_test_and_set(&x->deferred, 0))
			claim(x, i, PHASE_OPEN, PHASE_DONE);
	}
}

/*
 * No status line. nginx takes it for HTTP/0.9: 200 at once, and all that comes is body. Of a pipelined request nobody knows where
 * its answer begins.
 */
__noinline int no_status_line(source_t *source, struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return 1;
	struct dir *d = &f->in;

	head_begin(d);
	d->step = 0;
	if (f->deferred & DEFERRED_TUNNEL) {
		leave_tunnel(f);
		return 1;
	}
	if (!has_begun(f, f->current) || !(exchange_of(f, f->current)->flags & IS_ALONE) || (!f->fresh && !f->current)) {
		s->work.stray = 1;
		d->state = DIR_BODY_UNTIL_CLOSE;
		count(L_AMBIGUOUS);
		return 1;
	}
	d->status = 200;
	consume(s, s->work.len);
	answer_head_done(source, f, s, 0);
	return 1;
}

/* DIR_LINE: a status line that does not lie whole at the chunk's start, or is not like most. */
static __always_inline int status_line(source_t *source, struct flow *f, struct scratch *s, __u32 n)
{
	struct dir *d = &f->in;
	int step = status_bytes(d, s, n);

	if (step == STATUS_NONE)
		return no_status_line(source, f, s);
	if (step == STATUS_END) {
		head_begin(d);
		d->head.first = 1;
		d->state = DIR_HEAD;
	} else {
		d->line_length = 1;
	}
	return 0;
}

/* DIR_LINE and DIR_HEAD: one chunk. Returns 1 when nothing is left to read in the segment. */
__noinline int answer_bytes(source_t *source, struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return 1;
	struct dir *d = &f->in;
	struct work *w = &s->work;
	__u32 n = w->len > CHUNK ? CHUNK : w->len, end;

	if (load_chunk(source, s, n))
		return 1;
	if (d->state == DIR_LINE) {
		if (!d->line_length) {
			head_begin(d);
			/* bytes before it that belong to no message are not counted */
			d->booked = sequence_at(s);
			d->step = STATUS_H;
			d->status = status_of_line(&s->chunk, n);
		}
		w->begun = 1;
		if (d->line_length || !d->status)
			return status_line(source, f, s, n);
		d->state = DIR_HEAD;
	} else {
		carry_restore(s, d);
	}
	end = head_scan(&d->head, &s->chunk, n);
	if (!end) {
		head_fold(&d->head, &s->chunk, n);
		carry_save(d, s);
		consume(s, n);
		return 0;
	}
	consume(s, end - FRONT);
	answer_head_done(source, f, s, 0);
	return 0;
}

/* Nothing is pending. Bytes in the body may have looked like the last chunk: then these are the rest of that answer. */
static __always_inline void book_late(struct flow *f, __u32 to)
{
	if (f->in.head.chunked)
		book_received(f, f->current - 1, to);
}

/*
 * Nothing is pending, and an answer begins: to a request that we did not see. Where its head is in one chunk, and it is interim
 * or tells the length, another one may follow it. Returns 1 when the segment needs no further look.
 */
static __always_inline int unmatched_answer(struct scratch *s, struct dir *d, __u32 n, int is_interim)
{
	__u32 end;

	if (!is_interim)
		count(L_UNMATCHED_RESPONSES);
	head_begin(d);
	end = head_scan(&d->head, &s->chunk, n);
	if (end && !is_interim && d->head.has_length && !d->head.chunked)
		d->left = d->head.length;
	d->head.chunked = 0;
	if (!end)
		return 1;
	consume(s, end - FRONT);
	return 0;
}

/* A backend may speak first: its SETTINGS. */
static __always_inline int frames_may_begin(source_t *source, struct flow *f, struct scratch *s)
{
	struct dir *d = &f->in;
	__u32 n = s->work.len > 9 ? 9 : s->work.len;

	if (!f->fresh || d->stray || f->started || load_chunk(source, s, n) || s->chunk.bytes[FRONT] ||
	    (n > 3 && s->chunk.bytes[FRONT + 3] != H2_SETTINGS))
		return 0;
	frames_begin(d, H2_FRAME);
	d->booked = sequence_at(s);
	return 1;
}

/*
 * Nothing is pending: a late body, a 408 on an idle connection, or answers to requests that we did not see. One of these begins
 * where the last one ended, or when the backend has acknowledged something new. Where it has not since its last segment, nobody
 * has asked for what it says.
 */
static __always_inline int stray_bytes(source_t *source, struct flow *f, struct scratch *s)
{
	struct dir *d = &f->in;
	struct work *w = &s->work;
	__u32 n = w->len > CHUNK ? CHUNK : w->len, status = 0;
	int was_asked_for = w->ack != f->peer_ack || seq_after(w->ack, f->out.next), is_interim;

	if (frames_may_begin(source, f, s))
		return 0;
	w->stray = 1;
	if (d->stray && d->left && !seq_after(w->ack, f->peer_ack)) {
		__u32 body = w->len < d->left ? w->len : d->left;

		book_late(f, sequence_at(s) + body);
		d->left -= body;
		consume(s, body);
		return 0;
	}
	if (n >= 12 && !load_chunk(source, s, n))
		status = status_at(s->chunk.bytes, FRONT);
	if (status && !d->stray)
		d->head.chunked = 0;
	book_late(f, sequence_at(s) + w->len);
	is_interim = status && status < 200 && status != 101;
	/* after nginx's FIN it is the answer to a request that was booked as aborted */
	if (stopping || (f->nginx && f->fin_out))
		return 1;
	if (!is_interim) {
		d->stray = 1;
		d->left = ~0ULL;
	}
	return status && was_asked_for ? unmatched_answer(s, d, n, is_interim) : 1;
}

static __always_inline int message_begins_here(source_t *source, struct scratch *s)
{
	if (load_chunk(source, s, s->work.len > 16 ? 16 : s->work.len))
		return 0;
	return s->work.len >= 12 && status_at(s->chunk.bytes, FRONT) >= 100;
}

/* A body without a known end, and another request waits behind it: an answer can only be told where a segment begins with one. */
static __always_inline int next_begins_here(source_t *source, struct flow *f, struct scratch *s)
{
	return has_begun(f, f->current + 1) && message_begins_here(source, s);
}

/* One step through the segment. Returns 1 when nothing is left to do. */
static __always_inline int answer_step(source_t *source, struct flow *f, struct scratch *s, __u64 before)
{
	struct dir *d = &f->in;
	struct work *w = &s->work;

	if (!w->len)
		return 1;
	switch (d->state) {
	case DIR_BODY: {
		__u32 n = w->len < d->left ? w->len : d->left;

		d->left -= n;
		consume(s, n);
		if (!d->left && data_over(d))
			answer_over(f, sequence_at(s), w->now);
		return 0;
	}
	case DIR_CHUNKED:
		if (chunked_bytes(source, d, s))
			answer_over(f, sequence_at(s), w->now);
		return 0;
	case DIR_TUNNEL:
		return 1;
	case DIR_BODY_UNTIL_CLOSE:
		if (d->head.chunked && chunked_ends(source, d, w->off, w->len)) {
			answer_over(f, sequence_at(s) + w->len, w->now);
			return 1;
		}
		if (next_begins_here(source, f, s)) {
			count(L_AMBIGUOUS);
			answer_over(f, sequence_at(s), before);
			return 0;
		}
		return 1;
	case DIR_LINE:
		if (!pending(f))
			return stray_bytes(source, f, s);
		if (d->in_hole && !d->line_length && !message_begins_here(source, s)) {
			w->stray = 1;
			book_late(f, sequence_at(s) + w->len);
			return 1;
		}
		d->in_hole = 0;
	}
	return answer_bytes(source, f, s);
}
