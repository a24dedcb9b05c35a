/*
 * The events of a tick as sparse histograms per series, with exact min and max, and as a bounded sample of requests. All
 * histograms share one open-addressed hash table, so that a thousand quiet routes cost nothing.
 */
#include <stdlib.h>
#include <string.h>
#include "helper.h"

struct cell {
	uint64_t key; /* series << 12 | kind << 11 | bucket, plus one: 0 is empty */
	uint64_t count;
};

/* Min and max of a series. The count is the sum of its cells. Small, because each series has two of these. */
struct extent {
	uint32_t min;
	uint32_t beyond; /* max + 1; 0: no value */
};

#define SLOWEST 20

#ifndef FOLD_CELLS /* at least, a power of two; tests make it small */
#define FOLD_CELLS 4096
#endif

static struct cell *cells, *sorted;
static uint32_t cell_room = FOLD_CELLS, cell_count, cursor;
static struct extent (*extents)[2]; /* by series and kind */
static struct sample *important, *rest, slowest[SLOWEST], *merged;
static unsigned limit, important_count, rest_count, slowest_count, stride = 1;
static unsigned fastest; /* index in `slowest` */
static uint32_t numbered;

static void *room_for(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die(EXIT_SYSTEM, "out of memory");
	return p;
}

void fold_open(unsigned sample_limit)
{
	limit = sample_limit;
	cells = room_for(cell_room, sizeof(*cells));
	extents = room_for(SERIES, sizeof(*extents));
	important = room_for(limit, sizeof(*important));
	rest = room_for(limit, sizeof(*rest));
	merged = room_for(2 * limit + SLOWEST, sizeof(*merged));
}

/* The same buckets as in frame/model/histogram.ts. */
static unsigned bucket_of(uint32_t value)
{
	unsigned octave;

	if (value < 16)
		return value;
	octave = 31 - __builtin_clz(value);
	return (octave - 3) * 16 + ((value >> (octave - 4)) & 15);
}

static void add_to(struct cell *table, uint32_t room, uint64_t key, uint64_t count, uint32_t *used)
{
	uint32_t at = (key * 0x9e3779b97f4a7c15ULL >> 32) & (room - 1);

	while (table[at].key && table[at].key != key)
		at = (at + 1) & (room - 1);
	if (!table[at].key)
		++*used;
	table[at].key = key;
	table[at].count += count;
}

static void grow_cells(void)
{
	uint32_t room = cell_room * 2, used = 0;
	struct cell *larger = room_for(room, sizeof(*larger));

	for (uint32_t i = 0; i < cell_room; i++)
		if (cells[i].key)
			add_to(larger, room, cells[i].key, cells[i].count, &used);
	free(cells);
	cells = larger;
	cell_room = room;
}

static void add_time(uint32_t series, int kind, uint32_t us)
{
	struct extent *e = &extents[series][kind];

	if (cell_count * 2 >= cell_room)
		grow_cells();
	add_to(cells, cell_room, ((uint64_t)series << 12 | kind << 11 | bucket_of(us)) + 1, 1, &cell_count);
	if (!e->beyond || us < e->min)
		e->min = us;
	if (us >= e->beyond)
		e->beyond = us < UINT32_MAX ? us + 1 : us;
}

static int64_t duration_of(const struct sample *s)
{
	return s->total_us > s->header_us ? s->total_us : s->header_us;
}

/* Keeps the slowest and returns the one that is replaced; .slot is NO_SLOT when none is. */
static struct sample keep_slowest(struct sample s)
{
	struct sample out = {.slot = NO_SLOT};

	if (slowest_count == SLOWEST && duration_of(&slowest[fastest]) >= duration_of(&s))
		return s;
	if (slowest_count < SLOWEST) {
		slowest[slowest_count++] = s;
	} else {
		out = slowest[fastest];
		slowest[fastest] = s;
	}
	fastest = 0;
	for (unsigned i = 1; i < slowest_count; i++)
		if (duration_of(&slowest[i]) < duration_of(&slowest[fastest]))
			fastest = i;
	return out;
}

/* Keeps every k-th of the rest. When the room is used up, k doubles and half of the kept ones are removed. */
static void keep_some(struct sample s)
{
	if (s.number % stride)
		return;
	if (rest_count == limit) {
		unsigned kept = 0;

		stride *= 2;
		for (unsigned i = 0; i < rest_count; i++)
			if (rest[i].number % stride == 0)
				rest[kept++] = rest[i];
		rest_count = kept;
		if (s.number % stride || rest_count == limit)
			return;
	}
	rest[rest_count++] = s;
}

static void keep(const struct event *e)
{
	struct sample s = {
	    .at_ns = e->at_ns,
	    .slot = e->slot,
	    .generation = e->generation,
	    .outcome = e->outcome,
	    .header_us = e->outcome < 0 ? -1 : (int64_t)e->header_us,
	    .total_us = e->flags & EVENT_TOTAL ? (int64_t)e->total_us : -1,
	    .number = numbered++,
	};

	if (limit == 0)
		return;
	if ((s.outcome < 0 || s.outcome >= 500) && important_count < limit) {
		important[important_count++] = s;
		return;
	}
	s = keep_slowest(s);
	if (s.slot != NO_SLOT)
		keep_some(s);
}

int fold_event(void *context, void *data, size_t size)
{
	const struct event *e = data;

	(void)context;
	if (size < sizeof(*e) || e->slot >= MAX_SLOTS)
		return 0;
	if (e->flags & EVENT_CONNECT) {
		if (e->slot < BACKEND_INDEXES)
			add_time(CONNECT_TIMES(e->slot), TOTAL_TIMES, e->total_us);
		return 0;
	}
	if (e->flags & EVENT_HEADER)
		add_time(e->slot, HEADER_TIMES, e->header_us);
	if (e->flags & EVENT_TOTAL)
		add_time(e->slot, TOTAL_TIMES, e->total_us);
	if (e->flags & EVENT_DONE)
		keep(e);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	uint64_t x = ((const struct cell *)a)->key, y = ((const struct cell *)b)->key;

	return x < y ? -1 : x > y;
}

void fold_finish(void)
{
	uint32_t n = 0;

	free(sorted);
	sorted = room_for(cell_count + 1, sizeof(*sorted));
	for (uint32_t i = 0; i < cell_room; i++)
		if (cells[i].key)
			sorted[n++] = cells[i];
	qsort(sorted, n, sizeof(*sorted), by_key);
	cursor = 0;
}

bool fold_has(uint32_t series)
{
	return extents[series][HEADER_TIMES].beyond || extents[series][TOTAL_TIMES].beyond;
}

static uint64_t sampled_until(uint64_t beyond)
{
	uint64_t sampled = 0;

	for (uint32_t i = cursor; i < cell_count && sorted[i].key < beyond; i++)
		sampled += sorted[i].count;
	return sampled;
}

void fold_put_histogram(struct json *out, uint32_t series, int kind)
{
	uint64_t first = ((uint64_t)series << 12 | kind << 11) + 1, beyond = first + (1 << 11);
	const struct extent *e = &extents[series][kind];

	put(out, "[");
	if (e->beyond) {
		while (cursor < cell_count && sorted[cursor].key < first)
			cursor++;
		put_number(out, sampled_until(beyond));
		put(out, ",");
		put_number(out, e->min);
		put(out, ",");
		put_number(out, e->beyond - 1);
		for (; cursor < cell_count && sorted[cursor].key < beyond; cursor++) {
			put(out, ",");
			put_number(out, sorted[cursor].key - first);
			put(out, ",");
			put_number(out, sorted[cursor].count);
		}
	}
	put(out, "]");
}

static int by_time(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return x->at_ns != y->at_ns ? (x->at_ns < y->at_ns ? -1 : 1) : (x->number < y->number ? -1 : 1);
}

int fold_sample(struct sample **samples)
{
	unsigned n = important_count, room = limit > n ? limit - n : 0;
	unsigned slow = slowest_count < room ? slowest_count : room, step;

	memcpy(merged, important, n * sizeof(*merged));
	memcpy(merged + n, slowest, slow * sizeof(*merged));
	n += slow;
	room -= slow;
	/* thinned evenly to the room that failures and the slowest leave */
	step = room ? (rest_count + room - 1) / room : 0;
	for (unsigned i = 0; step && i < rest_count; i += step)
		merged[n++] = rest[i];
	qsort(merged, n, sizeof(*merged), by_time);
	*samples = merged;
	return n;
}

void fold_clear(void)
{
	for (uint32_t i = 0; i < cell_count; i++) {
		uint64_t series = (sorted[i].key - 1) >> 12;

		memset(&extents[series], 0, sizeof(extents[series]));
	}
	if (cell_count * 16 < cell_room && cell_room > FOLD_CELLS)
		cell_room /= 2;
	memset(cells, 0, (size_t)cell_room * sizeof(*cells));
	cell_count = important_count = rest_count = slowest_count = 0;
	stride = 1;
	numbered = 0;
}
