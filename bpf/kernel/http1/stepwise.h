/* What is read byte by byte, and may be cut anywhere: chunks, status lines that are not like most, PROXY protocol headers. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "kernel/parser/bytes.h"
#include "kernel/parser/chunked.h"
#include "kernel/parser/proxy.h"
#include "kernel/parser/status.h"
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"
#include "kernel/state/source.h"
#include "kernel/packet/chunks.h"

static long read_chunks(__u32 i, struct scratch **s)
{
	return chunk_read(&(*s)->reader.chunks, &(*s)->chunk);
}

static long read_status(__u32 i, struct scratch **s)
{
	return status_read(&(*s)->reader.status, &(*s)->chunk);
}

static long read_proxy(__u32 i, struct scratch **s)
{
	return proxy_read(&(*s)->reader.proxy, &(*s)->chunk);
}

static __always_inline void chunked_begin(struct dir *d)
{
	d->state = DIR_CHUNKED;
	d->step = CHUNK_START;
	d->left = 0;
}

/* 64 KiB of the shortest chunks take 11,000 steps, one each; a step takes 10 to 15 ns. Text without an end is given up. */
#ifndef CHUNK_STEPS
#define CHUNK_STEPS 16384
#endif

/* In the midst of chunks that are known one by one. */
static __always_inline int is_chunked(const struct dir *d)
{
	return d->state == DIR_CHUNKED || (d->state == DIR_BODY && d->step);
}

/* From here on only what looks like the last chunk tells the end: where in the chunks the next byte lies is not known. */
static __always_inline void chunked_lost(struct dir *d)
{
	d->state = DIR_BODY_UNTIL_CLOSE;
	d->head.chunked = 1;
	d->step = 0;
	d->tail = 0;
}

/* The data of a body, or of a chunk, has passed: the last byte of it was the one before. Returns whether the body is over. */
static __always_inline int data_over(struct dir *d)
{
	if (!d->step)
		return 1;
	d->state = DIR_CHUNKED;
	d->step = CHUNK_DATA_END;
	return 0;
}

/*
 * DIR_CHUNKED: a part of the segment, as much as the buffer holds. Data that goes on behind it is DIR_BODY's. nginx gives up a
 * connection whose chunks are invalid. Returns whether the body is over.
 */
__noinline int chunked_bytes(source_t *source, struct dir *d, struct scratch *s)
{
	if (!d || !s)
		return 0;
	__u32 n = s->work.len > CHUNK ? CHUNK : s->work.len;
	struct chunk_reader *r = &s->reader.chunks;

	if (load_chunk(source, s, n)) {
		chunked_lost(d);
		return 0;
	}
	*r = (struct chunk_reader){.left = d->left, .n = n, .step = d->step};
	s->work.chunk_steps += bpf_loop(CHUNK, read_chunks, &s, 0);
	consume(s, r->at);
	d->left = r->left;
	d->step = r->step;
	if (s->work.chunk_steps > CHUNK_STEPS && r->step < CHUNK_END) {
		count(L_AMBIGUOUS);
		chunked_lost(d);
	} else if (r->step == CHUNK_DATA) {
		d->state = DIR_BODY;
	} else if (r->step == CHUNK_INVALID) {
		d->state = DIR_BODY_UNTIL_CLOSE;
		d->head.chunked = 0;
		d->step = 0;
	} else if (r->step == CHUNK_END) {
		d->head.chunked = 0; /* no bytes behind it are the body's */
		d->step = 0;
		return 1;
	}
	return 0;
}

/* A status line, from the start of the chunk on, or from where the last segment ended. Returns the step that it leads to. */
__noinline int status_bytes(struct dir *d, struct scratch *s, __u32 n)
{
	if (!d || !s)
		return 0;
	struct status_reader *r = &s->reader.status;

	*r = (struct status_reader){.code = d->status, .n = n, .step = d->step};
	bpf_loop(CHUNK, read_status, &s, 0);
	consume(s, r->at);
	d->status = r->code;
	d->step = r->step;
	return r->step;
}

/* DIR_PROXY, until PROXY_END. Returns whether it is no header of the PROXY protocol after all. */
__noinline int proxy_bytes(source_t *source, struct dir *d, struct scratch *s)
{
	if (!d || !s)
		return 0;
	__u32 n = s->work.len > CHUNK ? CHUNK : s->work.len;
	struct proxy_reader *r = &s->reader.proxy;

	if (load_chunk(source, s, n))
		return 1;
	*r = (struct proxy_reader){.left = d->left, .n = n, .step = d->step};
	bpf_loop(CHUNK, read_proxy, &s, 0);
	consume(s, r->at);
	d->left = r->left;
	d->step = r->step;
	return r->step == PROXY_NONE;
}
