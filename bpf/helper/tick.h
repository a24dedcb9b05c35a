/* Internal to snapshots: what tick.c, rows.c, retire.c and backends.c share. */
#pragma once

#include "helper.h"
#include "upstreamtop.skel.h"

#ifndef RETIRE_AFTER
#define RETIRE_AFTER 300 /* ticks */
#endif

/* Variables of the programs. For captures they are this program's own: see bpf/portable. */
#ifndef BSS
#define BSS(t, name)  (t)->bpf->bss->name
#define DATA(t, name) (t)->bpf->data->name
#endif

/* The state of a slot in the last snapshot, as far as needed to see a change. Whole copies of all slots took 18 MB. */
struct sent {
	uint64_t sum;		      /* of all its counters, none of which gets smaller */
	uint32_t codes[INLINE_CODES]; /* low bits are enough to see a change */
};

/* A wire, as the last snapshots had it. */
struct wire_row {
	uint64_t sum;	   /* of its counters */
	uint32_t id;	   /* on the wire, plus one; 0 while it has none */
	uint32_t active;   /* the epoch in which it was last seen in use */
	uint32_t retiring; /* the epoch since which no connection gets it, 0 when in use */
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
	uint32_t next_id_of_wires;
	uint32_t *active;	    /* per slot: the epoch of its last row */
	uint32_t *retiring;	    /* per slot: the epoch since which no request begins here, 0 when in use */
	uint16_t *backend_of_slot;  /* 0 when not known yet */
	uint32_t *backend_wire_ids; /* per backend: its id on the wire, 0 while it has no name there */
	uint32_t next_backend_wire_id;
	const struct names *names; /* NULL: nothing is known */
	uint64_t *names_said;	   /* per backend: a hash of its names, as they were written last */
	bool names_changed;
	uint32_t *backend_active;   /* per backend: the epoch of its last row, or of a row of its routes */
	uint32_t *backend_retiring; /* per backend: the epoch since which its address is not found here, 0 when in use */
	bool swept;		    /* the sweep has seen all flows */
	/* codes beyond those in the slot; written as `slots` are */
	volatile struct code_block *blocks;
	uint32_t (*blocks_sent)[BLOCK_CODES]; /* low bits */
	struct folded_codes *folded_sent;
	volatile struct wire *wires; /* written as `slots` are */
	struct wire_row *wire_rows;
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

/* Returns the backend's id on the wire; its name is written when it is new. */
uint32_t name_backend(struct tick *t, struct json *out, uint32_t index);
/* Writes the names of backends again whose names have changed. */
void rename_backends(struct tick *t, struct json *out, uint32_t backends);
void begin_row(struct json *rows, int64_t id);
void put_next(struct json *rows, uint64_t value);
void put_row(struct tick *t, struct json *out, uint32_t slot, uint64_t mono);
void put_connection(struct tick *t, struct json *out, uint32_t index);
void put_requests(struct tick *t, struct json *out, int64_t offset_ns);

/* ---- wires.c: where NAT leads connections ---- */

/* Before the rows of slots and backends, so that none of these has less than its wires. */
void put_wires(struct tick *t, struct json *out);
/* Gives up those that no connection has had for a while. `gone` gets their ids. */
void retire_wires(struct tick *t, struct json *gone);
/* Whether nothing of the backend's wires is left to write. */
bool are_wires_sent(const struct tick *t, uint32_t backend);
/* Before the backend's index is used again: no connection may have it any more. */
void retire_wires_of(struct tick *t, uint32_t backend, struct json *gone);

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
