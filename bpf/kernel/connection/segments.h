/* Which bytes of a segment are new, by sequence numbers: after loss, retransmission, reordering, and on several interfaces. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/head.h"
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/sequence.h"
#include "kernel/counting/exchanges.h"
#include "kernel/http1/answers.h"
#include "kernel/http1/requests.h"
#include "validation.h"

static __always_inline int lock(struct dir *d)
{
	for (int i = 0; i < 100; i++)
		if (!__sync_val_compare_and_swap(&d->lock, 0, 1))
			return 1;
	return 0;
}

static __always_inline void unlock(struct dir *d)
{
#ifdef __TARGET_ARCH_x86
	/* stores become visible in order on x86; an atomic exchange would also wait for all earlier ones */
	barrier();
	*(volatile __u32 *)&d->lock = 0;
#else
	__sync_lock_test_and_set(&d->lock, 0);
#endif
}

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

/* After a hole was filled: returns how many bytes beyond `next` had been seen already, removes their ranges and moves `next`. */
static __always_inline __u32 jump_ranges(struct dir *d)
{
	__u32 from = d->next;

	for (int pass = 0; pass < RANGES; pass++) {
		__u8 kept = 0;

		for (int i = 0; i < RANGES; i++) {
			struct span r = d->span[i];

			if (i >= d->ranges)
				break;
			if (!seq_after(r.lo, d->next)) {
				if (seq_after(r.hi, d->next))
					d->next = r.hi;
			} else if (kept < RANGES) {
				d->span[kept] = r;
				kept++;
			}
		}
		d->ranges = kept;
	}
	return d->next - from;
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
	if ((__u32)-distance >= p->len)
		return OLD;
	*skip = -distance;
	return IN_ORDER;
}

static __always_inline void work_begin(struct work *w, const struct packet *p, __u32 skip)
{
	w->now = bpf_ktime_get_ns();
	w->off = p->off + skip;
	w->len = p->len - skip;
	w->ack = p->ack;
	w->ifindex = p->ifindex;
	w->begun = 0;
	w->stray = 0;
	w->line_loaded = 0;
}

static __always_inline void count_class(const struct work *w)
{
	count(w->begun ? T_STARTS : w->stray ? T_AMBIGUOUS : T_CONTINUATIONS);
}

/* Returns whether the segment has no new bytes to read; such a segment is counted here. */
static __always_inline int count_duplicate(struct __sk_buff *skb, struct flow *f, struct dir *d, struct packet *p,
					   enum sequence where, __u32 skip, int arrives)
{
	if (where == IN_ORDER && !skip)
		return 0;
	if (where != OLD && !is_in_window(skb, d, p, arrives)) {
		count(T_NOT_HTTP); /* the socket does not accept it */
		return 1;
	}
	if (where == IN_ORDER)
		return 0;
	if (where == AHEAD && !in_ranges(d, p->seq, p->seq + p->len)) {
		remember_range(d, p->seq, p->seq + p->len);
		d->owner = p->ifindex;
		count(T_PARTIAL);
	} else if (p->ifindex == d->owner) {
		if (is_retransmission(skb, p, arrives))
			book_retransmit(f);
		else
			count(T_NOT_HTTP);
	} else {
		count(T_SECOND_SIGHTINGS);
	}
	return 1;
}

struct step_context {
	struct __sk_buff *skb;
	struct flow *f;
	struct scratch *s;
	__u64 before;
};

/*
 * The verifier requires 0 or 1 from a callback, but does not keep the range of a global function's result. The compiler knows the
 * range and would drop the comparison without the barrier.
 */
static long step_out(__u32 i, struct step_context *c)
{
	int over = request_step(c->skb, c->f, c->s);

	barrier_var(over);
	return over != 0;
}

static long step_in(__u32 i, struct step_context *c)
{
	int over = answer_step(c->skb, c->f, c->s, c->before);

	barrier_var(over);
	return over != 0;
}

/* Skips n bytes of requests, which were seen beyond a hole but not parsed. */
static __always_inline void jump_requests(struct flow *f, __u32 n)
{
	struct dir *d = &f->out;

	if (d->state == DIR_BODY && n <= d->left) {
		d->left -= n;
		if (!d->left)
			d->state = DIR_LINE;
		return;
	}
	if (d->state == DIR_BODY_UNTIL_CLOSE || d->state == DIR_TUNNEL)
		return;
	if (d->state != DIR_HEAD)
		count(L_AMBIGUOUS);
	d->state = DIR_BODY_UNTIL_CLOSE;
	d->head.chunked = 0;
}

static __always_inline void jump_answers(struct __sk_buff *skb, struct flow *f, struct scratch *s, __u32 n)
{
	struct dir *d = &f->in;

	s->work.len = 0;
	if (d->state == DIR_BODY) {
		__u32 body = n < d->left ? n : d->left;

		d->left -= body;
		n -= body;
		if (!d->left)
			answer_over(f, d->next - n, s->work.now);
	} else if (d->state == DIR_HEAD && (d->status >= 200 || d->status == 101)) {
		/* the end of the head is among the bytes that were not read, and so are the fields about the body */
		answer_head_done(skb, f, s, 1);
		return;
	}
	if (n && d->state == DIR_LINE && !pending(f))
		book_late(f, d->next);
	if (!n || d->state == DIR_BODY_UNTIL_CLOSE || d->state == DIR_TUNNEL || !pending(f))
		return;
	count(L_AMBIGUOUS);
	d->state = DIR_BODY_UNTIL_CLOSE;
	d->in_hole = 1;
	d->head.chunked = 0;
}

/* Stored after the segment was read: the sweep counts the bytes before `next` for the message that is current then. */
static __always_inline void move_next(struct dir *d, __u32 next)
{
#ifdef __TARGET_ARCH_x86
	barrier();
	*(volatile __u32 *)&d->next = next;
#else
	__sync_lock_test_and_set(&d->next, next);
#endif
}

#define STEPS 2048 /* more than the chunks of a 64 KiB head */

/* A payload segment of a tracked flow leaves. */
__noinline int segment_out(struct __sk_buff *skb, struct flow *f, struct packet *p)
{
	struct scratch *s = scratch();
	__u32 skip, jumped;
	enum sequence where;

	if (!f || !p || !s)
		return 0;
	struct dir *d = &f->out;
	if (!lock(d)) {
		count(T_AMBIGUOUS);
		count(L_AMBIGUOUS);
		return 0;
	}
	where = classify_segment(d, p, &skip);
	if (count_duplicate(skb, f, d, p, where, skip, 0)) {
		unlock(d);
		return 0;
	}
	work_begin(&s->work, p, skip);
	d->owner = p->ifindex;
	d->last_ns = s->work.now;
	if (!request_step(skb, f, s) && s->work.len) {
		struct step_context c = {.skb = skb, .f = f, .s = s};

		bpf_loop(STEPS, step_out, &c, 0);
	}
	/* a message that goes on is counted by the sweep, or when it ends: a segment of a body costs nothing */
	if (d->state == DIR_LINE && f->kind == KIND_HTTP)
		add_sent(f, p->seq + p->len);
	move_next(d, p->seq + p->len);
	if (d->ranges) {
		jumped = jump_ranges(d);
		if (jumped)
			jump_requests(f, jumped);
		if (d->state == DIR_LINE && f->kind == KIND_HTTP)
			book_sent(f, d->next);
	}
	if (f->kind == KIND_HTTP)
		count_class(&s->work);
	else
		count(f->kind == KIND_OPAQUE ? T_OPAQUE : T_NOT_HTTP);
	unlock(d);
	return 0;
}

/* A payload segment of a tracked flow arrives. */
__noinline int segment_in(struct __sk_buff *skb, struct flow *f, struct packet *p)
{
	struct scratch *s = scratch();
	__u32 skip, jumped;
	enum sequence where;
	__u64 before;

	if (!f || !p || !s)
		return 0;
	struct dir *d = &f->in;
	if (!lock(d)) {
		count(T_AMBIGUOUS);
		count(L_AMBIGUOUS);
		return 0;
	}
	skip_ended_answers(f);
	where = classify_segment(d, p, &skip);
	if (count_duplicate(skb, f, d, p, where, skip, 1)) {
		unlock(d);
		return 0;
	}
	work_begin(&s->work, p, skip);
	d->owner = p->ifindex;
	before = d->last_ns;
	d->last_ns = s->work.now;
	if (!answer_step(skb, f, s, before) && s->work.len) {
		struct step_context c = {.skb = skb, .f = f, .s = s, .before = before};

		bpf_loop(STEPS, step_in, &c, 0);
	}
	move_next(d, p->seq + p->len);
	if (d->ranges) {
		jumped = jump_ranges(d);
		if (jumped)
			jump_answers(skb, f, s, jumped);
	}
	count_class(&s->work);
	unlock(d);
	return 0;
}
