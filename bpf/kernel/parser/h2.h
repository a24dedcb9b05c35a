/*
 * HTTP/2 of one direction, as nginx speaks it with a backend: frames (RFC 9113) and header blocks (HPACK, RFC 7541). nginx
 * announces a dynamic table of no size and sends no reference to one, and has one stream at a time: so nothing has to be
 * remembered beyond a block. What nginx refuses is invalid here too. Pure: `h2_item` reads one piece, and tells where something
 * has happened.
 */
#pragma once

#include "bytes.h"
#include "huffman.h"
#include "line.h"

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
#define H2_IN_BLOCK   1 /* it is not complete */
#define H2_HAS_PATH   2
#define H2_HAS_LINE   4 /* the line of its request has begun */
#define H2_HAS_SLOT   8 /* `slot` is that of its route: nothing has to be decoded */
#define H2_IS_GRPC    16
#define H2_IS_BAD     32 /* a value that makes nginx give up */
#define H2_SETTLED    64 /* of the connection: the SETTINGS are nginx's, or it is older than we are */
#define H2_CONNECTION H2_SETTLED

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
	H2_GOING, /* `number` is the last stream that is answered */
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
	__u32 ours;   /* requests: the last stream that began; answers: the one that is waited for, given by the caller, or 0 */
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
	/* for the caller: the route that was found */
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

/* ---- frames ---- */

/* The payload of a frame is over, and its padding. */
static __always_inline void h2_frame_over(struct h2_reader *r)
{
	struct h2 *h = &r->h;

	h->step = H2_FRAME;
	h->filled = 0;
	switch (h->type) {
	case H2_DATA:
		if (h->flags & H2_END_STREAM)
			r->event = H2_DATA_OVER;
		return;
	case H2_HEADERS:
	case H2_CONTINUATION:
		if (!(h->flags & H2_END_HEADERS))
			return;
		h->seen &= ~H2_IN_BLOCK;
		if (h->field != H2_FIELD)
			h2_invalid(r);
		else
			r->event = H2_BLOCK_OVER;
		return;
	case H2_RST_STREAM:
		r->event = H2_RESET;
		return;
	case H2_GOAWAY:
		r->event = H2_GOING;
		return;
	case H2_SETTINGS:
		/* without a word about it, the dynamic table has 4,096 bytes */
		if (r->requests && !(h->seen & H2_SETTLED))
			r->event = H2_IS_OTHER;
	}
}

/* The payload of a frame is over, but for padding. */
static __always_inline void h2_payload_over(struct h2_reader *r)
{
	struct h2 *h = &r->h;

	if (h->padding) {
		h->step = H2_REST;
		h->left = h->padding;
		h->padding = 0;
	} else {
		h2_frame_over(r);
	}
}

static __always_inline void h2_block_begins(struct h2 *h)
{
	h->seen = (h->seen & H2_CONNECTION) | H2_IN_BLOCK;
	h->field = H2_FIELD;
	h->status = 0;
	h->grpc = 0;
	h->method = 0;
	h->bits = 0;
	if (h->flags & H2_PADDED)
		h->step = H2_PAD_LENGTH;
	else if (h->flags & H2_HAS_PRIORITY)
		h->step = H2_PRIORITY_PART;
	else
		h->step = H2_BLOCK;
}

/* What a frame says of itself is known. */
static __always_inline void h2_frame_begins(struct h2_reader *r, __u8 type, __u8 flags, __u32 stream)
{
	struct h2 *h = &r->h;

	h->head = 0;
	h->padding = 0;
	if (h->seen & H2_IN_BLOCK) {
		if (type != H2_CONTINUATION || stream != h->stream) {
			h2_invalid(r);
			return;
		}
		h->flags = (h->flags & H2_END_STREAM) | (flags & H2_END_HEADERS);
		h->type = type;
		h->step = H2_BLOCK;
	} else {
		h->type = type;
		h->flags = flags;
		h->stream = stream;
		h->filled = 0;
		h->step = H2_REST;
		switch (type) {
		case H2_HEADERS:
			h2_block_begins(h);
			break;
		case H2_SETTINGS:
			if (r->requests && !(h->seen & H2_SETTLED) && !(flags & H2_ACK))
				h->step = H2_SETTING;
			break;
		case H2_GOAWAY:
			h->step = H2_LAST_STREAM;
		}
		if (type == H2_PUSH_PROMISE || type == H2_CONTINUATION || (type == H2_HEADERS && !stream) ||
		    (type == H2_GOAWAY && h->left < 8)) {
			h2_invalid(r);
			return;
		}
	}
	if (h->left)
		return;
	if (h->step == H2_PAD_LENGTH || h->step == H2_PRIORITY_PART)
		h2_invalid(r); /* too short for what it says of itself */
	else
		h2_frame_over(r);
}

/* One of the nine bytes before a payload, of which not all are there. */
static __always_inline void h2_frame_byte(struct h2_reader *r, __u8 byte)
{
	struct h2 *h = &r->h;
	__u8 at = h->head++;

	if (at < 3) {
		h->left = (at ? h->left << 8 : 0) | byte;
	} else if (at == 3) {
		if ((h->seen & H2_IN_BLOCK) && byte != H2_CONTINUATION)
			h2_invalid(r);
		h->type = byte;
		h->number = 0;
	} else if (at == 4) {
		h->flags = h->seen & H2_IN_BLOCK ? (h->flags & H2_END_STREAM) | (byte & H2_END_HEADERS) : byte;
	} else {
		h->number = h->number << 8 | byte;
		if (at == 8)
			h2_frame_begins(r, h->type, h->flags, h->number & 0x7fffffff);
	}
}

static __always_inline void h2_frame(struct h2_reader *r, const struct buffer *b)
{
	struct h2 *h = &r->h;
	__u32 at = FRONT + r->at;

	if (!h->head && !(h->seen & H2_IN_BLOCK)) {
		h->begin = r->base + r->at;
		r->began = 1;
	}
	if (!h->head && r->n - r->at >= 9) {
		__u64 w = word_at(b->bytes + (at & BYTES_MASK));
		__u32 stream = (__u32)(w >> 40 & 0x7f) << 24 | (__u32)(w >> 48 & 0xff) << 16 | (__u32)(w >> 56) << 8;

		r->at += 9;
		h->left = (__u32)(w & 0xff) << 16 | (__u32)(w & 0xff00) | (__u32)(w >> 16 & 0xff);
		h2_frame_begins(r, w >> 24, w >> 32, stream | b->bytes[(at + 8) & BYTES_MASK]);
	} else {
		__u8 byte = h2_byte(r, b);

		r->at++;
		h2_frame_byte(r, byte);
	}
}

static __always_inline void h2_pad_length(struct h2_reader *r, const struct buffer *b)
{
	struct h2 *h = &r->h;

	h->padding = h2_byte(r, b);
	r->at++;
	h->left--;
	if (h->padding > h->left) {
		h2_invalid(r);
		return;
	}
	h->left -= h->padding;
	h->step = h->flags & H2_HAS_PRIORITY ? H2_PRIORITY_PART : H2_BLOCK;
	if (!h->left)
		h2_payload_over(r);
}

static __always_inline void h2_priority_part(struct h2_reader *r, const struct buffer *b)
{
	struct h2 *h = &r->h;

	h->left--;
	if (h2_gather(r, b, 5)) {
		h->filled = 0;
		h->step = H2_BLOCK;
		if (!h->left)
			h2_payload_over(r);
	} else if (!h->left) {
		h2_invalid(r);
	}
}

/* An identifier and a value. */
static __always_inline void h2_setting(struct h2_reader *r, const struct buffer *b)
{
	struct h2 *h = &r->h;

	h->left--;
	if (h2_gather(r, b, 6)) {
		__u64 w = word_at(h->bytes) & 0xffffffffffffULL;

		h->filled = 0;
		if (w == 0x0100) {
			h->seen |= H2_SETTLED;
			r->event = H2_IS_NGINX;
		} else if ((w & 0xffff) == 0x0100) {
			r->event = H2_IS_OTHER;
		}
	}
	if (h->left)
		return;
	if (h->filled || r->event == H2_IS_OTHER)
		r->event = H2_IS_OTHER;
	else if (r->event)
		h->step = H2_FRAME; /* it is told already */
	else
		h2_frame_over(r);
}

static __always_inline void h2_last_stream(struct h2_reader *r, const struct buffer *b)
{
	struct h2 *h = &r->h;

	h->left--;
	if (!h2_gather(r, b, 4))
		return;
	h->number = (__u32)(h->bytes[0] & 0x7f) << 24 | (__u32)h->bytes[1] << 16 | (__u32)h->bytes[2] << 8 | h->bytes[3];
	h->filled = 0;
	h->step = H2_REST;
}

static __always_inline void h2_rest(struct h2_reader *r)
{
	__u32 n = r->n - r->at;

	if (n > r->h.left)
		n = r->h.left;
	r->at += n;
	r->h.left -= n;
	if (!r->h.left)
		h2_frame_over(r);
}

static __always_inline void h2_preface_byte(struct h2_reader *r, const struct buffer *b)
{
	struct h2 *h = &r->h;

	if (h2_byte(r, b) != h2_preface[h->filled & 31]) {
		h->step = H2_OVER;
		r->event = H2_IS_OTHER;
		return;
	}
	r->at++;
	if (++h->filled < H2_PREFACE_LENGTH)
		return;
	h->filled = 0;
	h->step = H2_FRAME;
}

/* ---- strings ---- */

/* Bytes of the block that are there. */
static __always_inline __u32 h2_there(const struct h2_reader *r)
{
	__u32 n = r->n - r->at;

	return n < r->h.left ? n : r->h.left;
}

static __always_inline void h2_pass(struct h2_reader *r, __u32 n)
{
	r->at += n;
	r->h.left -= n;
	r->h.length -= n;
}

static __always_inline void h2_string_begins(struct h2 *h)
{
	h->filled = 0;
	h->bits = 0;
	*(__u64 *)h->bytes = 0;
	*(__u64 *)(h->bytes + 8) = 0;
}

static __always_inline __u64 h2_first(__u64 w, __u32 bytes)
{
	return bytes < 8 ? w & ((1ULL << (bytes & 7) * 8) - 1) : w;
}

/* Reads on in a string of which the first bytes matter. Returns whether it is over: they are in `text`. */
static __always_inline int h2_text(struct h2_reader *r, const struct buffer *b)
{
	struct h2 *h = &r->h;
	__u32 there = h2_there(r), length = h->length, at = FRONT + r->at;

	if (!h->filled && length <= there) {
		r->text[0] = h2_first(word_at(b->bytes + (at & BYTES_MASK)), length);
		r->text[1] = length > 8 ? h2_first(word_at(b->bytes + ((at + 8) & BYTES_MASK)), length - 8) : 0;
		r->text_length = length;
		h2_pass(r, length);
		return 1;
	}
	if (h->filled < H2_TEXT) {
		h2_gather(r, b, H2_TEXT);
		h->left--;
		h->length--;
	} else {
		h2_pass(r, length < there ? length : there);
	}
	if (h->length)
		return 0;
	r->text[0] = word_at(h->bytes);
	r->text[1] = word_at(h->bytes + 8);
	r->text_length = h->filled;
	return 1;
}

/* Names, as they are and in Huffman's code, which has one way to write them. */
static __always_inline __u8 h2_name_of(const struct h2_reader *r)
{
	__u64 w = r->text[0], next = r->text[1];

	if (r->h.huffman) {
		if (w == 0x8fda3412b2c8ca9aULL && !next)
			return H2_GRPC_STATUS;
		if (w == 0x59f5c94a6a49ea21ULL && next == 0x7f)
			return H2_CONTENT_TYPE;
		if (next)
			return H2_ANY;
		return w == 0xa3368d84b8ULL   ? H2_STATUS
		       : w == 0x3fd358b9ULL   ? H2_PATH
		       : w == 0xe4395349b9ULL ? H2_METHOD
					      : H2_ANY;
	}
	if (w == 0x6174732d63707267ULL && next == 0x737574)
		return H2_GRPC_STATUS;
	if (w == 0x2d746e65746e6f63ULL && next == 0x65707974)
		return H2_CONTENT_TYPE;
	if (next)
		return H2_ANY;
	return w == 0x7375746174733aULL	  ? H2_STATUS
	       : w == 0x687461703aULL	  ? H2_PATH
	       : w == 0x646f6874656d3aULL ? H2_METHOD
					  : H2_ANY;
}

/* By the static table. */
static __always_inline __u8 h2_name_at(__u32 index)
{
	if (index == 2 || index == 3)
		return H2_METHOD;
	if (index == 4 || index == 5)
		return H2_PATH;
	if (index >= 8 && index <= 14)
		return H2_STATUS;
	return index == 31 ? H2_CONTENT_TYPE : H2_ANY;
}

static __always_inline int h2_is_grpc(const struct h2_reader *r)
{
	if (r->h.huffman) /* it ends with a byte */
		return r->text[0] == 0x4c3d260d62d0751dULL && (r->text[1] & 0xffffff) == 0x64654dULL;
	return r->text[0] == 0x746163696c707061ULL && r->text[1] == 0x637072672f6e6f69ULL;
}

/* The number that `text` is: one to three digits. Returns how many, 0 where it is none. */
static __always_inline __u32 h2_number(const struct h2_reader *r, __u32 *number)
{
	__u32 w = (__u32)r->text[0], value = 0, digits = 0, bits = r->text_length * 8;

	if (!r->text_length || r->text_length > 3)
		return 0;
	if (!r->h.huffman) {
		for (__u32 i = 0; i < 3 && i < r->text_length; i++) {
			__u32 digit = (w >> i * 8 & 0xff) - '0';

			if (digit > 9)
				return 0;
			value = value * 10 + digit;
			digits++;
		}
		*number = value;
		return digits;
	}
	/* its bits, the first one highest. Digits have 5 bits (0 to 2) or 6 (from 011001) */
	w = w << 24 | (w & 0xff00) << 8 | (w >> 8 & 0xff00);
	for (__u32 i = 0; i < 3; i++) {
		__u32 five = w >> 27, six = w >> 26;

		if (five < 3 && bits >= 5) {
			value = value * 10 + five;
			w <<= 5;
			bits -= 5;
		} else if (six >= 0x19 && six <= 0x1f && bits >= 6) {
			value = value * 10 + six - 0x16;
			w <<= 6;
			bits -= 6;
		} else {
			break;
		}
		digits++;
	}
	/* less than a byte of ones */
	if (bits >= 8 || (bits && w >> (32 - bits) != (1U << bits) - 1))
		return 0;
	*number = value;
	return digits;
}

static __always_inline void h2_text_value(struct h2_reader *r)
{
	struct h2 *h = &r->h;
	__u32 number = 0, digits;

	if (h->name == H2_CONTENT_TYPE) {
		if (h2_is_grpc(r))
			h->seen |= H2_IS_GRPC;
		return;
	}
	digits = h2_number(r, &number);
	if (h->name == H2_STATUS) {
		if (digits != 3 || number < 100)
			h->seen |= H2_IS_BAD;
		else
			h->status = number;
	} else {
		h->grpc = (digits && number <= GRPC_HIGHEST ? number : GRPC_UNKNOWN) + 1;
	}
}

/* ---- the request's line ---- */

static __always_inline void h2_line_begins(struct h2_reader *r, struct line *l)
{
	if (r->h.seen & H2_HAS_LINE)
		return;
	__builtin_memset(l, 0, sizeof(*l));
	l->raw = r->raw;
	r->h.seen |= H2_HAS_LINE;
}

/* The path or the method is over. */
static __always_inline void h2_symbols_over(struct h2_reader *r, struct line *l)
{
	struct h2 *h = &r->h;

	h->field = H2_FIELD;
	h->bits = 0;
	if (h->name == H2_METHOD) {
		h->method = H2_METHOD_LITERAL;
		return;
	}
	if (l->state == LINE_PATH)
		line_end_segment(l);
	if (l->state == LINE_BAD || l->state < LINE_PATH)
		h->seen |= H2_IS_BAD; /* empty, too */
	h->seen |= H2_HAS_PATH;
	l->state = LINE_END;
}

static __always_inline void h2_symbol(struct h2_reader *r, struct line *l, __u8 symbol)
{
	if (r->h.name == H2_METHOD) {
		if (classes[symbol] & C_TOKEN)
			line_method_byte(l, symbol);
		else
			r->h.seen |= H2_IS_BAD;
	} else if (symbol == ' ') {
		l->state = LINE_BAD;
	} else if (l->state < LINE_END) {
		line_byte(l, symbol);
	}
}

static __always_inline void h2_symbols_begin(struct h2_reader *r, struct line *l)
{
	struct h2 *h = &r->h;

	h->field = H2_SYMBOLS;
	h->bits = 0;
	h->window = 0;
	h2_line_begins(r, l);
	if (h->name == H2_PATH)
		l->state = LINE_TARGET;
}

/* One symbol. Returns whether there was one. */
static __always_inline int h2_symbols(struct h2_reader *r, const struct buffer *b, struct line *l)
{
	struct h2 *h = &r->h;
	__u32 there = h2_there(r), bits = h->bits, next, length = 0, symbol;
	__u64 window = h->window;

	if (!h->huffman) {
		if (!h->length) {
			h2_symbols_over(r, l);
			return 1;
		}
		if (!there)
			return 0;
		h2_symbol(r, l, h2_byte(r, b));
		h2_pass(r, 1);
		if (!h->length)
			h2_symbols_over(r, l);
		return 1;
	}
	for (int i = 0; i < 4; i++) {
		if (bits > 32 || !h->length || !there)
			break;
		window = window << 8 | h2_byte(r, b);
		bits += 8;
		there--;
		h2_pass(r, 1);
	}
	h->window = window;
	h->bits = bits;
	/* the next 32 bits; behind the end of what is there, ones */
	next = bits ? (__u32)(window << ((64 - bits) & 63) >> 32) : 0;
	if (bits < 32)
		next |= 0xffffffffU >> bits;
	symbol = huffman_symbol(next, &length);
	if (symbol < 256 && length <= bits) {
		h->bits = bits - length;
		h2_symbol(r, l, symbol);
		return 1;
	}
	if (h->length)
		return 0;
	if (bits >= 8 || next != 0xffffffffU)
		h2_invalid(r);
	else
		h2_symbols_over(r, l);
	return 1;
}

/* H2_PATH_HERE: its route is not known. */
static __always_inline void h2_decode_path(struct h2_reader *r, struct line *l)
{
	__u64 rest;
	__u32 index = r->h.huffman;

	h2_symbols_begin(r, l);
	if (r->h.length)
		return;
	line_byte(l, '/');
	rest = index == 4 ? 0 : 0x682e7865646e69ULL; /* "index.h" */
	for (int i = 0; i < 7 && rest; i++, rest >>= 8)
		line_byte(l, rest);
	rest = index == 4 ? 0 : 0x6c6d74; /* "tml" */
	for (int i = 0; i < 3 && rest; i++, rest >>= 8)
		line_byte(l, rest);
	h2_symbols_over(r, l);
}

/* ---- blocks ---- */

static __always_inline __u16 h2_status_at(__u32 index)
{
	switch (index) {
	case 8:
		return 200;
	case 9:
		return 204;
	case 10:
		return 206;
	case 11:
		return 304;
	case 12:
		return 400;
	case 13:
		return 404;
	default:
		return 500;
	}
}

/* "/" or "/index.html" */
static __always_inline void h2_path_at(struct h2_reader *r, __u32 index)
{
	r->h.name = H2_PATH;
	r->h.length = 0;
	r->h.huffman = index;
	r->event = H2_PATH_HERE;
}

/* A field that has an index, of the static table: another one makes nginx give up. */
static __always_inline void h2_indexed(struct h2_reader *r, __u32 index)
{
	struct h2 *h = &r->h;

	if (!index || index > 61)
		h2_invalid(r);
	else if (index == 2 || index == 3)
		h->method = index;
	else if (index >= 8 && index <= 14)
		h->status = h2_status_at(index);
	else if ((index == 4 || index == 5) && r->requests)
		h2_path_at(r, index);
}

static __always_inline void h2_field(struct h2_reader *r, const struct buffer *b)
{
	struct h2 *h = &r->h;
	__u8 first = h2_byte(r, b);
	__u32 most = first & 0x40 ? 0x3f : 0x0f, index = first & most;

	r->at++;
	h->left--;
	if (first & 0x80) {
		h2_indexed(r, first & 0x7f);
	} else if ((first & 0xe0) == 0x20) {
		if (first != 0x20) /* a size of the dynamic table */
			h2_invalid(r);
	} else if (!index) {
		h->field = H2_NAME_LENGTH;
	} else if (index > 61 || (index == most && most == 0x3f)) {
		h2_invalid(r);
	} else if (index == most) {
		h->field = H2_INDEX;
	} else {
		h->name = h2_name_at(index);
		h->field = H2_VALUE_LENGTH;
	}
}

static __always_inline void h2_index(struct h2_reader *r, const struct buffer *b)
{
	__u8 more = h2_byte(r, b);

	r->at++;
	r->h.left--;
	if (more > 61 - 15) {
		h2_invalid(r);
		return;
	}
	r->h.name = h2_name_at(15 + more);
	r->h.field = H2_VALUE_LENGTH;
}

/* The length of a string is in its first byte, or goes on. */
static __always_inline void h2_string_length(struct h2_reader *r, const struct buffer *b)
{
	struct h2 *h = &r->h;
	__u8 first = h2_byte(r, b);

	r->at++;
	h->left--;
	h->huffman = first >> 7;
	h->length = first & 0x7f;
	h->field += h->length == 0x7f ? 1 : 2;
	h2_string_begins(h);
}

static __always_inline void h2_string_length_more(struct h2_reader *r, const struct buffer *b)
{
	struct h2 *h = &r->h;
	__u8 more = h2_byte(r, b);

	r->at++;
	h->left--;
	h->length += (__u32)(more & 0x7f) << (h->bits & 31);
	h->bits += 7;
	if (more & 0x80) {
		if (h->bits > 21)
			h2_invalid(r);
		return;
	}
	h->bits = 0;
	h->field++;
}

static __always_inline int h2_is_value(const struct h2_reader *r)
{
	return r->h.step == H2_BLOCK && r->h.field == H2_VALUE;
}

static __always_inline void h2_value(struct h2_reader *r, const struct buffer *b, struct line *l)
{
	struct h2 *h = &r->h;

	if (r->requests && (h->name == H2_PATH || h->name == H2_METHOD)) {
		/* whole, and its method is known: its route may be known as well */
		if (h->name == H2_PATH && h->length && h->length <= h2_there(r) && h->method >= H2_METHOD_GET)
			r->event = H2_PATH_HERE;
		else
			h2_symbols_begin(r, l);
	} else if (h->name >= H2_STATUS) {
		if (!h->length) {
			h->field = H2_FIELD;
			if (h->name == H2_STATUS)
				h->seen |= H2_IS_BAD;
		} else if (h2_there(r) && h2_text(r, b)) {
			h2_text_value(r);
			h->field = H2_FIELD;
		}
	} else {
		__u32 there = h2_there(r);

		h2_pass(r, h->length < there ? h->length : there);
		if (!h->length)
			h->field = H2_FIELD;
	}
}

/* The frame has no more of the block. A string of which all bytes are there is decoded to its end first. */
static __always_inline int h2_is_part_over(const struct h2 *h)
{
	return h->step == H2_BLOCK && !h->left && (h->field != H2_SYMBOLS || h->length);
}

/* A field, as far as it is there. Returns whether it went on. */
static __always_inline int h2_block(struct h2_reader *r, const struct buffer *b, struct line *l)
{
	struct h2 *h = &r->h;

	if (h->field == H2_SYMBOLS) {
		if (!h2_symbols(r, b, l) && h->left)
			return 0;
	} else {
		if (h->field == H2_FIELD)
			h2_field(r, b);
		else if (h->field == H2_INDEX)
			h2_index(r, b);
		else if (h->field == H2_NAME_LENGTH_MORE || h->field == H2_VALUE_LENGTH_MORE)
			h2_string_length_more(r, b);
		if (h->step == H2_BLOCK && h->field == H2_NAME_LENGTH && h2_there(r))
			h2_string_length(r, b);
		if (h->step == H2_BLOCK && h->field == H2_NAME) {
			if (!h->length) {
				h->name = H2_ANY;
				h->field = H2_VALUE_LENGTH;
			} else if (h2_there(r) && h2_text(r, b)) {
				h->name = h2_name_of(r);
				h->field = H2_VALUE_LENGTH;
			}
		}
		if (h->step == H2_BLOCK && h->field == H2_VALUE_LENGTH && h2_there(r))
			h2_string_length(r, b);
		if (h2_is_value(r))
			h2_value(r, b, l);
	}
	if (h2_is_part_over(h) && r->event != H2_PATH_HERE)
		h2_payload_over(r);
	return 1;
}

/* H2_PATH_HERE: its route is known. */
static __always_inline void h2_take_path(struct h2_reader *r)
{
	struct h2 *h = &r->h;

	h2_pass(r, h->length);
	h->field = H2_FIELD;
	h->bits = 0;
	h->seen |= H2_HAS_PATH | H2_HAS_SLOT;
}

/* Something of it is there to be read. */
static __always_inline int h2_goes_on(const struct h2_reader *r)
{
	const struct h2 *h = &r->h;

	if (h->step == H2_LOST || h->step == H2_OVER)
		return 0;
	if (h->step == H2_BLOCK && ((h->field == H2_SYMBOLS && !h->length) || !h->left))
		return 1; /* no byte is needed */
	return r->at < r->n;
}

/* Reads one piece: at most a field of a block. Returns whether there is no more to read, or something has happened. */
VERIFIED_ONCE int h2_item(struct h2_reader *r, const struct buffer *b, struct line *l)
{
	if (!r || !b || !l || !h2_goes_on(r))
		return 1;
	switch (r->h.step) {
	case H2_PREFACE:
		h2_preface_byte(r, b);
		break;
	case H2_FRAME:
		h2_frame(r, b);
		break;
	case H2_PAD_LENGTH:
		h2_pad_length(r, b);
		break;
	case H2_PRIORITY_PART:
		h2_priority_part(r, b);
		break;
	case H2_BLOCK:
		if (h2_is_part_over(&r->h))
			h2_payload_over(r);
		else if (!h2_block(r, b, l))
			return 1;
		break;
	case H2_SETTING:
		h2_setting(r, b);
		break;
	case H2_LAST_STREAM:
		h2_last_stream(r, b);
		break;
	default:
		h2_rest(r);
	}
	return r->event != H2_NOTHING || !h2_goes_on(r);
}

/* Whether a HEADERS frame of nginx begins there, which opens a stream beyond `after`. Needs ten bytes. */
static __always_inline int h2_is_request(const __u8 *bytes, __u32 start, __u32 after)
{
	__u64 w = word_at(bytes + (start & BYTES_MASK));
	__u8 last = bytes[(start + 8) & BYTES_MASK], field = bytes[(start + 9) & BYTES_MASK];
	__u32 stream = (__u32)(w >> 40 & 0xff) << 24 | (__u32)(w >> 48 & 0xff) << 16 | (__u32)(w >> 56) << 8 | last;

	return (w & 0xff) == 0 && (w >> 24 & 0xff) == H2_HEADERS && ((w >> 32 & 0xff) | H2_END_STREAM) == 5 && (stream & 1) &&
	       stream > after && stream < 0x80000000U && (field == 0x82 || field == 0x83 || field == 0x42);
}
