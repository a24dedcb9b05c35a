/** The tables in C by which bpf/kernel/parser/huffman.h reads a symbol. */
import { CODES, EOS, type Code } from './codes.ts'

/** Codes of at most so many bits, those of nearly all that is sent, are found by one look. */
const SHORT_BITS = 10

const short = CODES.filter(({ length }) => length <= SHORT_BITS)
/** EOS is the highest code: what no row has is EOS. */
const long = CODES.filter(({ length, symbol }) => length > SHORT_BITS && symbol !== EOS)
const lengths = [...new Set(long.map(({ length }) => length))]

/** As the highest bits of 32. */
const aligned = (code: number, length: number): number => code * 2 ** (32 - length)
const hex = (value: number): string => `0x${value.toString(16)}`

/** Length and symbol of the code that begins with these bits; 0 where it is longer. */
function shortTable(): readonly number[] {
  const table = new Array<number>(2 ** SHORT_BITS).fill(0)
  for (const { symbol, code, length } of short) {
    const spare = SHORT_BITS - length
    table.fill(length * 256 + symbol, code * 2 ** spare, (code + 1) * 2 ** spare)
  }
  return table
}

/** Of one length the codes are consecutive, as their symbols are in the table: the difference of the two is that of the first. */
function row(length: number): string {
  const codes = long.filter((code) => code.length === length)
  const first = codes[0]!
  const limit = aligned(codes.at(-1)!.code + 1, length)
  const base = (256 + long.indexOf(first) - (first.code % 256)) % 256
  return `{${hex(limit)}, ${length}, ${base}}`
}

/** Padded with zeros up to a power of two, so that a mask keeps every index inside. */
const symbols = (): readonly number[] => [
  ...long.map(({ symbol }: Code) => symbol),
  ...new Array<number>(256 - long.length).fill(0),
]

const lines = (items: readonly (string | number)[], each: number): string =>
  items
    .map((item, index) => `${index % each === 0 ? '\n    ' : ' '}${item},`)
    .join('')
    .slice(1)

export const c =
  (): string => `/* Made by \`make huffman\` from scripts/huffman/codes.ts: change that file. */
#pragma once

#include "bytes.h"

/* clang-format off */

/* By the next ${SHORT_BITS} bits: a code's length << 8 | its symbol; 0 where the code is longer. */
#define HUFFMAN_SHORT_BITS ${SHORT_BITS}
static const __u16 huffman_short[${2 ** SHORT_BITS}] = {
${lines(shortTable().map(hex), 16)}
};

/* The longer codes by their length, in the order of their values as the highest bits of 32. */
struct huffman_row {
	__u32 limit; /* above the last of them */
	__u8 length;
	__u8 base; /* code + base, mod 256: where its symbol is */
	__u8 pad[2];
};

#define HUFFMAN_ROWS ${lengths.length}
static const struct huffman_row huffman_rows[HUFFMAN_ROWS] = {
${lines(
  lengths.map(row).map((text) => text.replace('}', ', {}}')),
  4,
)}
};

static const __u8 huffman_symbols[256] = {
${lines(symbols(), 16)}
};
`
