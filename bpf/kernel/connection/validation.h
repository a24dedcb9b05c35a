/*
 * Validation of segments that are not the next in order. Anybody can send a segment in a backend's name; the kernel accepts only
 * what fits the socket's sequence numbers (RFC 5961), and only what it accepts is counted. The next segment in order needs no
 * check: its number is hard to guess. Where the socket cannot be found (another namespace), the numbers of the
 * flow are used.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "kernel/state/flow.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/sequence.h"
#include "kernel/host/sockets.h"

/* Used where the socket is not known: the largest window that Linux opens by default. */
#define WINDOW (1 << 25)

/* The end of the bytes seen, including those beyond holes. */
static __always_inline __u32 end_seen(const struct dir *d)
{
	__u32 end = d->next;

	for (int i = 0; i < RANGES; i++)
		if (i < d->ranges && seq_after(d->span[i].hi, end))
			end = d->span[i].hi;
	return end;
}

/* An ACK number that tcp_ack() takes: of something sent, and not too old. */
static __always_inline int is_ack_valid(const struct socket_facts *k, __u32 ack)
{
	return !seq_after(ack, k->sent) && !seq_before(ack, k->snd_una - k->max_window);
}

/* Data or a FIN that is not next in order: beyond a hole, or partly old. `known`: whether its socket was asked already. */
static __always_inline int is_in_window(struct __sk_buff *skb, const struct dir *d, struct packet *p, int arrives, int known)
{
	struct scratch *s = scratch_of(skb);

	if (!s)
		return 0;
	if (!arrives && known)
		return !seq_after(p->seq, s->socket.sent);
	if (arrives && (known || connection_of(skb, p, &s->socket)))
		return !seq_after(p->seq, s->socket.window_end) && (p->flags & TCP_ACK) && is_ack_valid(&s->socket, p->ack);
	return (__s32)(p->seq - d->next) < WINDOW;
}

/* Old bytes: the socket must have received that many, and the ACK number must fit. */
static __always_inline int is_retransmission(struct __sk_buff *skb, struct packet *p, int arrives)
{
	struct scratch *s = scratch_of(skb);

	if (!s || !arrives || !connection_of(skb, p, &s->socket))
		return 1;
	if (s->socket.received < WINDOW && (__s32)(p->seq - s->socket.rcv_nxt + (__u32)s->socket.received) < 0)
		return 0;
	return is_ack_valid(&s->socket, p->ack);
}

/* A SYN-ACK, or a RST in SYN_SENT: it must acknowledge the SYN, and perhaps data in it. */
static __always_inline int is_syn_acknowledged(const struct flow *f, const struct packet *p)
{
	return (p->flags & TCP_ACK) && p->ack - f->isn - 1 <= f->out.next - f->isn - 1;
}

/*
 * A RST of a connection: it must carry exactly the next sequence number, as in tcp_validate_incoming(). The kernel answers any
 * other RST by a challenge ACK, to which a real peer sends an exact one. What was seen may be ahead of the socket: the programs
 * see segments before the socket does.
 */
static __always_inline int is_reset(int known, const struct socket_facts *k, const struct dir *d, const struct packet *p)
{
	if (d->synced && (p->seq == d->next || p->seq == end_seen(d)))
		return 1;
	if (!known)
		return !d->synced;
	if (p->seq == k->rcv_nxt || p->seq == k->sack_end)
		return 1;
	return p->seq == k->rcv_nxt - 1 &&
	       (k->state == BPF_TCP_CLOSE_WAIT || k->state == BPF_TCP_LAST_ACK || k->state == BPF_TCP_CLOSING);
}
