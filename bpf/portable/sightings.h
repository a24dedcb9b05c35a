/*
 * A packet may be in a capture several times: `-i any` shows it at each interface that it passes, a mirror port on its way in and
 * out, and a router before and behind NAT. It counts once, as it was seen first.
 */
#pragma once

#include <stdbool.h>
#include "machine.h"
#include "sockets.h"

/*
 * Whether this very packet was there before: the same TCP header, so soon that its sender cannot have sent it once more, or with
 * the same IP identification, or behind a router. Remembers it.
 */
bool is_seen_again(const struct frame *frame, const struct ends *ends, const struct segment *segment, uint64_t ns);

/*
 * A connection begins with the segment. Whether another one, with other ends, began with the same numbers and timestamps just
 * now: then it is that connection, behind NAT. Remembers it.
 */
bool is_translated(const struct frame *frame, const struct ends *ends, const struct segment *segment, uint64_t ns);
/* Of one that was. */
bool is_translation(const struct ends *ends);
/* These ends have another connection now. */
void forget_translation(const struct ends *ends);

/* A SYN leaves. Its answer may come from another address, where this host redirects connections to a proxy of its own. */
void expect_answer(const struct ends *ends, uint32_t seq);
/* The ends with which the connection began, of which these are the ends of an answer: NULL where they are the same. */
const struct ends *redirected(const struct ends *ends, const struct segment *segment);
