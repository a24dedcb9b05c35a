/* The request line: byte by byte, of any length, over any number of segments; or whole, as the hash for its route. */
#pragma once

#include "bytes.h"

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
	__u64 hash;    /* of the target's bytes so far, up to `?` */
	__u32 out;     /* bytes of the path so far, uncut */
	__u32 segment; /* where the current path segment begins in `out` */
	__u32 run;     /* its raw length */
	__u8 any;      /* classes of which it has a byte */
	__u8 all;      /* classes to which all of its bytes belong */
	__u8 uuid;     /* it may still be a UUID */
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
	__u32 out = l->out;

	/* or three of these become one: the verifier of Linux 6.1 does not follow what the compiler knows then */
	asm volatile("" : "+r"(out));
	if (out < PATH_MAX)
		l->path[out & (PATH_MAX - 1)] = byte;
	if (out < 65535)
		l->out = out + 1;
}

static __always_inline void line_begin_segment(struct line *l)
{
	l->segment = l->out;
	l->run = 0;
	l->any = 0;
	l->all = 0xff;
	l->uuid = 1;
}

/* docs/NUMBERS.md, route: all digits, a UUID, >= 8 hex digits with a digit, or >= 24 word characters with digit, upper and lower.
 */
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

/* The version is the last word of the line: HTTP/1.x, after any number of spaces (nginx forwards them as they are). */
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
	if (state < LINE_QUERY)
		l->hash = (l->hash ^ b) * 0x100000001b3ULL;
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

/* A request line that ended before `end` names HTTP/1.x. */
static __always_inline int version_before(const __u8 *bytes, __u32 end)
{
	__u32 cr = bytes[(end - 2) & BYTES_MASK] == '\r';
	__u64 w = word_at(bytes + ((end - 9 - cr) & BYTES_MASK));

	return w << 8 == 0x2e312f5054544800ULL; /* "HTTP/1." */
}

/* Secret random numbers, new in each run: 64 bits for each word of a line. */
#ifdef __bpf__
SETTING __u64 line_keys[CHUNK / 8] = {};
#else
static __u64 line_keys[CHUNK / 8];
#endif

/*
 * The keyed hash of method and target up to `?` (a line that begins at FRONT and is whole): equal hashes, equal routes. The
 * region ends before the first ` ` or `?` behind the method's space. Clients choose these bytes, and must not find two lines with
 * the same hash: NH of UMAC (RFC 4418, 5.2), where the chance is 2^-32 for any two lines.
 */
VERIFIED_ONCE __u64 line_hash(const struct buffer *buffer)
{
	__u64 sum = 0, behind_method = 0;

	if (!buffer)
		return 0;

	for (__u32 i = 0; i < CHUNK / 8; i++) {
		__u64 w = word_at(buffer->bytes + FRONT + i * 8), key = line_keys[i];
		__u64 spaces = equals(w, ' '), stops = spaces | equals(w, '?');

		if (!behind_method) {
			if (!spaces) {
				stops = 0;
			} else {
				/* drop the method's space and the bytes before it */
				stops &= ~((spaces & -spaces) * 2 - 1);
				behind_method = 1;
			}
		}
		if (stops) {
			stops &= -stops;
			w &= (stops >> 7) - 1;
		}
		sum += (__u64)(__u32)(w + key) * (__u32)((w >> 32) + (key >> 32));
		if (stops) {
			sum += i;
			break;
		}
	}
	/* spreads it over all bits; different sums stay different */
	sum *= 0x9e3779b97f4a7c15ULL;
	return sum ^ sum >> 32;
}

/*
 * Of a line that was read byte by byte, because it is long or was cut. Two lines with the same hash can be found: it tells
 * retries only, and whoever wants a false one can send the same line twice. 0 stands for none.
 */
static __always_inline __u64 hash_of_line(const struct line *l)
{
	return (l->hash ^ word_at(l->method)) * 0x9e3779b97f4a7c15ULL | 1;
}

#define HASHED_PATH 256

/*
 * The same of `length` bytes at FRONT + at, as HTTP/2 has a path: encoded, with its query. `how`: its method and its encoding.
 * 0 for a longer one.
 */
VERIFIED_ONCE __u64 path_hash(const struct buffer *buffer, __u32 at, __u32 length, __u32 how)
{
	__u64 key = line_keys[CHUNK / 8 - 1], sum;

	if (!buffer || length > HASHED_PATH)
		return 0;
	sum = (__u64)(__u32)((how | 1U << 31) + key) * (__u32)(length + (key >> 32));
	for (__u32 i = 0; i < HASHED_PATH / 8; i++) {
		__u64 w;

		if (i * 8 >= length)
			break;
		w = word_at(buffer->bytes + ((FRONT + at + i * 8) & BYTES_MASK));
		key = line_keys[i];
		if (length - i * 8 < 8)
			w &= (1ULL << (length & 7) * 8) - 1;
		sum += (__u64)(__u32)(w + key) * (__u32)((w >> 32) + (key >> 32));
	}
	sum *= 0x9e3779b97f4a7c15ULL;
	return sum ^ sum >> 32;
}
