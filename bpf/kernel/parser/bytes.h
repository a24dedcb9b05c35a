/* The input of the parser: a buffer, read eight bytes at a time, and the classes of its characters. */
#pragma once

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#include <string.h>
#endif

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* In the kernel a global function: the verifier checks it once, not once per path to it, and requires the null checks. */
#ifdef __bpf__
#define VERIFIED_ONCE __attribute__((noinline))
#else
#define VERIFIED_ONCE static inline
#endif

/* SETTING: set before loading. NAMED: a skeleton spells a struct out only if it has no name. */
#ifdef __bpf__
#define SETTING const volatile
#define NAMED(tag)
#else
#define SETTING
#define NAMED(tag) tag
#endif

#define FRONT	   64
#define CHUNK	   448
#define BYTES	   (FRONT + CHUNK + 16) /* a word may be read across the end */
#define BYTES_MASK 511			/* of an offset into the buffer: the verifier requires 2^k - 1 */

#define METHOD_MAX 23
#define PATH_MAX   128

struct buffer {
	__u8 bytes[BYTES];
};

#define EACH(byte) (0x0101010101010101ULL * (byte))

static __always_inline __u64 word_at(const __u8 *p)
{
#ifdef __bpf__
	return *(const __u64 *)p;
#else
	__u64 w;
	memcpy(&w, p, 8);
	return w;
#endif
}

/* 0x80 in each byte of w that equals `byte`; exact in every byte, unlike the shorter (x - 1) & ~x. */
static __always_inline __u64 equals(__u64 w, __u8 byte)
{
	__u64 x = w ^ EACH(byte);
	return ~(((x & EACH(0x7f)) + EACH(0x7f)) | x | EACH(0x7f));
}

/* How many bytes up to and including the lowest hit of `equals`: BPF has no ctz. */
static __always_inline __u32 bytes_through(__u64 hits)
{
	return ((((hits & -hits) - 1) & EACH(1)) * EACH(1)) >> 56;
}

/* ---- character classes: a table, because comparisons multiply the verifier's states ---- */

#define C_DIGIT 1
#define C_HEX	2 /* digits too */
#define C_UPPER 4
#define C_LOWER 8
#define C_WORD	16 /* A-Za-z0-9_- */
#define C_TOKEN 32 /* RFC 9110 token: a method */

static const __u8 classes[256] = {
    ['!'] = C_TOKEN,
    ['#'] = C_TOKEN,
    ['$'] = C_TOKEN,
    ['%'] = C_TOKEN,
    ['&'] = C_TOKEN,
    ['\''] = C_TOKEN,
    ['*'] = C_TOKEN,
    ['+'] = C_TOKEN,
    ['.'] = C_TOKEN,
    ['^'] = C_TOKEN,
    ['`'] = C_TOKEN,
    ['|'] = C_TOKEN,
    ['~'] = C_TOKEN,
    ['-'] = C_TOKEN | C_WORD,
    ['_'] = C_TOKEN | C_WORD,
    ['0' ... '9'] = C_TOKEN | C_WORD | C_DIGIT | C_HEX,
    ['A' ... 'F'] = C_TOKEN | C_WORD | C_UPPER | C_HEX,
    ['G' ... 'Z'] = C_TOKEN | C_WORD | C_UPPER,
    ['a' ... 'f'] = C_TOKEN | C_WORD | C_LOWER | C_HEX,
    ['g' ... 'z'] = C_TOKEN | C_WORD | C_LOWER,
};
