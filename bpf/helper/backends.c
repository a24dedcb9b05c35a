/*
 * A backend that was not used for a while gives up its index, as a route its slot (retire.c). First its address is deleted, so
 * that no flow finds the index any more, and the sweep takes it from idle flows. Then, a full tick later, when no flow needs it
 * and everything of it was sent, its routes and the backend are cleared. Ids on the wire are never used again.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include "tick.h"

#define RETIRE_FROM   (MAX_BACKENDS / 4 * 3) /* backends in use */
#define KEPT_FREE     (MAX_BACKENDS / 16)    /* with less, backends that were idle for one tick are retired */
#define FULL_TICK     1
#define TICKS_TO_FREE 3 /* until what begins to retire is free: so long new backends must find room elsewhere */
/*
 * So many backends and routes of theirs are retired early in one tick. Whoever makes new addresses or paths without end makes
 * this many new names per second at most, which a recorder keeps for an hour.
 */
#define EARLY_PER_TICK 64

static uint32_t chosen[MAX_BACKENDS], chosen_count, routes_of[MAX_BACKENDS];
static int64_t early_left;	     /* below 0 after one with many routes */
static const struct tick *sorted_by; /* for the comparisons of qsort() */

static int rank_of(const struct tick *t, uint32_t index)
{
	return (int)t->backends[index].rank_plus_one - 1;
}

/* `ticks` 0: any that is not being retired. */
static bool is_idle(const struct tick *t, uint32_t index, uint32_t ticks)
{
	const volatile struct backend *b = &t->backends[index];

	if (!b->ready || t->backend_retiring[index])
		return false;
	return !ticks || (b->used_epoch != t->epoch && t->epoch - t->backend_active[index] >= ticks);
}

/* ---- which ---- */

static void begin(struct tick *t, uint32_t index)
{
	struct backend_key key;

	memcpy(&key, (const void *)&t->backends[index].key, sizeof(key));
	if (bpf_map_delete_elem(bpf_map__fd(t->bpf->maps.backend_ids), &key))
		return;
	t->backends[index].retiring = 1;
	t->backend_retiring[index] = t->epoch;
}

static int in_order(uint32_t x, uint32_t y)
{
	return x < y ? -1 : x > y;
}

/* Those first that are idle for longest. */
static int by_time(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return in_order(sorted_by->backend_active[*x], sorted_by->backend_active[*y]);
}

static int by_owner(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	int order = in_order(sorted_by->backends[*x].uid, sorted_by->backends[*y].uid);

	return order ? order : by_time(a, b);
}

/* Those of a rank in this order, and how many routes each has. */
static void choose(const struct tick *t, uint32_t backends, int rank, uint32_t idle_ticks,
		   int (*order)(const void *, const void *))
{
	memset(routes_of, 0, sizeof(routes_of));
	for (uint32_t slot = 0; slot < MAX_ROUTES; slot++)
		routes_of[t->backend_of_slot[slot]]++;
	chosen_count = 0;
	for (uint32_t index = 1; index < backends; index++)
		if (rank_of(t, index) == rank && is_idle(t, index, idle_ticks))
			chosen[chosen_count++] = index;
	sorted_by = t;
	qsort(chosen, chosen_count, sizeof(*chosen), order);
}

static bool begin_early(struct tick *t, uint32_t index)
{
	if (early_left <= 0)
		return false;
	early_left -= 1 + routes_of[index];
	begin(t, index);
	return true;
}

/* Returns how many of this rank give up their index. */
static uint32_t retire_idle(struct tick *t, uint32_t backends, int rank, uint32_t wanted)
{
	uint32_t i = 0;

	choose(t, backends, rank, FULL_TICK, by_time);
	while (i < chosen_count && i < wanted && begin_early(t, chosen[i]))
		i++;
	return i;
}

/*
 * Room for each rank, the highest first, if as many new ones come as in this tick. Strangers' backends go first, then those of
 * other users' nginx.
 */
static void make_room(struct tick *t, uint32_t backends)
{
	static const uint32_t limits[RANKS] = {MAX_BACKENDS - 1 - BACKENDS_OF_NGINX, MAX_BACKENDS - 1 - BACKENDS_OF_ROOT,
					       MAX_BACKENDS - 1};
	uint32_t live[RANKS] = {}, needed[RANKS];

	for (uint32_t index = 1; index < backends; index++)
		if (is_idle(t, index, 0))
			live[rank_of(t, index)]++;
	for (int rank = ANYONE; rank < RANKS; rank++)
		needed[rank] = TICKS_TO_FREE * __atomic_exchange_n(&BSS(t, backends_wanted)[rank], 0, __ATOMIC_RELAXED);
	for (int rank = NGINX_OF_ROOT; rank >= ANYONE; rank--) {
		uint32_t wanted = KEPT_FREE + (needed[rank] < MAX_BACKENDS / 2 ? needed[rank] : MAX_BACKENDS / 2);

		for (int from = ANYONE; from <= rank; from++)
			wanted += live[from];
		for (int from = ANYONE; from <= rank && wanted > limits[rank]; from++) {
			uint32_t gone = retire_idle(t, backends, from, wanted - limits[rank]);

			live[from] -= gone;
			wanted -= gone;
		}
	}
}

/* The same for the share of each user whose nginx has many. */
static void make_room_for_owners(struct tick *t, uint32_t backends)
{
	if (BSS(t, backends_in_use)[NGINX] + KEPT_FREE <= BACKENDS_OF_OWNER)
		return;
	choose(t, backends, NGINX, 0, by_owner);
	for (uint32_t first = 0, end; first < chosen_count; first = end) {
		uint32_t uid = t->backends[chosen[first]].uid;

		for (end = first; end < chosen_count && t->backends[chosen[end]].uid == uid; end++)
			;
		for (uint32_t i = first, left = end - first; i < end && left + KEPT_FREE > BACKENDS_OF_OWNER; i++)
			if (is_idle(t, chosen[i], FULL_TICK) && begin_early(t, chosen[i]))
				left--;
	}
}

static void retire_unused(struct tick *t, uint32_t backends)
{
	uint32_t in_use = 0;

	for (int rank = 0; rank < RANKS; rank++)
		in_use += BSS(t, backends_in_use)[rank];
	if (in_use < RETIRE_FROM)
		return;
	for (uint32_t index = 1; index < backends; index++)
		if (is_idle(t, index, RETIRE_AFTER))
			begin(t, index);
}

/* ---- the end ---- */

static bool is_sent(const struct tick *t, uint32_t index)
{
	return connection_sum(t, index) == t->backend_sent[index] && !fold_has(CONNECT_TIMES(index)) &&
	       is_idle_slot(t, MAX_ROUTES + index) && are_wires_sent(t, index);
}

/* Retires its routes, too. Marks the backends that have to wait for one. */
static void retire_routes(struct tick *t, uint32_t slots, bool *has_to_wait)
{
	for (uint32_t slot = 0; slot < slots; slot++) {
		uint32_t index = t->backend_of_slot[slot];

		if ((index && !t->backend_retiring[index]) || !t->slots[slot].rank_plus_one)
			continue;
		index = backend_of_slot(t, slot);
		if (!index) /* its name is being written: any may be its backend */
			memset(has_to_wait, true, MAX_BACKENDS);
		if (!t->backend_retiring[index])
			continue;
		if (!t->retiring[slot])
			begin_retiring(t, slot);
		if (!t->retiring[slot] || t->epoch - t->retiring[slot] <= FULL_TICK || !is_idle_slot(t, slot))
			has_to_wait[index] = true;
	}
}

static void finish(struct tick *t, uint32_t index, struct json *gone)
{
	int rank = rank_of(t, index);
	uint32_t id = t->backend_wire_ids[index];

	clear_slot(t, MAX_ROUTES + index, gone);
	retire_wires_of(t, index, gone);
	if (id) {
		put(gone, "{\"type\":\"retired_backend\",\"id\":");
		put_number(gone, id);
		put(gone, "}\n");
	}
	t->backend_wire_ids[index] = 0;
	t->backend_sent[index] = 0;
	t->backend_active[index] = 0;
	t->backend_retiring[index] = 0;
	memset((void *)&t->backends[index], 0, sizeof(struct backend));
	__atomic_fetch_sub(&BSS(t, backends_in_use)[rank], 1, __ATOMIC_RELAXED);
	bpf_map_update_elem(bpf_map__fd(t->bpf->maps.free_backends), NULL, &index, 0);
}

/* From what is there: an addition that a program makes at the same moment may be missed, until this is called again. */
static void count_of_owner(struct tick *t, uint32_t backends, uint32_t uid)
{
	uint32_t count = 0;

	for (uint32_t index = 1; index < backends; index++)
		count += rank_of(t, index) == NGINX && t->backends[index].uid == uid;
	if (count)
		bpf_map_update_elem(bpf_map__fd(t->bpf->maps.backends_by_uid), &uid, &count, BPF_ANY);
	else
		bpf_map_delete_elem(bpf_map__fd(t->bpf->maps.backends_by_uid), &uid);
}

static int by_number(const void *a, const void *b)
{
	return in_order(*(const uint32_t *)a, *(const uint32_t *)b);
}

static void finish_retiring(struct tick *t, uint32_t slots, uint32_t backends, struct json *gone)
{
	static bool has_to_wait[MAX_BACKENDS];
	static uint32_t owners[MAX_BACKENDS];
	uint32_t owner_count = 0;

	memset(has_to_wait, 0, sizeof(has_to_wait));
	retire_routes(t, slots, has_to_wait);
	for (uint32_t index = 1; index < backends; index++)
		if (t->backend_retiring[index] && (!t->swept || t->epoch - t->backend_retiring[index] <= FULL_TICK ||
						   t->backends[index].used_epoch == t->epoch || !is_sent(t, index)))
			has_to_wait[index] = true;
	for (uint32_t slot = 0; slot < slots; slot++) {
		uint32_t index = t->backend_of_slot[slot];

		if (t->backend_retiring[index] && !has_to_wait[index])
			finish_slot(t, slot, gone);
	}
	for (uint32_t index = 1; index < backends; index++) {
		if (!t->backend_retiring[index] || has_to_wait[index])
			continue;
		if (rank_of(t, index) == NGINX)
			owners[owner_count++] = t->backends[index].uid;
		finish(t, index, gone);
	}
	qsort(owners, owner_count, sizeof(*owners), by_number);
	for (uint32_t i = 0; i < owner_count; i++)
		if (i == 0 || owners[i] != owners[i - 1])
			count_of_owner(t, backends, owners[i]);
}

static bool any_retiring(const struct tick *t, uint32_t backends)
{
	for (uint32_t index = 1; index < backends; index++)
		if (t->backend_retiring[index])
			return true;
	return false;
}

void retire_backends(struct tick *t, uint32_t slots, uint32_t backends, struct json *gone)
{
	/* without a row so far: it is as if it had one now */
	for (uint32_t index = 1; index < backends; index++)
		if (!t->backend_active[index] && t->backends[index].ready)
			t->backend_active[index] = t->epoch;
	retire_unused(t, backends);
	early_left = early_left < 0 ? early_left + EARLY_PER_TICK : EARLY_PER_TICK;
	make_room(t, backends);
	make_room_for_owners(t, backends);
	if (any_retiring(t, backends))
		finish_retiring(t, slots, backends, gone);
}
