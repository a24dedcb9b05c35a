/* Bytes to the backend, in order: request lines, heads and bodies. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/bytes.h"
#include "kernel/parser/head.h"
#include "kernel/parser/line.h"
#include "kernel/parser/proxy.h"
#include "kernel/state/flow.h"
#include "kernel/state/frames.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/state/source.h"
#include "kernel/packet/chunks.h"
#include "kernel/counting/exchanges.h"
#include "kernel/counting/routes.h"
#include "begin.h"
#include "stepwise.h"

static __always_inline void request_head_done(struct flow *f)
{
	struct dir *d = &f->out;

	d->line_length = 0;
	d->step = 0;
	d->head.is_whole = 1;
	if (d->head.chunked) {
		chunked_begin(d);
	} else if (d->head.unclear) {
		/* until it is answered: see request_step. What looks like requests in it may be some. */
		count(L_AMBIGUOUS);
		d->state = DIR_BODY_UNTIL_CLOSE;
	} else if (d->head.has_length && d->head.length) {
		d->state = DIR_BODY;
		d->left = d->head.length;
	} else {
		d->state = DIR_LINE;
	}
}

static __always_inline int has_no_request(const struct flow *f)
{
	return f->fresh && !f->started;
}

/* No request has been seen on it: a PROXY protocol header may go before the first one. */
static __always_inline int begins_connection(const struct flow *f)
{
	return has_no_request(f) && f->out.state != DIR_PROXY;
}

/* The preface of HTTP/2 begins with a line: "PRI * HTTP/2.0". */
#define PREFACE_BEGINS 0x5448202a20495250ULL
#define PREFACE_LINE   16

static __always_inline int is_preface_line(const struct line *l)
{
	return word_at(l->method) == 0x495250 && l->out == 1 && l->path[0] == '*' && l->version == 0x302e322f50545448ULL;
}

static __always_inline void proxy_begin(struct dir *d, enum proxy_step step)
{
	d->state = DIR_PROXY;
	d->step = step;
	d->left = 0;
}

static __always_inline void forget_line(struct flow *f)
{
	__u64 id = f->line_id;

	if (id)
		bpf_map_delete_elem(&lines, &id);
	f->line_id = 0;
}

/* Until the next segment. Returns 0 without room. */
static __always_inline int keep_line(struct flow *f, struct scratch *s)
{
	struct scratch *own = as_map_memory(s);
	__u64 id = f->line_id;

	if (!id)
		id = (__u64)bpf_get_smp_processor_id() << 48 | __sync_fetch_and_add(&next_line, 1) | 1ULL << 40;
	f->line_id = id;
	return own && !bpf_map_update_elem(&lines, &id, &own->line, BPF_ANY);
}

/* A line that the end of a segment or of a chunk cuts is parsed byte by byte. */
__noinline int request_part(source_t *source, struct flow *f, struct scratch *s, __u32 n)
{
	if (!f || !s)
		return 0;
	__u32 used = feed(s, n);
	__u8 state = s->line.state;

	if (state == LINE_BAD) {
		f->out.state = DIR_LINE;
		forget_line(f);
		if (has_no_request(f) && is_preface_line(&s->line)) {
			consume(s, used);
			frames_begin(&f->out, H2_PREFACE);
			f->out.frames.filled = PREFACE_LINE;
			return 0;
		}
		if (begins_connection(f) && word_at(s->line.method) == PROXY_METHOD) {
			consume(s, used - 1);
			proxy_begin(&f->out, PROXY_LINE);
			return 0;
		}
		not_a_request(source, f, s);
		return 1;
	}
	consume(s, used);
	if (state != LINE_END) {
		f->out.state = DIR_PART;
		if (s->work.len)
			return 0;
		if (!keep_line(f, s)) {
			count(L_MAP_REFUSED);
			f->out.state = DIR_BODY_UNTIL_CLOSE;
		}
		return 1;
	}
	forget_line(f);
	head_begin(&f->out);
	f->out.head.first = 1;
	return 0;
}

/* DIR_LINE, DIR_PART and DIR_HEAD: one chunk. Returns 1 when nothing is left to read in the segment. */
__noinline int request_bytes(source_t *source, struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return 1;
	struct dir *d = &f->out;
	__u32 n = s->work.len > CHUNK ? CHUNK : s->work.len, end = 0;
	__u8 state = d->state;

	if (load_chunk(source, s, n))
		return 1;
	if (state == DIR_PART) {
		if (f->line_id) {
			/* else it is still in scratch memory: the line goes on in the next chunk of the segment */
			__u64 id = f->line_id;
			struct line *l = bpf_map_lookup_elem(&lines, &id);

			if (!l)
				return 1;
			if (!s->work.line_loaded)
				s->line = *l;
		}
		s->work.line_loaded = 1;
	} else if (s->chunk.bytes[FRONT] == PROXY_FIRST && state == DIR_LINE && begins_connection(f)) {
		proxy_begin(d, 0);
		return 0;
	} else if (state == DIR_LINE || state == DIR_PROXY) {
		s->work.begun = 1;
		f->line_ns = s->work.now;
		/* bytes before it belong to the last request, which ended in this segment or was not seen */
		if (d->booked != sequence_at(s) && d->state != DIR_PROXY)
			book_sent(f, sequence_at(s));
		head_begin(d);
		end = head_scan(&d->head, &s->chunk, n);
		if (!d->head.first) {
			line_fresh(&s->line);
			s->work.line_loaded = 1;
			state = DIR_PART;
		} else if (has_no_request(f) && word_at(s->chunk.bytes + FRONT) == PREFACE_BEGINS) {
			frames_begin(d, H2_PREFACE);
			return 0;
		} else if (begins_connection(f) && PROXY_LINE_BEGINS(word_at(s->chunk.bytes + FRONT))) {
			proxy_begin(d, PROXY_LINE);
			return 0;
		} else if (!version_before(s->chunk.bytes, d->head.first) || !begin_from_chunk(f, s, d->head.first - FRONT)) {
			not_a_request(source, f, s);
			return 1;
		}
	} else {
		carry_restore(s, d);
		end = head_scan(&d->head, &s->chunk, n);
	}
	if (state == DIR_PART) {
		int over = request_part(source, f, s, n);

		s->work.hash = 0;
		if (s->line.state == LINE_END) {
			begin_from_line(f, s);
			/* not earlier: the sweep would count the line for the previous request */
			d->state = DIR_HEAD;
		}
		return over;
	}
	if (!end) {
		head_fold(&d->head, &s->chunk, n);
		carry_save(d, s);
		d->state = DIR_HEAD;
		consume(s, n);
		return 0;
	}
	consume(s, end - FRONT);
	request_head_done(f);
	return 0;
}

/* DIR_PROXY: what is read of the header, if it is one. */
static __always_inline int proxy_header(source_t *source, struct flow *f, struct scratch *s)
{
	if (!proxy_bytes(source, &f->out, s))
		return 0;
	not_a_request(source, f, s);
	return 1;
}

/*
 * Whether the next request may begin here: the last one is over, or its answer has begun and its end cannot be known. Then bytes
 * of the answer are missing (`ack`: nginx has them), or its body is read without bounds, and only the next request ends it.
 */
static __always_inline int may_request_follow(struct flow *f, __u32 ack)
{
	enum phase phase = phase_of(f, f->started - 1);
	struct dir *in = &f->in;

	return phase == PHASE_DONE ||
	       (phase == PHASE_ANSWERED &&
		(seq_after(ack, in->next) || (in->state == DIR_BODY_UNTIL_CLOSE && (in->head.chunked || in->in_hole))));
}

/* One step through the segment. Returns 1 when nothing is left to do. */
static __always_inline int request_step(source_t *source, struct flow *f, struct scratch *s)
{
	struct dir *d = &f->out;
	struct work *w = &s->work;

	if (!w->len)
		return 1;
	switch (d->state) {
	case DIR_BODY: {
		__u32 n = w->len < d->left ? w->len : d->left;

		d->left -= n;
		consume(s, n);
		if (!d->left && data_over(d))
			d->state = DIR_LINE;
		return 0;
	}
	case DIR_CHUNKED:
		if (chunked_bytes(source, d, s))
			d->state = DIR_LINE;
		return 0;
	case DIR_PROXY:
		if (d->step != PROXY_END)
			return proxy_header(source, f, s);
		return request_bytes(source, f, s);
	case DIR_TUNNEL:
		return 1;
	case DIR_BODY_UNTIL_CLOSE:
		if (d->head.chunked && chunked_ends(source, d, w->off, w->len)) {
			d->state = DIR_LINE;
			return 1;
		}
		/* the end of the body was missed, but this is the next request: a body does not go on after its answer */
		if (((d->in_hole & AT_REQUEST) || may_request_follow(f, w->ack)) &&
		    !load_chunk(source, s, w->len > 32 ? 32 : w->len) &&
		    may_be_request(s->chunk.bytes, w->len > 32 ? 32 : w->len)) {
			d->state = DIR_LINE;
			d->in_hole = 0;
			return 0;
		}
		return 1;
	default:
		return request_bytes(source, f, s);
	}
}
