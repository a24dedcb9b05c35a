/*
 * The machine for captures as the fuzzer sees it: part of the library that is reset before each input. It checks what must hold for any
 * bytes, and ends the process where it does not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper/helper.h"
#include "helper/tick.h"
#include "portable/maps.h"

extern struct bpf_map slots, backends, totals;

void capture_open(uint64_t seed, uint32_t sample, int raw_routes);
void capture_server_port(uint32_t port);
uint8_t *capture_input(size_t n);
int capture_read(size_t n, int is_last);
void capture_end(void);
void capture_output_taken(void);

static void must(bool holds, const char *what, uint64_t a, uint64_t b)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %llu, %llu\n", what, (unsigned long long)a, (unsigned long long)b);
	abort();
}

/* A route that was not used for a while has left its row, and its counts are in the lines that were written. */
static void must_be_all(bool retired, const char *what, uint64_t rows, uint64_t all)
{
	must(retired ? rows <= all : rows == all, what, rows, all);
}

/* The identities of docs/NUMBERS.md, for each slot and for all of them. */
static void check(void)
{
	const struct slot *all = map_values(&slots);
	const unsigned long long *v = ((const struct totals *)map_values(&totals))->v;
	uint64_t requests = 0, answered = 0, failed = 0, unseen = 0, parts = 0;
	bool retired = false;

	for (uint32_t i = 0; i < MAX_SLOTS; i++) {
		const struct slot *s = &all[i];
		uint64_t failures = s->reset + s->closed + s->aborted + s->unanswered;

		must(s->requests >= s->answered + failures + s->unseen, "more ended than began", s->requests,
		     s->answered + failures + s->unseen);
		must(s->total_count <= s->answered, "more ends than heads", s->total_count, s->answered);
		retired |= s->generation > 0;
		requests += s->requests;
		answered += s->answered;
		failed += failures;
		unseen += s->unseen;
	}
	must_be_all(retired, "requests are not those of the rows", requests, v[T_REQUESTS]);
	must_be_all(retired, "answers are not those of the rows", answered, v[T_ANSWERED]);
	must_be_all(retired, "failures are not those of the rows", failed, v[T_FAILED]);
	must_be_all(retired, "unseen is not that of the rows", unseen, v[T_UNSEEN]);
	for (int i = T_STARTS; i <= T_EXCLUDED; i++)
		parts += v[i];
	must(parts == v[T_SEGMENTS], "segments are not the sum of what became of them", parts, v[T_SEGMENTS]);
}

/* A whole capture, in pieces of that many bytes. */
void run_capture(const uint8_t *bytes, size_t n, size_t piece)
{
	int is_over = 0;

	capture_open(1, 100, 0);
	for (size_t at = 0; at < n && !is_over; at += piece) {
		size_t length = n - at < piece ? n - at : piece;

		memcpy(capture_input(length), bytes + at, length);
		is_over = capture_read(length, at + length == n);
		capture_output_taken();
	}
	capture_end();
	capture_output_taken();
	check();
}
