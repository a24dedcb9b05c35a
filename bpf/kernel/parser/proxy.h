/* The PROXY protocol header that may go before the first request: a line (version 1), or bytes with a length (version 2). */
#pragma once

#include "bytes.h"

/* What comes next: of version 2 so many bytes have been read, else: */
enum proxy_step {
	PROXY_VERSION = 12, /* behind the signature */
	PROXY_FAMILY,
	PROXY_LENGTH,
	PROXY_LENGTH_LOW,
	PROXY_REST, /* `left` bytes of addresses and TLVs */
	PROXY_LINE, /* version 1: the rest of its line */
	PROXY_END,
	PROXY_NONE,
};

struct proxy_reader {
	__u64 left;
	__u32 at; /* of the next byte behind FRONT */
	__u32 n;  /* bytes there */
	__u8 step;
	__u8 pad[7];
};

/* "\r\n\r\n\0\r\nQUIT\n" */
#define PROXY_SIGNATURE	     0x0a0d000a0d0a0dULL
#define PROXY_SIGNATURE_7    0x0a54495551ULL
#define PROXY_FIRST	     '\r'
#define PROXY_METHOD	     0x59584f5250ULL			  /* "PROXY", as a request line's method */
#define PROXY_LINE_BEGINS(w) ((w) << 16 == 0x2059584f52500000ULL) /* "PROXY " */

static __always_inline __u8 proxy_byte(struct proxy_reader *r, __u8 b)
{
	__u8 step = r->step;

	if (step < PROXY_VERSION) {
		__u64 signature = step < 7 ? PROXY_SIGNATURE >> step * 8 : PROXY_SIGNATURE_7 >> (step - 7) * 8;

		return b == (__u8)signature ? step + 1 : PROXY_NONE;
	}
	switch (step) {
	case PROXY_VERSION:
		return b >> 4 == 2 ? PROXY_FAMILY : PROXY_NONE;
	case PROXY_FAMILY:
		return PROXY_LENGTH;
	case PROXY_LENGTH:
		r->left = b << 8;
		return PROXY_LENGTH_LOW;
	case PROXY_LENGTH_LOW:
		r->left |= b;
		return r->left ? PROXY_REST : PROXY_END;
	case PROXY_LINE:
		return b == '\n' ? PROXY_END : PROXY_LINE;
	}
	return PROXY_NONE;
}

/* Reads one byte, or what there is of the addresses. Returns whether there is no more to read. */
static __always_inline int proxy_read(struct proxy_reader *r, const struct buffer *buffer)
{
	if (r->step == PROXY_REST) {
		__u32 there = r->n - r->at;

		if (r->left < there)
			there = r->left;
		r->left -= there;
		r->at += there;
		if (!r->left)
			r->step = PROXY_END;
	} else {
		r->step = proxy_byte(r, buffer->bytes[(FRONT + r->at) & BYTES_MASK]);
		r->at++;
	}
	return r->at >= r->n || r->step >= PROXY_END;
}
