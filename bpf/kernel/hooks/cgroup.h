/*
 * The programs at a control group: packets as they leave the sockets of its processes and arrive at them, in whatever network
 * namespace. Each end of a connection is seen once; only the end that connected has a flow.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "kernel/connection/flows.h"
#include "kernel/connection/midstream.h"
#include "kernel/connection/translation.h"
#include "kernel/scope/packets.h"
#include "kernel/connection/asking.h"
#include "passing.h"
#include "socket-packets.h"

#define PASS 1

/* More were interrupted on this CPU than have room. */
static __always_inline void count_unread(const struct plain *h)
{
	if (h && bpf_ntohs(h->ip.tot_len) == header_length(h))
		return;
	count(T_SEGMENTS);
	count(T_AMBIGUOUS);
	count(L_AMBIGUOUS);
}

static __always_inline void packet_arrives(struct __sk_buff *skb, struct packet *p)
{
	struct flow *f = find_flow(p);

	if (f) {
		packet_from_backend(skb, f, p);
		return;
	}
	if ((p->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN || (may_be_asked() && is_listen_port(p, LOCAL_END)))
		settle_asking(skb, p);
	count_arrival(p);
}

static __always_inline int read_at_group(struct __sk_buff *skb, int egress)
{
	const struct plain *h;
	struct scratch *s;

	if (!is_of_interest(skb, &h, egress))
		return PASS;
	s = take_scratch(skb);
	if (!s) {
		count_unread(h);
		return PASS;
	}
	if (!read_socket_packet(skb, &s->packet, h, egress)) {
		/* counted there */
	} else if (egress) {
		packet_leaves(skb, find_flow(&s->packet), &s->packet);
	} else {
		packet_arrives(skb, &s->packet);
	}
	give_scratch(s);
	return PASS;
}

SEC("cgroup_skb/egress")
int upstreamtop_egress(struct __sk_buff *skb)
{
	return read_at_group(skb, 1);
}

SEC("cgroup_skb/ingress")
int upstreamtop_ingress(struct __sk_buff *skb)
{
	return read_at_group(skb, 0);
}
