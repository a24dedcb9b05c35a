/*
 * The C library for WebAssembly copies by words of four bytes, and sets byte by byte. The engine's own operations are calls into
 * it, which pay for long ranges alone. Only where a vector is one instruction; other builds have the C library's.
 */
#ifdef __wasm_simd128__
#include <stddef.h>
#include <stdint.h>
#include "portable/maps.h"

/* As calloc, which would write zeros into what is zero: of 50 MB a capture of a few routes needs two. */
void *fresh_rooms(size_t n, size_t size)
{
	return fresh_memory(n * size);
}

#define LONG 512

typedef uint8_t v16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t v8 __attribute__((aligned(1), may_alias));
typedef uint32_t v4 __attribute__((aligned(1), may_alias));
typedef uint16_t v2 __attribute__((aligned(1), may_alias));

/* The first and the last piece, which may overlap: both are read before one is written. */
#define COPY_ENDS(type)                                                                                                          \
	do {                                                                                                                     \
		type first = *(const type *)f, last = *(const type *)(f + n - sizeof(type));                                     \
		*(type *)t = first;                                                                                              \
		*(type *)(t + n - sizeof(type)) = last;                                                                          \
	} while (0)

void *memcpy(void *to, const void *from, size_t n)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	if (n >= LONG)
		return __builtin_memmove(to, from, n);
	if (n >= 16) {
		for (; n > 32; n -= 16, t += 16, f += 16)
			*(v16 *)t = *(const v16 *)f;
		COPY_ENDS(v16);
	} else if (n >= 8) {
		COPY_ENDS(v8);
	} else if (n >= 4) {
		COPY_ENDS(v4);
	} else if (n >= 2) {
		COPY_ENDS(v2);
	} else if (n) {
		*t = *f;
	}
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	return __builtin_memmove(to, from, n);
}

void *memset(void *to, int value, size_t n)
{
	uint8_t *t = to;

	if (n >= LONG)
		return __builtin_memset(to, value, n);
	v16 all = (v16){} + (uint8_t)value;

	for (; n >= 16; n -= 16, t += 16)
		*(v16 *)t = all;
	while (n--)
		*t++ = value;
	return to;
}
#endif
