/* HTTP/2 to the backend: requests, one stream after the other. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/h2.h"
#include "kernel/parser/line.h"
#include "kernel/parser/protocol.h"
#include "kernel/state/flow.h"
#include "kernel/state/lock.h"
#include "kernel/state/scratch.h"
#include "kernel/state/source.h"
#include "kernel/packet/chunks.h"
#include "kernel/host/sockets.h"
#include "kernel/counting/exchanges.h"
#include "kernel/counting/holes.h"
#include "kernel/counting/routes.h"
#include "kernel/http1/begin.h"
#include "kernel/http1/requests.h"
#include "frames.h"

/* A client that has several streams at once, or refers to a dynamic table: its requests cannot be told from here. */
__noinline int refuse_frames(source_t *source, struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return 0;
	pass_rest(s);
	return leave_unread(source, f, s, PROTOCOL_H2);
}

/*
 * nginx has one stream at a time: what is pending when the next one begins has ended unseen. Returns whether something was.
 */
static __always_inline int end_streams(struct flow *f)
{
	__u32 first = f->oldest;
	int pending = 0;

	for (__u32 i = 0; i < DEPTH; i++) {
		__u32 number = first + i;

		if (number == f->started)
			break;
		enum phase phase = phase_of(f, number);
		pending |= phase != PHASE_DONE;
		/* before its end is booked: the bytes that passed unread until now are of this answer, not of the next one */
		if (phase != PHASE_DONE && number == f->current)
			book_received(f, number, f->in.next);
		if (phase == PHASE_OPEN) {
			book_unseen(f, number);
		} else if (phase == PHASE_ANSWERED) {
			struct exchange *x = exchange_of(f, number);

			if (x->flags >> GRPC_SHIFT != GRPC_UNSEEN)
				count(L_AMBIGUOUS);
			x->flags |= GRPC_UNSEEN << GRPC_SHIFT;
			book_stream_end(f, number, f->in.last_ns, 0);
		}
		f->oldest = number + 1;
	}
	return pending;
}

/* Of method and path, as they are encoded. 0: there is none, because the method comes later, or is long. */
static __always_inline __u64 hash_of_request(const struct scratch *s)
{
	const struct h2_reader *r = &s->reader.h2;
	const struct h2 *h = &r->h;
	__u64 hash = h->method ? path_hash(&s->chunk, r->at, h->length, h->method << 8 | h->huffman) : 0;

	if (!hash || h->method != H2_METHOD_LITERAL)
		return hash;
	/* multiplied by an odd number, two methods stay different */
	return s->line.method_len > 8 ? 0 : hash ^ *(const __u64 *)s->line.method * 0x9e3779b97f4a7c15ULL;
}

/* H2_PATH_HERE: the same path may have been read before. */
__noinline int find_path(struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return 0;
	struct h2_reader *r = &s->reader.h2;
	__u32 backend = backend_of_flow(f, s), slot = NO_SLOT;
	struct slot *counters;

	s->work.hash = hash_of_request(s);
	if (s->work.hash) {
		__u64 keyed = s->work.hash ^ backend * 0x9e3779b97f4a7c15ULL;
		struct cached_route *cached_route = cached_route_of(keyed);

		if (cached_route)
			slot = slot_from_cache(cached_route, keyed);
	}
	counters = slot == NO_SLOT ? 0 : slot_of(slot);
	if (!counters) {
		h2_decode_path(r, &s->line);
		return 0;
	}
	r->h.slot = slot;
	r->h.generation = counters->cache_generation;
	h2_take_path(r);
	return 0;
}

/* The slot of the request whose block is over. */
__noinline __u32 slot_of_block(struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return NO_SLOT;
	struct h2 *h = &s->reader.h2.h;

	if (h->seen & H2_HAS_SLOT) {
		struct slot *counters = slot_of(h->slot);

		if (counters && counters->cache_generation == h->generation)
			return h->slot;
		/* it was retired while the block was on its way, and the path is gone */
		count(L_PATH_FOLDED);
		return other_of(backend_of_flow(f, s));
	}
	if (h->method == H2_METHOD_GET || h->method == H2_METHOD_POST) {
		*(__u64 *)s->line.method = h->method == H2_METHOD_GET ? 0x544547 : 0x54534f50;
		s->line.method_len = h->method == H2_METHOD_GET ? 3 : 4;
		s->line.method_cut = 0;
	}
	return slot_of_line(f, s);
}

/* A header block is over. Returns whether it begins a request: trailers do not. What was pending is settled then. */
__noinline int is_request_block(source_t *source, struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return 0;
	struct h2 *h = &s->reader.h2.h;

	if (!(h->stream & 1) || h->stream <= h->ours || !(h->seen & H2_HAS_PATH))
		return 0;
	s->work.begun = 1;
	h->ours = h->stream;
	if (!h->method || (h->seen & H2_IS_BAD)) {
		count(L_AMBIGUOUS);
		return 0;
	}
	/* only its own kind is known to have one stream at a time */
	if (end_streams(f) && !f->nginx) {
		refuse_frames(source, f, s);
		return 0;
	}
	if (f->started)
		book_sent(f, h->begin);
	return 1;
}

/* `slot`: slot_of_block, which has no room on the stack from here. */
__noinline int begin_stream(source_t *source, struct flow *f, struct scratch *s, __u32 slot)
{
	if (!f || !s)
		return 0;
	struct h2 *h = &s->reader.h2.h;
	__u32 flags = IS_H2 | IS_ALONE | (h->seen & H2_IS_GRPC ? IS_GRPC : 0);
	struct slot *counters = slot_of(slot);

	if (!counters || leads_to_front_door(f, s))
		return 0;
	/* from there on nginx reads its answer */
	s->work.ack = read_up_to(source, s->work.ack);
	if (!open_exchange(f, s, counters, slot, flags, h->stream))
		add_h2_request(f, flags);
	s->work.hash = 0;
	add_sent(f, s->packet.seq + s->packet.len);
	return 0;
}

/* The answers are HTTP/2, too. Takes the lock of their direction. */
__noinline int expect_frames(struct flow *f)
{
	if (!f)
		return 0;
	struct dir *d = &f->in;

	if (!lock(d))
		return 0;
	if (d->state == DIR_LINE) {
		frames_begin(d, H2_FRAME);
		d->booked = d->next;
	}
	if (d->state == DIR_FRAMES)
		d->frames.seen |= H2_SETTLED;
	d->stray = 0;
	unlock(d);
	return 0;
}

/* Behind a hole: reading goes on where a request begins a segment, as all of nginx's do. */
static __always_inline void find_request(source_t *source, struct flow *f, struct scratch *s)
{
	struct h2 *h = &s->reader.h2.h;

	if (s->work.len < 10 || load_chunk(source, s, 10) || !h2_is_request(s->chunk.bytes, FRONT, h->ours))
		return;
	h->seen = H2_SETTLED;
	h->head = 0;
	h->step = H2_FRAME;
	f->out.in_hole = 0;
	f->out.booked = sequence_at(s);
}

static __always_inline void request_frames_begin(source_t *source, struct flow *f, struct scratch *s)
{
	struct h2 *h = &s->reader.h2.h;
	__u64 id = f->line_id;

	frames_load(&f->out, s, 1);
	if (h->step == H2_LOST)
		find_request(source, f, s);
	if (h->step == H2_LOST)
		s->work.stray = 1;
	if (id) {
		struct line *l = bpf_map_lookup_elem(&lines, &id);

		if (l)
			s->line = *l;
	}
}

static __always_inline void request_frames_end(struct flow *f, struct scratch *s)
{
	struct h2 *h = &s->reader.h2.h;
	__u8 waits = h->seen & (H2_IN_BLOCK | H2_HAS_LINE);

	if (waits != (H2_IN_BLOCK | H2_HAS_LINE) || h->step >= H2_LOST) {
		forget_line(f);
	} else if (!keep_line(f, s)) {
		count(L_MAP_REFUSED);
		frames_lost(&f->out, h);
	}
	frames_save(&f->out, s);
}

/* DIR_FRAMES: one step through the segment. Returns 1 when nothing is left to do. */
__noinline int request_frames(source_t *source, struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return 1;
	struct h2_reader *r = &s->reader.h2;
	enum h2_event event;

	if (!s->work.frames_loaded)
		request_frames_begin(source, f, s);
	event = read_on(source, s);
	if (r->began) {
		r->began = 0;
		f->line_ns = s->work.now;
	}
	if (costs_too_much(s))
		event = H2_INVALID;
	switch (event) {
	case H2_PATH_HERE:
		find_path(f, s);
		break;
	case H2_BLOCK_OVER:
		if (is_request_block(source, f, s))
			begin_stream(source, f, s, slot_of_block(f, s));
		break;
	case H2_IS_NGINX:
		expect_frames(f);
		break;
	case H2_IS_OTHER:
		refuse_frames(source, f, s);
		break;
	case H2_INVALID:
		if (f->started) {
			count(L_AMBIGUOUS);
			frames_lost(&f->out, &r->h);
			pass_rest(s);
		} else {
			refuse_frames(source, f, s);
		}
		break;
	default:
		break;
	}
	if (s->work.len)
		return 0;
	request_frames_end(f, s);
	return 1;
}

/* The bytes up to `to` passed unread: those of a payload are not missed, but a request may be. */
static __always_inline void pass_request_frames(struct flow *f, __u32 to)
{
	struct dir *d = &f->out;
	struct h2 *h = &d->frames;
	__u32 n = to - d->next;

	if (h->step == H2_REST && h->type != H2_HEADERS && h->type != H2_CONTINUATION && n <= h->left) {
		h->left -= n;
		if (!h->left) {
			h->step = H2_FRAME;
			h->head = 0;
		}
		return;
	}
	if (f->started)
		book_sent(f, d->next);
	/* the answer may have said so */
	if (h->step != H2_LOST && !f->in.stray)
		count(L_AMBIGUOUS);
	frames_lost(d, h);
	d->booked = to;
}
