/*
 * The parser of bpf/kernel/parser/http.h on the host: examples, and random bytes compared with simple twins. `parser SEED
 * ROUNDS`. With clang -fsanitize=fuzzer -DFUZZER it is a libFuzzer target with the same checks.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../../bpf/kernel/parser/http.h"

static void fail(const char *what, const void *bytes, size_t length)
{
	fprintf(stderr, "%s:\n", what);
	for (size_t i = 0; i < length; i++) {
		unsigned char b = ((const unsigned char *)bytes)[i];
		fprintf(stderr, b >= ' ' && b < 127 ? "%c" : "\\x%02x", b);
	}
	fputc('\n', stderr);
	abort();
}

/* ---- the request line ---- */

struct parsed {
	bool valid;
	unsigned used;
	char method[METHOD_MAX + 1];
	bool method_cut;
	unsigned out;
	char path[PATH_MAX + 1];
};

static struct parsed stream_line(const uint8_t *bytes, size_t length, bool raw)
{
	struct line l = {.raw = raw};
	struct parsed p = {};
	size_t i = 0;

	while (i < length && l.state < LINE_END)
		line_byte(&l, bytes[i++]);
	p.valid = l.state == LINE_END;
	p.used = i;
	memcpy(p.method, l.method, METHOD_MAX);
	p.method_cut = l.method_cut;
	p.out = l.out;
	memcpy(p.path, l.path, l.out < PATH_MAX ? l.out : PATH_MAX);
	return p;
}

/* The rule for ids of docs/NUMBERS.md, written plainly. */
static bool is_id(const char *s, size_t n)
{
	size_t digits = 0, hex = 0, upper = 0, lower = 0, word = 0;
	bool uuid = n == 36;

	for (size_t i = 0; i < n; i++) {
		unsigned char b = s[i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		digits += b >= '0' && b <= '9';
		hex += b < 128 && isxdigit(b);
		upper += b >= 'A' && b <= 'Z';
		lower += b >= 'a' && b <= 'z';
		word += b < 128 && (isalnum(b) || b == '_' || b == '-');
		uuid = uuid && (dash ? b == '-' : b < 128 && isxdigit(b));
	}
	if (n == 0)
		return false;
	return digits == n || uuid || (hex == n && n >= 8 && digits) || (word == n && n >= 24 && digits && upper && lower);
}

/* The template of a path that starts with a slash. */
static size_t simple_template(const char *path, size_t n, char *out)
{
	size_t written = 0;

	for (size_t i = 0; i < n;) {
		size_t end = i + 1;

		out[written++] = '/';
		while (end < n && path[end] != '/')
			end++;
		if (is_id(path + i + 1, end - i - 1)) {
			memcpy(out + written, ":id", 3);
			written += 3;
		} else {
			memcpy(out + written, path + i + 1, end - i - 1);
			written += end - i - 1;
		}
		i = end;
	}
	return written;
}

static void check_line(const char *line, const char *method, const char *path)
{
	struct parsed p = stream_line((const uint8_t *)line, strlen(line), false);

	if (p.valid != (method != NULL))
		fail(method ? "is a request line" : "is no request line", line, strlen(line));
	if (method && (strcmp(p.method, method) || strncmp(p.path, path, PATH_MAX) || p.out != strlen(path)))
		fail("has another method or route", line, strlen(line));
}

static void line_examples(void)
{
	check_line("GET / HTTP/1.0\r\n", "GET", "/");
	check_line("GET / HTTP/1.1\n", "GET", "/");
	check_line("PROPFIND /a/b?c=/1/2 HTTP/1.1\r\n", "PROPFIND", "/a/b");
	check_line("GET http://host:80/x/1?y HTTP/1.1\r\n", "GET", "/x/:id");
	check_line("GET http://host HTTP/1.1\r\n", "GET", "/");
	check_line("GET http://host?q HTTP/1.1\r\n", "GET", "/");
	check_line("OPTIONS * HTTP/1.1\r\n", "OPTIONS", "*");
	check_line("CONNECT example.org:443 HTTP/1.1\r\n", "CONNECT", "example.org:443");
	check_line("GET /1/22/333 HTTP/1.1\r\n", "GET", "/:id/:id/:id");
	check_line("GET /oauth2/ipv4/s3/v1 HTTP/1.1\r\n", "GET", "/oauth2/ipv4/s3/v1");
	check_line("GET /deadbeef/deadbee1/deadb1 HTTP/1.1\r\n", "GET", "/deadbeef/:id/deadb1");
	check_line("GET /123e4567-e89b-12d3-a456-426614174000/x HTTP/1.1\r\n", "GET", "/:id/x");
	check_line("GET /123e4567-e89b-12d3-a456-42661417400 HTTP/1.1\r\n", "GET", "/123e4567-e89b-12d3-a456-42661417400");
	check_line("GET /Abcdefghijklmnopqrstuvw1 HTTP/1.1\r\n", "GET", "/:id");
	check_line("GET /abcdefghijklmnopqrstuvw1 HTTP/1.1\r\n", "GET", "/abcdefghijklmnopqrstuvw1");
	check_line("GET // HTTP/1.1\r\n", "GET", "//");
	check_line("GET /a b HTTP/1.1\r\n", "GET", "/a");
	check_line("A!#$%&'*+-.^_`|~9 /x HTTP/1.1\r\n", "A!#$%&'*+-.^_`|~9", "/x");
	check_line("GET /\r\n", NULL, NULL);
	check_line("GET HTTP/1.1\r\n", NULL, NULL);
	check_line(" GET / HTTP/1.1\r\n", NULL, NULL);
	check_line("GET / HTTP/2.0\r\n", NULL, NULL);
	check_line("G(T / HTTP/1.1\r\n", NULL, NULL);
	check_line("SSH-2.0-OpenSSH_9.2p1 Debian\r\n", NULL, NULL);
	check_line("HTTP/1.1 200 OK\r\n", NULL, NULL);
}

/* ---- heads: read in any pieces ---- */

struct facts {
	bool complete;
	unsigned used;
	uint64_t length;
	bool has_length;
	bool chunked;
	bool lists_chunked;
	bool unclear;
	bool upgrades;
};

/* Like requests.h and answers.h: chunk by chunk; each piece is the payload of one segment. */
static struct facts stream_head(const uint8_t *bytes, size_t length, const size_t *cuts, int cut_count)
{
	static struct buffer buffer;
	struct head h = {.line = FRONT};
	struct facts f = {};
	size_t at = 0;
	int cut = 0;

	memset(&buffer, 0x5a, sizeof(buffer));
	while (at < length) {
		size_t end = length, n;
		unsigned behind;

		while (cut < cut_count && cuts[cut] <= at)
			cut++;
		if (cut < cut_count && cuts[cut] < end)
			end = cuts[cut];
		n = end - at > CHUNK ? CHUNK : end - at;
		memcpy(buffer.bytes + FRONT, bytes + at, n);
		behind = head_scan(&h, &buffer, n);
		if (behind) {
			f.complete = true;
			f.used = at + behind - FRONT;
			break;
		}
		head_fold(&h, &buffer, n);
		at += n;
	}
	f.length = h.has_length ? h.length : 0;
	f.has_length = h.has_length;
	f.chunked = h.chunked;
	f.lists_chunked = h.lists_chunked;
	f.unclear = h.unclear;
	f.upgrades = h.upgrades;
	return f;
}

static bool same_name(const uint8_t *line, size_t n, const char *name)
{
	size_t length = strlen(name);

	if (n < length)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((line[i] | 0x20) != (unsigned char)name[i])
			return false;
	return true;
}

/* A simple reader: line by line over the whole head. Its only limits: */
#define DIGITS 128 /* of a length, and as many spaces before and behind it */
#define BLANKS 16  /* blanks after the name of a coding, with the line end */

static bool is_token(uint8_t b)
{
	return b > 32 && b < 127 && !strchr("\"(),/:;<=>?@[\\]{}", b);
}

/* Behind the colon, at one of so many places. */
static bool lists_chunked(const uint8_t *p, size_t n)
{
	for (size_t at = 1; *p == ':' && at <= FRONT && at + 7 <= n; at++)
		if (same_name(p + at, 7, "chunked"))
			return true;
	return false;
}

/* From behind the name on. */
static void simple_length(struct facts *f, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n, *digits;
	bool had = f->has_length, is_colon = *p++ == ':';
	unsigned __int128 value = 0;
	uint64_t before = f->length;

	while (p < end && *p == ' ')
		p++;
	for (digits = p; p < end && p - digits < DIGITS && *p >= '0' && *p <= '9'; p++)
		value = value >> 64 ? value : value * 10 + (*p - '0');
	f->has_length = is_colon && p != digits && !(value >> 63);
	while (p < end && *p == ' ')
		p++;
	f->has_length &= p < end && (*p == '\r' || *p == '\n');
	f->length = f->has_length ? (uint64_t)value : 0;
	f->unclear |= !f->has_length || (had && before != f->length);
}

static struct facts simple_head(const uint8_t *bytes, size_t length)
{
	struct facts f = {};
	bool first = true;

	for (size_t start = 0; start < length;) {
		const uint8_t *newline = memchr(bytes + start, '\n', length - start), *line = bytes + start;
		size_t n;

		if (!newline)
			break;
		n = newline - line + 1;
		start += n;
		if (first) {
			first = false;
			continue;
		}
		if (n == 1 || (n == 2 && line[0] == '\r')) {
			f.complete = true;
			f.used = start;
			break;
		}
		if (n > 14 && same_name(line, 14, "content-length") && !is_token(line[14])) {
			simple_length(&f, line + 14, n - 14);
		} else if (n > 17 && same_name(line, 17, "transfer-encoding") && !is_token(line[17])) {
			size_t end = n;

			while (end > n - BLANKS && memchr("\r\n \t", line[end - 1], 4))
				end--;
			if (line[17] == ':' && end >= 7 && same_name(line + end - 7, 7, "chunked"))
				f.chunked = true;
			else
				f.unclear = true;
			f.lists_chunked |= !f.chunked && end > 17 && lists_chunked(line + 17, end - 17);
		} else if (n > 8 && same_name(line, 8, "upgrade:")) {
			f.upgrades = true;
		}
	}
	return f;
}

static void compare_heads(const struct facts *a, const struct facts *b, const char *what, const uint8_t *bytes, size_t n)
{
	if (a->complete != b->complete || a->used != b->used || a->has_length != b->has_length || a->length != b->length ||
	    a->chunked != b->chunked || a->lists_chunked != b->lists_chunked || a->unclear != b->unclear ||
	    a->upgrades != b->upgrades) {
		fprintf(stderr, "complete %d %d, used %u %u, length %d:%llu %d:%llu, chunked %d %d, unclear %d %d\n", a->complete,
			b->complete, a->used, b->used, a->has_length, (unsigned long long)a->length, b->has_length,
			(unsigned long long)b->length, a->chunked, b->chunked, a->unclear, b->unclear);
		fail(what, bytes, n);
	}
}

/* ---- random ---- */

static uint64_t state = 1;

static uint32_t below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 32) % n;
}

static size_t random_path(char *out, size_t max)
{
	static const char *const pieces[] = {"api",	 "v1",	 "12345",   "deadbeef", "cafe1234", "s3",  "",	"%20",
					     "\xc3\xa9", "\xff", "\x1b[2J", "Zz9",	"a-b_c",    "x.y", "0", "G"};
	static const char word[] = "abcdefXYZ0123456789-_ghij";
	size_t n = 0;

	while (n + 64 < max && below(6)) {
		out[n++] = '/';
		if (below(2)) {
			n += sprintf(out + n, "%s", pieces[below(16)]);
			continue;
		}
		for (int left = below(44); left > 0; left--)
			out[n++] = word[below(below(3) ? 16 : sizeof(word) - 1)];
	}
	if (n == 0)
		out[n++] = '/';
	return n;
}

static void random_line(void)
{
	char path[1400], line[1600], expected[3000];
	size_t n = random_path(path, sizeof(path)), length;
	struct parsed p;

	length = sprintf(line, "GET %.*s%s HTTP/1.1\r\n", (int)n, path, below(3) ? "" : "?a=1/2/3 ");
	if (memchr(path, 0x1b, n) == NULL || true)
		p = stream_line((uint8_t *)line, length, false);
	if (!p.valid || p.used != length)
		fail("a valid line was refused", line, length);
	length = simple_template(path, n, expected);
	if (p.out != length || memcmp(p.path, expected, length < PATH_MAX ? length : PATH_MAX))
		fail("the template differs from the simple one", path, n);
	p = stream_line((uint8_t *)line, strlen(line), true);
	if (p.out != n || memcmp(p.path, path, n < PATH_MAX ? n : PATH_MAX))
		fail("a raw path was changed", path, n);
}

/* Random heads with lines that are nearly relevant headers, and noise. */
static size_t random_head(uint8_t *out, size_t max)
{
	static const char *const lines[] = {"Upgrade: websocket\r\n",
					    "upgrade:%u\n",
					    "Upgrade-Insecure-Requests: %u\r\n",
					    "Content-Length: %u\r\n",
					    "content-LENGTH:\t %u \r\n",
					    "Content-Length:%u\n",
					    "Content-Length:                    %u\r\n",
					    "Content-Length: %u, 5\r\n",
					    "Content-Length: x\r\n",
					    "Content-Length:%u  \r\n",
					    "Content-Length: 00000000000000000000000%u\r\n",
					    "Content-Length: 922337203%u\r\n",
					    "Content-Length: 9223372036854775807\r\n",
					    "Content-Length: 9223372036854775808\r\n",
					    "Content-Length: 18446744073709551621\r\n",
					    "Content-Length: +%u\r\n",
					    "Content-Length: 5 %u\r\n",
					    "Content-Length:\r\n",
					    "Content-Length : %u\r\n",
					    "Content-Length: 5\r\n",
					    "Transfer-Encoding : chunked\r\n",
					    "Transfer-Encoding: chunked, x\r\n",
					    "Content-Lengthy: %u\r\n",
					    "X-Content-Length: %u\r\n",
					    "Transfer-Encoding: chunked\r\n",
					    "transfer-encoding: gzip, CHUNKED \t\r\n",
					    "Transfer-Encoding: chunked, gzip\r\n",
					    "Transfer-Encodings: chunked\r\n",
					    "Host: a%u\r\n",
					    " folded %u\r\n",
					    "A: %u\n",
					    "\r%u\r\n"};
	size_t n = sprintf((char *)out, "HTTP/1.1 %03u whatever it is\r\n", below(1000));

	while (n + 700 < max && below(9)) {
		if (below(6)) {
			n += sprintf((char *)out + n, lines[below(sizeof(lines) / sizeof(*lines))], below(below(2) ? 100 : 4000000000u));
			continue;
		}
		for (int left = below(600); left > 0; left--)
			out[n++] = 32 + below(90);
		out[n++] = '\n';
	}
	if (below(8))
		n += sprintf((char *)out + n, below(2) ? "\r\n" : "\n");
	for (int left = below(40); left > 0; left--)
		out[n++] = below(256);
	return n;
}

/*
 * The parser does not find the name of a header when a cut hides the beginning of a line longer than the carry. No relevant
 * header is that long.
 */
static bool has_long_line(const uint8_t *bytes, size_t length)
{
	size_t run = 0;

	for (size_t i = 0; i < length; i++) {
		run = bytes[i] == '\n' ? 0 : run + 1;
		if (run > FRONT - 2 && (bytes[i - run + 1] | 0x20) != 'h' && bytes[i - run + 1] != ' ')
			return true;
	}
	return false;
}

static void head_laws(const uint8_t *bytes, size_t length, size_t *cuts, int cut_count)
{
	static size_t every[8192];
	struct facts whole = stream_head(bytes, length, NULL, 0), simple = simple_head(bytes, length), pieces;

	if (has_long_line(bytes, length))
		return;
	compare_heads(&whole, &simple, "a whole head differs from the simple reading", bytes, length);
	for (size_t i = 0; i < length && i < 8192; i++)
		every[i] = i + 1;
	pieces = stream_head(bytes, length, every, length < 8192 ? length : 8192);
	compare_heads(&whole, &pieces, "byte by byte differs from the whole", bytes, length);
	pieces = stream_head(bytes, length, cuts, cut_count);
	compare_heads(&whole, &pieces, "pieces differ from the whole", bytes, length);
}

static void random_heads(void)
{
	static uint8_t bytes[8192];
	size_t length = random_head(bytes, sizeof(bytes)), cuts[12];
	int count = below(12);

	for (int i = 0; i < count; i++)
		cuts[i] = below(length) + (i ? cuts[i - 1] : 0);
	head_laws(bytes, length, cuts, count);
}

/* Hashes must be equal if and only if method and target up to `?` are equal. */
static void random_hashes(void)
{
	static struct buffer a, b;
	char path[300], other[300];
	size_t n = random_path(path, 200), m = random_path(other, 200);
	static const char *const tails[] = {" HTTP/1.1\r\nHost: x\r\n\r\n", "?q=1 HTTP/1.0\r\n\r\n", "?x HTTP/1.1\r\n"};
	bool equal = n == m && !memcmp(path, other, n);

	for (int i = 0; i < CHUNK / 8; i++)
		line_keys[i] = (uint64_t)below(UINT32_MAX) << 32 | below(UINT32_MAX);
	for (int i = 0; i < BYTES; i++)
		a.bytes[i] = below(256), b.bytes[i] = below(256);
	sprintf((char *)a.bytes + FRONT, "GET %.*s%s", (int)n, path, tails[below(3)]);
	sprintf((char *)b.bytes + FRONT, "GET %.*s%s", (int)n, path, tails[below(3)]);
	if (line_hash(&a) != line_hash(&b))
		fail("the same route has two hashes", path, n);
	sprintf((char *)b.bytes + FRONT, "GET %.*s%s", (int)m, other, tails[below(3)]);
	if (!equal && line_hash(&a) == line_hash(&b))
		fail("two routes have the same hash", other, m);
	sprintf((char *)b.bytes + FRONT, "PUT %.*s%s", (int)n, path, tails[below(3)]);
	if (line_hash(&a) == line_hash(&b))
		fail("two methods have the same hash", path, n);
	/* the top bits of these bytes cancel each other out in many hash functions, whatever the seed */
	memcpy(b.bytes, a.bytes, BYTES);
	for (int at = 7; at <= 15; at += 4)
		b.bytes[FRONT + at] ^= 0x80;
	if (n >= 12 && line_hash(&a) == line_hash(&b))
		fail("a route and its twin have the same hash", path, n);
}

/* ---- what is read byte by byte: chunked bodies, status lines, PROXY headers ---- */

enum verdict { GOES_ON, WHOLE, REFUSED };

struct end {
	enum verdict verdict;
	size_t used;
	unsigned code;
};

/* Runs a reader over a piece, as stepwise.h does. `read` returns whether there is no more to read. */
#define RUN(reader, read, piece, size)                                                                                           \
	({                                                                                                                       \
		static struct buffer part;                                                                                       \
                                                                                                                                 \
		memset(&part, '0', sizeof(part));                                                                                \
		memcpy(part.bytes + FRONT, piece, size);                                                                       \
		(reader).at = 0;                                                                                                 \
		(reader).n = size;                                                                                             \
		while (!read(&(reader), &part))                                                                                  \
			;                                                                                                        \
		(reader).at;                                                                                                     \
	})

/* Where the piece at `at` ends: at the next cut, and after as much as the buffer holds. */
static size_t piece_end(size_t at, size_t length, const size_t *cuts, int cut_count)
{
	size_t end = at + CHUNK < length ? at + CHUNK : length;

	for (int i = 0; i < cut_count; i++)
		if (cuts[i] > at && cuts[i] < end)
			end = cuts[i];
	return end;
}

#define STREAM(reader, read, last, refused)                                                                                      \
	({                                                                                                                       \
		struct end over = {};                                                                                            \
                                                                                                                                 \
		for (size_t at = 0; at < length && over.verdict == GOES_ON; over.used = at) {                                    \
			size_t to = piece_end(at, length, cuts, cut_count);                                                      \
                                                                                                                                 \
			while (at < to && (reader).step < (last))                                                                \
				at += RUN(reader, read, bytes + at, to - at);                                                    \
			over.verdict = (reader).step == (last) ? WHOLE : (reader).step == (refused) ? REFUSED : GOES_ON;         \
		}                                                                                                                \
		over;                                                                                                            \
	})

static struct end stream_chunks(const uint8_t *bytes, size_t length, const size_t *cuts, int cut_count)
{
	struct chunk_reader r = {.step = CHUNK_START};

	return STREAM(r, chunk_read, CHUNK_END, CHUNK_INVALID);
}

static struct end stream_status(const uint8_t *bytes, size_t length, const size_t *cuts, int cut_count)
{
	struct status_reader r = {};
	struct end end = STREAM(r, status_read, STATUS_END, STATUS_NONE);

	end.code = end.verdict == WHOLE ? r.code : 0;
	return end;
}

static struct end stream_proxy(const uint8_t *bytes, size_t length, const size_t *cuts, int cut_count)
{
	struct proxy_reader r = {};

	return STREAM(r, proxy_read, PROXY_END, PROXY_NONE);
}

/* The twins read the whole from the front, and stop where it ends. */
struct cursor {
	const uint8_t *bytes;
	size_t at, length;
	enum verdict verdict;
};

static int next_byte(struct cursor *c)
{
	return c->verdict == GOES_ON && c->at < c->length ? c->bytes[c->at++] : -1;
}

static bool refuse(struct cursor *c)
{
	if (c->verdict == GOES_ON)
		c->verdict = REFUSED;
	return false;
}

/* Whether a line ends here, the first byte of whose end was read already. */
static bool ends_line(struct cursor *c, int b)
{
	if (b == '\r')
		b = next_byte(c);
	return b == '\n' ? true : b < 0 ? false : refuse(c);
}

static bool skip_line(struct cursor *c)
{
	int b = next_byte(c);

	while (b >= 0 && b != '\r' && b != '\n')
		b = next_byte(c);
	return b >= 0 && ends_line(c, b);
}

/* Returns whether data follows, `size` bytes of it, or 0 where trailers do. */
static bool simple_size(struct cursor *c, uint64_t *size)
{
	static const char digits[] = "0123456789abcdef";
	int b = next_byte(c);

	*size = 0;
	if (b >= 0 && !isxdigit(b))
		return refuse(c);
	for (; b >= 0 && isxdigit(b); b = next_byte(c)) {
		if (*size > INT64_MAX / 16)
			return refuse(c);
		*size = *size * 16 + (strchr(digits, tolower(b)) - digits);
	}
	if (b < 0)
		return false;
	if (*size > INT64_MAX / 16)
		return refuse(c);
	if (b == '\r' || b == '\n')
		return ends_line(c, b);
	return b == ';' || b == ' ' || b == '\t' ? skip_line(c) : refuse(c);
}

static struct end simple_chunks(const uint8_t *bytes, size_t length)
{
	struct cursor c = {.bytes = bytes, .length = length};
	uint64_t size;
	int b;

	while (simple_size(&c, &size) && size) {
		if (size >= length - c.at) {
			c.at = length;
			break;
		}
		c.at += size;
		b = next_byte(&c);
		if (!ends_line(&c, b))
			break;
	}
	while (c.verdict == GOES_ON && c.at < length && !size) {
		b = next_byte(&c);
		if (b == '\r' || b == '\n') {
			if (ends_line(&c, b))
				c.verdict = WHOLE;
		} else {
			skip_line(&c);
		}
	}
	return (struct end){.verdict = c.verdict, .used = c.at};
}

static struct end simple_status(const uint8_t *bytes, size_t length)
{
	struct cursor c = {.bytes = bytes, .length = length};
	struct end end = {};
	unsigned major = 0, minor = 0, code = 0;
	int b = 0;

	for (const char *p = "HTTP/"; *p && b >= 0; p++)
		if ((b = next_byte(&c)) >= 0 && b != *p)
			refuse(&c);
	if ((b = next_byte(&c)) >= 0 && (b < '1' || b > '9'))
		refuse(&c);
	for (; b >= '0' && b <= '9'; b = next_byte(&c)) {
		major = major * 10 + (b - '0');
		if (major > 999) {
			refuse(&c);
			break;
		}
	}
	if (b >= 0 && b != '.')
		refuse(&c);
	if ((b = next_byte(&c)) >= 0 && !isdigit(b))
		refuse(&c);
	for (; b >= '0' && b <= '9'; b = next_byte(&c)) {
		minor = minor * 10 + (b - '0');
		if (minor > 999) {
			refuse(&c);
			break;
		}
	}
	if (b >= 0 && b != ' ')
		refuse(&c);
	for (int n = 0; n < 3; n++) {
		while ((b = next_byte(&c)) == ' ')
			;
		if (b >= 0 && !isdigit(b))
			refuse(&c);
		code = code * 10 + (b - '0');
	}
	b = next_byte(&c);
	if (b == ' ' || b == '.') {
		if (skip_line(&c))
			c.verdict = WHOLE;
	} else if (b >= 0 && b != '\r' && b != '\n') {
		refuse(&c);
	} else if (b >= 0 && ends_line(&c, b)) {
		c.verdict = WHOLE;
	}
	end.verdict = c.verdict;
	end.used = c.at;
	end.code = end.verdict == WHOLE ? code : 0;
	return end;
}

static struct end simple_proxy(const uint8_t *bytes, size_t length)
{
	static const uint8_t signature[] = "\r\n\r\n\0\r\nQUIT\n";
	size_t n;

	for (n = 0; n < 12 && n < length; n++)
		if (bytes[n] != signature[n])
			return (struct end){REFUSED, n + 1, 0};
	if (length > 12 && bytes[12] >> 4 != 2)
		return (struct end){REFUSED, 13, 0};
	if (length < 16)
		return (struct end){GOES_ON, length, 0};
	n = 16 + (bytes[14] << 8) + bytes[15];
	return n > length ? (struct end){GOES_ON, length, 0} : (struct end){WHOLE, n, 0};
}

typedef struct end streamed(const uint8_t *, size_t, const size_t *, int);
typedef struct end simple(const uint8_t *, size_t);

static void same_end(struct end a, struct end b, const char *what, const uint8_t *bytes, size_t length)
{
	if (a.verdict == b.verdict && a.used == b.used && a.code == b.code)
		return;
	fprintf(stderr, "verdict %d %d, used %zu %zu, code %u %u\n", a.verdict, b.verdict, a.used, b.used, a.code, b.code);
	fail(what, bytes, length);
}

static void stepwise_laws(streamed *stream, simple *twin, const uint8_t *bytes, size_t length, const size_t *cuts, int cut_count)
{
	static size_t every[8192];
	struct end expected = twin(bytes, length);

	for (size_t i = 0; i < length && i < 8192; i++)
		every[i] = i + 1;
	same_end(stream(bytes, length, NULL, 0), expected, "read whole it ends elsewhere", bytes, length);
	same_end(stream(bytes, length, cuts, cut_count), expected, "read in pieces it ends elsewhere", bytes, length);
	if (length < 600)
		same_end(stream(bytes, length, every, length), expected, "read byte by byte it ends elsewhere", bytes, length);
}

/* The short way may only say what the long one says. */
static void short_way(const uint8_t *bytes, size_t length)
{
	static struct buffer buffer;
	size_t n = length < CHUNK ? length : CHUNK;
	struct end end = stream_status(bytes, n, NULL, 0);
	unsigned code;

	memset(&buffer, '\n', sizeof(buffer));
	memcpy(buffer.bytes + FRONT, bytes, n);
	code = status_of_line(&buffer, n);
	if (code && (end.verdict != WHOLE || end.code != code))
		fail("the short way reads another status", bytes, n);
}

static void all_stepwise(const uint8_t *bytes, size_t length, const size_t *cuts, int cut_count)
{
	stepwise_laws(stream_chunks, simple_chunks, bytes, length, cuts, cut_count);
	stepwise_laws(stream_status, simple_status, bytes, length, cuts, cut_count);
	stepwise_laws(stream_proxy, simple_proxy, bytes, length, cuts, cut_count);
	short_way(bytes, length);
}

static void expect_end(streamed *stream, const char *text, size_t length, enum verdict verdict, size_t used, unsigned code)
{
	same_end(stream((const uint8_t *)text, length, NULL, 0), (struct end){verdict, used, code}, "ends elsewhere",
		 (const uint8_t *)text, length);
}

#define CHUNKS(text, verdict, rest)  expect_end(stream_chunks, text, sizeof(text) - 1, verdict, sizeof(text) - 1 - (rest), 0)
#define STATUS(text, verdict, code) expect_end(stream_status, text, strlen(text), verdict, strlen(text), code)

static void stepwise_examples(void)
{
	CHUNKS("5\r\nhello\r\n0\r\n\r\nHTTP/1.1", WHOLE, 8);
	CHUNKS("5\nhello\n0000\n\n", WHOLE, 0);
	CHUNKS("a;x=\"1\"\r\n0\r\n\r\n12345\r\n0;y\r\n\r\n", WHOLE, 0);
	CHUNKS("1 \r\nx\r\n0\r\nX-Sum: 1\r\nA: 0\r\n\r\n", WHOLE, 0);
	CHUNKS("A\r\n0123456789\r\n0\r\n\r", GOES_ON, 0);
	CHUNKS("2\r\nabc", REFUSED, 0);
	CHUNKS("\r\n", REFUSED, 1);
	CHUNKS("8000000000000000\r\n", REFUSED, 2);
	STATUS("HTTP/1.1 200 OK\r\n", WHOLE, 200);
	STATUS("HTTP/1.1    2 04\n", WHOLE, 204);
	STATUS("HTTP/2.0 099 X\r\n", WHOLE, 99);
	STATUS("HTTP/999.0010 403.1 No\r\n", WHOLE, 403);
	STATUS("HTTP/1.1 200 O\rK", REFUSED, 0);
	STATUS("HTTP/1.1 2000", REFUSED, 0);
	STATUS("HTTP/0", REFUSED, 0);
	STATUS("h", REFUSED, 0);
	STATUS("HTTP/1.1 200", GOES_ON, 0);
}

static size_t random_chunks(uint8_t *out, size_t max)
{
	static const char *const lines[] = {"%x\r\n", "%X\r\n", "000%x\n", "%x;a=b\r\n", "%x \t;q=\"0\"\r\n",
					    "%x\rx\n", "%xg\r\n"};
	static const char text[] = "\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n5\r\n";
	size_t n = 0;

	while (n + 1700 < max && below(12)) {
		unsigned size = 1 + below(below(4) ? 12 : 1500);

		n += sprintf((char *)out + n, lines[below(below(4) ? 5 : 7)], size);
		for (unsigned i = 0; i < size; i++)
			out[n++] = text[i % (sizeof(text) - 1)];
		n += sprintf((char *)out + n, "%s", below(30) ? below(5) ? "\r\n" : "\n" : "x");
	}
	n += sprintf((char *)out + n, "%s%s%s", below(2) ? "0" : "0000", below(2) ? ";last" : "", below(2) ? "\r\n" : "\n");
	while (below(2))
		n += sprintf((char *)out + n, "%s%s", below(2) ? "X: 0" : "Y",
			     below(8) ? below(3) ? "\r\n" : "\n" : "\rz");
	n += sprintf((char *)out + n, "%sHTTP/1.1", below(2) ? "\r\n" : "\n");
	return n;
}

static size_t random_status(uint8_t *out)
{
	static const char *const versions[] = {"1.1", "1.0", "2.0", "1.10", "10.1", "0.9", "1.0000001",
					       "1000.1", "1.1000", "1.", "x"};
	static const char *const ends[] = {" OK\r\n", "\r\n", "\n", " \r\n", ".1 No\n",
					   " a reason that goes on for longer than most do\r\n",
					   "0 OK\r\n", " O\rK\r\n", ""};
	static const char *const starts[] = {"HTTP/", "http/", "HTTP ", "\r\nHTTP/", "ICY/"};

	return sprintf((char *)out, "%s%s%.*s%03u%s%.*s", starts[below(3) ? 0 : below(5)], versions[below(3) ? 0 : below(11)],
		       1 + below(below(4) ? 1 : 9), "         ", below(below(4) ? 1000 : 20), ends[below(9)], below(9),
		       "Date: now");
}

static size_t random_proxy(uint8_t *out)
{
	size_t n = 12;

	memcpy(out, "\r\n\r\n\0\r\nQUIT\n", 12);
	out[n++] = below(8) ? 0x21 : below(256);
	out[n++] = 0x11;
	out[n++] = below(4) ? 0 : below(8);
	out[n++] = below(256);
	for (int left = below(2200); left > 0; left--)
		out[n++] = below(256);
	if (below(6) == 0)
		out[below(12)]++;
	return n;
}

static void random_stepwise(void)
{
	static uint8_t bytes[8192];
	size_t length[] = {random_chunks(bytes, sizeof(bytes)), 0, 0}, cuts[12];
	int count = below(12);

	for (int kind = 0; kind < 3; kind++) {
		if (kind == 1)
			length[1] = random_status(bytes);
		if (kind == 2)
			length[2] = random_proxy(bytes);
		for (int i = 0; i < count; i++)
			cuts[i] = below(length[kind] + 1) + (i ? cuts[i - 1] : 0);
		all_stepwise(bytes, length[kind], cuts, count);
	}
}

/* Any bytes: no access out of bounds (checked by the sanitizers), and equal results in any pieces. */
static void any_bytes(const uint8_t *bytes, size_t length)
{
	static struct buffer buffer;
	size_t cuts[2] = {length / 3, length / 2};
	struct parsed p = stream_line(bytes, length, false);

	if (length > 8000)
		return;
	if (p.valid && p.out == 0)
		fail("a request line without a route", bytes, length);
	head_laws(bytes, length, cuts, 2);
	all_stepwise(bytes, length, cuts, 2);
	memset(&buffer, 0, sizeof(buffer));
	memcpy(buffer.bytes + FRONT, bytes, length < CHUNK ? length : CHUNK);
	line_hash(&buffer);
	status_at(buffer.bytes, FRONT);
	version_before(buffer.bytes, FRONT + 12);
}

/* First bytes as nginx's modules write them, and bytes that differ by one. */
static void protocol_examples(void)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum protocol protocol;
	} examples[] = {
#define EXAMPLE(bytes, protocol) {bytes, sizeof(bytes) - 1, protocol}
	    EXAMPLE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", PROTOCOL_TLS),
	    EXAMPLE("\x16\x03", PROTOCOL_TLS),
	    EXAMPLE("\x16\x02\x01\x02\x00\x01\x00\x01", PROTOCOL_OTHER),
	    EXAMPLE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PROTOCOL_H2),
	    EXAMPLE("\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00", PROTOCOL_FASTCGI),
	    EXAMPLE("\x01\x02\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00", PROTOCOL_OTHER),
	    EXAMPLE("\x00\x5a\x01\x00\x0c\x00QUERY_STRING\x00\x00", PROTOCOL_UWSGI),
	    EXAMPLE("\x1e\x5a\x01\x07\x0c\x00QUERY_STRING\x00\x00", PROTOCOL_UWSGI),
	    EXAMPLE("\x00\x10\x00\x00\x0c\x00QUERY_STRING\x00\x00", PROTOCOL_UWSGI),
	    EXAMPLE("\x00\x0f\x00\x00\x0c\x00QUERY_STRING\x00\x00", PROTOCOL_OTHER),
	    EXAMPLE("\x00\x5a\x01\x00\x0c\x00QUERY STRING\x00\x00", PROTOCOL_OTHER),
	    EXAMPLE("\x00\x5a\x01\x00\x0c\x01QUERY_STRING\x00\x00", PROTOCOL_OTHER),
	    EXAMPLE("\x00\x00\x00\x00\x0c\x00QUERY_STRING", PROTOCOL_OTHER),
	    EXAMPLE("298:CONTENT_LENGTH\x00" "0\x00SCGI\x00", PROTOCOL_SCGI),
	    EXAMPLE("70:CONTENT_LENGTH\x00" "0\x00SCGI\x00", PROTOCOL_SCGI),
	    EXAMPLE(":CONTENT_LENGTH\x00" "0\x00SCGI\x00", PROTOCOL_OTHER),
	    EXAMPLE("get /page?x\r\n", PROTOCOL_MEMCACHED),
	    EXAMPLE("set key 0 0 1\r\n", PROTOCOL_MEMCACHED),
	    EXAMPLE("get \r\n\r\n\r\n", PROTOCOL_OTHER),
	    EXAMPLE("EHLO mail.example\r\n", PROTOCOL_OTHER),
	    EXAMPLE("GET", PROTOCOL_OTHER),
	    EXAMPLE("", PROTOCOL_OTHER),
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		uint8_t bytes[32] = {};

		memcpy(bytes, examples[i].bytes, examples[i].length < 32 ? examples[i].length : 32);
		if (protocol_of(bytes, examples[i].length) != examples[i].protocol)
			fail("another protocol", examples[i].bytes, examples[i].length);
	}
}

#ifdef FUZZER
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	any_bytes(bytes, length);
	return 0;
}
#else
int main(int argc, char **argv)
{
	long rounds = argc > 2 ? atol(argv[2]) : 20000;
	static uint8_t noise[2048];

	state = argc > 1 ? strtoull(argv[1], NULL, 10) | 1 : 1;
	line_examples();
	stepwise_examples();
	protocol_examples();
	for (long i = 0; i < rounds; i++) {
		size_t n = below(sizeof(noise));

		random_line();
		random_heads();
		random_hashes();
		random_stepwise();
		for (size_t j = 0; j < n; j++)
			noise[j] = below(3) ? (uint8_t) "GET /1 \r\n:?HTP."[below(15)] : below(256);
		any_bytes(noise, n);
	}
	printf("%ld rounds\n", rounds);
	return 0;
}
#endif
