/* Requests of which bytes passed unread. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/h2.h"
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"
#include "kernel/counting/exchanges.h"
#include "kernel/http1/stepwise.h"
#include "kernel/http2/requests.h"
#include "flows.h"

/* When a segment was read: the sweep counts what lies before `next`, for the message that it finds in hand then. */
static __always_inline void move_next(struct dir *d, __u32 next)
{
#ifdef __TARGET_ARCH_x86
	barrier();
	*(volatile __u32 *)&d->next = next;
#else
	__sync_lock_test_and_set(&d->next, next);
#endif
}

/* The bytes of requests up to `to` passed unread: in a hole, or beyond one that was filled. */
__noinline int pass_requests(struct flow *f, __u32 to)
{
	if (!f)
		return 0;
	struct dir *d = &f->out;
	__u32 n = to - d->next;
	__u8 state = d->state;

	if (state == DIR_FRAMES) {
		if (d->frames.step != H2_REST || n > d->frames.left) {
			delete_line(f);
			f->line_id = 0;
		}
		pass_request_frames(f, to);
	} else if (state == DIR_BODY && n <= d->left) {
		d->left -= n;
		if (!d->left && data_over(d))
			d->state = DIR_LINE;
	} else if (is_chunked(d)) {
		chunked_lost(d);
	} else if (state == DIR_BODY_UNTIL_CLOSE && !d->in_hole) {
		d->tail = 0;
	} else if (state != DIR_TUNNEL) {
		if (state >= DIR_HEAD)
			book_sent(f, state == DIR_BODY ? d->next + (__u32)d->left : d->next);
		/* at least one request lay in it; its answer may have said so */
		if (state != DIR_HEAD && !d->in_hole && !f->in.stray)
			count(L_AMBIGUOUS);
		if (state == DIR_PART) {
			delete_line(f);
			f->line_id = 0;
		}
		/*
		 * A hole in a head hides whether a body follows, and behind an earlier hole (DIR_BODY_UNTIL_CLOSE) that is
		 * not known either: what comes next may be more of the body, until its answer is over. Elsewhere a segment
		 * that begins like a request is one.
		 */
		d->in_hole |= state == DIR_HEAD || state == DIR_BODY_UNTIL_CLOSE ? BEHIND_HOLE : BEHIND_HOLE | AT_REQUEST;
		d->head.chunked = 0;
		d->state = DIR_BODY_UNTIL_CLOSE;
		d->booked = to;
	}
	move_next(d, to);
	return 0;
}
