/* The programs at interfaces (tcx): packets with all their headers, on their way in and out of this host, and between its
 * namespaces. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "kernel/connection/flows.h"
#include "kernel/connection/midstream.h"
#include "kernel/connection/translation.h"
#include "kernel/scope/packets.h"
#include "passing.h"

SEC("tc")
int upstreamtop_egress(struct __sk_buff *skb)
{
	struct packet *p = packet_of(skb, 1);

	if (!p)
		return NEXT;
	/* a SYN's own socket says more: see syn_out */
	if (!(p->flags & TCP_SYN))
		translate_if_known(p);
	struct flow *f = find_flow(p);
	if (!f && !skb->sk) {
		/* no socket: an answer on its way to another namespace of this host, or a packet that is only routed */
		reverse_tuple(p);
		f = find_flow(p);
		if (f) {
			packet_from_backend(skb, f, p);
			return NEXT;
		}
		reverse_tuple(p);
	}
	packet_leaves(skb, f, p);
	return NEXT;
}

SEC("tc")
int upstreamtop_ingress(struct __sk_buff *skb)
{
	struct packet *p = packet_of(skb, 0);

	if (!p)
		return NEXT;
	translate_if_known(p);
	struct flow *f = find_flow(p);
	if (f) {
		packet_from_backend(skb, f, p);
		return NEXT;
	}
	struct bpf_sock *sk = skb->sk;
	struct scratch *s = scratch_of(skb);
	if (s && sk && ((sk->state != BPF_TCP_CLOSE && is_sent_by_tcp(skb)) || (p->flags & TCP_RST))) {
		/*
		 * Its socket is on this machine, in another namespace behind a veth. If the packet goes elsewhere, it is a
		 * request like any that leaves. If a socket of this namespace listens at the destination, it is only from a
		 * client.
		 */
		reverse_tuple(p);
		f = find_flow(p);
		if (f && !(p->flags & TCP_SYN)) {
			packet_to_backend(skb, f, p);
			return NEXT;
		}
		if (((p->flags & TCP_SYN) || beginning_of(skb, p) == TOKEN) && !listener_at(skb, p, REMOTE_END, &s->socket)) {
			first_packet_to_backend(skb, p);
			return NEXT;
		}
	}
	count_arrival(p);
	return NEXT;
}
