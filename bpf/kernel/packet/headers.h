/* From an skb to TCP: IPv4 and IPv6, with or without a link layer, with VLAN tags or extension headers. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "numbers.h"

#define IS_FRAGMENT 2

/*
 * Offset of the network header. Interfaces show the skb from its link layer on: 14 bytes for Ethernet (and `lo`), none for tun.
 * Sockets have none.
 */
static __always_inline __u32 network_offset(struct __sk_buff *skb)
{
	if (BY_CGROUP)
		return 0;
	struct sk_buff *kernel = bpf_cast_to_kern_ctx(skb);

	return (__u32)kernel->network_header - kernel->mac_header;
}

/*
 * Skips hop-by-hop, routing and destination headers. Returns the offset of TCP, 0 for another protocol, IS_FRAGMENT for a
 * fragment.
 */
__noinline __u32 skip_extensions(struct __sk_buff *skb, __u32 off, __u32 next)
{
	for (int i = 0; i < 6; i++) {
		__u8 header[8];

		if (next == IPPROTO_TCP)
			return off;
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_FRAGMENT && next != IPPROTO_DSTOPTS)
			return 0;
		if (bpf_skb_load_bytes(skb, off, header, 8))
			return 0;
		if (next == IPPROTO_FRAGMENT)
			return header[0] == IPPROTO_TCP ? IS_FRAGMENT : 0;
		next = header[0];
		off += (header[1] + 1) * 8;
	}
	return 0;
}

/*
 * VLAN tags in the data (a second tag, or no acceleration). The network header is before them on arrival and behind them on
 * departure, so they are counted from the Ethernet header. Returns the EtherType behind them, 0 when there is none.
 */
__noinline __u32 skip_tags(struct __sk_buff *skb, __u32 *off)
{
	__u16 type;

	if (!off)
		return 0;
	for (__u32 at = 12; at <= 20; at += 4) {
		if (bpf_skb_load_bytes(skb, at, &type, 2))
			return 0;
		*off = at + 2;
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			return type;
	}
	return 0;
}

static __always_inline __u32 netid_of(const struct packet *p)
{
	return !BY_CGROUP ? netid : p->family == 4 ? p->k4.netid : p->k6.netid;
}

static __always_inline __u16 local_port(const struct packet *p)
{
	return bpf_ntohs(p->family == 4 ? p->k4.lport : p->k6.lport);
}

static __always_inline __u16 remote_port(const struct packet *p)
{
	return bpf_ntohs(p->family == 4 ? p->k4.rport : p->k6.rport);
}

/* The remote end's on the wire, whatever the socket connected to. */
static __always_inline __u16 wire_port(const struct packet *p)
{
	if (!p->translated)
		return remote_port(p);
	return bpf_ntohs(p->family == 4 ? p->wire4.rport : p->wire6.rport);
}

/* Where packets go: who listens there answers. */
static __always_inline const __u32 *wire_remote4(const struct packet *p)
{
	return p->translated ? &p->wire4.remote : &p->k4.remote;
}

static __always_inline const __u8 *wire_remote6(const struct packet *p)
{
	return p->translated ? p->wire6.remote : p->k6.remote;
}

/*
 * All kinds of headers. Returns 0 for TCP with payload, SYN, FIN or RST, IS_FRAGMENT for a fragment, else 1. Out of line, because
 * nearly no packet needs it.
 */
__noinline int parse_headers(struct __sk_buff *skb, struct packet *p, int egress)
{
	if (!p)
		return 1;
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 off = network_offset(skb), type = skb->protocol, total;
	struct tcphdr *tcp;

	if (off > 255)
		return 1;
	if (type != bpf_htons(ETH_P_IP) && type != bpf_htons(ETH_P_IPV6)) {
		__u32 behind = off;

		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			return 1;
		type = skip_tags(skb, &behind);
		off = behind;
		if (off > 255)
			return 1;
	}
	if (type == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + off;

		if ((void *)(ip + 1) > end) {
			if (bpf_skb_load_bytes(skb, off, &p->copy.ip4, sizeof(p->copy.ip4)))
				return 1;
			ip = &p->copy.ip4;
		}
		if (ip->protocol != IPPROTO_TCP || ip->ihl < 5)
			return 1;
		if (ip->frag_off & bpf_htons(IP_OFFSET_AND_MORE))
			return IS_FRAGMENT;
		p->family = 4;
		p->k4.remote = egress ? ip->daddr : ip->saddr;
		p->k4.local = egress ? ip->saddr : ip->daddr;
		p->k4.netid = netid;
		/* 0 in a big TCP skb: only the skb has the length */
		total = ip->tot_len ? bpf_ntohs(ip->tot_len) : skb->len - off;
		total += off;
		off += ip->ihl * 4;
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = data + off;

		if ((void *)(ip + 1) > end) {
			if (bpf_skb_load_bytes(skb, off, &p->copy.ip6, sizeof(p->copy.ip6)))
				return 1;
			ip = &p->copy.ip6;
		}
		p->family = 6;
		__builtin_memcpy(p->k6.remote, egress ? &ip->daddr : &ip->saddr, 16);
		__builtin_memcpy(p->k6.local, egress ? &ip->saddr : &ip->daddr, 16);
		p->k6.netid = netid;
		total = ip->payload_len ? bpf_ntohs(ip->payload_len) + IPV6_HEADER : skb->len - off;
		total += off;
		__u32 next = ip->nexthdr;
		off += IPV6_HEADER;
		if (next != IPPROTO_TCP) {
			off = skip_extensions(skb, off, next);
			if (off == IS_FRAGMENT)
				return IS_FRAGMENT;
			if (!off || off > 1023)
				return 1;
		}
	} else {
		return 1;
	}
	tcp = data + off;
	if ((void *)(tcp + 1) > end) {
		if (bpf_skb_load_bytes(skb, off, &p->copy.tcp, sizeof(p->copy.tcp)))
			return 1;
		tcp = &p->copy.tcp;
	}
	p->flags = ((__u8 *)tcp)[13];
	off += tcp->doff * 4;
	p->len = total > off ? total - off : 0;
	if (!p->len && !(p->flags & (TCP_SYN | TCP_FIN | TCP_RST)))
		return 1; /* a pure ACK adds nothing to what requests and answers show */
	p->off = off;
	p->seq = bpf_ntohl(tcp->seq);
	p->ack = bpf_ntohl(tcp->ack_seq);
	p->ifindex = skb->ifindex;
	p->leaves = egress;
	p->translated = 0;
	__u16 remote = egress ? tcp->dest : tcp->source, local = egress ? tcp->source : tcp->dest;
	if (p->family == 4) {
		p->k4.rport = remote;
		p->k4.lport = local;
	} else {
		p->k6.rport = remote;
		p->k6.lport = local;
	}
	return 0;
}

/* The same packet, seen from the other end. */
__noinline int reverse_tuple(struct packet *p)
{
	if (!p)
		return 0;
	if (p->family == 4) {
		struct key4 k = p->k4;

		p->k4.remote = k.local;
		p->k4.local = k.remote;
		p->k4.rport = k.lport;
		p->k4.lport = k.rport;
	} else {
		struct key6 k = p->k6;

		__builtin_memcpy(p->k6.remote, k.local, 16);
		__builtin_memcpy(p->k6.local, k.remote, 16);
		p->k6.rport = k.lport;
		p->k6.lport = k.rport;
	}
	return 0;
}

static __always_inline void backend_key_of(struct backend_key *key, const struct packet *p, const void *address, __u16 port)
{
	__builtin_memset(key, 0, sizeof(*key));
	if (p->family == 4)
		__builtin_memcpy(key->address, address, 4);
	else
		__builtin_memcpy(key->address, address, 16);
	key->port = port;
	key->family = p->family;
	key->netid = netid_of(p);
}

/* What the socket connected to. */
static __always_inline void remote_of(const struct packet *p, struct backend_key *key)
{
	backend_key_of(key, p, p->family == 4 ? (const void *)&p->k4.remote : p->k6.remote, remote_port(p));
}

/* The same as packets carry it. */
static __always_inline void wire_of(const struct packet *p, struct backend_key *key)
{
	backend_key_of(key, p, p->family == 4 ? (const void *)wire_remote4(p) : wire_remote6(p), wire_port(p));
}
