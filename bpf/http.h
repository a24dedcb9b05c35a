/*
 * HTTP/1 as bytes: request lines, route templates, heads. Pure: no helper, no memory but the caller's, so that the host
 * compiles, tests and fuzzes the very code that the kernel runs. Words are read eight bytes at a time, little endian only.
 *
 * A head is read chunk by chunk out of a `bytes` buffer: a chunk lies at [FRONT, FRONT + n), and the last FRONT bytes of what
 * came before it lie right-aligned in [0, FRONT), so that a line which a segment's end cut is contiguous again.
 */
#pragma once

#ifndef __bpf__
#include <linux/types.h>
#include <string.h>
#endif

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* In the kernel a global function: the verifier reads it once, not once per path to it. It asks for the null checks. */
#ifdef __bpf__
#define VERIFIED_ONCE __attribute__((noinline))
#else
#define VERIFIED_ONCE static inline
#endif

#define FRONT	   64
#define CHUNK	   448
#define BYTES	   (FRONT + CHUNK + 16) /* a word may be read across the end */
#define BYTES_MASK 511			/* of an offset into the buffer: the verifier wants 2^k - 1 */

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

/* ---- the request line, byte by byte: any length, over any number of segments ---- */

enum line_state {
	LINE_METHOD,
	LINE_TARGET, /* its first byte */
	LINE_PATH,
	LINE_OTHER,	/* `*`, a scheme, an authority: kept as it is */
	LINE_AUTHORITY, /* behind scheme:// */
	LINE_QUERY,
	LINE_VERSION,
	LINE_END, /* a valid line is complete */
	LINE_BAD,
};

struct line {
	__u64 version; /* the last eight bytes before the line's end */
	__u32 out;     /* bytes of the path so far, uncut */
	__u32 segment; /* where the current path segment begins in `out` */
	__u32 run;     /* its raw length */
	__u8 any;      /* classes of which it has a byte */
	__u8 all;      /* classes to which all of its bytes belong */
	__u8 uuid;     /* it still looks like one */
	__u8 state;
	__u8 scheme; /* how much of :// was seen */
	__u8 method_len;
	__u8 method_cut;
	__u8 raw; /* keep ids: --routes-as raw */
	__u8 pad[4];
	__u8 method[METHOD_MAX + 1];
	__u8 path[PATH_MAX];
};

static __always_inline void line_put(struct line *l, __u8 byte)
{
	if (l->out < PATH_MAX)
		l->path[l->out & (PATH_MAX - 1)] = byte;
	if (l->out < 65535)
		l->out++;
}

static __always_inline void line_begin_segment(struct line *l)
{
	l->segment = l->out;
	l->run = 0;
	l->any = 0;
	l->all = 0xff;
	l->uuid = 1;
}

/* docs/NUMBERS.md, route: all digits, a UUID, >= 8 hex digits with a digit, or >= 24 word characters with digit, upper and lower. */
static __always_inline int line_segment_is_id(const struct line *l)
{
	const __u8 mixed = C_DIGIT | C_UPPER | C_LOWER;

	if (!l->run || l->raw)
		return 0;
	if (l->all & C_DIGIT)
		return 1;
	if (l->uuid && l->run == 36)
		return 1;
	if ((l->all & C_HEX) && (l->any & C_DIGIT) && l->run >= 8)
		return 1;
	return (l->all & C_WORD) && (l->any & mixed) == mixed && l->run >= 24;
}

static __always_inline void line_end_segment(struct line *l)
{
	if (!line_segment_is_id(l))
		return;
	l->out = l->segment;
	line_put(l, ':');
	line_put(l, 'i');
	line_put(l, 'd');
}

static __always_inline void line_root(struct line *l)
{
	l->out = 0;
	line_put(l, '/');
	line_begin_segment(l);
}

static __always_inline void line_path_byte(struct line *l, __u8 b)
{
	__u8 class = classes[b];

	if (b == '/') {
		line_end_segment(l);
		line_put(l, b);
		line_begin_segment(l);
		return;
	}
	if (l->run == 8 || l->run == 13 || l->run == 18 || l->run == 23)
		l->uuid &= b == '-';
	else
		l->uuid &= (class & C_HEX) != 0;
	l->any |= class;
	l->all &= class;
	if (l->run < 65535)
		l->run++;
	line_put(l, b);
}

static __always_inline void line_other_byte(struct line *l, __u8 b)
{
	if (b == ':')
		l->scheme = 1;
	else if (b == '/' && l->scheme)
		l->scheme++;
	else
		l->scheme = 0;
	if (l->scheme == 3) {
		l->state = LINE_AUTHORITY;
		line_root(l);
		return;
	}
	line_put(l, b);
}

static __always_inline void line_method_byte(struct line *l, __u8 b)
{
	if (b == ' ') {
		l->state = l->method_len ? LINE_TARGET : LINE_BAD;
		return;
	}
	if (!(classes[b] & C_TOKEN)) {
		l->state = LINE_BAD;
		return;
	}
	__u8 n = l->method_len;
	if (n < METHOD_MAX) {
		l->method[n] = b;
		l->method_len = n + 1;
	} else {
		l->method_cut = 1;
	}
}

/* The version is what stands before the line's end: HTTP/1.x, behind any number of spaces (nginx forwards raw ones). */
static __always_inline void line_version_byte(struct line *l, __u8 b)
{
	if (b == '\n')
		l->state = (l->version << 8) == 0x2e312f5054544800ULL /* "HTTP/1." */ ? LINE_END : LINE_BAD;
	else if (b == ' ')
		l->version = 0;
	else if (b != '\r')
		l->version = l->version >> 8 | (__u64)b << 56;
}

/* Feeds one byte. LINE_END and LINE_BAD are final. */
static __always_inline void line_byte(struct line *l, __u8 b)
{
	__u8 state = l->state;

	if (state == LINE_METHOD) {
		line_method_byte(l, b);
		return;
	}
	if (state == LINE_VERSION) {
		line_version_byte(l, b);
		return;
	}
	if (b == '\n' || b == '\r') {
		l->state = LINE_BAD;
		return;
	}
	if (b == ' ' || b == '?') {
		if (state == LINE_PATH)
			line_end_segment(l);
		if (state == LINE_TARGET)
			l->state = LINE_BAD;
		else if (b == ' ')
			l->state = LINE_VERSION;
		else
			l->state = LINE_QUERY;
		return;
	}
	if (state == LINE_TARGET) {
		l->state = b == '/' ? LINE_PATH : LINE_OTHER;
		if (b == '/')
			line_root(l);
		else
			line_other_byte(l, b);
	} else if (state == LINE_PATH) {
		line_path_byte(l, b);
	} else if (state == LINE_OTHER) {
		line_other_byte(l, b);
	} else if (state == LINE_AUTHORITY && b == '/') {
		l->state = LINE_PATH;
	}
}

/* ---- heads: lines until the blank one ---- */

struct head {
	__u64 length; /* Content-Length */
	__u32 line;   /* where the current line begins in the buffer, from 0 */
	__u32 first;  /* behind the end of the first line, 0 until it was seen */
	__u8 has_length;
	__u8 chunked;
	__u8 lost; /* the current line began further back than the buffer reaches: it is skipped */
	__u8 pad[5];
};

VERIFIED_ONCE int head_content_length(struct head *h, const struct buffer *buffer, __u32 at)
{
	__u64 value = 0;
	__u8 digits = 0;

	if (!h || !buffer)
		return 0;
	for (int i = 0; i < 32; i++) {
		__u8 b = buffer->bytes[(at + i) & BYTES_MASK];
		if (classes[b] & C_DIGIT) {
			value = value * 10 + (b - '0');
			digits = 1;
		} else if ((b != ' ' && b != '\t') || digits) {
			break;
		}
	}
	if (digits) {
		h->length = value;
		h->has_length = 1;
	}
	return 0;
}

/* The last coding decides (RFC 9112, 6.3): compare what stands before the line's end, blanks skipped. */
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
		if (next == 0x6e69646f636e652dULL && /* "-encodin" */
		    (__u16)(word_at(bytes + ((start + 16) & BYTES_MASK)) | EACH(0x20)) == 0x3a67) /* "g:" */
			head_transfer_encoding(h, buffer, end);
	}
	return 0;
}

/* Reads the lines that end in the chunk [FRONT, FRONT + n). Returns the position behind the blank one, 0 when the head goes on.
 */
VERIFIED_ONCE __u32 head_scan(struct head *h, const struct buffer *buffer, __u32 n)
{
	if (!h || !buffer)
		return 0;
	for (__u32 i = 0; i < CHUNK / 8; i++) {
		if (i * 8 >= n)
			break;
		__u64 hits = equals(word_at(buffer->bytes + FRONT + i * 8), '\n');

		/* five line ends at most fit a word before one of them ends a blank line */
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

/* The chunk is used up and the head goes on: its last FRONT bytes become what came before the next chunk. */
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

/* A request line that ended before `end` names HTTP/1.x. */
static __always_inline int version_before(const __u8 *bytes, __u32 end)
{
	__u32 cr = bytes[(end - 2) & BYTES_MASK] == '\r';
	__u64 w = word_at(bytes + ((end - 9 - cr) & BYTES_MASK));

	return w << 8 == 0x2e312f5054544800ULL; /* "HTTP/1." */
}

/* The status of a line "HTTP/1.x NNN", 0 when it is none. Needs twelve bytes. */
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
 * The seeded hash of method and target up to `?` (a line that begins at FRONT and is whole): equal hashes, equal routes.
 * The region ends before the first ` ` or `?` behind the method's space.
 */
VERIFIED_ONCE __u64 line_hash(const struct buffer *buffer, __u64 from)
{
	const __u64 multiplier = 0x9e3779b97f4a7c15ULL;
	__u64 hash = from, behind_method = 0;

	if (!buffer)
		return 0;

	for (__u32 i = 0; i < CHUNK / 8; i++) {
		__u64 w = word_at(buffer->bytes + FRONT + i * 8);
		__u64 spaces = equals(w, ' '), stops = spaces | equals(w, '?');

		if (!behind_method) {
			if (!spaces) {
				stops = 0;
			} else {
				/* forget the method's space and what stands before it */
				stops &= ~((spaces & -spaces) * 2 - 1);
				behind_method = 1;
			}
		}
		if (stops) {
			stops &= -stops;
			w &= (stops >> 7) - 1;
			hash = (hash ^ w ^ i << 3) * multiplier;
			return hash ^ hash >> 29;
		}
		hash = (hash ^ w) * multiplier;
		hash ^= hash >> 32;
	}
	return hash;
}
