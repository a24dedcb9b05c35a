/* See waiting.h. */
#include <stdlib.h>
#include <string.h>
#include "waiting.h"

#define ROOM 256 /* so many are looked through for a packet while something waits */

static struct waiting queue[ROOM];
static unsigned count;
static void *taken;

unsigned waiting_count(void)
{
	return count;
}

const struct waiting *waiting_at(unsigned i)
{
	return &queue[i];
}

bool waiting_is_full(void)
{
	return count == ROOM;
}

void waiting_add(const struct frame *frame, const struct ends *ends, const struct segment *segment, uint64_t ns)
{
	struct waiting *w = &queue[count++];
	uint8_t *bytes = malloc(frame->captured);

	if (!bytes)
		abort();
	memcpy(bytes, frame->bytes, frame->captured);
	*w = (struct waiting){.frame = *frame, .ends = *ends, .segment = *segment, .ns = ns};
	w->frame.bytes = bytes;
}

struct waiting waiting_take(unsigned i)
{
	struct waiting w = queue[i];

	free(taken);
	taken = (void *)w.frame.bytes;
	memmove(queue + i, queue + i + 1, (--count - i) * sizeof(*queue));
	return w;
}
