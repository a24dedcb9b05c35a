/* Which side of a connection is nginx: told by the options, by who begins, or by what is said. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "machine.h"
#include "sockets.h"

/* A segment leaves nginx, or arrives there. NOT_CHOSEN: the options leave its connection out. */
enum side { LEAVES, ARRIVES, UNDECIDED, NOT_CHOSEN };

/* Senders in this network are nginx. `address`: 4 or 16 bytes. */
void sides_add_client(uint32_t family, uint32_t prefix, const uint8_t *address);
/* nginx sends to this port. */
void sides_add_server_port(uint32_t port);

/* `e`: its ends with the source as client. `of_server`: the same, seen from the other side. `socket`: nginx's, if there is one.
 */
enum side side_of(const struct frame *f, const struct ends *e, const struct ends *of_server, const struct segment *s,
		  struct socket **socket);

/* The ends, seen from the other side. */
struct ends turned(const struct ends *e);

static inline bool is_syn(const struct segment *s)
{
	return (s->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
}
