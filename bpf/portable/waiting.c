/* See waiting.h. */
#include <stdlib.h>
#include <string.h>
#include "sides.h"
#include "waiting.h"

#define ROOM 256 /* numbers of places are bytes */

static struct waiting places[ROOM];
/* In the order of the queue: which place, and a number of the connection, the same for both directions. */
static uint8_t order[ROOM], vacant[ROOM];
static uint32_t connections[ROOM];
static unsigned count;
static void *taken;

static uint32_t number_of(const struct ends *e)
{
	uint32_t sum = e->client_port + e->server_port;

	for (int i = 0; i < 4; i++)
		sum = (sum + e->client[i] + e->server[i]) * 0x9e3779b1;
	return sum;
}

unsigned waiting_count(void)
{
	return count;
}

const struct waiting *waiting_at(unsigned i)
{
	return &places[order[i]];
}

unsigned waiting_of(const struct ends *ends, unsigned i)
{
	struct ends other_way;
	uint32_t number;

	if (i >= count)
		return count;
	number = number_of(ends);
	other_way = turned(ends);
	/* each packet looks through all of them while something waits */
	for (; i < count; i++)
		if (connections[i] == number &&
		    (is_same_ends(&places[order[i]].ends, ends) || is_same_ends(&places[order[i]].ends, &other_way)))
			break;
	return i;
}

bool waiting_is_full(void)
{
	return count == ROOM;
}

static uint8_t vacant_place(void)
{
	static bool is_filled;

	for (unsigned i = 0; i < ROOM && !is_filled; i++)
		vacant[i] = ROOM - 1 - i;
	is_filled = true;
	return vacant[ROOM - 1 - count];
}

void waiting_add(const struct frame *frame, const struct ends *ends, const struct segment *segment, uint64_t ns)
{
	uint8_t place = vacant_place(), *bytes = malloc(frame->captured);

	if (!bytes)
		abort();
	memcpy(bytes, frame->bytes, frame->captured);
	places[place] = (struct waiting){.frame = *frame, .ends = *ends, .segment = *segment, .ns = ns};
	places[place].frame.bytes = bytes;
	connections[count] = number_of(ends);
	order[count++] = place;
}

struct waiting waiting_take(unsigned i)
{
	struct waiting w = places[order[i]];

	free(taken);
	taken = (void *)w.frame.bytes;
	count--;
	vacant[ROOM - 1 - count] = order[i];
	memmove(order + i, order + i + 1, (count - i) * sizeof(*order));
	memmove(connections + i, connections + i + 1, (count - i) * sizeof(*connections));
	return w;
}
