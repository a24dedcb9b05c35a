/* The Huffman code of HPACK (RFC 7541, Appendix B): one symbol at a time. */
#pragma once

#include "huffman-table.h"

#define HUFFMAN_NONE 256 /* EOS, which ends no string, or the ones that pad the last byte */

/*
 * The symbol whose code the next bits begin with; `window`: 32 of them, the first one highest, ones where there are no more. The
 * last symbol is whole only if its length is within the bits that there are. A row is found by adding up, since a branch per row
 * would multiply the verifier's states.
 */
static __always_inline __u32 huffman_symbol(__u32 window, __u32 *length)
{
	__u32 found = huffman_short[window >> (32 - HUFFMAN_SHORT_BITS)], row = 0;

	*length = found >> 8;
	if (found)
		return found & 0xff;
	for (int i = 0; i < HUFFMAN_ROWS; i++) {
		__u64 below = (__u64)huffman_rows[i].limit - 1 - window;

		asm("" : "+r"(below)); /* or clang makes a branch of it */
		row += below >> 63;
	}
	if (row >= HUFFMAN_ROWS)
		return HUFFMAN_NONE;
	*length = huffman_rows[row].length;
	return huffman_symbols[((window >> (32 - *length)) + huffman_rows[row].base) & 0xff];
}
