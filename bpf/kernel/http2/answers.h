/* HTTP/2 from the backend: an answer's head, its end, and what ends it early. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/h2.h"
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"
#include "kernel/state/source.h"
#include "kernel/packet/chunks.h"
#include "kernel/packet/sequence.h"
#include "kernel/counting/exchanges.h"
#include "kernel/counting/holes.h"
#include "kernel/http1/answers.h"
#include "frames.h"

/* Nothing of this stream is waited for any more. */
static __always_inline void leave_stream(struct flow *f, struct h2 *h)
{
	f->current++;
	h->seen |= H2_ENDED;
}

static __always_inline void stream_over(struct flow *f, struct scratch *s)
{
	__u32 number = f->current;

	if (phase_of(f, number) != PHASE_ANSWERED)
		return;
	book_stream_end(f, number, s->work.now, 0);
	add_received(f, number, sequence_behind(s));
	leave_stream(f, &s->reader.h2.h);
}

/* The backend gives the stream up, or will not answer it. */
static __always_inline void stream_failed(struct flow *f, struct scratch *s, __s32 outcome)
{
	__u32 number = f->current;

	if (!has_begun(f, number))
		return;
	if (phase_of(f, number) == PHASE_OPEN)
		book_stream_failure(f, number, outcome, s->work.now);
	else
		book_stream_end(f, number, s->work.now, 1);
	add_received(f, number, sequence_behind(s));
	leave_stream(f, &s->reader.h2.h);
}

/* nginx gives up where the answer is none: it closes the connection. */
static __always_inline void answer_is_bad(struct h2 *h)
{
	h->step = H2_OVER;
}

static __always_inline void set_grpc_status(struct exchange *x, __u16 status_plus_one)
{
	x->flags = (x->flags & ((1 << GRPC_SHIFT) - 1)) | status_plus_one << GRPC_SHIFT;
}

/* What answers are cannot be told from here on. */
static __always_inline void lose_answers(struct flow *f, struct h2 *h)
{
	__u32 number = f->current;

	if (has_begun(f, number)) {
		enum phase phase = phase_of(f, number);

		if (phase == PHASE_OPEN) {
			book_unseen(f, number);
			leave_stream(f, h);
		} else if (phase == PHASE_ANSWERED && h->step != H2_LOST) {
			/* its end, and its grpc-status, may lie in what is not read. Said at once: nothing may follow */
			set_grpc_status(exchange_of(f, number), GRPC_UNSEEN);
			count(L_AMBIGUOUS);
		}
	}
	frames_lost(&f->in, h);
}

/* Of a stream that is new, while nothing is waited for: its request lies in what the backend has acknowledged, and we did not
 * see. */
static __always_inline void count_unmatched(struct flow *f, const struct h2 *h, __u32 ack)
{
	if (FROM_MEMORY || has_begun(f, f->current) || h->type != H2_HEADERS || h->stream < h->ours ||
	    !seq_after(ack, f->out.next))
		return;
	f->in.stray = 1; /* see pass_request_frames */
	count(L_UNMATCHED_RESPONSES);
}

/* The answer says that it is gRPC, and the request did not. */
static __always_inline void note_grpc(struct flow *f, struct exchange *x)
{
	struct backend *b = backend_of(*(volatile __u32 *)&f->backend);

	x->flags |= IS_GRPC;
	if (b && !x->deferred)
		ADD(b->grpc_requests, 1);
}

/* A header block is over: a head, or trailers. */
__noinline int answer_block(struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return 0;
	struct h2 *h = &s->reader.h2.h;
	__u32 number = f->current;
	struct exchange *x = exchange_of(f, number);
	int ends = h->flags & H2_END_STREAM;
	enum phase phase;

	if (!has_begun(f, number) || h->stream != h->ours)
		return 0;
	phase = phase_of(f, number);
	if (phase == PHASE_DONE)
		return 0;
	if (phase == PHASE_OPEN && (!h->status || (h->seen & H2_IS_BAD))) {
		answer_is_bad(h);
		return 0;
	}
	s->work.begun = 1;
	if (phase == PHASE_OPEN && h->status < 200) {
		struct slot *slot = slot_of_exchange(x);

		if (x->deferred)
			commit_deferred(f, number);
		if (slot)
			ADD(slot->interim, 1);
		return 0;
	}
	if ((h->seen & H2_IS_GRPC) && !(x->flags & IS_GRPC))
		note_grpc(f, x);
	if (ends)
		set_grpc_status(x, h->grpc);
	if (phase == PHASE_ANSWERED) {
		if (ends)
			stream_over(f, s);
		return 0;
	}
	book_stream_answer(f, number, h->status, s->work.now, ends);
	if (connect_is_due(f))
		book_connect(f, s->work.now);
	if (ends) {
		add_received(f, number, sequence_behind(s));
		leave_stream(f, h);
	}
	return 0;
}

struct end_search {
	struct scratch *s;
	__u32 at;
	__u32 end;
	__u32 stream;
};

static long find_end(__u32 i, struct end_search *c)
{
	if (h2_is_end(c->s->chunk.bytes, FRONT + i, c->end, c->stream))
		c->at = i;
	return c->at != CHUNK;
}

/*
 * Behind a hole in an answer: what ends it is mostly the last frame of a segment, which its length, its stream and its flags
 * tell.
 */
__noinline int find_answer_end(source_t *source, struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return 0;
	struct h2_reader *r = &s->reader.h2;
	struct work *w = &s->work;
	__u32 n = w->len > CHUNK ? CHUNK : w->len;
	struct end_search c = {.s = s, .at = CHUNK, .end = FRONT + n, .stream = r->h.ours};

	consume(s, w->len - n);
	if (load_chunk(source, s, n))
		return 0;
	bpf_loop(CHUNK - 9, find_end, &c, 0);
	if (c.at >= n)
		return 0;
	r->n = n;
	r->at = c.at;
	r->base = sequence_at(s);
	r->h.seen &= H2_SETTLED;
	r->h.head = 0;
	r->h.step = H2_FRAME;
	f->in.in_hole = 0;
	return 0;
}

/* Reading goes on behind a hole where it is known that an answer begins: begin_at_ack has said so. */
static __always_inline void answer_frames_begin(source_t *source, struct flow *f, struct scratch *s)
{
	struct h2 *h = &s->reader.h2.h;
	struct exchange *x = exchange_of(f, f->current);

	frames_load(&f->in, s, 0);
	if (h->step == H2_LOST && !f->in.in_hole) {
		h->seen &= H2_SETTLED;
		h->head = 0;
		h->step = H2_FRAME;
	}
	if (h->step == H2_LOST && phase_of(f, f->current) == PHASE_ANSWERED)
		find_answer_end(source, f, s);
	if (h->step == H2_LOST)
		s->work.stray = 1;
	if (phase_of(f, f->current) != PHASE_OPEN || !has_begun(f, f->current) || h->ours == x->stream)
		return;
	/* what nginx had not read when this request left, it reads as its answer: there a frame of the last stream is foreign */
	if ((h->seen & H2_LATE) && !seq_before(h->slot, x->ack))
		answer_is_bad(h);
	h->seen &= H2_SETTLED;
	h->ours = x->stream;
}

/* What the backend said first looked like HTTP/2, and the requests are none. */
static __always_inline int is_not_expected(const struct flow *f)
{
	return !(f->in.frames.seen & H2_SETTLED) && f->started && f->out.state != DIR_FRAMES;
}

/*
 * Whether a foreign frame is one that servers send late: a RST_STREAM or WINDOW_UPDATE (both have four bytes) of an earlier
 * stream of nginx (odd numbers). Then there was an earlier stream, so the connection is no tunnel, however little of it was seen.
 */
static __always_inline int is_late_control_frame(enum h2_event event, const struct h2 *h)
{
	return event == H2_FOREIGN && h->left == 4 && (h->type == H2_RST_STREAM || h->type == H2_WINDOW_UPDATE) &&
	       (h->stream & 1) && h->stream < h->ours;
}

/* DIR_FRAMES: one step through the segment. Returns 1 when nothing is left to do. */
__noinline int answer_frames(source_t *source, struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return 1;
	struct h2_reader *r = &s->reader.h2;
	enum h2_event event;
	int too_much;

	if (!s->work.frames_loaded) {
		if (is_not_expected(f)) {
			f->in.state = DIR_LINE;
			return 0;
		}
		answer_frames_begin(source, f, s);
	}
	event = read_on(source, s);
	too_much = costs_too_much(s);
	if (too_much)
		event = H2_INVALID;
	switch (event) {
	case H2_BLOCK_OVER:
		answer_block(f, s);
		break;
	case H2_DATA_OVER:
		if (r->h.stream == r->h.ours) {
			if (exchange_of(f, f->current)->flags >> GRPC_SHIFT == GRPC_UNSEEN)
				set_grpc_status(exchange_of(f, f->current), 0);
			stream_over(f, s);
		}
		break;
	case H2_RESET:
		if (r->h.stream == r->h.ours)
			stream_failed(f, s, OUTCOME_RESET);
		break;
	case H2_GOING:
		if (r->h.number < r->h.ours)
			stream_failed(f, s, OUTCOME_CLOSED);
		break;
	case H2_FOREIGN:
	case H2_INVALID:
		if ((f->deferred & DEFERRED_TUNNEL) && !is_late_control_frame(event, &r->h))
			leave_tunnel(f);
		/*
		 * Of other clients it is not known what they accept. A stream that is new, while nothing is waited for, has a
		 * request that passed unseen.
		 */
		if (f->nginx && !too_much && !(event == H2_FOREIGN && (r->h.seen & H2_ENDED))) {
			answer_is_bad(&r->h);
		} else {
			if (event == H2_FOREIGN)
				count_unmatched(f, &r->h, s->work.ack);
			lose_answers(f, &r->h);
		}
		pass_rest(s);
		break;
	default:
		break;
	}
	if (s->work.len)
		return 0;
	frames_save(&f->in, s);
	return 1;
}

/* The bytes [d->next, to) of answers passed unread. What they ended, ended when the last bytes that were seen arrived. */
static __always_inline void pass_answer_frames(struct flow *f, __u32 to)
{
	struct dir *d = &f->in;
	struct h2 *h = &d->frames;
	__u32 n = to - d->next, number = f->current;

	if (h->step == H2_REST && h->type == H2_DATA && n <= h->left) {
		h->left -= n;
		if (h->left)
			return;
		h->step = H2_FRAME;
		h->head = 0;
		if (!(h->flags & H2_END_STREAM) || h->stream != h->ours || phase_of(f, number) != PHASE_ANSWERED)
			return;
		book_stream_end(f, number, d->last_ns, 0);
		book_received(f, number, to);
		leave_stream(f, h);
		return;
	}
	if (h->step == H2_OVER)
		return;
	if (has_begun(f, number))
		book_received(f, number, d->next);
	lose_answers(f, h);
}
