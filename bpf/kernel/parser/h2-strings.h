/* Strings of a header block of which the first bytes tell all: names, a status, a grpc-status, a content type. */
#pragma once

#include "h2-state.h"

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
