/*
 * nginx's sockets, as far as packets tell what they are: the programs ask a connection's own socket what it has sent and
 * received, and follow its states. See sockets.c.
 */
#pragma once

#ifdef PROGRAMS
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

/* The ends of a connection: the client's is nginx's. Addresses and ports as packets have them; IPv4 in the first word. */
struct ends {
	__u32 client[4], server[4];
	__u16 client_port, server_port;
	__u32 family; /* 4 or 6 */
};

_Static_assert(sizeof(struct ends) == 40, "without padding");

/* Of packets that wait, many for each that comes. The library's memcmp goes byte by byte. */
static inline int is_same_ends(const struct ends *a, const struct ends *b)
{
	__u64 x[5], y[5];

	__builtin_memcpy(x, a, sizeof(x));
	__builtin_memcpy(y, b, sizeof(y));
	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

struct segment {
	__u32 seq, ack;
	__u32 tcp;     /* the offset of its header in the frame */
	__u32 payload; /* its offset in the frame */
	__u32 length;  /* of the payload */
	__u8 flags;
};

struct socket;

/* Of nginx's end; NULL if there is none. */
struct socket *socket_of(const struct ends *ends);
/* Whether it is closed: then a SYN begins another one. */
int is_closed(const struct socket *s);
struct sock *sock_of(struct socket *s);

/*
 * Before the program that sees a segment leave, and behind the one that sees it arrive. Makes and ends sockets. `s`: the one that
 * these ends have, or NULL.
 */
struct socket *socket_sends(struct socket *s, const struct ends *ends, const struct segment *segment);
/*
 * Whether it acknowledges what was not captured so far. Nobody can have done that: it was captured too early, or what it
 * acknowledges never.
 */
int is_early(const struct socket *s, const struct segment *segment, int leaves);
/* Whether it belongs to the connection that begins with `isn`, and not to the last one with these ends. */
int is_of_new_connection(const struct segment *segment, __u32 isn, int leaves);
/* Whether it leaves behind its acknowledgement: that did not wait long enough for it. */
int is_behind_ack(const struct socket *s, const struct segment *segment);
/* Behind the program that sees it leave. */
void socket_has_sent(struct socket *s);
void socket_receives(struct socket *s, const struct segment *segment);
/* ICMP says that the SYN leads nowhere: an errno. */
void socket_fails(struct socket *s, int error);
/* Once per second: connects that nobody answers, and sockets of which nothing was heard for long. */
void sockets_sweep(void);

/* Called at each change, as the kernel's tracepoint is. */
void state_changes(struct sock *sk, int from, int to);

#define FLAG_FIN 1
#define FLAG_SYN 2
#define FLAG_RST 4
#define FLAG_ACK 16
