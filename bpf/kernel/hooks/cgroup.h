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

static __always_inline void packet_leaves(struct __sk_buff *skb, struct packet *p)
{
	struct flow *f = find_flow(p);

	if (f && !(p->flags & TCP_SYN))
		packet_to_backend(skb, f, p);
	else if (!f && (p->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN && is_listen_port(p, LOCAL_END))
		count_listen_port(p);
	else
		first_packet_to_backend(skb, p);
}

static __always_inline void packet_arrives(struct __sk_buff *skb, struct packet *p)
{
	struct flow *f = find_flow(p);
	int at_door;

	if (f) {
		packet_from_backend(skb, f, p);
		return;
	}
	at_door = is_listen_port(p, LOCAL_END);
	if ((p->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN || (at_door && may_be_asked()))
		settle_asking(skb, p);
	if (at_door || (p->ifindex == 1 && is_listen_port(p, REMOTE_END)))
		count_listen_port(p);
	else if (p->len)
		count(T_NOT_HTTP);
}

SEC("cgroup_skb/egress")
int upstreamtop_egress(struct __sk_buff *skb)
{
	const struct plain *h;
	struct scratch *s;

	if (!is_of_interest(skb, &h, 1))
		return PASS;
	s = take_scratch(skb);
	if (!s) {
		count_unread(h);
		return PASS;
	}
	if (read_socket_packet(skb, &s->packet, h, 1))
		packet_leaves(skb, &s->packet);
	give_scratch(s);
	return PASS;
}

SEC("cgroup_skb/ingress")
int upstreamtop_ingress(struct __sk_buff *skb)
{
	const struct plain *h;
	struct scratch *s;

	if (!is_of_interest(skb, &h, 0))
		return PASS;
	s = take_scratch(skb);
	if (!s) {
		count_unread(h);
		return PASS;
	}
	if (read_socket_packet(skb, &s->packet, h, 0))
		packet_arrives(skb, &s->packet);
	give_scratch(s);
	return PASS;
}
