/* Heads: the lines up to the blank one, with the fields that determine where the body ends; and the status line. */
#pragma once

#include "bytes.h"

struct head {
	__u64 length; /* Content-Length */
	__u16 line;   /* where the current line begins in the buffer, from 0 */
	__u16 first;  /* behind the end of the first line, 0 until it was seen */
	__u8 has_length;
	__u8 chunked;
	__u8 lost; /* the current line began before the start of the buffer: it is skipped */
	__u8 pad;
};

/* The last one decides. What is no number ("5, 5", "5x") is none to nginx either: the body goes on until the connection ends. */
VERIFIED_ONCE int head_content_length(struct head *h, const struct buffer *buffer, __u32 at)
{
	__u64 value = 0;
	__u8 digits = 0, b = 0;

	if (!h || !buffer)
		return 0;
	for (int i = 0; i < 32; i++) {
		b = buffer->bytes[(at + i) & BYTES_MASK];
		if (classes[b] & C_DIGIT) {
			value = value * 10 + (b - '0');
			digits = 1;
		} else if ((b != ' ' && b != '\t') || digits) {
			break;
		}
	}
	h->has_length = digits && (b == '\r' || b == '\n' || b == ' ' || b == '\t');
	if (h->has_length)
		h->length = value;
	return 0;
}

/* The last coding decides (RFC 9112, 6.3): it is compared before the end of the line, without trailing blanks. */
VERIFIED_ONCE int head_transfer_encoding(struct head *h, const struct buffer *buffer, __u32 end)
{
	if (!h || !buffer)
		return 0;
	for (int i = 0; i < 16; i++) {
		__u8 b = buffer->bytes[(end - 1) & BYTES_MASK];
		if (b != '\n' && b != '\r' && b != ' ' && b != '\t')
			break;
		end--;
	}
	if ((word_at(buffer->bytes + ((end - 8) & BYTES_MASK)) | EACH(0x20)) >> 8 == 0x64656b6e756863ULL) /* "chunked" */
		h->chunked = 1;
	return 0;
}

/* One line ended before `end`. Returns whether it was the blank one. */
static __always_inline int head_line(struct head *h, const struct buffer *buffer, __u32 end)
{
	const __u8 *bytes = buffer->bytes;
	__u32 start = h->line & BYTES_MASK;
	__u64 w = word_at(bytes + start), next;

	h->line = end;
	if (h->lost || !h->first) {
		h->lost = 0;
		if (!h->first)
			h->first = end;
		return 0;
	}
	if ((w & 0xff) == '\n' || (w & 0xffff) == 0x0a0d)
		return 1;
	w |= EACH(0x20);
	if (w == 0x2d746e65746e6f63ULL) { /* "content-" */
		next = word_at(bytes + ((start + 8) & BYTES_MASK)) | EACH(0x20);
		if (next << 8 == 0x3a6874676e656c00ULL) /* "length:" */
			head_content_length(h, buffer, start + 15);
	} else if (w == 0x726566736e617274ULL) { /* "transfer" */
		next = word_at(bytes + ((start + 8) & BYTES_MASK)) | EACH(0x20);
		if (next == 0x6e69646f636e652dULL &&						  /* "-encodin" */
		    (__u16)(word_at(bytes + ((start + 16) & BYTES_MASK)) | EACH(0x20)) == 0x3a67) /* "g:" */
			head_transfer_encoding(h, buffer, end);
	}
	return 0;
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
		h->lost = 1;
		length = FRONT;
	}
	h->line = FRONT - length;
	/* front to back: a word is read before the copy reaches it */
	for (__u32 i = 0; i < FRONT; i += 8)
		*(__u64 *)(bytes + i) = word_at(bytes + ((n + i) & BYTES_MASK));
}
