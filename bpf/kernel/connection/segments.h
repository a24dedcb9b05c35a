/* Which bytes of a segment are new, by sequence numbers: after loss, retransmission, reordering, and on several interfaces. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/head.h"
#include "kernel/parser/status.h"
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/sequence.h"
#include "kernel/counting/exchanges.h"
#include "kernel/http1/answers.h"
#include "kernel/http1/requests.h"
#include "kernel/http2/answers.h"
#include "kernel/http2/requests.h"
#include "holes.h"
#include "reading.h"
#include "kernel/state/lock.h"
#include "validation.h"

/*
 * Keeps bytes beyond a hole as a range, so that they are skipped when the hole is filled. With too many holes the last range
 * grows.
 */
static __always_inline void remember_range(struct dir *d, __u32 lo, __u32 hi)
{
	for (int i = 0; i < RANGES; i++) {
		struct span *r = &d->span[i];

		if (i >= d->ranges) {
			r->lo = lo;
			r->hi = hi;
			d->ranges = i + 1;
			return;
		}
		if (!seq_after(lo, r->hi) && !seq_after(r->lo, hi)) {
			if (seq_before(lo, r->lo))
				r->lo = lo;
			if (seq_after(hi, r->hi))
				r->hi = hi;
			return;
		}
	}
	struct span *last = &d->span[RANGES - 1];
	if (seq_before(lo, last->lo))
		last->lo = lo;
	if (seq_after(hi, last->hi))
		last->hi = hi;
}

/* Whether all of it was seen before, beyond the hole. */
static __always_inline int in_ranges(const struct dir *d, __u32 lo, __u32 hi)
{
	for (int i = 0; i < RANGES; i++) {
		if (i >= d->ranges)
			return 0;
		if (!seq_before(lo, d->span[i].lo) && !seq_after(hi, d->span[i].hi))
			return 1;
	}
	return 0;
}

enum sequence { IN_ORDER, OLD, AHEAD };

/* Classifies [p->seq, p->seq + p->len) and trims what is old: *skip bytes. */
static __always_inline enum sequence classify_segment(struct dir *d, const struct packet *p, __u32 *skip)
{
	__s32 distance;

	if (!d->synced) {
		d->synced = 1;
		d->next = p->seq;
	}
	distance = p->seq - d->next;
	*skip = 0;
	if (distance > 0)
		return AHEAD;
	if (distance == 0)
		return IN_ORDER;
	if (d->next - p->seq >= p->len)
		return OLD;
	*skip = d->next - p->seq;
	return IN_ORDER;
}

static __always_inline void count_class(const struct work *w)
{
	count(w->begun ? T_STARTS : w->stray ? T_AMBIGUOUS : T_CONTINUATIONS);
}

/* Returns whether the segment has no new bytes to read; such a segment is counted here. */
static __always_inline int count_duplicate(struct __sk_buff *skb, struct flow *f, struct dir *d, struct packet *p,
					   enum sequence where, __u32 skip, int arrives, int known)
{
	if (where == IN_ORDER && !skip)
		return 0;
	if (where != OLD && !is_in_window(skb, d, p, arrives, known)) {
		count(T_NOT_HTTP); /* the socket does not accept it */
		return 1;
	}
	if (where == IN_ORDER)
		return 0;
	if (where == AHEAD && !in_ranges(d, p->seq, p->seq + p->len)) {
		remember_range(d, p->seq, p->seq + p->len);
		d->owner = p->ifindex;
		count(T_PARTIAL);
	} else if (where == OLD && is_late(d, p)) {
		count(T_PARTIAL);
	} else if (where == OLD && is_probe(d, p)) {
		count(T_SECOND_SIGHTINGS);
	} else if (BY_CGROUP || p->ifindex == d->owner) {
		if (is_retransmission(skb, p, arrives))
			book_retransmit(f);
		else
			count(T_NOT_HTTP);
	} else {
		count(T_SECOND_SIGHTINGS);
	}
	return 1;
}

/* Not even after waiting: what follows finds a hole. */
static __always_inline void count_locked_out(void)
{
	count(T_AMBIGUOUS);
	count(L_AMBIGUOUS);
}

/* Another message may begin: also behind a hole, or in a body whose end is not known. */
static __always_inline int may_begin_message(const struct dir *d)
{
	return d->state == DIR_LINE || d->state == DIR_FRAMES || d->state == DIR_BODY_UNTIL_CLOSE;
}

/* A message may begin, while another is pending: the ACK number tells whether its answer has arrived unseen. */
static __always_inline int may_have_missed_answer(struct flow *f, const struct packet *p)
{
	return may_begin_message(&f->out) && (p->flags & TCP_ACK) && phase_of(f, f->started - 1) != PHASE_DONE &&
	       seq_after(p->ack, f->in.next);
}

/* A payload segment of a tracked flow leaves. */
__noinline int segment_out(struct __sk_buff *skb, struct flow *f, struct packet *p)
{
	struct scratch *s = scratch_of(skb);
	enum sequence where;
	__u32 skip, end;
	int known = 0;

	if (!f || !p || !s)
		return 0;
	struct dir *d = &f->out;
	if (!lock(d)) {
		count_locked_out();
		return 0;
	}
	where = classify_segment(d, p, &skip);
	if (where == AHEAD) {
		known = request_ahead(skb, f, p);
		where = classify_segment(d, p, &skip);
	}
	if (count_duplicate(skb, f, d, p, where, skip, 0, known)) {
		unlock(d);
		return 0;
	}
	if (may_have_missed_answer(f, p))
		answers_arrived(skb, f, p->ack);
	work_begin(&s->work, p, skip);
	d->owner = p->ifindex;
	d->last_ns = s->work.now;
	read_requests(skb, f, s);
	end = p->seq + p->len;
	/* what goes on is counted by the sweep, or when it ends: a segment of a body costs nothing */
	if (d->state == DIR_LINE && f->kind == KIND_HTTP)
		add_sent(f, end);
	else if (d->in_hole)
		d->booked = end;
	move_next(d, end);
	if (d->ranges) {
		__u32 to = jump_ranges(d, end);

		if (to != end)
			pass_requests(f, to);
		if (d->state == DIR_LINE && f->kind == KIND_HTTP)
			book_sent(f, d->next);
	}
	if (f->kind == KIND_HTTP)
		count_class(&s->work);
	else
		count(f->kind >= KIND_OPAQUE ? T_OPAQUE : T_NOT_HTTP);
	unlock(d);
	return 0;
}

/* A payload segment of a tracked flow arrives. */
__noinline int segment_in(struct __sk_buff *skb, struct flow *f, struct packet *p)
{
	struct scratch *s = scratch_of(skb);
	enum sequence where;
	__u32 skip, end;
	int known = 0;
	__u64 before;

	if (!f || !p || !s)
		return 0;
	struct dir *d = &f->in;
	if (!lock(d)) {
		count_locked_out();
		return 0;
	}
	skip_ended_answers(f);
	where = classify_segment(d, p, &skip);
	if (where == AHEAD) {
		known = answer_ahead(skb, f, p);
		where = classify_segment(d, p, &skip);
	}
	if (count_duplicate(skb, f, d, p, where, skip, 1, known)) {
		unlock(d);
		return 0;
	}
	work_begin(&s->work, p, skip);
	d->owner = p->ifindex;
	before = d->last_ns;
	d->last_ns = s->work.now;
	read_answers(skb, f, s, before);
	f->peer_ack = p->ack;
	end = p->seq + p->len;
	move_next(d, end);
	if (d->ranges) {
		__u32 to = jump_ranges(d, end);

		if (to != end)
			pass_answers(skb, f, s, to, SEEN);
	}
	count_class(&s->work);
	unlock(d);
	return 0;
}
