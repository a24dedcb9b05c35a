/*
 * A route that was not used for a while gives up its slot. First its key is deleted, so that no request begins in the slot. Then,
 * a full tick later and with no open request, the slot is cleared and can be used again. Ids on the wire are never used again.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include "tick.h"

#define RETIRE_FROM (MAX_ROUTES / 4 * 3) /* slots in use */

/* New requests of the route get a new slot from now on; open ones may still end in this slot. */
void begin_retiring(struct tick *t, uint32_t slot)
{
	struct route_text text;

	if (bpf_map_lookup_elem(bpf_map__fd(t->bpf->maps.texts), &slot, &text) || !text.ready)
		return;
	if (bpf_map_delete_elem(bpf_map__fd(t->bpf->maps.routes), &text.key))
		return;
	t->slots[slot].cache_generation++;
	t->retiring[slot] = t->epoch;
}

static void free_codes(struct tick *t, uint32_t slot)
{
	uint32_t block = t->slots[slot].block;

	struct folded_codes none = {};

	if (t->slots[slot].has_folded) {
		bpf_map_update_elem(bpf_map__fd(t->bpf->maps.folded), &slot, &none, 0);
		t->folded_sent[slot] = none;
	}
	if (!block)
		return;
	t->slots[slot].block = 0;
	memset((void *)&t->blocks[block], 0, sizeof(struct code_block));
	memset(t->blocks_sent[block], 0, sizeof(t->blocks_sent[block]));
	bpf_map_update_elem(bpf_map__fd(t->bpf->maps.free_blocks), NULL, &block, 0);
}

bool is_idle_slot(const struct tick *t, uint32_t slot)
{
	struct slot now;

	read_slot(&t->slots[slot], &now);
	return sum_of(&now) == t->sent[slot].sum && open_of(&now) == 0 && now.total_count == now.answered;
}

void clear_slot(struct tick *t, uint32_t slot, struct json *gone)
{
	uint32_t generation = t->slots[slot].generation, cached_route = t->slots[slot].cache_generation;

	free_codes(t, slot);
	memset((void *)&t->slots[slot], 0, sizeof(struct slot));
	t->slots[slot].generation = generation + 1;
	t->slots[slot].cache_generation = cached_route;
	memset(&t->sent[slot], 0, sizeof(t->sent[slot]));
	if (t->wire_ids[slot]) {
		put(gone, "{\"type\":\"retired\",\"id\":");
		put_number(gone, t->wire_ids[slot] - 1);
		put(gone, "}\n");
	}
	t->wire_ids[slot] = 0;
	t->active[slot] = 0;
	t->retiring[slot] = 0;
	t->backend_of_slot[slot] = 0;
}

/* A full tick has passed since, no request is open, and everything was sent: the slot becomes free. */
void finish_slot(struct tick *t, uint32_t slot, struct json *gone)
{
	struct route_text text = {};
	uint32_t taken = t->slots[slot].rank_plus_one;

	bpf_map_update_elem(bpf_map__fd(t->bpf->maps.texts), &slot, &text, 0);
	if (taken && taken <= RANKS)
		__atomic_fetch_sub(&BSS(t, slots_in_use)[taken - 1], 1, __ATOMIC_RELAXED);
	clear_slot(t, slot, gone);
	bpf_map_update_elem(bpf_map__fd(t->bpf->maps.free_slots), NULL, &slot, 0);
}

void retire(struct tick *t, uint32_t slots, struct json *gone)
{
	if (slots < RETIRE_FROM)
		return;
	for (uint32_t slot = 0; slot < slots; slot++) {
		if (!t->slots[slot].rank_plus_one)
			continue;
		/* in use, but without a row: its requests were excluded, or exceeded a limit */
		if (!t->active[slot])
			t->active[slot] = t->epoch;
		if (t->epoch - t->active[slot] < RETIRE_AFTER)
			continue;
		if (!is_idle_slot(t, slot))
			continue;
		if (!t->retiring[slot])
			begin_retiring(t, slot);
		else if (t->epoch - t->retiring[slot] > 1)
			finish_slot(t, slot, gone);
	}
}
