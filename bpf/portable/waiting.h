/*
 * Segments that acknowledge what the capture does not have yet: a tap's two ports, two captures merged by clocks that differ, a
 * queue of a device may show an answer before its request. They wait a moment for what comes first.
 */
#pragma once

#include <stdbool.h>
#include "machine.h"
#include "sockets.h"

struct waiting {
	struct frame frame;
	struct ends ends; /* with the source as client */
	struct segment segment;
	uint64_t ns;
};

/* Oldest first. */
unsigned waiting_count(void);
const struct waiting *waiting_at(unsigned i);
/* The first one from `i` on of this connection, in either direction; waiting_count() if there is none. */
unsigned waiting_of(const struct ends *ends, unsigned i);
bool waiting_is_full(void);

/* Copies its bytes. */
void waiting_add(const struct frame *frame, const struct ends *ends, const struct segment *segment, uint64_t ns);
/* Takes one out of the queue. Its bytes stay until the next is taken. */
struct waiting waiting_take(unsigned i);
