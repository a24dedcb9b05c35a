/*
 * From an skb to a parsed packet, at a control group: it comes with its socket, and counts under the socket's own tuple, before
 * any NAT, in the socket's network namespace.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/headers.h"
#include "kernel/packet/ports.h"
#include "kernel/host/sockets.h"
#include "kernel/scope/packets.h"
#include "kernel/connection/asking.h"
#include "kernel/connection/translation.h"

/*
 * Payload that arrives from a port from which no backend can answer: a server's requests. Before the socket is read, because this
 * is half of what servers on this host receive.
 */
static __always_inline int count_if_no_answer(const struct plain *h)
{
	if ((flags_of(&h->tcp) & (TCP_SYN | TCP_FIN | TCP_RST)) || has_port(&answer_ports, bpf_ntohs(h->tcp.source)) ||
	    (has_port(&listen_port_set, bpf_ntohs(h->tcp.dest)) && may_be_asked()))
		return 0;
	count(T_SEGMENTS);
	count(has_port(&listen_port_set, bpf_ntohs(h->tcp.dest)) ? T_EXCLUDED : T_NOT_HTTP);
	return 1;
}

/* Returns 0 for a packet of no TCP socket: a RST that the kernel sends for itself. */
static __always_inline int read_namespace(struct __sk_buff *skb, struct packet *p)
{
	struct tcp_sock *tcp = tcp_of(skb);
	__u32 of_socket;

	if (!tcp)
		return 0;
	of_socket = ((struct sock *)tcp)->__sk_common.skc_net.net->ns.inum;
	if (p->family == 4)
		p->k4.netid = of_socket;
	else
		p->k6.netid = of_socket;
	return 1;
}

static __always_inline int read_socket_packet(struct __sk_buff *skb, struct packet *p, const struct plain *h, int egress)
{
	if (!read_headers(skb, p, h, 0, egress))
		return 0;
	if (p->len)
		count(T_SEGMENTS);
	if (read_namespace(skb, p)) {
		translate_by_socket(skb, p);
		return 1;
	}
	if (p->len)
		count(T_NOT_HTTP);
	return 0;
}

/* Whether something is to be read, and its headers, if they are plain. */
static __always_inline int is_of_interest(struct __sk_buff *skb, const struct plain **headers, int egress)
{
	const struct plain *h = plain_headers(skb, 0);

	if (h && is_pure_ack(h))
		return 0;
	if (h && !is_whole(h))
		h = 0;
	*headers = h;
	return !(h && !egress && count_if_no_answer(h)) && !(egress && stopping);
}
