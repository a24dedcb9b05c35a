/* The programs of the kernel, here. */
#pragma once

#include <stdint.h>

/* A packet as a device shows it. The memory is whole up to `captured`, and the packet is `length` long. */
struct frame {
	const uint8_t *bytes;
	uint32_t captured;
	uint32_t length;
	uint32_t network;  /* offset of the IP header */
	uint16_t protocol; /* EtherType, in network order */
	uint32_t interface;
};

/* `raw_routes`: paths as they are, not as templates. `seed`: random, for the hashes of request lines. */
void machine_open(uint64_t seed, int raw_routes);
/* There is something in `ignored`, and in `only`. */
void machine_ignore(void);
void machine_select(void);
/* The capture's clock, in ns since 1970. */
void machine_set_clock(uint64_t ns);
uint64_t machine_clock(void);
/* From now on no request begins. */
void machine_stop(void);

/* `socket`: nginx's, of the connection. */
void frame_leaves(const struct frame *frame, void *socket);
void frame_arrives(const struct frame *frame);

/*
 * In a connection of which segments were captured in part: a request begins with the next segment, whatever the missing bytes
 * were. nginx sends none before it has read the answer to the last one.
 */
struct ends;
void machine_expect_request(const struct ends *ends, uint32_t sequence);
/* Of a segment that was captured in part: the bytes [from, to) have passed with it, and nothing shows them. `is_last`: a FIN
 * follows. */
void machine_pass_rest_of_answer(const struct ends *ends, uint32_t from, uint32_t to, int is_last);
void machine_pass_rest_of_request(const struct ends *ends, uint32_t from, uint32_t to);

/* The capture is over: a request that waits for an answer, because its connection may be a tunnel, counts without one. */
void machine_book_waiting(void);

/* A request whose line was captured in part is not read. */
void machine_count_missed(void);
/* A segment with payload that was there before. */
void machine_count_again(void);

/* What the helper runs once per second. `sweep`: struct sweep of shared.h, with the epoch. */
enum run { RUN_SWEEP, RUN_SWEEP_MORE4, RUN_SWEEP_MORE6, RUN_CHECK };
int machine_run(enum run run, const void *sweep);
