/*
 * Finds holes, and goes on behind them; counting/holes.h counts them.
 *
 * What passed unseen: by another interface, before we were attached there, or in a segment that could not be read. TCP fills a
 * hole until the receiver has it; then nobody does. So a hole is jumped when the receiver has acknowledged what lies in it: the
 * own socket says so, and where it cannot be found, what the other direction acknowledges. What lay in it is settled, and reading
 * goes on where a message can be told. The lock of the direction is held; whoever needs both takes `out` first.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/status.h"
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/chunks.h"
#include "kernel/packet/sequence.h"
#include "kernel/host/sockets.h"
#include "kernel/counting/exchanges.h"
#include "kernel/counting/holes.h"
#include "kernel/http1/answers.h"
#include "kernel/http1/requests.h"
#include "kernel/http1/stepwise.h"
#include "kernel/http2/answers.h"
#include "kernel/http2/requests.h"
#include "passed.h"
#include "kernel/state/lock.h"

/* The end of what was seen from `at` on, beyond former holes. Forgets those ranges. */
static __always_inline __u32 jump_ranges(struct dir *d, __u32 at)
{
	for (int pass = 0; pass < RANGES; pass++) {
		__u8 kept = 0;

		for (int i = 0; i < RANGES; i++) {
			struct span r = d->span[i];

			if (i >= d->ranges)
				break;
			if (!seq_after(r.lo, at)) {
				if (seq_after(r.hi, at))
					at = r.hi;
			} else if (kept < RANGES) {
				d->span[kept] = r;
				kept++;
			}
		}
		d->ranges = kept;
	}
	return at;
}

/* ---- requests ---- */

static __always_inline void jump_requests(struct flow *f, __u32 to)
{
	struct dir *d = &f->out;

	if (!d->synced || !seq_after(to, d->next))
		return;
	note_hole(d, to);
	pass_requests(f, jump_ranges(d, to));
}

/* ---- answers ---- */

/* Bytes that passed unread: UNSEEN; the answer that is waited for FOLLOWS them; SEEN, before those that fill a hole. */
enum passed { UNSEEN, FOLLOWS, SEEN };

/* The bytes [at, to) of answers passed unread, and a message began there. */
static __always_inline void pass_answer_line(struct flow *f, __u32 at, __u32 to, enum passed how)
{
	struct dir *d = &f->in;

	d->state = DIR_LINE;
	if (!pending(f)) {
		book_late(f, to);
	} else if (how != FOLLOWS) {
		if (!d->line_length)
			d->booked = at;
		book_received(f, f->current, how == SEEN ? to : at);
		book_unseen(f, f->current);
		next_answer(f);
		d->in_hole = BEHIND_HOLE;
		d->head.chunked = how == SEEN; /* the rest of it is: see book_late */
	}
	d->line_length = 0;
}

static __always_inline int knows_status(const struct dir *d)
{
	return d->state == DIR_HEAD || (d->state == DIR_LINE && d->line_length && d->step >= STATUS_CODE_3);
}

/* The bytes of answers up to `to` passed unread. What they ended, ended when the last bytes that were seen arrived. */
__noinline int pass_answers(struct __sk_buff *skb, struct flow *f, struct scratch *s, __u32 to, int how)
{
	if (!f || !s)
		return 0;
	struct dir *d = &f->in;
	__u32 at = d->next, len = s->work.len;
	__u64 now = s->work.now;

	s->work.len = 0;
	s->work.now = d->last_ns;
	if (d->state == DIR_FRAMES) {
		pass_answer_frames(f, to);
		at = to;
	} else if (d->state == DIR_BODY && to - at < d->left) {
		d->left -= to - at;
		at = to;
	} else if (d->state == DIR_BODY) {
		at += (__u32)d->left;
		d->left = 0;
		if (data_over(d))
			answer_over(f, at, d->last_ns);
	} else if (d->state == DIR_BODY_UNTIL_CLOSE) {
		d->tail = 0;
		at = to;
	} else if (knows_status(d) && (d->status >= 200 || d->status == 101)) {
		/* its end is among what we did not read, and so are the facts about its body */
		move_next(d, to);
		answer_head_done(skb, f, s, 1);
		at = to;
	}
	if (at != to && is_chunked(d)) {
		chunked_lost(d);
		at = to;
	}
	if (d->state == DIR_TUNNEL)
		at = to;
	if (at != to)
		pass_answer_line(f, at, to, how);
	move_next(d, to);
	s->work.len = len;
	s->work.now = now;
	return 0;
}

/*
 * No answer of the connection was ever seen. One came if more than a FIN was acknowledged since its request left. Of HTTP/2 that
 * may be anything.
 */
static __always_inline void answer_never_seen(struct flow *f, __u32 to)
{
	__u32 number = f->oldest;
	struct exchange *x = exchange_of(f, number);

	if (f->out.state == DIR_FRAMES || (x->flags & (IS_ALONE | NO_ACK)) != IS_ALONE || !seq_after(to, x->ack + 1) ||
	    phase_of(f, number) != PHASE_OPEN)
		return;
	book_missed(f, number);
}

/* Acknowledged up to `to`, but for a FIN: seen or not. Takes the lock. */
__noinline int answers_arrived(struct __sk_buff *skb, struct flow *f, __u32 to)
{
	struct scratch *s = scratch_of(skb);

	if (!f || !s)
		return 0;
	struct dir *d = &f->in;

	if (f->kind != KIND_HTTP || (d->synced && (!seq_after(to, d->next) || to - d->next == 1)) || !lock(d))
		return 0;
	if (!d->synced) {
		answer_never_seen(f, to);
	} else if (seq_after(to, d->next)) {
		skip_ended_answers(f);
		if (seq_after(to, d->next)) {
			note_hole(d, to);
			pass_answers(skb, f, s, jump_ranges(d, to), UNSEEN);
		}
	}
	unlock(d);
	return 0;
}

__noinline int requests_arrived(struct flow *f, __u32 to)
{
	if (!f || f->kind != KIND_HTTP || !seq_after(to, f->out.next) || !lock(&f->out))
		return 0;
	jump_requests(f, to);
	unlock(&f->out);
	return 0;
}

/* ---- a segment ahead of what was seen ---- */

/* A request leaves there. Returns whether its sender's socket was asked. */
__noinline int request_ahead(struct __sk_buff *skb, struct flow *f, struct packet *p)
{
	struct scratch *s = scratch_of(skb);

	if (!f || !p || !s)
		return 0;
	int known = sender_of(skb, &s->socket);
	__u32 to = known ? s->socket.snd_una : f->in.last_ns ? f->peer_ack : f->out.next;

	/* what was answered unseen does not hide the request that comes now */
	answers_arrived(skb, f, p->ack);
	jump_requests(f, seq_after(to, p->seq) ? p->seq : to);
	return known;
}

/* Whether the answer that is waited for begins with the segment: a hole before it held an interim one. */
static __always_inline int answer_follows(struct __sk_buff *skb, struct flow *f, struct packet *p, struct scratch *s)
{
	if (has_begun(f, f->current + 1) || seq_after(p->ack, f->out.next) || p->len < 12)
		return 0;
	s->work.off = p->off;
	return !load_chunk(skb, s, 16 < p->len ? 16 : p->len) && status_at(s->chunk.bytes, FRONT) >= 100;
}

/* An answer arrives there. Returns whether the receiver's socket was asked. */
__noinline int answer_ahead(struct __sk_buff *skb, struct flow *f, struct packet *p)
{
	struct scratch *s = scratch_of(skb);

	if (!f || !p || !s)
		return 0;
	struct dir *d = &f->in;
	int known = connection_of(skb, p, &s->socket);
	__u32 to = d->next, started = f->started;
	struct exchange *last = exchange_of(f, started - 1);

	if (known)
		to = s->socket.rcv_nxt;
	else if (started && !(last->flags & NO_ACK))
		to = last->ack;
	if (seq_after(to, p->seq))
		to = p->seq;
	if (seq_after(to, d->next)) {
		note_hole(d, to);
		to = jump_ranges(d, to);
		pass_answers(skb, f, s, to, to == p->seq && answer_follows(skb, f, p, s) ? FOLLOWS : UNSEEN);
	}
	return known;
}

/* Of a hole that was jumped: too late to be read. */
static __always_inline int is_late(const struct dir *d, const struct packet *p)
{
	return p->seq - d->jumped.lo < d->jumped.hi - d->jumped.lo;
}

/* A keepalive or a window probe: an old byte, or one that was refused, so that the peer answers. */
static __always_inline int is_probe(const struct dir *d, const struct packet *p)
{
	return p->len == 1 && p->seq + 1 == d->next;
}
