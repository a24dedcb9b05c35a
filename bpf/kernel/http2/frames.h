/* A segment of HTTP/2 is read in pieces, up to where something happens. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/h2.h"
#include "kernel/state/flow.h"
#include "kernel/state/frames.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/state/source.h"
#include "kernel/packet/chunks.h"
#include "kernel/http1/stepwise.h"

/* The reader works in scratch memory. */
static __always_inline void frames_load(const struct dir *d, struct scratch *s, int requests)
{
	struct h2_reader *r = &s->reader.h2;

	r->h = d->frames;
	r->at = 0;
	r->n = 0;
	r->event = H2_NOTHING;
	r->began = 0;
	r->raw = raw_routes;
	r->requests = requests;
	s->work.hash = 0;
	s->work.frames_loaded = 1;
}

static __always_inline void frames_save(struct dir *d, const struct scratch *s)
{
	d->frames = s->reader.h2.h;
}

static __always_inline void pass_rest(struct scratch *s)
{
	s->reader.h2.at = 0;
	s->reader.h2.n = 0;
	consume(s, s->work.len);
}

/* Where a frame begins is not known any more: behind a hole, or where more was to be read than a segment may cost. */
static __always_inline void frames_lost(struct dir *d, struct h2 *h)
{
	h->step = H2_LOST;
	d->in_hole = BEHIND_HOLE;
}

/* The sequence number behind the segment: what follows an answer in it, nginx reads together with the answer. */
static __always_inline __u32 sequence_behind(const struct scratch *s)
{
	return sequence_at(s) + s->work.len;
}

static long read_frames(__u32 i, struct scratch **s)
{
	int over = h2_item(&(*s)->reader.h2, &(*s)->chunk, &(*s)->line);

	barrier_var(over); /* see step_out */
	return over != 0;
}

/* A segment of frames without content would take longer than its packet is worth. Each event counts as ten pieces. */
static __always_inline int costs_too_much(struct scratch *s)
{
	s->work.chunk_steps += 10;
	return s->work.chunk_steps > CHUNK_STEPS;
}

/* Reads on in the segment until something happens, or a chunk is over. Returns what has happened. */
static __always_inline enum h2_event read_on(source_t *source, struct scratch *s)
{
	struct h2_reader *r = &s->reader.h2;
	struct work *w = &s->work;
	enum h2_event event;

	if (!r->n) {
		__u32 n = w->len > CHUNK ? CHUNK : w->len;

		if (r->h.step == H2_REST && r->h.left) {
			/* a payload is passed over without being loaded */
			n = w->len < r->h.left ? w->len : r->h.left;
			r->h.left -= n;
			consume(s, n);
			if (!r->h.left)
				h2_frame_over(r);
			event = r->event;
			r->event = H2_NOTHING;
			return event;
		}
		if (r->h.step == H2_LOST || r->h.step == H2_OVER || load_chunk(source, s, n)) {
			pass_rest(s);
			return H2_NOTHING;
		}
		r->n = n;
		r->base = sequence_at(s);
	}
	w->chunk_steps += bpf_loop(2 * CHUNK, read_frames, &s, 0);
	event = r->event;
	r->event = H2_NOTHING;
	if (r->at >= r->n && !h2_goes_on(r) && event != H2_PATH_HERE) {
		consume(s, r->n);
		r->at = 0;
		r->n = 0;
	}
	return event;
}
