/* Bytes from the backend, in order: status lines, heads and bodies, matched with the requests. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/bytes.h"
#include "kernel/parser/head.h"
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/chunks.h"
#include "kernel/packet/sequence.h"
#include "kernel/counting/exchanges.h"

/* The current answer is over for this direction, which goes on to the next one. */
static __always_inline void next_answer(struct flow *f)
{
	struct dir *d = &f->in;

	d->state = DIR_LINE;
	d->line_length = 0;
	d->left = 0;
	d->in_hole = 0;
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
	if (d->state == DIR_LINE && !d->line_length && (x->flags & IS_ALONE) && (!d->synced || seq_after(x->ack, d->next))) {
		d->next = x->ack;
		d->synced = 1;
		d->ranges = 0;
	}
}

static __always_inline int pending(struct flow *f)
{
	return has_begun(f, f->current) || f->overflow;
}

/* The head of an answer is complete; the rest of the segment is body. `in_hole`: the end of the head was in a hole. */
__noinline int answer_head_done(struct __sk_buff *skb, struct flow *f, struct scratch *s, int in_hole)
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
	if (status < 200 && status != 101) {
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
	d->tail = 0x0a0d000000000000ULL;
	if (status == 101 || ((flags & IS_CONNECT) && status / 100 == 2)) {
		d->state = DIR_TUNNEL;
		f->out.state = DIR_TUNNEL;
	} else if ((flags & IS_HEAD) || status == 204 || status == 304) {
		ends = 1;
		d->head.chunked |= in_hole; /* the head may go on behind the hole: see book_late */
	} else if (in_hole) {
		d->head.chunked = 0;
	} else if (d->head.chunked) {
		body = w->len;
		ends = body && chunked_ends(skb, d, w->off, body);
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

/* DIR_LINE and DIR_HEAD: one chunk. Returns 1 when nothing is left to read in the segment. */
__noinline int answer_bytes(struct __sk_buff *skb, struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return 1;
	struct dir *d = &f->in;
	struct work *w = &s->work;
	__u32 n = w->len > CHUNK ? CHUNK : w->len, end;

	if (load_chunk(skb, s, n))
		return 1;
	if (d->state == DIR_LINE) {
		if (!d->line_length) {
			head_begin(d);
			/* bytes before it that belong to no message are not counted */
			d->booked = sequence_at(s);
		} else {
			carry_restore(s, d);
		}
		w->begun = 1;
		if (FRONT + n - d->head.line < 12) {
			head_fold(&d->head, &s->chunk, n);
			carry_save(d, s);
			consume(s, n);
			return 0;
		}
		d->status = status_at(s->chunk.bytes, d->head.line);
		if (d->status < 100) {
			/* nginx takes it for invalid, too: the request stays open until the connection ends */
			w->stray = 1;
			d->state = DIR_BODY_UNTIL_CLOSE;
			d->head.chunked = 0;
			count(L_AMBIGUOUS);
			return 1;
		}
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
	answer_head_done(skb, f, s, 0);
	return 0;
}

/* Nothing is pending. Bytes in the body may have looked like the last chunk: then these are the rest of that answer. */
static __always_inline void book_late(struct flow *f, __u32 to)
{
	if (f->in.head.chunked)
		book_received(f, f->current - 1, to);
}

/* Nothing is pending: a late body, a 408 on an idle connection, or an answer to a request that we did not see. */
static __always_inline int stray_bytes(struct __sk_buff *skb, struct flow *f, struct scratch *s)
{
	__u64 w = 0;
	int is_answer = s->work.len >= 8 && !bpf_skb_load_bytes(skb, s->work.off, &w, 8) && w << 8 == 0x2e312f5054544800ULL;

	s->work.stray = 1;
	if (is_answer && !f->in.stray)
		f->in.head.chunked = 0;
	book_late(f, sequence_at(s) + s->work.len);
	/* after nginx's FIN it is the answer to a request that was booked as aborted */
	if (f->in.stray || stopping || (f->nginx && f->fin_out))
		return 1;
	f->in.stray = 1;
	if (is_answer)
		count(L_UNMATCHED_RESPONSES);
	return 1;
}

/* A body without a known end, while another request waits: the next answer is recognised only at the start of a segment. */
static __always_inline int next_begins_here(struct __sk_buff *skb, struct flow *f, struct scratch *s)
{
	if (!has_begun(f, f->current + 1) || load_chunk(skb, s, s->work.len > 16 ? 16 : s->work.len))
		return 0;
	return s->work.len >= 12 && status_at(s->chunk.bytes, FRONT) >= 100;
}

/* One step through the segment. Returns 1 when nothing is left to do. */
static __always_inline int answer_step(struct __sk_buff *skb, struct flow *f, struct scratch *s, __u64 before)
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
		if (!d->left)
			answer_over(f, sequence_at(s), w->now);
		return 0;
	}
	case DIR_TUNNEL:
		return 1;
	case DIR_BODY_UNTIL_CLOSE:
		if (d->head.chunked && chunked_ends(skb, d, w->off, w->len)) {
			answer_over(f, sequence_at(s) + w->len, w->now);
			return 1;
		}
		if (next_begins_here(skb, f, s)) {
			count(L_AMBIGUOUS);
			answer_over(f, sequence_at(s), before);
			return 0;
		}
		return 1;
	case DIR_LINE:
		if (!pending(f))
			return stray_bytes(skb, f, s);
	}
	return answer_bytes(skb, f, s);
}
