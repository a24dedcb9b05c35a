/*
 * HTTP/2 of one direction, as nginx speaks it with a backend: frames (RFC 9113) and header blocks (HPACK, RFC 7541). nginx
 * announces a dynamic table of no size and sends no reference to one, and has one stream at a time: so nothing has to be
 * remembered beyond a block. What nginx refuses is invalid here too. Pure: `h2_item` reads one piece, and tells where something
 * has happened.
 */
#pragma once

#include "h2-block.h"
#include "h2-frames.h"

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

/* Whether a frame begins at `at` that ends the stream, and its segment at `end`: trailers, or the last DATA. */
static __always_inline int h2_is_end(const __u8 *bytes, __u32 at, __u32 end, __u32 stream)
{
	__u64 w = word_at(bytes + (at & BYTES_MASK));
	__u32 left = (__u32)(w & 0xff) << 16 | (__u32)(w & 0xff00) | (__u32)(w >> 16 & 0xff);
	__u32 found = (__u32)(w >> 40 & 0xff) << 24 | (__u32)(w >> 48 & 0xff) << 16 | (__u32)(w >> 56) << 8;

	if (at + 9 + left != end || (found | bytes[(at + 8) & BYTES_MASK]) != stream)
		return 0;
	return (w >> 24 & 0xffff) == (H2_HEADERS | (H2_END_STREAM | H2_END_HEADERS) << 8) ||
	       (w >> 24 & 0xffff) == (H2_DATA | H2_END_STREAM << 8);
}
