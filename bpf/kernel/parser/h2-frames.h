/* Frames of HTTP/2, and what is read of all but header blocks. */
#pragma once

#include "h2-state.h"

/* The payload of a frame is over, and its padding. */
static __always_inline void h2_frame_over(struct h2_reader *r)
{
	struct h2 *h = &r->h;

	h->step = H2_FRAME;
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

static __always_inline void h2_block_begins(struct h2_reader *r)
{
	struct h2 *h = &r->h;

	h->seen = (h->seen & H2_CONNECTION(r)) | H2_IN_BLOCK;
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

/* A frame of the stream that has ended is one of the next stream's time, if nginx reads it then. */
static __always_inline int h2_is_foreign(struct h2 *h, __u32 stream)
{
	if (stream != h->ours)
		return 1;
	if ((h->seen & (H2_ENDED | H2_LATE)) == H2_ENDED) {
		h->seen |= H2_LATE;
		h->slot = h->begin;
	}
	return 0;
}

/* A frame of a backend that nginx does not accept: by its length, or for a stream where it is the connection's. */
static __always_inline int h2_is_refused(__u32 length, __u8 type, __u32 stream)
{
	if (length > H2_LONGEST)
		return 1;
	switch (type) {
	case H2_RST_STREAM:
	case H2_WINDOW_UPDATE:
		return length != 4;
	case H2_SETTINGS:
		return stream || length % 6;
	case H2_PING:
		return stream || length != 8;
	case H2_GOAWAY:
		return stream != 0;
	default:
		return 0;
	}
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
		if (!r->requests && stream && h->ours && h2_is_foreign(h, stream)) {
			/* for who books it, which looks at the frame: see is_late_control_frame */
			h->type = type;
			h->stream = stream;
			h->step = H2_OVER;
			r->event = H2_FOREIGN;
			return;
		}
		if (!r->requests && h2_is_refused(h->left, type, stream)) {
			h2_invalid(r);
			return;
		}
		h->type = type;
		h->flags = flags;
		h->stream = stream;
		h->filled = 0;
		h->step = H2_REST;
		switch (type) {
		case H2_HEADERS:
			h2_block_begins(r);
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
