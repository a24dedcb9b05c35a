/*
 * bpf/kernel/parser/huffman.h on the host, compared with the codes on standard input: "SYMBOL CODE LENGTH" a line.
 * `huffman all` compares every window of 32 bits.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "../../../bpf/kernel/parser/huffman.h"

static struct {
	uint32_t first, last; /* windows that begin with it */
	unsigned symbol, length;
} codes[257];
static int count;

static void check(uint32_t window, unsigned symbol, unsigned length)
{
	uint32_t found_length, found = huffman_symbol(window, &found_length);

	if (found == symbol && (symbol == HUFFMAN_NONE || found_length == length))
		return;
	fprintf(stderr, "%08x: %u of %u bits, not %u of %u\n", window, found, found_length, symbol, length);
	exit(1);
}

static void read_codes(void)
{
	unsigned symbol, code, length;

	while (count < 257 && scanf("%u %u %u", &symbol, &code, &length) == 3) {
		codes[count].first = code << (32 - length);
		codes[count].last = codes[count].first | ((1ULL << (32 - length)) - 1);
		codes[count].symbol = symbol;
		codes[count++].length = length;
	}
}

/* What follows a code does not matter. */
static void followed(int of)
{
	uint64_t random = 88172645463325252ULL;

	check(codes[of].first, codes[of].symbol, codes[of].length);
	for (int i = 0; i < 2000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		check(codes[of].first | (random & (codes[of].last - codes[of].first)), codes[of].symbol, codes[of].length);
	}
	check(codes[of].last, codes[of].symbol, codes[of].length);
}

/* The beginning of a code, with ones behind it as at a string's end, is no symbol that is whole. */
static void cut(int of)
{
	for (unsigned bits = 0; bits < codes[of].length; bits++) {
		uint32_t length, window = codes[of].first | (uint32_t)(0xffffffffULL >> bits);

		if (huffman_symbol(window, &length) == HUFFMAN_NONE || length > bits)
			continue;
		fprintf(stderr, "%u of the %u bits of %u are a symbol\n", bits, codes[of].length, codes[of].symbol);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	(void)argv;
	read_codes();
	for (int i = 0; i < count; i++) {
		followed(i);
		cut(i);
	}
	for (int i = 0; argc > 1 && i < count; i++)
		for (uint64_t window = codes[i].first; window <= codes[i].last; window++)
			check(window, codes[i].symbol, codes[i].length);
	printf("%d codes\n", count);
	return 0;
}
