/* What a client speaks that is not HTTP/1, from the first bytes of its connection. Pure, as the HTTP/1 parser is. */
#pragma once

#include "bytes.h"

enum protocol { PROTOCOL_TLS, PROTOCOL_H2, PROTOCOL_FASTCGI, PROTOCOL_UWSGI, PROTOCOL_SCGI, PROTOCOL_MEMCACHED, PROTOCOL_OTHER };

#define TLS_HANDSHAKE 0x16 /* the first byte of a record */

/* A FastCGI record of type BEGIN_REQUEST: version 1, eight bytes of content. */
static __always_inline int is_fastcgi(const __u8 *b)
{
	return b[0] == 1 && b[1] == 1 && b[4] == 0 && b[5] == 8;
}

/*
 * A uwsgi packet: variables and their size between two modifiers, which may be any (uwsgi_modifier1 30). Each name has its length
 * before it.
 */
static __always_inline int is_uwsgi(const __u8 *b)
{
	__u32 length = b[4];

	if (!length || b[5] || (b[1] | (__u32)b[2] << 8) < length + 4)
		return 0;
	for (__u32 i = 0; i < 10 && i < length; i++)
		if (!(classes[b[6 + i]] & C_TOKEN))
			return 0;
	return 1;
}

/* A netstring whose first header is CONTENT_LENGTH, as the specification of SCGI demands. */
static __always_inline int is_scgi(const __u8 *b)
{
	int digits = 0;

	for (int i = 0; i < 6 && digits == i && b[i] >= '0' && b[i] <= '9'; i++)
		digits++;
	return digits && b[digits & 7] == ':' && word_at(b + (digits & 7) + 1) == 0x5f544e45544e4f43ULL; /* "CONTENT_" */
}

/* "get ", "set " and a key: nginx sends the former. */
static __always_inline int is_memcached(const __u8 *b)
{
	__u32 w = word_at(b);

	return (w == 0x20746567 || w == 0x20746573) && b[4] > ' ';
}

/* `n` bytes are there; 16 may be read. */
static __always_inline enum protocol protocol_of(const __u8 *b, __u32 n)
{
	if (n >= 2 && b[0] == TLS_HANDSHAKE && b[1] == 3)
		return PROTOCOL_TLS;
	/* the shortest is "get k\r\n" */
	if (n >= 7 && is_memcached(b))
		return PROTOCOL_MEMCACHED;
	if (n < 8)
		return PROTOCOL_OTHER;
	if (word_at(b) == 0x5448202a20495250ULL) /* "PRI * HT" */
		return PROTOCOL_H2;
	if (is_fastcgi(b))
		return PROTOCOL_FASTCGI;
	if (n >= 16 && is_uwsgi(b))
		return PROTOCOL_UWSGI;
	if (n >= 16 && is_scgi(b))
		return PROTOCOL_SCGI;
	return PROTOCOL_OTHER;
}
