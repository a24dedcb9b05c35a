/* HTTP/2 of one direction: what is remembered between segments, and what can happen. RFC 9113, RFC 7541. */
#pragma once

#include "bytes.h"

enum h2_type {
	H2_DATA,
	H2_HEADERS,
	H2_PRIORITY,
	H2_RST_STREAM,
	H2_SETTINGS,
	H2_PUSH_PROMISE,
	H2_PING,
	H2_GOAWAY,
	H2_WINDOW_UPDATE,
	H2_CONTINUATION,
};

#define H2_ACK		1 /* of SETTINGS */
#define H2_END_STREAM	1
#define H2_END_HEADERS	4
#define H2_PADDED	8
#define H2_HAS_PRIORITY 0x20

#define H2_LONGEST 16384 /* bytes of a frame: nginx allows no more */

/* What comes next. */
enum h2_step {
	H2_PREFACE,
	H2_FRAME, /* nine bytes */
	H2_PAD_LENGTH,
	H2_PRIORITY_PART, /* of HEADERS: five bytes without meaning */
	H2_BLOCK,	  /* a part of a header block: see enum h2_field */
	H2_REST,	  /* nothing that matters, to the end of the frame */
	H2_SETTING,
	H2_LAST_STREAM, /* of GOAWAY */
	H2_LOST,	/* where a frame begins is not known: behind a hole */
	H2_OVER,	/* invalid: nobody reads on */
};

/* What comes next in a block. A field goes on in the next frame, wherever a frame ends. */
enum h2_field {
	H2_FIELD, /* its first byte */
	H2_INDEX,
	H2_NAME_LENGTH,
	H2_NAME_LENGTH_MORE,
	H2_NAME,
	H2_VALUE_LENGTH,
	H2_VALUE_LENGTH_MORE,
	H2_VALUE,
	H2_SYMBOLS, /* of a value that is decoded, symbol by symbol: a path, a method that has no index */
};

enum h2_name { H2_ANY, H2_METHOD, H2_PATH, H2_STATUS, H2_CONTENT_TYPE, H2_GRPC_STATUS };

/* What was seen of a block. */
#define H2_IN_BLOCK 1 /* it is not complete */
#define H2_HAS_PATH 2
#define H2_HAS_LINE 4 /* the line of its request has begun */
#define H2_HAS_SLOT 8 /* `slot` is that of its route: nothing has to be decoded */
#define H2_IS_GRPC  16
#define H2_IS_BAD   32 /* a value that makes nginx give up */
#define H2_SETTLED  64 /* of the connection: the SETTINGS are nginx's, or it is older than we are */
/* Answers: their stream has ended; and a frame for it came later, the first of them at `slot`, counted as `begin` is. */
#define H2_ENDED	 2
#define H2_LATE		 4
#define H2_CONNECTION(r) (H2_SETTLED | ((r)->requests ? 0 : H2_ENDED | H2_LATE))

/* What has happened. */
enum h2_event {
	H2_NOTHING,
	H2_IS_NGINX,   /* its SETTINGS forbid a dynamic table */
	H2_IS_OTHER,   /* the preface is none, or SETTINGS allow one */
	H2_PATH_HERE,  /* one is all there, or has an index: see h2_path_bytes; then h2_take_path or h2_decode_path must be called
			*/
	H2_BLOCK_OVER, /* a header block, with H2_END_STREAM in `flags` if its stream ends with it */
	H2_DATA_OVER,  /* the last DATA of its stream */
	H2_RESET,
	H2_GOING,   /* `number` is the last stream that is answered */
	H2_FOREIGN, /* answers: a frame of a stream that is not waited for. nginx gives up */
	H2_INVALID,
};

#define H2_METHOD_GET	  2 /* these two are their indexes in the static table */
#define H2_METHOD_POST	  3
#define H2_METHOD_LITERAL 1 /* in the line */

/* A grpc-status that is no number of three digits, or has no place, is UNKNOWN, as for gRPC's clients. */
#define GRPC_UNKNOWN 2
#define GRPC_HIGHEST 989

#define H2_TEXT 16 /* the bytes of a string that matter, unless it is decoded */

/* The state between segments: a direction's carry. */
struct h2 {
	__u32 left;   /* bytes to go of the frame, without padding */
	__u32 stream; /* of the frame */
	__u32 ours; /* requests: the last stream that began; answers: the one that is waited for, or was: given by the caller, or
		       0 */
	__u32 length; /* bytes to go of a string */
	__u32 number;
	__u32 begin;  /* `base` + `at` of the first byte of the frame; of a block: of its first frame */
	__u16 status; /* of the block; 0: none */
	__u16 grpc;   /* grpc-status + 1; 0: none */
	__u8 step;
	__u8 field;
	__u8 type;
	__u8 flags;
	__u8 padding;
	__u8 name;
	__u8 filled; /* bytes in `bytes` */
	__u8 seen;
	__u8 method;  /* 0: none */
	__u8 huffman; /* of the string */
	__u8 bits;    /* in `window`; while its length is read, bits of that */
	__u8 head;    /* bytes that were read of a frame's nine */
	union {
		__u8 bytes[H2_TEXT];
		__u64 window; /* bits of a string that are not decoded, the last ones */
	};
	/* for the caller: the route that was found; answers: see H2_LATE */
	__u32 slot;
	__u32 generation;
};
_Static_assert(sizeof(struct h2) == FRONT, "it is a direction's carry");

struct h2_reader {
	struct h2 h;
	__u32 at; /* of the next byte behind FRONT */
	__u32 n;  /* bytes there */
	__u32 base;
	__u8 event; /* the caller resets it */
	__u8 began; /* a frame did; the caller resets it */
	__u8 raw;   /* keep ids in paths */
	__u8 requests;
	/* the string that was read last: its first bytes, others 0 */
	__u64 text[2];
	__u32 text_length;
	__u32 pad;
};

/* Of an array of 32 bytes the compiler makes a section that the kernel does not load. */
static const __u8 h2_preface[40] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define H2_PREFACE_LENGTH 24

static __always_inline __u8 h2_byte(const struct h2_reader *r, const struct buffer *b)
{
	return b->bytes[(FRONT + r->at) & BYTES_MASK];
}

static __always_inline void h2_invalid(struct h2_reader *r)
{
	r->h.step = H2_OVER;
	r->event = H2_INVALID;
}

/* One more of `want` bytes. Returns whether all are there. */
static __always_inline int h2_gather(struct h2_reader *r, const struct buffer *b, __u32 want)
{
	__u8 filled = r->h.filled;

	r->h.bytes[filled & (H2_TEXT - 1)] = h2_byte(r, b);
	r->at++;
	r->h.filled = ++filled;
	return filled >= want;
}
