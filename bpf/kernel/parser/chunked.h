/*
 * The frame of a chunked body: sizes, extensions, trailers. What is taken and what is not is nginx's ngx_http_parse_chunked():
 * a bare LF ends a line, digits may be upper case and padded, whatever follows `;`, a blank or a tab is skipped.
 */
#pragma once

#include "bytes.h"

/* What comes next. 0 stands for a body that has no chunks. */
enum chunk_step {
	CHUNK_START = 1,
	CHUNK_SIZE, /* `left` is what was read of it */
	CHUNK_EXTENSION,
	CHUNK_LF,
	CHUNK_DATA,	/* `left` bytes of data, then CHUNK_DATA_END */
	CHUNK_DATA_END, /* the line end behind the data */
	CHUNK_DATA_LF,
	CHUNK_LAST_EXTENSION,
	CHUNK_LAST_LF,
	CHUNK_TRAILER, /* a line of it begins */
	CHUNK_TRAILER_TEXT,
	CHUNK_TRAILER_LF,
	CHUNK_FINAL_LF,
	CHUNK_END, /* the body is over */
	CHUNK_INVALID,
};

/* Beyond it nginx calls a size invalid. */
#define CHUNK_SIZE_MAX (0x7fffffffffffffffULL / 16)

struct chunk_reader {
	__u64 left;
	__u32 at; /* of the next byte behind FRONT */
	__u32 n;  /* bytes there */
	__u8 step;
	__u8 pad[7];
};

static __always_inline int hex_value(__u8 b)
{
	__u8 lower = b | 0x20;

	if (b >= '0' && b <= '9')
		return b - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static __always_inline __u8 chunk_size_byte(struct chunk_reader *r, __u8 b, int first)
{
	int digit = hex_value(b);

	if (first)
		r->left = 0;
	else if (r->left > CHUNK_SIZE_MAX)
		return CHUNK_INVALID;
	if (digit >= 0) {
		r->left = r->left * 16 + digit;
		return CHUNK_SIZE;
	}
	if (first)
		return CHUNK_INVALID;
	if (b == '\n')
		return r->left ? CHUNK_DATA : CHUNK_TRAILER;
	if (b == '\r')
		return r->left ? CHUNK_LF : CHUNK_LAST_LF;
	if (b == ';' || b == ' ' || b == '\t')
		return r->left ? CHUNK_EXTENSION : CHUNK_LAST_EXTENSION;
	return CHUNK_INVALID;
}

static __always_inline __u8 chunk_byte(struct chunk_reader *r, __u8 b)
{
	switch (r->step) {
	case CHUNK_START:
		return chunk_size_byte(r, b, 1);
	case CHUNK_SIZE:
		return chunk_size_byte(r, b, 0);
	case CHUNK_EXTENSION:
		return b == '\n' ? CHUNK_DATA : b == '\r' ? CHUNK_LF : CHUNK_EXTENSION;
	case CHUNK_LF:
		return b == '\n' ? CHUNK_DATA : CHUNK_INVALID;
	case CHUNK_DATA_END:
		return b == '\n' ? CHUNK_START : b == '\r' ? CHUNK_DATA_LF : CHUNK_INVALID;
	case CHUNK_DATA_LF:
		return b == '\n' ? CHUNK_START : CHUNK_INVALID;
	case CHUNK_LAST_EXTENSION:
		return b == '\n' ? CHUNK_TRAILER : b == '\r' ? CHUNK_LAST_LF : CHUNK_LAST_EXTENSION;
	case CHUNK_LAST_LF:
	case CHUNK_TRAILER_LF:
		return b == '\n' ? CHUNK_TRAILER : CHUNK_INVALID;
	case CHUNK_TRAILER:
		return b == '\n' ? CHUNK_END : b == '\r' ? CHUNK_FINAL_LF : CHUNK_TRAILER_TEXT;
	case CHUNK_TRAILER_TEXT:
		return b == '\n' ? CHUNK_TRAILER : b == '\r' ? CHUNK_TRAILER_LF : CHUNK_TRAILER_TEXT;
	case CHUNK_FINAL_LF:
		return b == '\n' ? CHUNK_END : CHUNK_INVALID;
	}
	return CHUNK_INVALID;
}

#define SHORT_SIZE 4 /* digits of a size that fits a word, with the line ends around it */

/* Nearly all that lies between two chunks, at once: "\r\n2000\r\n". Returns whether it was that. */
static __always_inline int chunk_frame(struct chunk_reader *r, const struct buffer *buffer)
{
	__u32 length = r->step == CHUNK_DATA_END ? 4 : 2;
	__u64 size = 0, w;

	if ((r->step != CHUNK_DATA_END && r->step != CHUNK_START) || r->n - r->at < 8)
		return 0;
	w = word_at(buffer->bytes + ((FRONT + r->at) & BYTES_MASK));
	if (r->step == CHUNK_DATA_END) {
		if ((w & 0xffff) != 0x0a0d)
			return 0;
		w >>= 16;
	}
	for (int i = 0; i < SHORT_SIZE; i++) {
		__u8 b = w;

		if (!(classes[b] & C_HEX))
			break;
		size = size * 16 + (b & 15) + (b >> 6) * 9;
		w >>= 8;
		length++;
	}
	if ((w & 0xffff) != 0x0a0d || !size)
		return 0;
	r->at += length;
	r->left = size;
	r->step = CHUNK_DATA;
	return 1;
}

/* Reads one byte of the frame, or all of it with what there is of a chunk's data. Returns whether there is no more to read. */
static __always_inline int chunk_read(struct chunk_reader *r, const struct buffer *buffer)
{
	if (r->step == CHUNK_DATA || chunk_frame(r, buffer)) {
		__u32 there = r->n - r->at;

		if (r->left < there)
			there = r->left;
		r->left -= there;
		r->at += there;
		if (!r->left)
			r->step = CHUNK_DATA_END;
	} else {
		r->step = chunk_byte(r, buffer->bytes[(FRONT + r->at) & BYTES_MASK]);
		r->at++;
	}
	return r->at >= r->n || r->step >= CHUNK_END;
}
