/* From an skb to a parsed packet. Most packets belong to no upstream connection: their ports show it, without a map look-up. */
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

/* IPv4 without options and TCP, in the skb's linear part: nearly every packet begins like this. */
struct plain {
	struct iphdr ip;
	struct tcphdr tcp;
};

/* `off`: of the network header. Returns 0 for all other headers. */
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

/* An ACK and nothing else: half of all packets. */
static __always_inline int is_pure_ack(const struct plain *h)
{
	return !(flags_of(&h->tcp) & (TCP_SYN | TCP_FIN | TCP_RST)) && bpf_ntohs(h->ip.tot_len) == header_length(h);
}

/* No fragment, and no big TCP skb (only the skb has its length). */
static __always_inline int is_whole(const struct plain *h)
{
	return bpf_ntohs(h->ip.tot_len) >= header_length(h) && !(h->ip.frag_off & bpf_htons(IP_OFFSET_AND_MORE));
}

/*
 * Whether it belongs to no known flow and begins none. Only such a packet may be excluded by the address of a listen port. Any
 * other may be of another user's connection, who got the port after the listener was gone, or has it at another address.
 */
static __always_inline int has_no_flow(__u16 remote, __u8 flags, int egress)
{
	if (egress)
		return (flags & (TCP_SYN | TCP_ACK)) != TCP_SYN && !has_port(&flow_ports, remote);
	return !has_port(&answer_ports, remote);
}

/* Whether a socket behind a veth sends it: the destination may be elsewhere, where the listen ports of this host mean nothing. */
static __always_inline int is_from_other_namespace(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk && sk->state != BPF_TCP_CLOSE;
}

/*
 * Whether nothing more is to be read; such a packet is counted here. It is on the server's side of a front door, or payload from
 * a port from which no backend can answer.
 */
static __always_inline int count_if_excluded(struct __sk_buff *skb, const struct plain *h, int egress)
{
	int has_payload = bpf_ntohs(h->ip.tot_len) > header_length(h);
	__u8 flags = flags_of(&h->tcp);
	__u16 source = bpf_ntohs(h->tcp.source), dest = bpf_ntohs(h->tcp.dest);
	__u16 local = egress ? source : dest, remote = egress ? dest : source;
	enum total what = T_EXCLUDED;

	if (!has_port(&listen_port_set, local) || !has_no_flow(remote, flags, egress) ||
	    (!egress && is_from_other_namespace(skb)) || !is_listen_port4(egress ? h->ip.saddr : h->ip.daddr, local)) {
		if (egress || (flags & (TCP_SYN | TCP_FIN | TCP_RST)) || has_port(&answer_ports, source) ||
		    is_from_other_namespace(skb))
			return 0;
		/* on `lo`, a front door's answers arrive at clients on this host */
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

/* `h`: the headers, if they are plain. Returns 0 when nothing more is to be read; a fragment is counted here. */
static __always_inline int read_headers(struct __sk_buff *skb, struct packet *p, const struct plain *h, __u32 off, int egress)
{
	int what;

	if (h) {
		read_plain(skb, p, h, off, egress);
		return 1;
	}
	what = parse_headers(skb, p, egress);
	if (what == IS_FRAGMENT) {
		count(T_SEGMENTS);
		count(T_FRAGMENTS);
		count(L_FRAGMENTS);
	}
	return !what;
}

/* The packet, in scratch memory; 0 when nothing more is to be read. */
static __always_inline struct packet *packet_of(struct __sk_buff *skb, int egress)
{
	__u32 off = network_offset(skb);
	const struct plain *h = plain_headers(skb, off);

	if (h && is_pure_ack(h))
		return 0;
	if (h && !is_whole(h))
		h = 0;
	if ((h && count_if_excluded(skb, h, egress)) || (egress && stopping))
		return 0;
	struct scratch *s = scratch_of(skb);
	if (!s)
		return 0;
	struct packet *p = &s->packet;
	if (!read_headers(skb, p, h, off, egress))
		return 0;
	if (p->len)
		count(T_SEGMENTS);
	if (!h && has_no_flow(remote_port(p), p->flags, egress) && !(!egress && is_from_other_namespace(skb)) &&
	    is_listen_port(p, LOCAL_END)) {
		if (p->len)
			count(T_EXCLUDED);
		return 0;
	}
	return p;
}
