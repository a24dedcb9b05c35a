/*
 * The status line of an answer, as nginx's ngx_http_parse_status_line() takes it: any version, any number of blanks before and
 * between the three digits, no reason, LF alone. nginx decides at the byte that does not fit, and takes all of it for HTTP/0.9.
 */
#pragma once

#include "bytes.h"

/* What comes next. */
enum status_step {
	STATUS_H, /* "HTTP/", letter by letter */
	STATUS_T,
	STATUS_TT,
	STATUS_P,
	STATUS_SLASH,
	STATUS_VERSION,
	STATUS_MAJOR_1, /* so many digits of it were read */
	STATUS_MAJOR_2,
	STATUS_MAJOR_3,
	STATUS_DOT,
	STATUS_MINOR_0, /* so many digits, zeros before the first one not among them */
	STATUS_MINOR_1,
	STATUS_MINOR_2,
	STATUS_MINOR_3,
	STATUS_CODE_0, /* so many digits of the code */
	STATUS_CODE_1,
	STATUS_CODE_2,
	STATUS_CODE_3,
	STATUS_REASON,
	STATUS_LF,
	STATUS_END, /* a status line is complete */
	STATUS_NONE,
};

struct status_reader {
	__u32 code;
	__u32 at; /* of the next byte behind FRONT */
	__u32 n;  /* bytes there */
	__u8 step;
	__u8 pad[3];
};

static __always_inline int is_digit(__u8 b)
{
	return b >= '0' && b <= '9';
}

static __always_inline __u8 status_version_byte(__u8 step, __u8 b)
{
	switch (step) {
	case STATUS_VERSION:
		return b >= '1' && b <= '9' ? STATUS_MAJOR_1 : STATUS_NONE;
	case STATUS_MAJOR_1:
	case STATUS_MAJOR_2:
	case STATUS_MAJOR_3:
		if (b == '.')
			return STATUS_DOT;
		return is_digit(b) && step != STATUS_MAJOR_3 ? step + 1 : STATUS_NONE;
	case STATUS_DOT:
		return b == '0' ? STATUS_MINOR_0 : is_digit(b) ? STATUS_MINOR_1 : STATUS_NONE;
	}
	if (b == ' ')
		return STATUS_CODE_0;
	if (!is_digit(b) || step == STATUS_MINOR_3)
		return STATUS_NONE;
	return step == STATUS_MINOR_0 && b == '0' ? STATUS_MINOR_0 : step + 1;
}

static __always_inline __u8 status_byte(struct status_reader *r, __u8 b)
{
	__u8 step = r->step;

	if (step <= STATUS_SLASH)
		return b == (__u8)(0x2f50545448ULL >> step * 8) /* "HTTP/" */ ? step + 1 : STATUS_NONE;
	if (step <= STATUS_MINOR_3)
		return status_version_byte(step, b);
	switch (step) {
	case STATUS_CODE_0:
	case STATUS_CODE_1:
	case STATUS_CODE_2:
		if (b == ' ')
			return step;
		if (!is_digit(b))
			return STATUS_NONE;
		r->code = r->code * 10 + (b - '0');
		return step + 1;
	case STATUS_CODE_3:
		if (b == ' ' || b == '.') /* IIS sends 403.1 */
			return STATUS_REASON;
		return b == '\n' ? STATUS_END : b == '\r' ? STATUS_LF : STATUS_NONE;
	case STATUS_REASON:
		return b == '\n' ? STATUS_END : b == '\r' ? STATUS_LF : STATUS_REASON;
	}
	return b == '\n' ? STATUS_END : STATUS_NONE;
}

/* Reads one byte. Returns whether there is no more to read. */
static __always_inline int status_read(struct status_reader *r, const struct buffer *buffer)
{
	r->step = status_byte(r, buffer->bytes[(FRONT + r->at) & BYTES_MASK]);
	r->at++;
	return r->at >= r->n || r->step >= STATUS_END;
}

#define REASON_WORDS 4 /* in which the line's end is looked for */

/* The status of a line "HTTP/1.x NNN", 0 when it is no such line. Needs twelve bytes. */
static __always_inline __u32 status_at(const __u8 *bytes, __u32 start)
{
	__u64 w = word_at(bytes + (start & BYTES_MASK));
	__u64 code = word_at(bytes + ((start + 8) & BYTES_MASK));
	__u32 a = (code >> 8 & 0xff) - '0', b = (code >> 16 & 0xff) - '0', c = (code >> 24 & 0xff) - '0';

	if (w << 8 != 0x2e312f5054544800ULL || (code & 0xff) != ' ' || a > 9 || b > 9 || c > 9)
		return 0;
	return a * 100 + b * 10 + c;
}

/*
 * The code of a line that lies whole at FRONT, where n bytes are, and is like nearly all: "HTTP/1.1 200 OK". 0 where it has to be
 * read byte by byte.
 */
static __always_inline __u32 status_of_line(const struct buffer *buffer, __u32 n)
{
	__u32 status = status_at(buffer->bytes, FRONT);
	__u64 w = word_at(buffer->bytes + FRONT), behind = word_at(buffer->bytes + FRONT + 12);

	if (!status || !is_digit(w >> 56) || ((behind & 0xffff) != 0x0a0d && (behind & 0xff) != ' '))
		return 0;
	for (__u32 at = 12; at < 12 + REASON_WORDS * 8; at += 8) {
		__u64 ends;

		w = word_at(buffer->bytes + FRONT + at);
		ends = equals(w, '\r') | equals(w, '\n');
		if (!ends)
			continue;
		at += bytes_through(ends);
		/* a CR within the reason is no line's end to nginx */
		if (at >= n || word_at(buffer->bytes + ((FRONT + at - 1) & BYTES_MASK)) << 48 != 0x0a0dULL << 48)
			return 0;
		return status;
	}
	return 0;
}
