/* A slot or backend at one moment, and the sums of its counters: shared by tick.c, rows.c, retire.c and backends.c. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "tick.h"

/* The order matters: `requests` is read last, so that no answer is seen without its request. */
void read_slot(const volatile struct slot *from, struct slot *to)
{
	for (size_t i = 0; i < offsetof(struct slot, requests) / 8; i++)
		((uint64_t *)to)[i] = ((const volatile uint64_t *)from)[i];
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	to->requests = from->requests;
}

#define PLUS(word) +s->word

uint64_t open_of(const struct slot *s)
{
	uint64_t over = s->answered + s->unseen ROUTE_FAILURES(PLUS, PLUS);

	return s->requests > over ? s->requests - over : 0;
}

uint64_t sum_of(const struct slot *s)
{
	uint64_t sum = s->requests SLOT_SENDING(PLUS, PLUS);

	for (size_t i = 0; i < offsetof(struct slot, code) / sizeof(sum); i++)
		sum += ((const uint64_t *)s)[i];
	return sum;
}

uint64_t connection_sum(const struct tick *t, uint32_t index)
{
	const volatile struct backend *b = &t->backends[index];

#define PLUS_OF(word) +b->word
	return 0 BACKEND_COUNTERS(PLUS_OF, PLUS_OF);
}

uint32_t backend_of_slot(struct tick *t, uint32_t slot)
{
	struct route_text text;

	if (slot >= MAX_ROUTES)
		return slot - MAX_ROUTES;
	if (!t->backend_of_slot[slot] && !bpf_map_lookup_elem(bpf_map__fd(t->bpf->maps.texts), &slot, &text) && text.ready)
		t->backend_of_slot[slot] = text.key.backend;
	return t->backend_of_slot[slot];
}
