/* The path and the method of a request in HTTP/2: decoded symbol by symbol into a request line. */
#pragma once

#include "h2-strings.h"
#include "huffman.h"
#include "line.h"

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
		if (!l->method_len)
			h->seen |= H2_IS_BAD;
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
	/* 30 bits are enough for a symbol, unless they are EOS */
	if (h->length && bits < 30)
		return 0;
	if (h->length || bits >= 8 || next != 0xffffffffU)
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
