/* Heads: the lines up to the blank one, with the fields that determine where the body ends; and the status line. */
#pragma once

#include "bytes.h"

struct head {
	__u64 length; /* Content-Length */
	__u16 line;   /* where the current line begins in the buffer, from 0 */
	__u16 first;  /* behind the end of the first line, 0 until it was seen */
	__u8 has_length;
	__u8 chunked;
	__u8 lost;		/* the current line began before the start of the buffer: it is skipped */
	__u8 unclear : 1;	/* of a request: a field says where its body ends, and it cannot be told */
	__u8 upgrades : 1;	/* of a request: it asks for another protocol */
	__u8 is_whole : 1;	/* of a request: all of it was read */
	__u8 lists_chunked : 1; /* `chunked` is not the last coding */
};

#define LENGTH_DIGITS 128		    /* zeros before it among them: what is longer is taken for no number */
#define LENGTH_MAX    0x7fffffffffffffffULL /* of off_t */

static __always_inline void head_no_length(struct head *h)
{
	h->has_length = 0;
	h->unclear = 1;
}

static __always_inline __u32 behind_spaces(const struct buffer *buffer, __u32 at)
{
	for (int i = 0; i < LENGTH_DIGITS && buffer->bytes[at & BYTES_MASK] == ' '; i++)
		at++;
	return at;
}

/* Digits at `at`, into h->length: a number in memory costs the verifier no states. Returns where they end, 0 if it is too large.
 */
static __always_inline __u32 behind_digits(struct head *h, const struct buffer *buffer, __u32 at)
{
	__u8 too_large = 0;

	h->length = 0;
	for (int i = 0; i < LENGTH_DIGITS; i++) {
		__u8 b = buffer->bytes[at & BYTES_MASK];

		if (!(classes[b] & C_DIGIT))
			break;
		too_large |= h->length > LENGTH_MAX / 10;
		h->length = h->length * 10 + (b - '0');
		at++;
	}
	return too_large || h->length > LENGTH_MAX ? 0 : at;
}

/*
 * The length behind "Content-Length", as nginx's ngx_atoof() reads it. The last one decides. What is no number ("5, 5", "+5",
 * "5x", more than an off_t) is none to nginx either: an answer goes on until the connection ends, a request is refused.
 */
VERIFIED_ONCE int head_content_length(struct head *h, const struct buffer *buffer, __u32 at)
{
	__u64 before;
	__u32 digits;
	__u8 b;

	if (!h || !buffer)
		return 0;
	b = buffer->bytes[at & BYTES_MASK];
	if (classes[b] & C_TOKEN)
		return 0; /* a longer name */
	if (b != ':') {
		head_no_length(h);
		return 0;
	}
	before = h->length;
	digits = behind_spaces(buffer, at + 1);
	at = behind_digits(h, buffer, digits);
	b = at ? buffer->bytes[behind_spaces(buffer, at) & BYTES_MASK] : 0;
	if (at == digits || (b != '\r' && b != '\n')) {
		head_no_length(h);
		return 0;
	}
	h->unclear |= h->has_length && h->length != before;
	h->has_length = 1;
	return 0;
}

/*
 * The last coding decides (RFC 9112, 6.3): it is compared before the end of the line, without trailing blanks. Of an answer nginx
 * asks only whether `chunked` is somewhere in it.
 */
VERIFIED_ONCE int head_transfer_encoding(struct head *h, const struct buffer *buffer, __u32 at, __u32 end)
{
	__u8 name_ends;

	if (!h || !buffer)
		return 0;
	name_ends = buffer->bytes[at & BYTES_MASK];
	if (classes[name_ends] & C_TOKEN)
		return 0; /* a longer name */
	for (int i = 0; i < 16; i++) {
		__u8 b = buffer->bytes[(end - 1) & BYTES_MASK];
		if (b != '\n' && b != '\r' && b != ' ' && b != '\t')
			break;
		end--;
	}
	if (name_ends == ':' &&
	    (word_at(buffer->bytes + ((end - 8) & BYTES_MASK)) | EACH(0x20)) >> 8 == 0x64656b6e756863ULL) /* "chunked" */
		h->chunked = 1;
	else
		h->unclear = 1;
	if (h->chunked || name_ends != ':')
		return 0;
	for (int i = 0; i < FRONT; i++) {
		at++;
		if (at + 7 > end)
			break;
		if ((word_at(buffer->bytes + (at & BYTES_MASK)) | EACH(0x20)) << 8 == 0x64656b6e75686300ULL) {
			h->lists_chunked = 1;
			break;
		}
	}
	return 0;
}

enum field { FIELD_OTHER, FIELD_LENGTH, FIELD_CODING, FIELD_UPGRADE };

/* Of the line that begins at `start`: whether it begins with a name that matters. */
static __always_inline enum field field_at(const __u8 *bytes, __u32 start)
{
	__u64 w = word_at(bytes + start) | EACH(0x20), next;

	if (w == 0x2d746e65746e6f63ULL) { /* "content-" */
		next = word_at(bytes + ((start + 8) & BYTES_MASK)) | EACH(0x20);
		return next << 16 == 0x6874676e656c0000ULL ? FIELD_LENGTH : FIELD_OTHER; /* "length" */
	}
	if (w != 0x726566736e617274ULL)						 /* "transfer" */
		return w == 0x3a65646172677075ULL ? FIELD_UPGRADE : FIELD_OTHER; /* "upgrade:" */
	next = word_at(bytes + ((start + 8) & BYTES_MASK)) | EACH(0x20);
	return next == 0x6e69646f636e652dULL &&							    /* "-encodin" */
		       (word_at(bytes + ((start + 16) & BYTES_MASK)) | 0x20) << 56 == 0x67ULL << 56 /* "g" */
		   ? FIELD_CODING
		   : FIELD_OTHER;
}

/* One line ended before `end`. Returns whether it was the blank one. */
static __always_inline int head_line(struct head *h, const struct buffer *buffer, __u32 end)
{
	const __u8 *bytes = buffer->bytes;
	__u32 start = h->line & BYTES_MASK;
	__u64 w = word_at(bytes + start);
	enum field field;

	h->line = end;
	if (h->lost || !h->first) {
		h->lost = 0;
		if (!h->first)
			h->first = end;
		return 0;
	}
	if ((w & 0xff) == '\n' || (w & 0xffff) == 0x0a0d)
		return 1;
	field = field_at(bytes, start);
	if (field == FIELD_LENGTH)
		head_content_length(h, buffer, start + 14);
	else if (field == FIELD_CODING)
		head_transfer_encoding(h, buffer, start + 17, end);
	else if (field == FIELD_UPGRADE)
		h->upgrades = 1;
	return 0;
}

/* The line that goes on is longer than what is kept of it. */
static __always_inline void head_long_line(struct head *h, const struct buffer *buffer)
{
	enum field field = field_at(buffer->bytes, h->line & BYTES_MASK);

	if (field == FIELD_UPGRADE)
		h->upgrades = 1;
	/* nobody writes these so long, and where a body ends must not be guessed */
	else if (field != FIELD_OTHER)
		head_no_length(h);
}

/*
 * Reads the lines that end in the chunk [FRONT, FRONT + n). Returns the position behind the blank line, 0 when the head goes on.
 */
VERIFIED_ONCE __u32 head_scan(struct head *h, const struct buffer *buffer, __u32 n)
{
	if (!h || !buffer)
		return 0;
	for (__u32 i = 0; i < CHUNK / 8; i++) {
		if (i * 8 >= n)
			break;
		__u64 hits = equals(word_at(buffer->bytes + FRONT + i * 8), '\n');

		/* a word holds at most five line ends before one of them ends a blank line */
		for (int k = 0; k < 5 && hits; k++) {
			__u32 through = i * 8 + bytes_through(hits);

			if (through > n)
				return 0;
			hits &= hits - 1;
			if (head_line(h, buffer, FRONT + through))
				return FRONT + through;
		}
	}
	return 0;
}

/* The head goes on after this chunk: its last FRONT bytes are moved before the next chunk. */
static __always_inline void head_fold(struct head *h, struct buffer *buffer, __u32 n)
{
	__u8 *bytes = buffer->bytes;
	__u32 length = FRONT + n - h->line;

	if (length > FRONT) {
		if (!h->lost && h->first)
			head_long_line(h, buffer);
		h->lost = 1;
		length = FRONT;
	}
	h->line = FRONT - length;
	/* front to back: a word is read before the copy reaches it */
	for (__u32 i = 0; i < FRONT; i += 8)
		*(__u64 *)(bytes + i) = word_at(bytes + ((n + i) & BYTES_MASK));
}
