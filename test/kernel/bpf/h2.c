/*
 * bpf/kernel/parser/h2.h on the host: what it tells of a direction's bytes, however they are cut into segments.
 *   h2 events                of each line of standard input, "R|A CUT,CUT,… HEX", the events as a line of JSON
 *   h2 fuzz SEED INPUTS      mutations of those lines: equal events whole, in two kinds of pieces and, if short, byte by byte
 *   h2 cuts                  each line cut at every byte, and at all of them
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../../bpf/kernel/parser/h2.h"

#define LONGEST (1 << 17)
#define CUTS	4096

static uint64_t state = 88172645463325252ULL;

static uint32_t below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 32) % n;
}

/* ---- a direction, as bpf/kernel/http2/ reads it ---- */

struct input {
	uint8_t bytes[LONGEST];
	size_t length;
	bool requests;
};

/* `take`: a path that is all there is taken as a known one, whose bytes are not decoded. */
struct direction {
	const struct input *input;
	struct h2 kept; /* between segments */
	struct h2_reader r;
	struct line line;
	struct buffer chunk;
	size_t segment, next; /* where the segment begins; where the chunk does */
	bool take;
	uint8_t taken[PATH_MAX];
	uint32_t taken_length;
	char *out;
	size_t said;
};

#define OUT_MAX (1 << 20)

static void say(struct direction *d, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	d->said += vsnprintf(d->out + d->said, OUT_MAX - d->said, format, arguments);
	va_end(arguments);
	if (d->said >= OUT_MAX)
		abort();
}

static void say_hex(struct direction *d, const char *name, const uint8_t *bytes, uint32_t n)
{
	say(d, ",\"%s\":\"", name);
	for (uint32_t i = 0; i < n; i++)
		say(d, "%02x", bytes[i]);
	say(d, "\"");
}

static void fail(const struct input *input, const char *whole, const char *cut, const size_t *cuts, size_t cut_count)
{
	fprintf(stderr, "%s\nbut in pieces\n%s\n%c ", whole, cut, input->requests ? 'R' : 'A');
	for (size_t i = 0; i < cut_count; i++)
		fprintf(stderr, "%s%zu", i ? "," : "", cuts[i]);
	fprintf(stderr, " ");
	for (size_t i = 0; i < input->length; i++)
		fprintf(stderr, "%02x", input->bytes[i]);
	fprintf(stderr, "\n");
	exit(1);
}

static size_t next_byte(const struct direction *d)
{
	return d->next + d->r.at;
}

static void say_line(struct direction *d)
{
	const struct h2 *h = &d->r.h;

	if (h->seen & H2_IS_BAD)
		return;
	if (h->method == H2_METHOD_GET || h->method == H2_METHOD_POST)
		say_hex(d, "method", (const uint8_t *)(h->method == H2_METHOD_GET ? "GET" : "POST"),
			h->method == H2_METHOD_GET ? 3 : 4);
	else if (h->method)
		say_hex(d, "method", d->line.method, d->line.method_len);
	if (h->seen & H2_HAS_SLOT)
		say_hex(d, "path", d->taken, d->taken_length);
	else if (h->seen & H2_HAS_PATH)
		say_hex(d, "path", d->line.path, d->line.out < PATH_MAX ? d->line.out : PATH_MAX);
}

static void say_block(struct direction *d)
{
	const struct h2 *h = &d->r.h;

	say(d, "\"begin\":%u", h->begin);
	say(d, ",\"last\":%s", h->flags & H2_END_STREAM ? "true" : "false");
	if (h->status)
		say(d, ",\"status\":%u", h->status);
	if (h->grpc)
		say(d, ",\"grpcStatus\":%u", h->grpc - 1);
	if (h->seen & H2_IS_GRPC)
		say(d, ",\"isGrpc\":true");
	if (h->seen & H2_IS_BAD)
		say(d, ",\"bad\":true");
	if (d->r.requests)
		say_line(d);
	say(d, ",");
}

static void say_event(struct direction *d, enum h2_event event)
{
	static const char *const words[] = {
	    [H2_IS_NGINX] = "nginx", [H2_IS_OTHER] = "other", [H2_BLOCK_OVER] = "block", [H2_DATA_OVER] = "data",
	    [H2_RESET] = "reset",    [H2_GOING] = "going",    [H2_INVALID] = "invalid",
	};
	const struct h2 *h = &d->r.h;

	say(d, "%s{\"is\":\"%s\"", d->said > 1 ? "," : "", words[event]);
	/* these are told before the end of what they are in */
	if (event == H2_IS_NGINX || event == H2_IS_OTHER || event == H2_INVALID) {
		say(d, "}");
		return;
	}
	say(d, ",");
	if (event == H2_BLOCK_OVER)
		say_block(d);
	if (event == H2_GOING)
		say(d, "\"number\":%u,", h->number);
	else
		say(d, "\"stream\":%u,", h->stream);
	/* it happens in the segment that its last byte is in */
	if (next_byte(d) <= d->segment)
		say(d, "\"late\":true,");
	say(d, "\"end\":%zu}", next_byte(d));
}

/* Each piece takes a byte or tells something, but for the end of a string or of a frame. */
#define PIECES (4 * CHUNK)

/* All of the path is there. What a known path is was decoded before: here from a copy of the reader. */
static void path_here(struct direction *d)
{
	static struct direction copy;

	if (d->take) {
		copy = *d;
		h2_decode_path(&copy.r, &copy.line);
		for (int i = 0; copy.r.h.step == H2_BLOCK && copy.r.h.field == H2_SYMBOLS; i++) {
			if (i > PIECES)
				fail(d->input, d->out, "a path has no end", NULL, 0);
			h2_symbols(&copy.r, &copy.chunk, &copy.line);
		}
		if (copy.r.h.step == H2_BLOCK && !(copy.r.h.seen & H2_IS_BAD)) {
			d->taken_length = copy.line.out < PATH_MAX ? copy.line.out : PATH_MAX;
			memcpy(d->taken, copy.line.path, d->taken_length);
			h2_take_path(&d->r);
			return;
		}
	}
	h2_decode_path(&d->r, &d->line);
}

static void happens(struct direction *d)
{
	enum h2_event event = d->r.event;

	d->r.event = H2_NOTHING;
	if (event == H2_PATH_HERE)
		path_here(d);
	else if (event != H2_NOTHING)
		say_event(d, event);
	/* nobody reads on */
	if (event == H2_IS_OTHER || event == H2_INVALID)
		d->r.h.step = H2_OVER;
}

/* What lies around the bytes that are there says nothing. */
static void load_chunk(struct direction *d, size_t n)
{
	memset(d->chunk.bytes, below(256), BYTES);
	memcpy(d->chunk.bytes + FRONT, d->input->bytes + d->next, n);
	d->r.base = d->next;
	d->r.at = 0;
	d->r.n = n;
}

static void read_chunk(struct direction *d)
{
	int pieces = 0;

	do {
		do {
			if (pieces++ > PIECES)
				fail(d->input, d->out, "it reads for ever", NULL, 0);
		} while (!h2_item(&d->r, &d->chunk, &d->line));
		happens(d);
	} while (h2_goes_on(&d->r));
	d->next += d->r.n;
	d->r.at = 0;
	d->r.n = 0;
}

static void read_segment(struct direction *d, size_t to)
{
	d->segment = d->next;
	while (d->next < to) {
		size_t n = to - d->next;

		if (d->r.h.step == H2_OVER) {
			d->next = to;
		} else if (d->r.h.step == H2_REST && d->r.h.left) {
			n = n < d->r.h.left ? n : d->r.h.left;
			d->r.h.left -= n;
			d->next += n;
			if (!d->r.h.left)
				h2_frame_over(&d->r);
			happens(d);
		} else {
			load_chunk(d, n < CHUNK ? n : CHUNK);
			read_chunk(d);
		}
	}
}

/* Between two segments only `struct h2` is kept, and the line while it waits for the rest of its block. */
static void between(struct direction *d)
{
	uint8_t waits = d->r.h.seen & (H2_IN_BLOCK | H2_HAS_LINE);

	d->kept = d->r.h;
	memset(&d->r, below(256), sizeof(d->r));
	if (waits != (H2_IN_BLOCK | H2_HAS_LINE))
		memset(&d->line, below(256), sizeof(d->line));
	d->r.h = d->kept;
	d->r.at = 0;
	d->r.n = 0;
	d->r.event = H2_NOTHING;
	d->r.began = 0;
	d->r.raw = 1;
	d->r.requests = d->input->requests;
}

static const char *events_of(const struct input *input, const size_t *cuts, size_t cut_count, bool take)
{
	static struct direction d;
	static char outs[4][OUT_MAX];
	static int turn;

	memset(&d, 0, sizeof(d));
	d.input = input;
	d.take = take;
	d.out = outs[turn++ & 3];
	d.r.h.step = input->requests ? H2_PREFACE : H2_FRAME;
	say(&d, "[");
	for (size_t i = 0; i <= cut_count; i++) {
		size_t to = i == cut_count ? input->length : cuts[i];

		if (to <= d.next || to > input->length)
			continue;
		between(&d);
		read_segment(&d, to);
	}
	say(&d, "]");
	return d.out;
}

/* ---- laws ---- */

static void same(const struct input *input, const char *whole, const size_t *cuts, size_t cut_count, bool take)
{
	const char *cut = events_of(input, cuts, cut_count, take);

	if (strcmp(whole, cut))
		fail(input, whole, cut, cuts, cut_count);
}

static void same_byte_by_byte(const struct input *input, const char *whole)
{
	static size_t cuts[LONGEST];

	for (size_t i = 0; i < input->length; i++)
		cuts[i] = i + 1;
	same(input, whole, cuts, input->length, false);
}

static size_t random_cuts(const struct input *input, size_t *cuts)
{
	size_t count = 1 + below(8);

	for (size_t i = 0; i < count; i++)
		cuts[i] = (i ? cuts[i - 1] : 0) + 1 + below(input->length / count + 1);
	return count;
}

static void laws(const struct input *input)
{
	size_t cuts[8], count = random_cuts(input, cuts);
	const char *whole = events_of(input, NULL, 0, false);

	same(input, whole, NULL, 0, true);
	same(input, whole, cuts, count, false);
	count = random_cuts(input, cuts);
	same(input, whole, cuts, count, true);
	if (input->length < 200)
		same_byte_by_byte(input, whole);
}

static void every_cut(const struct input *input)
{
	const char *whole = events_of(input, NULL, 0, false);

	for (size_t cut = 1; cut < input->length; cut++)
		same(input, whole, &cut, 1, cut & 1);
	same_byte_by_byte(input, whole);
}

/* ---- mutations ---- */

static void remove_bytes(struct input *input, size_t at, size_t n)
{
	if (at + n > input->length)
		n = input->length - at;
	memmove(input->bytes + at, input->bytes + at + n, input->length - at - n);
	input->length -= n;
}

static void insert(struct input *input, size_t at, const uint8_t *bytes, size_t n)
{
	if (input->length + n > LONGEST)
		return;
	memmove(input->bytes + at + n, input->bytes + at, input->length - at);
	memcpy(input->bytes + at, bytes, n);
	input->length += n;
}

/* Bytes that say much: first ones of fields, lengths, flags and types of frames. */
static uint8_t telling(void)
{
	static const uint8_t bytes[] = {0,    1,    2,	  4,	5,    7,    8,	  9,	0x0c, 0x0f, 0x10,
					0x1f, 0x20, 0x24, 0x25, 0x2d, 0x3f, 0x40, 0x41, 0x44, 0x48, 0x5f,
					0x7e, 0x7f, 0x80, 0x82, 0x88, 0xbd, 0xbe, 0xc0, 0xff};

	return below(3) ? bytes[below(sizeof(bytes))] : below(256);
}

static void take(struct input *input, const struct input *other)
{
	memcpy(input->bytes, other->bytes, other->length);
	input->length = other->length;
	input->requests = other->requests;
}

static void mutate(struct input *input, const struct input *other)
{
	size_t at = below(input->length + 1), from = below(other->length + 1), n = 1 + below(below(3) ? 6 : 60);
	uint8_t byte = telling();

	switch (below(6)) {
	case 0:
		remove_bytes(input, at, n);
		break;
	case 1:
		insert(input, at, &byte, 1);
		break;
	case 2:
		if (from + n <= other->length)
			insert(input, at, other->bytes + from, n);
		break;
	default:
		if (at < input->length)
			input->bytes[at] = below(4) ? byte : input->bytes[at] ^ (1 << below(8));
	}
}

/* ---- lines ---- */

#define INPUTS 2048

static struct input *inputs[INPUTS];
static size_t input_count;

static size_t read_cuts(const char *text, size_t *cuts)
{
	size_t count = 0;

	for (char *end; *text && *text != ' ' && count < CUTS; text = *end == ',' ? end + 1 : end)
		cuts[count++] = strtoul(text, &end, 10);
	return count;
}

/* Returns how many cuts there are. */
static size_t read_input(const char *text, struct input *input, size_t *cuts)
{
	const char *hex = strchr(text + 2, ' ');
	unsigned byte;

	if (!hex)
		abort();
	input->requests = *text == 'R';
	input->length = 0;
	for (hex++; input->length < LONGEST && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		input->bytes[input->length++] = byte;
	if (input->length == LONGEST)
		abort();
	return read_cuts(text + 2, cuts);
}

static void keep(const struct input *input)
{
	struct input *copy = malloc(sizeof(*copy));

	if (!copy || input_count == INPUTS)
		abort();
	take(copy, input);
	inputs[input_count++] = copy;
}

static const struct input *any_input(void)
{
	return inputs[below(input_count)];
}

static void fuzz(long rounds)
{
	static struct input input;

	for (long i = 0; i < rounds && input_count; i++) {
		take(&input, any_input());
		for (uint32_t n = 1 + below(6); n > 0; n--)
			mutate(&input, any_input());
		laws(&input);
	}
	printf("%zu inputs, %ld mutations\n", input_count, rounds);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	static struct input input;
	static size_t cuts[CUTS];
	char *text = NULL;
	size_t room = 0;

	while (getline(&text, &room, stdin) > 0) {
		size_t count = read_input(text, &input, cuts);

		if (!strcmp(mode, "events")) {
			puts(events_of(&input, cuts, count, true));
			fflush(stdout);
		} else if (!strcmp(mode, "cuts")) {
			every_cut(&input);
		} else {
			keep(&input);
		}
	}
	free(text);
	if (argc > 3) {
		state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15ULL | 1;
		fuzz(atol(argv[3]));
	}
	while (input_count)
		free(inputs[--input_count]);
	return 0;
}
