/* From an skb to a parsed packet. Most packets belong to no upstream connection: their ports say so, without a map look-up. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/headers.h"
#include "kernel/packet/numbers.h"
#include "kernel/packet/ports.h"
#include "kernel/host/listeners.h"
#include "kernel/host/sockets.h"

/* IPv4 without options and TCP, in the skb's linear part: what nearly every packet begins with. */
struct plain {
	struct iphdr ip;
	struct tcphdr tcp;
};

/* `off`: of the network header. 0 for all other shapes. */
static __always_inline const struct plain *plain_headers(struct __sk_buff *skb, __u32 off)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	const struct plain *h = data + off;

	if (skb->protocol != bpf_htons(ETH_P_IP) || off > 255 || (void *)(h + 1) > end || h->ip.ihl != 5 ||
	    h->ip.protocol != IPPROTO_TCP)
		return 0;
	return h;
}

static __always_inline __u8 flags_of(const struct tcphdr *tcp)
{
	return ((const __u8 *)tcp)[13];
}

static __always_inline __u32 header_length(const struct plain *h)
{
	return 20 + h->tcp.doff * 4;
}

/* Half of all packets: an ACK and nothing else. */
static __always_inline int is_pure_ack(const struct plain *h)
{
	return !(flags_of(&h->tcp) & (TCP_SYN | TCP_FIN | TCP_RST)) && bpf_ntohs(h->ip.tot_len) == header_length(h);
}

/* No fragment, and no big TCP skb, whose length only the skb knows. */
static __always_inline int is_whole(const struct plain *h)
{
	return bpf_ntohs(h->ip.tot_len) >= header_length(h) && !(h->ip.frag_off & bpf_htons(0x3fff));
}

/*
 * Whether it cannot be of a flow that we know, nor begin one: then what passes at a listen port is told by its address. What a
 * listen port's port sends or gets may else be somebody's connection: he got the port when the listener was gone, or has it at
 * another address.
 */
static __always_inline int is_of_no_flow(__u16 remote, __u8 flags, int egress)
{
	if (egress)
		return (flags & (TCP_SYN | TCP_ACK)) != TCP_SYN && !has_port(&flow_ports, remote);
	return !has_port(&answer_ports, remote);
}

/* A socket behind a veth: what it sends may be on its way to elsewhere, where our listen ports mean nothing. */
static __always_inline int is_neighbours(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk && sk->state != BPF_TCP_CLOSE;
}

/*
 * Whether its addresses tell that there is no more to it, having counted it: it is on the server's side of a front door, or
 * payload from where no backend can answer.
 */
static __always_inline int passes(struct __sk_buff *skb, const struct plain *h, int egress)
{
	int has_payload = bpf_ntohs(h->ip.tot_len) > header_length(h);
	__u8 flags = flags_of(&h->tcp);
	__u16 source = bpf_ntohs(h->tcp.source), dest = bpf_ntohs(h->tcp.dest);
	__u16 local = egress ? source : dest, remote = egress ? dest : source;
	enum total what = T_EXCLUDED;

	if (!has_port(&listen_port_set, local) || !is_of_no_flow(remote, flags, egress) || (!egress && is_neighbours(skb)) ||
	    !is_listen_port4(egress ? h->ip.saddr : h->ip.daddr, local)) {
		if (egress || (flags & (TCP_SYN | TCP_FIN | TCP_RST)) || has_port(&answer_ports, source) || is_neighbours(skb))
			return 0;
		/* `lo` brings a front door's answers to clients on this host */
		what = skb->ifindex == 1 && is_listen_port4(h->ip.saddr, source) ? T_EXCLUDED : T_NOT_HTTP;
	}
	if (has_payload) {
		count(T_SEGMENTS);
		count(what);
	}
	return 1;
}

static __always_inline void read_plain(struct __sk_buff *skb, struct packet *p, const struct plain *h, __u32 off, int egress)
{
	__u32 bare = header_length(h);

	p->seq = bpf_ntohl(h->tcp.seq);
	p->ack = bpf_ntohl(h->tcp.ack_seq);
	p->off = off + bare;
	p->len = bpf_ntohs(h->ip.tot_len) - bare;
	p->ifindex = skb->ifindex;
	p->flags = flags_of(&h->tcp);
	p->family = 4;
	p->leaves = egress;
	p->translated = 0;
	p->k4.remote = egress ? h->ip.daddr : h->ip.saddr;
	p->k4.local = egress ? h->ip.saddr : h->ip.daddr;
	p->k4.rport = egress ? h->tcp.dest : h->tcp.source;
	p->k4.lport = egress ? h->tcp.source : h->tcp.dest;
	p->k4.netid = netid;
}

/* The packet, in scratch; 0 when there is no more to it. */
static __always_inline struct packet *packet_of(struct __sk_buff *skb, int egress)
{
	__u32 off = network_offset(skb);
	const struct plain *h = plain_headers(skb, off);

	if (h && is_pure_ack(h))
		return 0;
	if (h && !is_whole(h))
		h = 0;
	if ((h && passes(skb, h, egress)) || (egress && ending))
		return 0;
	struct scratch *s = scratch();
	if (!s)
		return 0;
	struct packet *p = &s->packet;
	if (h) {
		read_plain(skb, p, h, off, egress);
	} else {
		int what = parse_headers(skb, p, egress);

		if (what == IS_FRAGMENT) {
			count(T_SEGMENTS);
			count(T_FRAGMENTS);
			count(L_FRAGMENTS);
		}
		if (what)
			return 0;
		if (is_of_no_flow(remote_port(p), p->flags, egress) && !(!egress && is_neighbours(skb)) &&
		    is_listen_port(p, LOCAL_END)) {
			if (p->len) {
				count(T_SEGMENTS);
				count(T_EXCLUDED);
			}
			return 0;
		}
	}
	if (p->len)
		count(T_SEGMENTS);
	return p;
}
