/*
 * Where NAT leads a backend's connections: rows, names, and what is given up. As with routes, the key is deleted first, so that
 * no connection gets the wire any more; then, a full tick later and with no flow that has it, its index can be used again. Ids on
 * the wire are never used again.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include "tick.h"

struct wire_counts {
	uint64_t connects, requests, failures;
};

/* Failures are read first: never more of them than of what failed. */
static struct wire_counts counts_of(const struct tick *t, uint32_t index)
{
	struct wire_counts c;

	c.failures = t->wires[index].failures;
	c.connects = t->wires[index].connects;
	c.requests = t->wires[index].requests;
	return c;
}

static uint64_t sum_of_counts(const struct wire_counts *c)
{
	return c->connects + c->requests + c->failures;
}

/* All wires have smaller indexes; an index is in use while its wire is `ready`. */
static uint32_t wire_limit(const struct tick *t)
{
	uint32_t next = *(volatile uint32_t *)&DATA(t, next_wire);

	return next < MAX_WIRES ? next : MAX_WIRES;
}

static void name_wire(struct tick *t, struct json *out, uint32_t index)
{
	const struct wire_key *key = (const struct wire_key *)&t->wires[index].key;
	uint32_t backend = name_backend(t, out, key->backend);

	put(out, "{\"type\":\"wire\",\"id\":");
	put_number(out, t->next_id_of_wires);
	put(out, ",\"backend\":");
	put_number(out, backend);
	put(out, ",\"address\":");
	put_address(out, &key->remote);
	put(out, "}\n");
	t->wire_rows[index].id = ++t->next_id_of_wires;
}

static void put_wire(struct tick *t, struct json *out, uint32_t index)
{
	struct wire_row *row = &t->wire_rows[index];
	struct wire_counts now = counts_of(t, index);
	uint64_t sum = sum_of_counts(&now);

	if (sum == row->sum || !t->backends[t->wires[index].key.backend].ready)
		return;
	if (!row->id)
		name_wire(t, out, index);
	begin_row(&t->rows, row->id - 1);
	put_next(&t->rows, now.connects);
	put_next(&t->rows, now.requests);
	put_next(&t->rows, now.failures);
	put(&t->rows, "]");
	row->sum = sum;
	row->active = t->epoch;
}

void put_wires(struct tick *t, struct json *out)
{
	uint32_t limit = wire_limit(t);

	for (uint32_t index = 1; index < limit; index++)
		if (t->wires[index].ready)
			put_wire(t, out, index);
}

static void forget_key(struct tick *t, uint32_t index)
{
	struct wire_key key = *(const struct wire_key *)&t->wires[index].key;

	bpf_map_delete_elem(bpf_map__fd(t->bpf->maps.wire_indexes), &key);
}

static void free_wire(struct tick *t, uint32_t index, struct json *gone)
{
	struct wire_row *row = &t->wire_rows[index];
	uint32_t generation = t->wires[index].generation;

	memset((void *)&t->wires[index], 0, sizeof(struct wire));
	t->wires[index].generation = generation + 1;
	if (row->id) {
		put(gone, "{\"type\":\"retired_wire\",\"id\":");
		put_number(gone, row->id - 1);
		put(gone, "}\n");
	}
	memset(row, 0, sizeof(*row));
	__atomic_fetch_sub(&BSS(t, wires_in_use), 1, __ATOMIC_RELAXED);
	bpf_map_update_elem(bpf_map__fd(t->bpf->maps.free_wires), NULL, &index, 0);
}

/* Whether a flow has it, or something is not sent yet. */
static bool is_in_use(const struct tick *t, uint32_t index)
{
	struct wire_counts now = counts_of(t, index);

	return t->wires[index].epoch == t->epoch || sum_of_counts(&now) != t->wire_rows[index].sum;
}

static void retire_if_idle(struct tick *t, uint32_t index, struct json *gone)
{
	struct wire_row *row = &t->wire_rows[index];

	if (!row->active || is_in_use(t, index))
		row->active = t->epoch;
	if (t->epoch - row->active < RETIRE_AFTER)
		return;
	if (!row->retiring) {
		forget_key(t, index);
		row->retiring = t->epoch;
	} else if (t->epoch - row->retiring > 1) {
		free_wire(t, index, gone);
	}
}

void retire_wires(struct tick *t, struct json *gone)
{
	uint32_t limit = wire_limit(t);

	for (uint32_t index = 1; index < limit; index++)
		if (t->wires[index].ready)
			retire_if_idle(t, index, gone);
}

bool are_wires_sent(const struct tick *t, uint32_t backend)
{
	uint32_t limit = wire_limit(t);

	for (uint32_t index = 1; index < limit; index++) {
		struct wire_counts now = counts_of(t, index);

		if (t->wires[index].ready && t->wires[index].key.backend == backend &&
		    sum_of_counts(&now) != t->wire_rows[index].sum)
			return false;
	}
	return true;
}

void retire_wires_of(struct tick *t, uint32_t backend, struct json *gone)
{
	uint32_t limit = wire_limit(t);

	for (uint32_t index = 1; index < limit; index++) {
		if (!t->wires[index].ready || t->wires[index].key.backend != backend)
			continue;
		if (!t->wire_rows[index].retiring)
			forget_key(t, index);
		free_wire(t, index, gone);
	}
}
