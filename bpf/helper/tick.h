/* Internal to snapshots: what tick.c, rows.c, retire.c and backends.c share. */
#pragma once

#include "helper.h"
#include "upstreamtop.skel.h"

#ifndef RETIRE_AFTER
#define RETIRE_AFTER 300 /* ticks */
#endif

/* The state of a slot in the last snapshot, as far as needed to see a change. Whole copies of all slots took 18 MB. */
struct sent {
	uint64_t sum;		      /* of all its counters, none of which gets smaller */
	uint32_t codes[INLINE_CODES]; /* low bits are enough to see a change */
};

struct tick {
	struct upstreamtop_bpf *bpf;
	uint32_t netns;
	volatile struct slot *slots;	   /* written only while no program writes: when a slot is retired */
	volatile struct backend *backends; /* likewise; but `retiring` at any time */
	struct sent *sent;		   /* per slot */
	uint64_t *backend_sent;		   /* per backend: the sum of its counters */
	uint32_t *wire_ids;		   /* per slot: its id on the wire plus one */
	uint32_t next_wire_id;
	uint32_t *active;	    /* per slot: the epoch of its last row */
	uint32_t *retiring;	    /* per slot: the epoch since which no request begins here, 0 when in use */
	uint16_t *backend_of_slot;  /* 0 when not known yet */
	uint32_t *backend_wire_ids; /* per backend: its id on the wire, 0 while it has no name there */
	uint32_t next_backend_wire_id;
	uint32_t *backend_active;   /* per backend: the epoch of its last row, or of a row of its routes */
	uint32_t *backend_retiring; /* per backend: the epoch since which its address is not found here, 0 when in use */
	bool swept;		    /* the sweep has seen all flows */
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
uint64_t connection_sum(const struct tick *t, uint32_t index);
/* 0 while the program still writes the name of the slot. */
uint32_t backend_of_slot(struct tick *t, uint32_t slot);

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
/* Everything of it was sent, and nothing is open. */
bool is_idle_slot(const struct tick *t, uint32_t slot);
void begin_retiring(struct tick *t, uint32_t slot);
void finish_slot(struct tick *t, uint32_t slot, struct json *gone);
void clear_slot(struct tick *t, uint32_t slot, struct json *gone);

/* ---- backends.c ---- */

/* The same for backends and all their routes: call it when all rows of the tick are written. */
void retire_backends(struct tick *t, uint32_t slots, uint32_t backends, struct json *gone);
