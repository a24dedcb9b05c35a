/* Internal to snapshots: what tick.c, rows.c and retire.c share. */
#pragma once

#include "helper.h"
#include "upstreamtop.skel.h"

/* The state of a slot in the last snapshot, as far as needed to see a change. Whole copies of all slots took 18 MB. */
struct sent {
	uint64_t sum;		      /* of all its counters, none of which gets smaller */
	uint32_t codes[INLINE_CODES]; /* low bits are enough to see a change */
};

struct tick {
	struct upstreamtop_bpf *bpf;
	uint32_t netns;
	volatile struct slot *slots; /* written only while no program writes: when a slot is retired */
	const volatile struct backend *backends;
	struct sent *sent;	/* per slot */
	uint64_t *backend_sent; /* per backend: the sum of its counters */
	uint32_t *wire_ids;	/* per slot: its id on the wire plus one */
	uint32_t next_wire_id;
	uint32_t *active;   /* per slot: the epoch of its last row */
	uint32_t *retiring; /* per slot: the epoch since which no request begins here, 0 when in use */
	bool *backend_named;
	/* codes beyond those in the slot; written as `slots` are */
	volatile struct code_block *blocks;
	uint32_t (*blocks_sent)[BLOCK_CODES]; /* low bits */
	struct folded_codes *folded_sent;
	struct totals totals;
	uint32_t epoch;
	uint64_t cpu_us;
	int statm;
	struct json rows;
};

/* ---- slots.c ---- */

/* A consistent copy of counters that programs add to: never more answers than requests. */
void read_slot(const volatile struct slot *from, struct slot *to);
uint64_t open_of(const struct slot *s);
uint64_t sum_of(const struct slot *s);

/* ---- rows.c: names go to `out`, rows to t->rows ---- */

void put_row(struct tick *t, struct json *out, uint32_t slot, uint64_t mono);
void put_connection(struct tick *t, struct json *out, uint32_t index);
void put_requests(struct tick *t, struct json *out, int64_t offset_ns);

/* ---- retire.c ---- */

/*
 * When slots run short, routes that are no longer requested are retired, and no count is lost. `gone` gets the ids that are not
 * used again, so that a recorder that runs for months can delete them.
 */
void retire(struct tick *t, uint32_t slots, struct json *gone);
