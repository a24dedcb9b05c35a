/* From a captured packet to IP, and to the ends and numbers of its segment. Pure. */
#pragma once

#include <stdbool.h>
#include "machine.h"
#include "sockets.h"

/* The numbers of https://www.tcpdump.org/linktypes.html, as far as they are read. */
enum link_type {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_OPENBSD = 12,
	LINK_RAW_BSDOS = 14,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_COOKED = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_NFLOG = 239,
	LINK_COOKED_V2 = 276,
};

bool is_readable_link(uint32_t type);

/* WRAPPED: there may be IP behind headers that are not read. */
enum network { NO_NETWORK, IS_NETWORK, WRAPPED_NETWORK };

/* Finds the IP header: `network` and `protocol` of the frame, whose bytes, captured and length are set. */
enum network find_network(struct frame *frame, uint32_t link_type);

/*
 * Of a packet that was captured in part: makes its IP header say that it ends there. What is missing is then a hole between two
 * segments, which the programs know how to read on behind.
 */
void end_where_captured(struct frame *frame, uint8_t *bytes);

/* WRAPPED: a packet of a tunnel, which is not read. */
enum content { IS_SEGMENT, IS_FRAGMENT, IS_ICMP_ERROR, IS_WRAPPED, IS_OTHER };

/*
 * What a frame carries. Of a segment: `source_first`, its ends with the source as client, and its numbers. Of an ICMP error the
 * same of the segment that it quotes, and `error`, an errno.
 */
enum content read_segment(const struct frame *frame, struct ends *source_first, struct segment *segment, int *error);

/* Makes a segment come from the server of these ends. Checksums are nobody's concern here. */
void set_source(const struct frame *frame, uint8_t *bytes, const struct ends *ends, const struct segment *segment);

/* Of the segment's header. */
void set_flags(uint8_t *bytes, const struct segment *segment, uint8_t flags);
void set_sequence(uint8_t *bytes, const struct segment *segment, uint32_t seq);
