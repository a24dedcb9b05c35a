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
	f.length = h.length;
	f.has_length = h.has_length;
	f.chunked = h.chunked;
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
#define VALUE  32 /* the digits of a length must end within these bytes */
#define BLANKS 16 /* blanks after the name of a coding, with the line end */

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
		if (same_name(line, n, "content-length:")) {
			const uint8_t *p = line + 15, *limit = line + 15 + VALUE;
			uint64_t value = 0;
			bool any = false;

			while (p < limit && (*p == ' ' || *p == '\t'))
				p++;
			for (; p < limit && *p >= '0' && *p <= '9'; p++, any = true)
				value = value * 10 + (*p - '0');
			if (any) {
				f.has_length = true;
				f.length = value;
			}
		} else if (same_name(line, n, "transfer-encoding:")) {
			size_t end = n;

			while (end > n - BLANKS && memchr("\r\n \t", line[end - 1], 4))
				end--;
			if (end >= 7 && same_name(line + end - 7, 7, "chunked"))
				f.chunked = true;
		}
	}
	return f;
}

static void compare_heads(const struct facts *a, const struct facts *b, const char *what, const uint8_t *bytes, size_t n)
{
	if (a->complete != b->complete || a->used != b->used || a->has_length != b->has_length || a->length != b->length ||
	    a->chunked != b->chunked) {
		fprintf(stderr, "complete %d %d, used %u %u, length %d:%llu %d:%llu, chunked %d %d\n", a->complete, b->complete,
			a->used, b->used, a->has_length, (unsigned long long)a->length, b->has_length,
			(unsigned long long)b->length, a->chunked, b->chunked);
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
	static const char *const lines[] = {"Content-Length: %u\r\n",
					    "content-LENGTH:\t %u \r\n",
					    "Content-Length:%u\n",
					    "Content-Length:                    %u\r\n",
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
			n += sprintf((char *)out + n, lines[below(14)], below(below(2) ? 100 : 4000000000u));
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
	    EXAMPLE("\x00\x5a\x01\x07\x0c\x00QUERY_STRING\x00\x00", PROTOCOL_OTHER),
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
	protocol_examples();
	for (long i = 0; i < rounds; i++) {
		size_t n = below(sizeof(noise));

		random_line();
		random_heads();
		random_hashes();
		for (size_t j = 0; j < n; j++)
			noise[j] = below(3) ? (uint8_t) "GET /1 \r\n:?HTP."[below(15)] : below(256);
		any_bytes(noise, n);
	}
	printf("%ld rounds\n", rounds);
	return 0;
}
#endif
