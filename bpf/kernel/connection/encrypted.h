/*
 * --tls: of a connection whose requests are read within TLS, packets tell what is sent again. Their sequence numbers are followed
 * as those of segments that are read.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/sequence.h"
#include "kernel/host/sockets.h"
#include "holes.h"
#include "passed.h"
#include "segments.h"
#include "kernel/state/lock.h"

/* Up to where the receiver has everything, whether it was seen or not; `at` where its socket is not known. */
static __always_inline __u32 acknowledged(struct __sk_buff *skb, struct packet *p, struct scratch *s, __u32 at, int arrives)
{
	__u32 to;

	if (!(arrives ? connection_of(skb, p, &s->socket) : sender_of(skb, &s->socket)))
		return at;
	to = arrives ? s->socket.rcv_nxt : s->socket.snd_una;
	return seq_after(to, p->seq) ? p->seq : to;
}

/* Who has the request that is open: the flow of the plaintext, if something was read. */
static __always_inline struct flow *flow_of_requests(struct flow *f)
{
	__u64 socket = FLOW_SOCKET(f);
	struct flow *plaintext = socket ? bpf_map_lookup_elem(&plaintexts, &socket) : 0;

	return plaintext ? plaintext : f;
}

/* Payload of it, in either direction. */
__noinline int follow_encrypted(struct __sk_buff *skb, struct flow *f, struct packet *p, int arrives)
{
	struct scratch *s = scratch_of(skb);
	enum sequence where;
	__u32 skip, to;

	if (!f || !p || !s)
		return 0;
	struct dir *d = arrives ? &f->in : &f->out;

	if (!lock(d)) {
		count(T_OPAQUE);
		return 0;
	}
	d->last_ns = bpf_ktime_get_coarse_ns();
	where = classify_segment(d, p, &skip);
	if (where == AHEAD) {
		to = acknowledged(skb, p, s, d->next, arrives);
		if (seq_after(to, d->next))
			move_next(d, jump_ranges(d, to));
		where = classify_segment(d, p, &skip);
	}
	if (!count_duplicate(skb, flow_of_requests(f), d, p, where, skip, arrives, 0)) {
		d->owner = p->ifindex;
		move_next(d, jump_ranges(d, p->seq + p->len));
		count(T_OPAQUE);
	}
	unlock(d);
	return 0;
}
