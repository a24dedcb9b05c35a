/* A direction that speaks HTTP/2. */
#pragma once

#include "flow.h"

static __always_inline void frames_begin(struct dir *d, enum h2_step step)
{
	__builtin_memset(&d->frames, 0, sizeof(d->frames));
	d->frames.step = step;
	d->line_length = 0;
	d->step = 0;
	d->in_hole = 0;
	*(volatile __u8 *)&d->state = DIR_FRAMES;
}
