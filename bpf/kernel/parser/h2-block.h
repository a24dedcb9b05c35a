/* Fields of a header block (HPACK), without a dynamic table. */
#pragma once

#include "h2-frames.h"
#include "h2-line.h"
#include "h2-strings.h"

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
	if (r->h.seen & H2_HAS_PATH) {
		h2_invalid(r); /* a second one */
		return;
	}
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

	if (r->requests && h->name == H2_PATH && (h->seen & H2_HAS_PATH)) {
		h2_invalid(r); /* a second one */
	} else if (r->requests && (h->name == H2_PATH || h->name == H2_METHOD)) {
		/* whole, and its method is known: its route may be known as well */
		if (h->name == H2_PATH && h->length && h->length <= h2_there(r) && h->method)
			r->event = H2_PATH_HERE;
		else
			h2_symbols_begin(r, l);
	} else if (h->name >= H2_STATUS) {
		if (!h->length) {
			h->field = H2_FIELD;
			if (h->name == H2_STATUS)
				h->seen |= H2_IS_BAD;
			if (h->name == H2_GRPC_STATUS)
				h->grpc = GRPC_UNKNOWN + 1;
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
