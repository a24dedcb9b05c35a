/* New bytes of a direction, in order, are read step by step, whatever is spoken and wherever they lie. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"
#include "kernel/state/source.h"
#include "kernel/http1/answers.h"
#include "kernel/http1/requests.h"
#include "kernel/http2/answers.h"
#include "kernel/http2/requests.h"

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
	w->frames_loaded = 0;
	w->chunk_steps = 0;
}

static __always_inline int out_step(source_t *source, struct flow *f, struct scratch *s)
{
	return f->out.state == DIR_FRAMES ? request_frames(source, f, s) : request_step(source, f, s);
}

static __always_inline int in_step(source_t *source, struct flow *f, struct scratch *s, __u64 before)
{
	return f->in.state == DIR_FRAMES ? answer_frames(source, f, s) : answer_step(source, f, s, before);
}

struct step_context {
	source_t *source;
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
	int over = out_step(c->source, c->f, c->s);

	barrier_var(over);
	return over != 0;
}

static long step_in(__u32 i, struct step_context *c)
{
	int over = in_step(c->source, c->f, c->s, c->before);

	barrier_var(over);
	return over != 0;
}

#define STEPS 2048 /* chunks of a 64 KiB head, and then some */

static __always_inline void read_requests(source_t *source, struct flow *f, struct scratch *s)
{
	if (!out_step(source, f, s) && s->work.len) {
		struct step_context c = {.source = source, .f = f, .s = s};

		bpf_loop(STEPS, step_out, &c, 0);
	}
}

/* `before`: when the last bytes before these arrived. */
static __always_inline void read_answers(source_t *source, struct flow *f, struct scratch *s, __u64 before)
{
	if (!in_step(source, f, s, before) && s->work.len) {
		struct step_context c = {.source = source, .f = f, .s = s, .before = before};

		bpf_loop(STEPS, step_in, &c, 0);
	}
}
