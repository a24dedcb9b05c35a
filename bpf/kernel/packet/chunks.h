/* A segment is read in chunks. What the end of a segment cuts is kept in the `carry` of its direction until the next segment. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "kernel/parser/bytes.h"
#include "kernel/parser/head.h"
#include "kernel/parser/line.h"
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"
#include "kernel/state/source.h"

static __always_inline long load_chunk(source_t *source, struct scratch *s, __u32 n)
{
	/* one less: the verifier of Linux 6.1 does not learn from `n != 0` that n is at least 1 */
	n--;
	asm volatile("" : "+r"(n));
	if (n >= CHUNK)
		return -1;
	return load_bytes(source, s->work.off, s->chunk.bytes + FRONT, n + 1);
}

static __always_inline void carry_restore(struct scratch *s, const struct dir *d)
{
	__builtin_memcpy(s->chunk.bytes, d->carry, FRONT);
}

static __always_inline void carry_save(struct dir *d, struct scratch *s)
{
	d->line_length = FRONT - d->head.line;
	__builtin_memcpy(d->carry, s->chunk.bytes, FRONT);
}

static __always_inline void head_begin(struct dir *d)
{
	__builtin_memset(&d->head, 0, sizeof(d->head));
	d->head.line = FRONT;
	d->line_length = 0;
}

/* The sequence number of the next byte to read. */
static __always_inline __u32 sequence_at(const struct scratch *s)
{
	return s->packet.seq + (s->work.off - s->packet.off);
}

static __always_inline void consume(struct scratch *s, __u32 n)
{
	s->work.off += n;
	s->work.len -= n;
}

/* Whether the bytes at the start of the chunk may be the beginning of "METHOD target": a cheap check that only rejects. */
static __always_inline int may_be_request(const __u8 *bytes, __u32 n)
{
	for (__u32 i = 0; i < METHOD_MAX + 1; i++) {
		__u8 b = bytes[(FRONT + i) & BYTES_MASK];

		if (i >= n)
			return 1;
		if (b == ' ') {
			__u8 target = bytes[(FRONT + i + 1) & BYTES_MASK];

			if (!i)
				return 0;
			return i + 1 >= n || target == '/' || target == '*' || target == 'h' || target == 'H';
		}
		if (!(classes[b] & C_TOKEN))
			return 0;
	}
	return 0;
}

/* Returns whether a chunked body is over: its last eight bytes show it. */
static __always_inline int chunked_ends(source_t *source, struct dir *d, __u32 off, __u32 len)
{
	__u64 last = 0;

	if (len >= 8) {
		if (load_bytes(source, off + len - 8, &last, 8))
			return 0;
	} else {
		__u8 bytes[8] = {};

		len--;
		asm volatile("" : "+r"(len));
		if (len >= 7)
			return 0;
		len++;
		if (load_bytes(source, off, bytes, len))
			return 0;
		last = *(__u64 *)bytes << (64 - len * 8) | d->tail >> len * 8;
	}
	d->tail = last;
	return last >> 8 == 0x0a0d0a0d300a0dULL; /* "\r\n0\r\n\r\n" */
}
