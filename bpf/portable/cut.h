/*
 * Segments of which only the beginning was captured (`tcpdump -s`). What was cut off has passed with them: nothing shows it
 * later.
 */
#pragma once

#include <stdbool.h>
#include "packets.h"
#include "sockets.h"

/* Whether some of its payload was captured, and some was not. */
bool is_cut(const struct frame *frame, const struct segment *segment);

/*
 * Before a segment of nginx is shown, in a capture with segments that were cut: a request line tells that all before it has
 * passed. Returns whether it begins with a line that cannot be read, because it was cut itself.
 */
bool hides_request(const struct frame *frame, const struct ends *ends, const struct segment *segment);

/* A segment of nginx was shown that was cut. */
void cut_has_left(const struct frame *frame, const struct ends *ends, const struct segment *segment);

/* Shows a segment of answers that was cut. Its FIN comes behind what is missing. `of_server`: its ends, nginx's as the client's.
 */
void cut_arrives(const struct frame *frame, const struct ends *of_server, const struct segment *segment);
